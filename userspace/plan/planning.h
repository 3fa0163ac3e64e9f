/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PLAN_PLANNING_H
#define REIN_PLAN_PLANNING_H

#include "plan/plan.h"

/* A plan in the making: shared by the plan_*.c files, one for each section of a policy. Of no use outside plan/. */

/* How the agent's network is confined; decided once, before any network line. */
enum rein_scope {
	REIN_SCOPE_ISOLATED, /* a network namespace of its own: loopback and nothing else */
	REIN_SCOPE_BPF,	     /* the host's network; bpf-net decides about addresses and ports */
	REIN_SCOPE_PORTS,    /* the host's network; Landlock decides about TCP ports, whatever the address */
	REIN_SCOPE_BROKER,   /* the host's network; the broker connects and binds TCP in the agent's place */
	REIN_SCOPE_COUNT,
};

struct rein_planning {
	const struct rein_policy *policy;
	const struct rein_machine *machine;
	const struct rein_plan_options *options;
	struct rein_plan *plan;
	enum rein_scope scope;
	uint64_t copied;	     /* bytes of private copies for lines with sha256 */
	unsigned explained;	     /* mechanisms whose fact a line has told, one bit each */
	struct rein_plan_line spare; /* takes what is written when there is no memory */
	bool no_memory;
};

/* Adds a line, refused until somebody keeps it. Never NULL: see `spare`. Earlier lines' addresses may die. */
struct rein_plan_line *rein_planning_line(struct rein_planning *planning, const struct rein_origin *origin,
					  const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same for a line that names something, after words such as "keeps". */
struct rein_plan_line *rein_planning_named(struct rein_planning *planning, const struct rein_origin *origin,
					   const char *words, const char *object);
/* The same for a rule: "may VERB OBJECT", or "may not" where the verdict does not allow. */
struct rein_plan_line *rein_planning_rule(struct rein_planning *planning, const struct rein_origin *origin,
					  enum rein_verdict verdict, const char *verb, const char *object);
/* The mechanism keeps the line, beside those that do already. */
void rein_planning_keep(struct rein_plan_line *line, enum rein_mechanism by);
/* Nobody keeps the line: refused, or degraded where it is optional or the options say so. `fmt` is the note. */
void rein_planning_refuse(struct rein_planning *planning, struct rein_plan_line *line, bool optional, const char *fmt,
			  ...) __attribute__((format(printf, 4, 5)));
/* The line does nothing here; `note` says why. */
void rein_planning_skip(struct rein_plan_line *line, const char *note);
void rein_planning_note(struct rein_plan_line *line, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The line stays refused, whatever the options: `why`, and what the mechanism's fact says unless a line said it before.
 */
void rein_planning_lack(struct rein_planning *planning, struct rein_plan_line *line, enum rein_mechanism mechanism,
			const char *why);

/* Whether the mechanism works on this machine. */
bool rein_planning_has(const struct rein_planning *planning, enum rein_mechanism mechanism);

/* Whether a breaker will be kept by bpf-trace, whose entrance hook every process of the host pays for. */
bool rein_planning_traces(const struct rein_planning *planning);

/* Says how the content that a rule with sha256 names is kept. False: it cannot be, the note says why. */
bool rein_planning_digest(struct rein_planning *planning, struct rein_plan_line *line,
			  const struct rein_path_rule *rule);

/* Whether a line allows a host. */
bool rein_planning_names(const struct rein_planning *planning);
/* The lines that name hosts; part of rein_planning_network. */
void rein_planning_hosts(struct rein_planning *planning);

/* The sections. Each adds its lines and sets what of the plan it knows. */
void rein_planning_promises(struct rein_planning *planning);
void rein_planning_scope(struct rein_planning *planning); /* before network and breakers */
void rein_planning_filesystem(struct rein_planning *planning);
void rein_planning_network(struct rein_planning *planning);
void rein_planning_syscalls(struct rein_planning *planning);
void rein_planning_environment(struct rein_planning *planning);
void rein_planning_limits(struct rein_planning *planning);
void rein_planning_breakers(struct rein_planning *planning);

#endif
