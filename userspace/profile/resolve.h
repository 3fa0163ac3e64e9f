/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_RESOLVE_H
#define REIN_PROFILE_RESOLVE_H

#include "profile/policy.h"
#include "profile/raw.h"

/* From what a profile file says to what it means: raw texts become the rules of a policy. */

struct rein_resolver {
	const struct rein_profile_context *context;
	struct rein_policy *policy; /* what is being filled */
	const char *file;	    /* that is being resolved; owned by the policy */
	const char *git_common_dir; /* once asked for; owned by the policy */
	struct rein_error *err;
};

/* Adds the rules of one file to the policy: lists join, all else overrides what earlier files said. */
int rein_resolver_run(struct rein_resolver *resolver, const struct rein_raw_profile *raw);

/* The parts of it. */
int rein_resolve_paths(struct rein_resolver *resolver, const struct rein_raw_profile *raw);
int rein_resolve_addresses(struct rein_resolver *resolver, const struct rein_raw_net_rules *raw,
			   enum rein_net_direction direction);
int rein_resolve_network(struct rein_resolver *resolver, const struct rein_raw_network *raw);
int rein_resolve_limits(struct rein_resolver *resolver, const struct rein_raw_limits *raw);
int rein_resolve_breakers(struct rein_resolver *resolver, const struct rein_raw_breakers *raw);
int rein_resolve_approvals(struct rein_resolver *resolver, const struct rein_raw_approvals *raw);

/* For those parts. Refusals are -EINVAL with `file:line:column: ` in front. */
int rein_refuse_at(const struct rein_resolver *resolver, const struct rein_raw_text *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Puts the place in front of what resolver->err says. */
int rein_place_error(const struct rein_resolver *resolver, const struct rein_raw_text *at);
/* Refuses a list or key that the language has and this version does not keep. */
int rein_refuse_later(const struct rein_resolver *resolver, int line, int column, const char *what);
int rein_out_of_memory(const struct rein_resolver *resolver);

/* A formatted string that the policy owns; NULL without memory. */
const char *rein_policy_text(struct rein_policy *policy, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The origin of a rule at `at` whose text is formatted; .text is NULL without memory. */
struct rein_origin rein_origin_at(const struct rein_resolver *resolver, int line, int column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Replaces $NAME, ${NAME} and $$ in `text`; *ret_text is owned by the policy. */
int rein_variables_expand(struct rein_resolver *resolver, const struct rein_raw_text *text, const char **ret_text);

/* Whether `name` is 1 to 31 of a-z 0-9 _ -, not beginning with - or _. */
bool rein_name_is_valid(const char *name);

/* Bounds the policy by the ceiling (another policy, which this takes strings from and leaves as it is). */
int rein_ceiling_apply(struct rein_policy *policy, const struct rein_policy *ceiling, struct rein_error *err);

#endif
