/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_SYSCALL_FILTER_H
#define REIN_MECH_SYSCALL_FILTER_H

#include <linux/filter.h>

#include "mech/syscall_conditions.h"
#include "mech/syscall_groups.h"
#include "plan/plan.h"

/* What becomes of a system call by its number. */
enum rein_call_fate {
	REIN_CALL_ABSENT,  /* ENOSYS, without a word: unknown here, or never there for an agent */
	REIN_CALL_REFUSED, /* EPERM; recorded where there is a broker */
	REIN_CALL_ALLOWED, /* under the conditions of rein_call_cases */
};

/* The decision for a plan, before it becomes BPF; the broker judges by it too. */
struct rein_filter {
	enum rein_call_fate fates[REIN_CALLS_MAX];
	unsigned features; /* enum rein_call_feature */
	unsigned watch;	   /* of what is notified; see REIN_WATCH_ADDRESS */
};

/* Decides. Pure. -EPERM for a rule that allows what no profile can, -EINVAL where the launch itself could not pass. */
int rein_filter_decide(const struct rein_plan *plan, struct rein_filter *ret_filter, struct rein_error *err);

/* Whether the policy lets this call pass, metered or not: what the broker asks about what it was handed. Pure. */
bool rein_filter_allows(const struct rein_filter *filter, int nr, const uint64_t *args);

/* Makes the BPF program; the caller frees ret_program->filter. */
int rein_filter_compile(const struct rein_filter *filter, struct sock_fprog *ret_program, struct rein_error *err);

#endif
