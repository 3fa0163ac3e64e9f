/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_SELFTEST_SHOTS_H
#define REIN_MECH_BPF_SELFTEST_SHOTS_H

#include <stdbool.h>

#include "base/error.h"

/* Things that the self-test of bpf-file tries its hooks on: made and opened outside, since inside nothing opens. */
struct rein_targets {
	char path[64];
	int folder;
	int file;	   /* open for reading and writing */
	int program;	   /* executable, and no program */
	int notify;	   /* an inotify instance */
	int inbox;	   /* a descriptor waits in it */
	int far;	   /* a datagram socket with the name "socket" */
	int listener;	   /* a stream socket with the name "listener" */
	int stream, dgram; /* sockets without a name */
	void *page;	   /* mapped from the file */
};

/* Makes them in a folder of their own; what fails has made nothing. */
int rein_targets_make(struct rein_targets *ret_targets, struct rein_error *err);
void rein_targets_remove(struct rein_targets *targets);

/*
 * One way to make the kernel call one hook: whoever is in the agents' subtree without a state that the programs know is
 * refused with EACCES by the first hook that is asked, so each call is one that this very hook is the first to see.
 */
struct rein_shot {
	const char *hook;
	bool (*refused)(const struct rein_targets *targets);
};

/* Ends with a row without a hook. */
extern const struct rein_shot rein_shots[];

#endif
