/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PLAN_MACHINE_H
#define REIN_PLAN_MACHINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* What this machine can do for this caller: filled by the mechanisms' self-tests, read by the plan and the doctor. */

enum rein_mechanism {
	REIN_MECH_NONE, /* 0: nobody keeps it */
	REIN_MECH_NAMESPACES,
	REIN_MECH_LANDLOCK,
	REIN_MECH_SECCOMP,
	REIN_MECH_PRIVILEGES,
	REIN_MECH_RLIMITS,
	REIN_MECH_CGROUP,
	REIN_MECH_BPF_FILE,
	REIN_MECH_BPF_TRACE,
	REIN_MECH_BPF_NET,
	REIN_MECH_BROKER,
	REIN_MECH_SUPERVISOR, /* what the supervisor does by itself: sampling, wall time, environment */
	REIN_MECH_KMOD,
	REIN_MECH_COUNT,
};

enum rein_tier { REIN_TIER_NONE, REIN_TIER_C, REIN_TIER_B, REIN_TIER_A, REIN_TIER_K };

/* Namespaces that a launch can have; also the bits of rein_plan.namespaces. */
enum rein_namespace {
	REIN_NS_USER = 1 << 0,
	REIN_NS_MOUNT = 1 << 1,
	REIN_NS_PID = 1 << 2,
	REIN_NS_IPC = 1 << 3,
	REIN_NS_UTS = 1 << 4,
	REIN_NS_NET = 1 << 5,
};

/* One mechanism on this machine. It works only if a self-test fired it. */
struct rein_fact {
	bool works;
	char detail[256]; /* works: what was found, such as "ABI 7"; else the missing piece and what a person could do
			   */
};

/* Where a cgroup controller can be used by this caller. */
enum rein_controller {
	REIN_CONTROLLER_MEMORY,
	REIN_CONTROLLER_PIDS,
	REIN_CONTROLLER_COUNT,
};

struct rein_machine {
	char kernel[65]; /* uname -r */
	uid_t uid;	 /* of the caller */
	bool privileged; /* CAP_SYS_ADMIN, SETUID, NET_ADMIN and BPF in the first user namespace */
	struct rein_fact facts[REIN_MECH_COUNT];
	enum rein_tier tier;

	unsigned namespaces; /* enum rein_namespace that a launch here can have */
	int landlock_abi;    /* 0: none */
	bool seccomp_notify, seccomp_sync_wake;
	/* The broker can act for who asks: on a copy of its descriptor, with its own copy of what a pointer leads to,
	 * and without privileges that the agent lacks. */
	bool seccomp_acts;

	char cgroup_root[256];	 /* mount point of cgroup2; "" if none */
	char cgroup_parent[512]; /* directory under which agents' cgroups are made; "" if none */
	int cgroup_level;	 /* of an agent's cgroup, for ancestor lookups */
	bool cgroup_freeze, cgroup_kill;
	/* Parent directory for that controller's per-agent groups; equals cgroup_parent on v2, its own tree on v1, ""
	 * none. */
	char controller_parent[REIN_CONTROLLER_COUNT][512];
	bool controller_v1[REIN_CONTROLLER_COUNT];

	bool overlay; /* a launch can show a folder through overlayfs; asked only for policies that name digests */

	bool bpf_lsm, bpf_fmod_ret; /* for bpf-file */
	bool bpf_file_skips;	    /* this kernel preempts itself, and may skip what tells bpf-file how many bytes */
};

/* The tier that the facts amount to; pure. */
enum rein_tier rein_machine_tier(const struct rein_machine *machine);

/* A kind of refusal that this machine keeps but cannot record, and a sentence that says why. */
struct rein_blind_spot {
	bool (*here)(const struct rein_machine *machine);
	const char *kind, *why;
};

/* The next blind spot of this machine after `previous` (NULL: the first); NULL after the last. Static. */
const struct rein_blind_spot *rein_machine_blind_spot(const struct rein_machine *machine,
						      const struct rein_blind_spot *previous);

/* What `rein doctor` knows: {kernel, uid, privileged, tier, facts, ...}. The caller owns it; NULL without memory. */
json_t *rein_machine_json(const struct rein_machine *machine);

/* The words for people and scripts; never NULL. */
const char *rein_mechanism_name(enum rein_mechanism mechanism);
const char *rein_tier_name(enum rein_tier tier);

#endif
