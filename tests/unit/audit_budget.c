/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "audit/budget.h"

#define SECOND 1000000000ULL

static const struct rein_event denial = {
	.kind = REIN_KIND_DENY, .op = "openat", .object = "/etc/shadow", .error = EACCES};
static const struct rein_event exec = {.kind = REIN_KIND_EXEC, .op = "exec"};

static uint64_t passed(struct rein_budget *budget, const struct rein_event *event, int times, uint64_t now)
{
	uint64_t n = 0;

	for (int i = 0; i < times; i++)
		n += rein_budget_pass(budget, event, now);
	return n;
}

Test(audit_budget, a_burst_passes_then_the_rate)
{
	struct rein_budget budget;

	rein_budget_init(&budget);
	cr_expect_eq(passed(&budget, &denial, 20000, 100 * SECOND), REIN_BUDGET_BURST);
	cr_expect_eq(passed(&budget, &denial, 1000, 101 * SECOND), REIN_BUDGET_RATE);
	cr_expect_eq(passed(&budget, &denial, 20000, 1000 * SECOND), REIN_BUDGET_BURST);
}

Test(audit_budget, every_event_passes_or_is_owed)
{
	struct rein_budget budget;
	uint64_t lines = 0;

	rein_budget_init(&budget);
	for (int i = 0; i < 1000000; i++)
		lines += rein_budget_pass(&budget, &denial, 100 * SECOND + (uint64_t)i * 10000);
	cr_expect_eq(lines + rein_budget_total(&budget), 1000000);
	/* ten seconds went by */
	cr_expect_eq(lines, REIN_BUDGET_BURST + 9999990000ULL / (SECOND / REIN_BUDGET_RATE));
}

Test(audit_budget, routine_costs_no_refusal_its_line)
{
	struct rein_budget budget;

	rein_budget_init(&budget);
	passed(&budget, &exec, 20000, SECOND);
	cr_expect_eq(passed(&budget, &denial, 100, SECOND), 100);
}

Test(audit_budget, what_decides_is_never_left_out)
{
	static const enum rein_kind kinds[] = {REIN_KIND_START, REIN_KIND_ASK,	REIN_KIND_ANSWER,  REIN_KIND_TRIP,
					       REIN_KIND_STATE, REIN_KIND_LOST, REIN_KIND_DEGRADE, REIN_KIND_END};
	struct rein_budget budget;

	rein_budget_init(&budget);
	passed(&budget, &denial, 20000, SECOND);
	passed(&budget, &exec, 20000, SECOND);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		cr_expect(rein_budget_pass(&budget, &(struct rein_event){.kind = kinds[i]}, SECOND));
}

Test(audit_budget, sorts_are_counted_apart)
{
	struct rein_event other = denial;
	struct rein_budget budget;
	struct rein_owed *owed;
	uint64_t counts[3] = {0};

	other.error = EPERM;
	rein_budget_init(&budget);
	passed(&budget, &denial, REIN_BUDGET_BURST, SECOND);
	passed(&budget, &denial, 7, SECOND);
	passed(&budget, &other, 5, SECOND);
	passed(&budget, &exec, REIN_BUDGET_BURST + 3, SECOND);
	while ((owed = rein_budget_next(&budget))) {
		counts[owed->kind == REIN_KIND_EXEC ? 2 : owed->error == EPERM] += owed->count;
		owed->count = 0;
	}
	cr_expect_eq(counts[0], 7);
	cr_expect_eq(counts[1], 5);
	cr_expect_eq(counts[2], 3);
	cr_expect_eq(rein_budget_total(&budget), 0);
}

Test(audit_budget, more_sorts_than_places_lose_no_count_and_no_verdict)
{
	struct rein_budget budget;
	struct rein_owed *owed;
	uint64_t refusals = 0, routine = 0;
	char op[16];

	rein_budget_init(&budget);
	for (int i = 0; i < 500; i++) {
		snprintf(op, sizeof(op), "op%d", i);
		rein_budget_owe(&budget, &(struct rein_event){.kind = REIN_KIND_DENY, .op = op});
		rein_budget_owe(&budget, &(struct rein_event){.kind = REIN_KIND_ALLOW, .op = op});
	}
	while ((owed = rein_budget_next(&budget))) {
		*(owed->kind == REIN_KIND_DENY ? &refusals : &routine) += owed->count;
		owed->count = 0;
	}
	cr_expect_eq(refusals, 500);
	cr_expect_eq(routine, 500);
}

Test(audit_budget, a_count_that_could_not_be_written_is_owed_as_what_it_counted)
{
	struct rein_budget budget;

	rein_budget_init(&budget);
	rein_budget_owe(
		&budget,
		&(struct rein_event){.kind = REIN_KIND_LOST, .verdict = REIN_VERDICT_DENY, .lost = 41, .op = "openat"});
	cr_expect_eq(rein_budget_total(&budget), 41);
	cr_expect_eq(rein_budget_next(&budget)->kind, REIN_KIND_DENY);
}

Test(audit_budget, long_names_cost_more)
{
	struct rein_event event = denial;
	struct rein_budget budget;
	char path[4096];

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	event.object = path;
	rein_budget_init(&budget);
	cr_expect_leq(passed(&budget, &event, 20000, SECOND), REIN_BUDGET_BURST / 15);
}
