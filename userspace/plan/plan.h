/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PLAN_PLAN_H
#define REIN_PLAN_PLAN_H

#include <jansson.h>

#include "plan/machine.h"
#include "plan/view.h"
#include "profile/policy.h"

/* The plan: policy x machine. For each line of the policy, which mechanism keeps it on this machine and how exactly. */

enum rein_keeping {
	REIN_KEPT,
	REIN_SKIPPED,  /* a missing path in an allow list, or a deny with if_missing: skip */
	REIN_DEGRADED, /* cannot be kept; optional, or --degrade was given: started without it, with a warning */
	REIN_REFUSED,  /* cannot be kept: no start */
};

struct rein_plan_line {
	const struct rein_origin *origin; /* NULL: of rein itself, such as promise 1 */
	char what[256];			  /* the line in words */
	size_t object;			  /* where in `what` that begins which the line names; 0: it names nothing */
	bool breaker;			  /* exactness means something */
	bool denies;			  /* it takes away, and does not give */
	enum rein_keeping keeping;
	enum rein_mechanism by[3];     /* who keeps it, REIN_MECH_NONE-terminated unless full */
	enum rein_exactness exactness; /* of breakers */
	char note[320];		       /* what this does not cover, or which mechanism is missing and what to do */
};

struct rein_plan_breaker {
	const struct rein_breaker_rule *rule;
	enum rein_mechanism by; /* BPF_*, BROKER or SUPERVISOR (sampling); NONE: degraded away */
	enum rein_exactness exactness;
};

struct rein_plan {
	const struct rein_policy *policy;
	const struct rein_machine *machine;
	REIN_VEC(struct rein_plan_line) lines;
	REIN_VEC(struct rein_plan_breaker) breakers; /* same order as policy->breakers */
	struct rein_view view;
	unsigned namespaces;	   /* enum rein_namespace that the launch makes */
	bool use[REIN_MECH_COUNT]; /* mechanisms that this launch prepares and applies */
	bool host_network;	   /* the agent shares the host's network namespace */
	bool by_broker;		   /* there the broker makes its TCP connections, and it none itself */
	bool names;		   /* the supervisor answers its questions about names, by the policy's hosts */
	bool unix_sockets;	   /* it may create AF_UNIX sockets; false where nothing could confine them */
	bool queues;		   /* it may use io_uring or aio: bpf-file counts and bounds what they do */
	bool trace_denials;	   /* bpf-trace reports refused syscalls */
	bool refused;		   /* at least one line is REIN_REFUSED */
	size_t degraded;	   /* lines that are REIN_DEGRADED */
};

struct rein_plan_options {
	bool degrade;
	bool ci;	 /* a freeze kills: nobody can thaw */
	bool digests;	 /* read whole files to compare their sha256 */
	uid_t agent_uid; /* who the agent will run as */
	struct rein_view_own own;
	bool (*knows_syscall)(const char *name); /* a group or a system call that the filter can name; NULL: all */
	/* Why no profile can allow a system call, NULL: one can; *ret_queues: yet one can where plan->queues may be.
	 * NULL: nothing is forbidden. */
	const char *(*forbids_syscall)(const char *name, bool *ret_queues);
};

/*
 * Makes the plan; the caller frees it with rein_plan_free and keeps policy and machine alive meanwhile. A plan that
 * refuses lines is made all the same (ret_plan->refused); an error means that no plan could be made.
 */
int rein_plan_make(const struct rein_policy *policy, const struct rein_machine *machine,
		   const struct rein_plan_options *options, struct rein_plan *ret_plan, struct rein_error *err);
void rein_plan_free(struct rein_plan *plan);

/* The words for people and scripts; never NULL. */

const char *rein_keeping_name(enum rein_keeping keeping);

/*
 * The plan for scripts: {kernel, tier, starts, profile, degraded, lines: [{keeping, what, by, file, line, note, ...}]}.
 * The caller owns it; without memory NULL, or parts are missing.
 */
json_t *rein_plan_json(const struct rein_plan *plan);
/* One sentence for each refused line, joined by newlines, into err. Call only if plan->refused. Returns -EOPNOTSUPP. */
int rein_plan_refusal(const struct rein_plan *plan, struct rein_error *err);

#endif
