/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_MECH_H
#define REIN_MECH_MECH_H

#include <sys/types.h>

#include <rein/state.h>

#include "plan/plan.h"

/*
 * One mechanism is one kernel facility behind this interface. Mechanisms do not know each other; what one learns that
 * another needs goes through struct rein_launch, in a field named here.
 */

/* Who the agent runs as. Strings are owned by whoever filled it and outlive the launch. */
struct rein_identity {
	uid_t uid;
	gid_t gid;
	gid_t groups[64];
	int nr_groups;
	const char *name, *home;
};

/* One launch, shared by supervisor and child: both see what was filled before the clone. */
struct rein_launch {
	const char *id; /* of the agent, such as coding-agent-7f3a */
	const struct rein_policy *policy;
	const struct rein_plan *plan;
	const struct rein_machine *machine;
	struct rein_identity who;
	const char *directory; /* working directory of the agent's command */
	bool privileged;       /* the supervisor is: no user namespace, the agent's uid is set by hand */

	struct rein_state *state; /* breakers and meters; see rein/state.h. Private memory, or the mapped slot of bpf */
	int slot;		  /* of the state among the host's, -1 without BPF */
	int cgroup_fd;		  /* the agent's cgroup2 directory, -1 if none; for CLONE_INTO_CGROUP, freeze, kill */
	uint64_t cgroup_id;	  /* its kernfs id, 0 if none */
	char cgroup_path[512];	  /* "" if none */
	int ring_fd;		  /* BPF ring buffer map with this agent's events, -1 if none */
	int names_fd;		  /* map of addresses that names brought, see mech/names.h; -1 if none */
	int host_cgroup_parent_fd; /* the directory all agents' cgroups are in, -1 if none */
	int notify_fd; /* child: the seccomp listener after apply; sent to the supervisor by the caller. -1 if none */
	void *of[REIN_MECH_COUNT]; /* private to each mechanism, from its prepare to its release */
};

/* When a mechanism's apply runs, always in the order of the table rein_mechanisms. */
enum rein_stage {
	REIN_STAGE_INIT,  /* in the agent's init, privileged in its namespaces, before it drops anything */
	REIN_STAGE_AGENT, /* in the process that becomes the command, after its identity was set, before exec */
};

struct rein_mech {
	enum rein_mechanism kind;
	/* Fires a self-test and fills machine->facts[kind] and what else of the machine it knows. Never fails: what
	 * does not work says why in the fact. May fork; leaves nothing behind. Facts of earlier mechanisms are there to
	 * read. */
	void (*probe)(struct rein_machine *machine);
	/* In the supervisor, before the clone. NULL: nothing to do. On error it has undone its own work. */
	int (*prepare)(struct rein_launch *launch, struct rein_error *err);
	/* In the child. NULL: nothing to do. An error ends the launch with 125. */
	int (*apply)(struct rein_launch *launch, enum rein_stage stage, struct rein_error *err);
	/* In the supervisor, when every process of the agent is gone or the launch failed after prepare. */
	void (*release)(struct rein_launch *launch);
};

/* NULL-terminated; the order in which mechanisms are probed, prepared and applied. Released in reverse. */
extern const struct rein_mech *const rein_mechanisms[];

/* Runs every probe and works out the tier. */
void rein_mechanisms_probe(struct rein_machine *ret_machine);
/* Prepares what the plan uses; on error all that was prepared is released again. */
int rein_mechanisms_prepare(struct rein_launch *launch, struct rein_error *err);
int rein_mechanisms_apply(struct rein_launch *launch, enum rein_stage stage, struct rein_error *err);
void rein_mechanisms_release(struct rein_launch *launch);

#endif
