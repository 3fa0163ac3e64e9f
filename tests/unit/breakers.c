/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/breakers.h"
#include "agent/explain.h"
#include "agent/message.h"
#include "harness/agents.h"

/* What becomes of a breaker over time, with a supervisor's real parts and no process to stop. */

#define MS 1000000ULL
#define SECOND 1000000000ULL

static struct rein_trial_agent trial;

static void begin(void)
{
	rein_trial_agent_init(&trial);
}

static void end(void)
{
	rein_trial_agent_free(&trial);
}

TestSuite(breakers, .init = begin, .fini = end, .timeout = 20);

static struct rein_charged charge(uint64_t n)
{
	return rein_breakers_charge(&trial.state, REIN_METER_DELETE_FILES, REIN_MECH_BROKER, n, false, rein_now_ns());
}

/* Charges until it trips and tells, as the broker does. */
static struct rein_charged exhaust(void)
{
	struct rein_charged charged;

	do
		charged = charge(1);
	while (charged.passed);
	if (charged.tripped)
		rein_breakers_tripped(&trial.agent, charged.breaker, 1, 4711, "rm");
	return charged;
}

static uint32_t state_of(int index)
{
	return trial.state.breakers[index].bucket.state;
}

/* What the init was told since the last look: messages of `kind`. */
static int orders(enum rein_message_kind kind)
{
	struct rein_message message;
	int fd, count = 0;

	while (rein_message_receive(trial.init_end, MSG_DONTWAIT, &message, &fd) == 1)
		count += message.kind == kind;
	return count;
}

Test(breakers, a_freeze_stops_the_agent_and_says_who_what_and_what_to_do)
{
	const struct rein_told *told;

	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_FREEZE);
	rein_trial_agent_start(&trial, false);
	exhaust();
	cr_assert_eq(trial.agent.life, REIN_LIFE_FROZEN);
	cr_assert_eq(trial.agent.holds, REIN_HOLD_BREAKER);
	cr_assert_eq(orders(REIN_MESSAGE_FREEZE), 1);
	told = rein_trial_agent_last(&trial, REIN_KIND_TRIP);
	cr_assert_str_eq(
		told->why,
		"process 4711 (rm) of coding-agent-7f3a tried to delete or empty a file, but breaker "
		"`deletes` (p.yaml:10) allows a burst of 10 and 1/m, and 10 of the burst were used up: the agent "
		"is frozen: look at what it did, then `rein reset coding-agent-7f3a deletes` lets it go on and "
		"`rein kill coding-agent-7f3a` ends it");
	cr_assert_eq(told->line, 10);
	cr_assert_str_eq(told->meter, "delete.files");
	cr_assert_eq(told->limit, 10);
}

Test(breakers, a_trip_is_told_once_however_often_it_is_reported)
{
	struct rein_charged charged;

	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_DENY);
	rein_trial_agent_start(&trial, false);
	charged = exhaust();
	for (int i = 0; i < 100000; i++)
		rein_breakers_tripped(&trial.agent, charged.breaker, 1, 4711, "rm");
	cr_assert_eq(rein_trial_agent_count(&trial, REIN_KIND_TRIP), 1);
	cr_assert_eq(trial.agent.life, REIN_LIFE_RUNNING);
	cr_assert_eq(rein_trial_agent_last(&trial, REIN_KIND_TRIP)->error, EDQUOT);
}

Test(breakers, an_index_that_no_breaker_has_is_ignored)
{
	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_KILL);
	rein_trial_agent_start(&trial, false);
	rein_breakers_tripped(&trial.agent, -1, 1, 1, "x");
	rein_breakers_tripped(&trial.agent, 1, 1, 1, "x");
	rein_breakers_tripped(&trial.agent, 255, 1, 1, "x");
	cr_assert_eq(trial.nr_told, 0);
	cr_assert_eq(trial.agent.life, REIN_LIFE_RUNNING);
}

Test(breakers, a_kill_ends_the_agent)
{
	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_KILL);
	rein_trial_agent_start(&trial, false);
	exhaust();
	cr_assert_eq(trial.agent.life, REIN_LIFE_ENDING);
	cr_assert_eq(trial.agent.end_cause, REIN_END_BREAKER);
}

Test(breakers, under_ci_a_freeze_kills_and_says_why)
{
	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_FREEZE);
	rein_trial_agent_start(&trial, true);
	exhaust();
	cr_assert_eq(trial.agent.life, REIN_LIFE_ENDING);
	cr_assert(strstr(rein_trial_agent_last(&trial, REIN_KIND_TRIP)->why, "under --ci nobody can thaw it"));
}

Test(breakers, a_latched_deny_stays_open_until_it_is_reset)
{
	struct rein_error err = {0};

	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_DENY);
	rein_trial_agent_start(&trial, false);
	exhaust();
	cr_assert_eq(charge(1).passed, false);
	cr_assert_eq(charge(1).tripped, false);
	cr_assert_eq(rein_breakers_reset(&trial.agent, "deletes", false, "user 1000", &err), 0, "%s", err.text);
	cr_assert_eq(state_of(0), REIN_BREAKER_CLOSED);
	cr_assert_str_eq(rein_trial_agent_last(&trial, REIN_KIND_STATE)->why,
			 "user 1000 reset the breaker: it is closed");
	cr_assert_eq(charge(1).passed, false, "a reset keeps the arrival time");
}

Test(breakers, a_refill_gives_the_burst_and_the_total_again)
{
	struct rein_breaker_rule *rule = rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_FREEZE);

	rule->total = 10;
	rein_trial_agent_start(&trial, false);
	exhaust();
	cr_assert(strstr(rein_trial_agent_last(&trial, REIN_KIND_TRIP)->why, "in the agent's whole life"));
	cr_assert(strstr(rein_trial_agent_last(&trial, REIN_KIND_TRIP)->why, "--refill"));
	cr_assert_eq(rein_breakers_reset(&trial.agent, NULL, true, "user 1000", NULL), 0);
	cr_assert_eq(trial.agent.life, REIN_LIFE_RUNNING);
	for (int i = 0; i < 10; i++)
		cr_assert(charge(1).passed, "%d", i);
	cr_assert_not(charge(1).passed);
}

Test(breakers, a_cool_down_half_opens_then_closes)
{
	struct rein_breaker_rule *rule = rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_DENY);

	rule->cool_down_ns = 20 * MS;
	rule->rate_units = 1000;
	rule->rate_period_ns = SECOND;
	rein_trial_agent_start(&trial, false);
	exhaust();
	rein_trial_agent_await(&trial, REIN_KIND_STATE, "half-open");
	cr_assert_eq(state_of(0), REIN_BREAKER_HALF_OPEN);
	cr_assert(charge(1).passed);
	cr_assert(charge(1).passed);
	rein_trial_agent_await(&trial, REIN_KIND_STATE, "close");
	cr_assert_eq(state_of(0), REIN_BREAKER_CLOSED);
	cr_assert(charge(1).passed);
}

Test(breakers, a_trip_on_probation_doubles_the_wait_and_a_close_forgets_it)
{
	struct rein_breaker_rule *rule = rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_DENY);
	uint64_t before;

	rule->cool_down_ns = 40 * MS;
	rule->rate_units = 1000;
	rule->rate_period_ns = SECOND;
	rein_trial_agent_start(&trial, false);
	for (int wait = 40; wait <= 160; wait *= 2) {
		exhaust();
		before = rein_now_ns();
		rein_trial_agent_await(&trial, REIN_KIND_STATE, "half-open");
		cr_assert_geq(rein_now_ns() - before, ((uint64_t)wait - 5) * MS);
	}
	cr_assert(strstr(rein_trial_agent_last(&trial, REIN_KIND_TRIP)->why, "on probation"));
	rein_trial_agent_await(&trial, REIN_KIND_STATE, "close");
	exhaust();
	before = rein_now_ns();
	rein_trial_agent_await(&trial, REIN_KIND_STATE, "half-open");
	cr_assert_lt(rein_now_ns() - before, 300 * MS, "closed once, it waits as declared again");
}

Test(breakers, a_throttle_pauses_until_the_rate_allows_and_then_goes_on)
{
	struct rein_breaker_rule *rule = rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_THROTTLE);
	uint64_t before = rein_now_ns(), passed = 0;

	rule->rate_units = 200;
	rule->rate_period_ns = SECOND;
	rein_trial_agent_start(&trial, false);
	for (int i = 0; i < 20; i++) {
		struct rein_charged charged;

		while ((charged = charge(1)).passed)
			passed++;
		rein_breakers_tripped(&trial.agent, charged.breaker, 1, 4711, "rm");
		cr_assert_eq(trial.agent.life, REIN_LIFE_FROZEN);
		rein_trial_agent_await(&trial, REIN_KIND_STATE, "resume");
		cr_assert_eq(trial.agent.life, REIN_LIFE_RUNNING);
		cr_assert(charge(1).passed, "what it was paused for must pass now");
		passed++;
	}
	cr_assert_leq(passed, 10 + 200 * (rein_now_ns() - before + 1) / SECOND + 1);
	cr_assert_geq(passed, 20, "every pause let something through");
}

Test(breakers, a_throttle_whose_total_is_used_up_stays_frozen)
{
	struct rein_breaker_rule *rule = rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_THROTTLE);

	rule->total = 5;
	rein_trial_agent_start(&trial, false);
	exhaust();
	cr_assert_eq(trial.agent.holds, REIN_HOLD_BREAKER);
}

Test(breakers, sampled_bytes_are_owed_and_throttled_for_as_long_as_they_cost)
{
	struct rein_breaker_rule *rule = rein_trial_agent_breaker(&trial, "writes", REIN_ON_TRIP_THROTTLE);
	struct rein_charged charged;
	uint64_t before = rein_now_ns();

	rule->meter = REIN_METER_WRITE_BYTES;
	rule->rate_units = 1000000;
	rule->rate_period_ns = SECOND;
	rule->burst = 1000;
	trial.planned[0].by = REIN_MECH_SUPERVISOR;
	rein_trial_agent_start(&trial, false);
	/* 200,000 bytes at a million a second are a fifth of a second, however small the burst. */
	charged =
		rein_breakers_charge(&trial.state, REIN_METER_WRITE_BYTES, REIN_MECH_SUPERVISOR, 200000, true, before);
	cr_assert(charged.tripped);
	cr_assert_eq(trial.state.meters[REIN_METER_WRITE_BYTES], 200000);
	rein_breakers_tripped(&trial.agent, charged.breaker, 200000, 4711, "dd");
	rein_trial_agent_await(&trial, REIN_KIND_STATE, "resume");
	cr_assert_geq(rein_now_ns() - before, 199 * MS);
}

Test(breakers, one_breaker_open_keeps_the_agent_frozen_when_another_is_reset)
{
	rein_trial_agent_breaker(&trial, "first", REIN_ON_TRIP_FREEZE);
	rein_trial_agent_breaker(&trial, "second", REIN_ON_TRIP_FREEZE)->meter = REIN_METER_RENAME_FILES;
	rein_trial_agent_start(&trial, false);
	cr_assert_eq(rein_breakers_trip(&trial.agent, NULL, "user 1000", NULL), 0);
	cr_assert_eq(rein_trial_agent_count(&trial, REIN_KIND_TRIP), 2);
	cr_assert_eq(rein_breakers_reset(&trial.agent, "first", false, "user 1000", NULL), 0);
	cr_assert_eq(trial.agent.life, REIN_LIFE_FROZEN);
	cr_assert_eq(rein_breakers_reset(&trial.agent, "second", false, "user 1000", NULL), 0);
	cr_assert_eq(trial.agent.life, REIN_LIFE_RUNNING);
	cr_assert_eq(orders(REIN_MESSAGE_THAW), 1);
}

Test(breakers, a_reset_does_not_let_go_what_a_person_froze)
{
	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_FREEZE);
	rein_trial_agent_start(&trial, false);
	exhaust();
	cr_assert_eq(rein_agent_hold(&trial.agent, REIN_HOLD_PERSON, NULL), 0);
	cr_assert_eq(rein_breakers_reset(&trial.agent, NULL, false, "user 1000", NULL), 0);
	cr_assert_eq(trial.agent.life, REIN_LIFE_FROZEN);
	cr_assert_eq(trial.agent.holds, REIN_HOLD_PERSON);
}

/* A hook in the kernel opens the breaker and sets the latch; the supervisor may hear of it late or never. */
static void trip_as_hook(int index)
{
	cr_assert_eq(rein_bucket_trip(&trial.state.breakers[index].bucket, REIN_BREAKER_CLOSED), REIN_CHARGE_TRIPPED);
	trial.state.latch = 1 + REIN_ON_TRIP_FREEZE;
}

Test(breakers, a_trip_whose_news_were_lost_is_found_all_the_same)
{
	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_FREEZE);
	trial.planned[0].by = REIN_MECH_BPF_TRACE;
	rein_trial_agent_start(&trial, false);
	trip_as_hook(0);
	rein_trial_agent_await(&trial, REIN_KIND_TRIP, "freeze");
	cr_assert_eq(trial.agent.holds, REIN_HOLD_BREAKER);
}

Test(breakers, a_reset_before_the_news_arrive_holds_against_them)
{
	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_FREEZE);
	trial.planned[0].by = REIN_MECH_BPF_TRACE;
	rein_trial_agent_start(&trial, false);
	trip_as_hook(0);
	cr_assert_eq(rein_breakers_reset(&trial.agent, NULL, true, "user 1000", NULL), 0);
	rein_breakers_tripped(&trial.agent, 0, 1, 4711, "rm");
	cr_assert_eq(trial.agent.life, REIN_LIFE_RUNNING);
	cr_assert_eq(trial.state.latch, 0);
	cr_assert_eq(rein_trial_agent_count(&trial, REIN_KIND_TRIP), 1);
}

Test(breakers, the_latch_stays_while_another_hook_has_it_open)
{
	rein_trial_agent_breaker(&trial, "first", REIN_ON_TRIP_FREEZE);
	rein_trial_agent_breaker(&trial, "second", REIN_ON_TRIP_FREEZE);
	trial.planned[0].by = trial.planned[1].by = REIN_MECH_BPF_TRACE;
	rein_trial_agent_start(&trial, false);
	trip_as_hook(0);
	trip_as_hook(1);
	cr_assert_eq(rein_breakers_reset(&trial.agent, "first", false, "user 1000", NULL), 0);
	cr_assert_eq(trial.state.latch, 1 + REIN_ON_TRIP_FREEZE);
	cr_assert_eq(trial.agent.holds, REIN_HOLD_BREAKER);
	cr_assert_eq(rein_breakers_reset(&trial.agent, "second", false, "user 1000", NULL), 0);
	cr_assert_eq(trial.state.latch, 0);
	cr_assert_eq(trial.agent.holds, 0);
}

Test(breakers, what_one_breaker_refuses_costs_the_others_nothing)
{
	rein_trial_agent_breaker(&trial, "wide", REIN_ON_TRIP_DENY)->burst = 100;
	rein_trial_agent_breaker(&trial, "narrow", REIN_ON_TRIP_DENY)->burst = 3;
	rein_trial_agent_start(&trial, false);
	exhaust();
	for (int i = 0; i < 50; i++)
		cr_assert_eq(charge(1).breaker, 1);
	cr_assert_eq(trial.state.breakers[0].bucket.used, 3);
	cr_assert_eq(trial.state.meters[REIN_METER_DELETE_FILES], 3);
}

Test(breakers, only_its_own_mechanism_charges_a_breaker)
{
	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_DENY)->burst = 1;
	trial.planned[0].by = REIN_MECH_BPF_TRACE;
	rein_trial_agent_start(&trial, false);
	for (int i = 0; i < 5; i++)
		cr_assert(charge(1).passed);
	cr_assert_eq(trial.state.breakers[0].bucket.used, 0);
}

Test(breakers, what_a_hook_counts_is_not_counted_again)
{
	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_DENY);
	rein_trial_agent_start(&trial, false);
	cr_assert(charge(1).passed);
	cr_assert_eq(trial.state.meters[REIN_METER_DELETE_FILES], 1);
	trial.state.flags = REIN_STATE_TRACE;
	cr_assert(charge(1).passed);
	cr_assert_eq(trial.state.meters[REIN_METER_DELETE_FILES], 1);
	trial.state.flags = REIN_STATE_FILE;
	cr_assert(charge(1).passed);
	cr_assert_eq(trial.state.meters[REIN_METER_DELETE_FILES], 1);
}

Test(breakers, what_nobody_counts_is_no_zero)
{
	json_t *meters;

	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_DENY);
	rein_trial_agent_start(&trial, false);
	meters = rein_meters_json(&trial.agent);
	cr_expect(json_is_integer(json_object_get(meters, "delete.files")));
	cr_expect(json_is_null(json_object_get(meters, "write.bytes")));
	json_decref(meters);
	trial.state.flags = REIN_STATE_FILE;
	meters = rein_meters_json(&trial.agent);
	cr_expect(json_is_integer(json_object_get(meters, "write.bytes")));
	cr_expect(json_is_null(json_object_get(meters, "net.tx.bytes")));
	json_decref(meters);
}

Test(breakers, one_that_was_degraded_away_charges_nothing)
{
	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_DENY)->burst = 1;
	trial.planned[0].by = REIN_MECH_NONE;
	rein_trial_agent_start(&trial, false);
	cr_assert_eq(trial.state.breakers_of[REIN_METER_DELETE_FILES], 0);
	cr_assert_eq(trial.state.nr_breakers, 1);
	for (int i = 0; i < 5; i++)
		cr_assert(charge(1).passed);
}

Test(breakers, a_name_that_no_breaker_has_changes_nothing)
{
	struct rein_error err = {0};

	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_FREEZE);
	rein_trial_agent_start(&trial, false);
	cr_assert_eq(rein_breakers_trip(&trial.agent, "delete", "user 1000", &err), -ENOENT);
	cr_assert_str_eq(err.text, "coding-agent-7f3a has no breaker `delete`: `rein ps --json` lists those it has");
	cr_assert_eq(rein_breakers_reset(&trial.agent, "", false, "user 1000", &err), -ENOENT);
	cr_assert_eq(trial.nr_told, 0);
}

Test(breakers, an_agent_that_is_being_ended_is_not_reset)
{
	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_KILL);
	rein_trial_agent_start(&trial, false);
	exhaust();
	cr_assert_eq(rein_breakers_reset(&trial.agent, NULL, true, "user 1000", NULL), -ESHUTDOWN);
	cr_assert_eq(state_of(0), REIN_BREAKER_OPEN);
}

Test(breakers, a_single_operation_larger_than_the_burst_is_called_so)
{
	struct rein_charged charged;

	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_DENY);
	rein_trial_agent_start(&trial, false);
	charged = charge(11);
	cr_assert(charged.tripped);
	rein_breakers_tripped(&trial.agent, charged.breaker, 11, 0, NULL);
	cr_assert(
		strstr(rein_trial_agent_last(&trial, REIN_KIND_TRIP)->why,
		       "coding-agent-7f3a tried to delete or empty 11 files, but breaker `deletes` (p.yaml:10) allows "
		       "no operation larger than its burst of 10"));
}

/* An operation that the kernel has failed because a breaker was open, or that is too large. */
static const char *told_of(uint64_t n)
{
	struct rein_raw_event raw = {
		.kind = REIN_EVENT_DENY_BREAKER,
		.pid = 4711,
		.comm = "rm",
		.amount = n,
		.nr = REIN_FILE_OP_DELETE,
		.error = -EDQUOT,
		.path = "notes",
	};

	rein_explain_raw(&trial.agent, &raw, sizeof(raw));
	return rein_trial_agent_last(&trial, REIN_KIND_DENY)->why;
}

Test(breakers, what_the_kernel_fails_is_explained)
{
	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_DENY);
	trial.planned[0].by = REIN_MECH_BPF_FILE;
	rein_trial_agent_start(&trial, false);
	cr_expect_str_eq(told_of(1),
			 "rm (pid 4711) tried to delete or empty a file (notes); breaker `deletes` "
			 "(p.yaml:10) is open, because the agent passed what it allows of delete.files, until "
			 "a person says `rein reset coding-agent-7f3a deletes`, so it was refused (EDQUOT).");
	cr_expect_str_eq(told_of(11), "rm (pid 4711) tried to delete or empty 11 files (notes); breaker `deletes` "
				      "(p.yaml:10) allows no operation larger than its burst of 10, so it was refused "
				      "(EDQUOT).");
}

Test(breakers, an_operation_that_can_never_pass_fails_in_the_kernel)
{
	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_FREEZE);
	trial.planned[0].by = REIN_MECH_BPF_FILE;
	rein_trial_agent_start(&trial, false);
	trip_as_hook(0);
	rein_breakers_tripped(&trial.agent, 0, 11, 4711, "rm");
	cr_assert(
		strstr(rein_trial_agent_last(&trial, REIN_KIND_TRIP)->why,
		       "allows no operation larger than its burst of 10, so it failed (EDQUOT): the agent is frozen"));
	cr_assert_eq(trial.agent.holds, REIN_HOLD_BREAKER);
}

Test(breakers, too_many_are_refused)
{
	struct rein_state state = {0};
	struct rein_error err = {0};

	for (int i = 0; i < REIN_BREAKERS_MAX; i++)
		rein_trial_agent_breaker(&trial, "b", REIN_ON_TRIP_DENY);
	cr_assert_eq(rein_breakers_compile(&trial.plan, false, &state, &err), 0);
	trial.plan.breakers.count++;
	cr_assert_eq(rein_breakers_compile(&trial.plan, false, &state, &err), -E2BIG);
}
