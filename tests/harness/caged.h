/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_HARNESS_CAGED_H
#define REIN_TESTS_HARNESS_CAGED_H

#include "mech/mech.h"

/* Processes in an agent's cgroup, known to the BPF programs, without the rest of rein: no supervisor, no namespaces. */
struct caged {
	struct rein_machine machine;
	struct rein_policy policy;
	struct rein_plan plan;
	struct rein_launch launch;
	char id[64];
	char text[512]; /* of the last error */
};

/* Skips the test without root; then finds where cgroups can be made. */
void caged_open(struct caged *caged);
/* The same for tests that change what all agents share: until this test's process ends, no other such test runs. */
void caged_open_alone(struct caged *caged);
/* Declares a network rule: `protocol` IPPROTO_*, address as text, of either family. Before caged_start. */
void caged_allow(struct caged *caged, enum rein_net_direction direction, int protocol, const char *address,
		 unsigned bits, unsigned low, unsigned high);
/* A rate that gives nothing back while a test runs, however slow the machine is: one unit in ten minutes. */
#define CAGED_NEVER 0

/* Declares a breaker of `by` without cool-down; `rate` units a second or CAGED_NEVER. Before caged_start. */
void caged_break(struct caged *caged, enum rein_mechanism by, enum rein_meter meter, uint64_t rate, uint64_t burst,
		 enum rein_on_trip on_trip);
/* bpf-file too; skips the test, with the reason, where it does not work. Before caged_start. */
void caged_use_file(struct caged *caged);
/* Prepares the cgroup and those of bpf-net and bpf-trace that are wanted; fails the test if that fails. */
void caged_start(struct caged *caged, bool net, bool trace);
/* Kills what is left and releases everything. */
void caged_stop(struct caged *caged);

/* Forks into the cage. In the child 0 is returned. */
pid_t caged_fork(const struct caged *caged);
/* Waits for a child: its exit status, 1000 + N if signal N ended it. */
int caged_wait(pid_t child);
/* Forks, runs, waits. */
int caged_run(const struct caged *caged, int (*inside)(void *), void *argument);
/* Whether the cgroup becomes empty while somebody would wait for it. */
bool caged_emptied(const struct caged *caged);
/* Takes the next event out of the ring; false if there is none. */
struct rein_raw_event;
bool caged_event(const struct caged *caged, struct rein_raw_event *ret_event);

uint64_t caged_now_ns(void);

#endif
