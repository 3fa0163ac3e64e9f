/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_SELFTEST_SCENE_H
#define REIN_MECH_BPF_SELFTEST_SCENE_H

#include <netinet/in.h>

#include "mech/bpf_hooks.h"
#include "mech/bpf_slot.h"

/* A child in an agent's cgroup, with a slot: what hooks see of it is what they see of an agent. */
struct rein_scene {
	const struct rein_machine *machine;
	struct rein_slot slot;
	struct rein_hooks hooks;
	char name[32];
	int cgroup;
	struct sockaddr_in far; /* a datagram socket of the prober's, outside */
	int far_fd;
};

extern const struct rein_scene rein_scene_empty;

/* Whether anything can be fired here at all; else the fact says what is missing. */
bool rein_scene_possible(const struct rein_machine *machine, struct rein_fact *fact);
/* Makes the cgroup and its slot, whose state is not known to the hooks yet, and holds the tracepoint hooks that these
 * flags need. What is not pinned yet is loaded. */
int rein_scene_open(struct rein_scene *scene, unsigned hooks, struct rein_error *err);
void rein_scene_close(struct rein_scene *scene);

/* The child's steps say by their number which hook did not fire; 0: all did. */
typedef int rein_scene_steps(struct rein_scene *scene);
/* Runs them in the cgroup, within five seconds: their number. -ECANCELED if a signal ended the child, -ETIMEDOUT if
 * it had to be ended, other -errno where there was none. */
int rein_scene_run(struct rein_scene *scene, rein_scene_steps *inside);

/* The outcome: `works` if nothing failed and err is clean. */
void rein_scene_judge(struct rein_fact *fact, const char *works, const struct rein_error *err, const char *failed);

#endif
