/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/budget.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define STEP_NS (1000000000ULL / REIN_BUDGET_RATE)

/* A path may be 4 KiB, and stands twice in its line, escaped: long ones cost more than one. */
#define ORDINARY_OBJECT 256

void rein_budget_init(struct rein_budget *ret_budget)
{
	*ret_budget = (struct rein_budget){
		.limit = {.step_ns = STEP_NS, .burst = REIN_BUDGET_BURST, .tolerance_ns = REIN_BUDGET_BURST * STEP_NS},
		.refusals = {.state = REIN_BREAKER_CLOSED},
		.routine = {.state = REIN_BREAKER_CLOSED},
	};
}

static bool is_refusal(enum rein_kind kind)
{
	return kind == REIN_KIND_DENY;
}

static bool is_routine(enum rein_kind kind)
{
	return kind == REIN_KIND_EXEC || kind == REIN_KIND_ALLOW;
}

bool rein_budget_pass(struct rein_budget *budget, const struct rein_event *event, uint64_t now_ns)
{
	uint64_t cost = 1 + (event->object ? strlen(event->object) : 0) / ORDINARY_OBJECT;
	struct rein_bucket *bucket = is_refusal(event->kind) ? &budget->refusals : &budget->routine;

	if (!is_refusal(event->kind) && !is_routine(event->kind))
		return true;
	/* Not rein_breaker_charge: nothing is to trip, the budget refills by itself. */
	if (rein_bucket_advance(&budget->limit, bucket, cost, now_ns))
		return true;
	rein_budget_owe(budget, event);
	return false;
}

/* A count that could not be written is owed as what it counted. */
static enum rein_kind sort_of(const struct rein_event *event)
{
	if (event->kind != REIN_KIND_LOST)
		return event->kind;
	return event->verdict == REIN_VERDICT_DENY ? REIN_KIND_DENY : REIN_KIND_ALLOW;
}

static bool same(const struct rein_owed *owed, const struct rein_event *event)
{
	return owed->kind == sort_of(event) && owed->error == event->error &&
	       !strncmp(owed->op, event->op ? event->op : "", sizeof(owed->op) - 1);
}

static struct rein_owed *find(struct rein_budget *budget, const struct rein_event *event)
{
	struct rein_owed *owed;

	for (size_t i = 0; i < budget->nr_owed; i++)
		if (same(&budget->owed[i], event))
			return &budget->owed[i];
	if (budget->nr_owed == REIN_BUDGET_OWED) {
		owed = &budget->owed[REIN_BUDGET_OWED + (is_refusal(sort_of(event)) ? 0 : 1)];
		owed->kind = is_refusal(sort_of(event)) ? REIN_KIND_DENY : REIN_KIND_ALLOW;
		return owed;
	}
	owed = &budget->owed[budget->nr_owed++];
	owed->kind = sort_of(event);
	owed->error = event->error;
	snprintf(owed->op, sizeof(owed->op), "%s", event->op ? event->op : "");
	return owed;
}

void rein_budget_owe(struct rein_budget *budget, const struct rein_event *event)
{
	find(budget, event)->count += event->kind == REIN_KIND_LOST ? event->lost : 1;
}

struct rein_owed *rein_budget_next(struct rein_budget *budget)
{
	for (size_t i = 0; i < REIN_COUNT(budget->owed); i++)
		if (budget->owed[i].count)
			return &budget->owed[i];
	/* All is written: new sorts may have the places. */
	budget->nr_owed = 0;
	return NULL;
}

uint64_t rein_budget_total(const struct rein_budget *budget)
{
	uint64_t total = 0;

	for (size_t i = 0; i < REIN_COUNT(budget->owed); i++)
		total += budget->owed[i].count;
	return total;
}
