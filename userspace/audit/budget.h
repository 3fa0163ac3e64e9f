/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AUDIT_BUDGET_H
#define REIN_AUDIT_BUDGET_H

#include <rein/breaker.h>

#include "agent/event.h"

/*
 * How much of a flood becomes lines. Refusals and routine (exec, allow) have a budget each, so that routine never costs
 * a refusal its line; everything else always passes. What does not pass is counted by kind, op and errno, and the
 * counts are owed to the log: lines + counts = what happened.
 */

#define REIN_BUDGET_BURST 10000 /* lines of ordinary length */
#define REIN_BUDGET_RATE 200	/* of them, a second */
#define REIN_BUDGET_OWED 64	/* sorts that are told apart; the rest is one sort for refusals and one for routine */

struct rein_owed {
	enum rein_kind kind;
	char op[32]; /* "": several */
	int error;   /* 0: none, or several */
	uint64_t count;
};

struct rein_budget {
	struct rein_limit limit; /* of both */
	struct rein_bucket refusals, routine;
	struct rein_owed owed[REIN_BUDGET_OWED + 2];
	size_t nr_owed; /* of the sorts that are told apart */
};

void rein_budget_init(struct rein_budget *ret_budget);
/* Whether the event may become a line; if not, it has been counted. Time is CLOCK_MONOTONIC. */
bool rein_budget_pass(struct rein_budget *budget, const struct rein_event *event, uint64_t now_ns);
/* Counts an event that could not be written. */
void rein_budget_owe(struct rein_budget *budget, const struct rein_event *event);
/* The next sort that is owed, or NULL. The caller sets its count to 0 once it is written. */
struct rein_owed *rein_budget_next(struct rein_budget *budget);
/* All that is owed. */
uint64_t rein_budget_total(const struct rein_budget *budget);

#endif
