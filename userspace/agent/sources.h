/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_SOURCES_H
#define REIN_AGENT_SOURCES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan/view.h"

/* Counters that the kernel keeps anyway, as the sampler reads them. Each returns 0 or -errno. */

#define REIN_HIDDEN_MAX 64

struct rein_written {
	uint64_t bytes; /* sum of /proc/PID/io write_bytes over every process that could be looked into */
	bool began; /* a program of the agent's has been seen: until then its one process is still rein's own code */
	pid_t hidden[REIN_HIDDEN_MAX]; /* living, but closed to us: programs that may not be read, as they are numbered
					  under `proc_fd` */
	size_t nr_hidden;
	pid_t hidden_again; /* one that was hidden at the look before as well; 0: none */
};

/* Looks again, into what the last look has left; zero before the first. Parents come before their children, so that
 * what a parent takes over from a child in between is seen late rather than twice. */
int rein_source_written(int proc_fd, struct rein_written *written);

/* The root folder of any process under `proc_fd` that may be looked at, as an O_PATH descriptor; -ENOENT if there is
 * none (PID 1 never is: it is not dumpable). */
int rein_source_root(int proc_fd);
/* Bytes in use in the private file systems of `view` below `root_fd`, each counted once. */
int rein_source_private(int root_fd, const struct rein_view *view, uint64_t *ret_bytes);

/* Octets of IPv4 and IPv6 that the network namespace of PID 1 under `proc_fd` has received and sent. */
int rein_source_octets(int proc_fd, uint64_t *ret_in, uint64_t *ret_out);

/* Processes under `proc_fd`, and the bytes of memory that belong to each of them alone (resident, anonymous). */
int rein_source_usage(int proc_fd, uint64_t *ret_processes, uint64_t *ret_memory);

/*
 * A sum that should only grow, but loses what unwaited-for children had: a dip of one look is a child on its way to its
 * parent; one that lasts is a loss, and counting goes on from there.
 */
struct rein_monotone {
	uint64_t peak, dip;
	unsigned looks; /* for which it has been below the peak */
};
/* How much has been added since the last look. Pure. */
uint64_t rein_monotone_add(struct rein_monotone *monotone, uint64_t sum);

#endif
