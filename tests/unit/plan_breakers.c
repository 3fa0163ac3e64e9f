/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "harness/machines.h"
#include "profile/words.h"

#define NONE REIN_MECH_NONE
#define FILES REIN_MECH_BPF_FILE
#define TRACE REIN_MECH_BPF_TRACE
#define NET REIN_MECH_BPF_NET
#define BROKER REIN_MECH_BROKER
#define SAMPLE REIN_MECH_SUPERVISOR
#define SPACE REIN_MECH_NAMESPACES

#define ROW(m, t, e, a, r, u)                                                 \
	{                                                                     \
		REIN_METER_##m, REIN_ON_TRIP_##t, REIN_EXACTNESS_##e, a, r, u \
	}

/* Who keeps a breaker on tier A, with root only, and without (its own network: loopback only). NONE: refused. */
static const struct {
	enum rein_meter meter;
	enum rein_on_trip on_trip;
	enum rein_exactness exactness;
	enum rein_mechanism exact, root, user;
} table[] = {
	ROW(WRITE_BYTES, FREEZE, SAMPLED, FILES, TRACE, SAMPLE),
	ROW(WRITE_BYTES, KILL, SAMPLED, FILES, TRACE, SAMPLE),
	ROW(WRITE_BYTES, THROTTLE, SAMPLED, FILES, TRACE, SAMPLE),
	ROW(WRITE_BYTES, KILL, PROMPT, FILES, TRACE, NONE),
	ROW(WRITE_BYTES, KILL, EXACT, FILES, NONE, NONE),
	ROW(WRITE_BYTES, DENY, SAMPLED, FILES, NONE, NONE),
	ROW(WRITE_FILES, FREEZE, SAMPLED, FILES, TRACE, BROKER),
	ROW(CREATE_FILES, KILL, PROMPT, FILES, TRACE, BROKER),
	ROW(DELETE_FILES, FREEZE, SAMPLED, FILES, TRACE, BROKER),
	ROW(DELETE_FILES, FREEZE, EXACT, FILES, BROKER, BROKER),
	ROW(DELETE_FILES, DENY, SAMPLED, FILES, BROKER, BROKER),
	ROW(DELETE_FILES, THROTTLE, SAMPLED, FILES, TRACE, BROKER),
	ROW(RENAME_FILES, DENY, EXACT, FILES, BROKER, BROKER),
	ROW(CHMOD_FILES, KILL, SAMPLED, FILES, TRACE, BROKER),
	ROW(EXEC_COUNT, DENY, SAMPLED, FILES, BROKER, BROKER),
	ROW(FORK_COUNT, KILL, SAMPLED, FILES, TRACE, BROKER),
	ROW(NET_CONNECTS, DENY, EXACT, NET, NET, BROKER),
	ROW(NET_CONNECTS, FREEZE, SAMPLED, NET, NET, BROKER),
	ROW(NET_TX_BYTES, DENY, SAMPLED, NET, NET, SPACE),
	ROW(NET_TX_BYTES, FREEZE, SAMPLED, NET, NET, SAMPLE),
	ROW(NET_TX_BYTES, KILL, EXACT, NET, NET, SPACE),
	ROW(NET_RX_BYTES, THROTTLE, SAMPLED, NET, NET, SAMPLE),
	ROW(NET_RX_BYTES, THROTTLE, PROMPT, NET, NET, SPACE),
	ROW(NET_DNS_QUERIES, DENY, SAMPLED, NET, NET, SPACE),
	ROW(WRITE_BYTES, KILL, EXACT, FILES, NONE, NONE),
	ROW(FORK_COUNT, DENY, EXACT, FILES, BROKER, BROKER),
	ROW(EXEC_COUNT, THROTTLE, PROMPT, FILES, TRACE, BROKER),
	ROW(CHMOD_FILES, DENY, PROMPT, FILES, BROKER, BROKER),
};

static struct rein_breaker_rule breaker(enum rein_meter meter, enum rein_on_trip on_trip, enum rein_exactness exactness)
{
	return (struct rein_breaker_rule){.origin = {.file = "test.yaml", .line = 7, .text = "breakers.tested"},
					  .name = "tested",
					  .meter = meter,
					  .rate_units = 10,
					  .rate_period_ns = 1000000000,
					  .burst = 100,
					  .on_trip = on_trip,
					  .exactness = exactness};
}

/* The plan for one breaker; good until the next. */
static struct rein_plan plan_for(const struct rein_machine *machine, struct rein_breaker_rule rule, bool ci)
{
	static struct rein_policy policy; /* outlives the plan */

	rein_vec_free(&policy.breakers);
	policy = policy_empty();
	*rein_vec_add(&policy.breakers) = rule;
	return plan_of(&policy, machine, &(struct rein_plan_options){.agent_uid = 1000, .ci = ci});
}

static void expect(const struct rein_machine *machine, const struct rein_breaker_rule *rule, enum rein_mechanism by)
{
	struct rein_plan plan = plan_for(machine, *rule, false);

	cr_expect_eq(plan.breakers.count, 1);
	cr_expect_eq(plan.breakers.items[0].by, by, "tier %s, %s of %s, %s: %s rather than %s",
		     rein_tier_name(machine->tier), rein_on_trip_name(rule->on_trip), rein_meter_name(rule->meter),
		     rein_exactness_name(rule->exactness), rein_mechanism_name(plan.breakers.items[0].by),
		     rein_mechanism_name(by));
	cr_expect_eq(plan.refused, by == NONE);
	cr_expect(by == NONE || plan.breakers.items[0].exactness >= rule->exactness);
	cr_expect(by == NONE || plan.use[by], "who keeps a breaker is used");
	rein_plan_free(&plan);
}

Test(plan_breakers, finds_who_keeps_each_pair_or_refuses)
{
	struct rein_machine exact = machine_exact(), root = machine_root(), user = machine_user();

	for (size_t i = 0; i < REIN_COUNT(table); i++) {
		struct rein_breaker_rule rule = breaker(table[i].meter, table[i].on_trip, table[i].exactness);

		expect(&exact, &rule, table[i].exact);
		expect(&root, &rule, table[i].root);
		expect(&user, &rule, table[i].user);
	}
}

static void expect_note(const struct rein_machine *machine, const struct rein_breaker_rule *rule, const char *note)
{
	struct rein_policy policy = policy_empty();
	struct rein_plan plan;
	struct rein_error err;

	*rein_vec_add(&policy.breakers) = *rule;
	plan = plan_of(&policy, machine, &(struct rein_plan_options){.agent_uid = 1000});
	cr_expect_str_eq(line_with(&plan, "tested")->note, note);
	cr_expect_eq(rein_plan_refusal(&plan, &err), -EOPNOTSUPP);
	cr_expect(strstr(err.text, "test.yaml:7: tested: "), "%s", err.text);
	rein_plan_free(&plan);
	rein_vec_free(&policy.breakers);
}

Test(plan_breakers, refusals_say_what_is_missing_and_what_can_be_kept)
{
	struct rein_machine root = machine_root(), user = machine_user();
	struct rein_breaker_rule deny = breaker(REIN_METER_WRITE_BYTES, REIN_ON_TRIP_DENY, REIN_EXACTNESS_SAMPLED),
				 exact = breaker(REIN_METER_WRITE_BYTES, REIN_ON_TRIP_KILL, REIN_EXACTNESS_EXACT),
				 prompt = breaker(REIN_METER_WRITE_BYTES, REIN_ON_TRIP_KILL, REIN_EXACTNESS_PROMPT);

	expect_note(&root, &deny,
		    "nothing here keeps on_trip: deny of write.bytes: bpf-file does not work here (this kernel refuses "
		    "LSM programs); bpf-trace here keeps on_trip: throttle, freeze or kill, prompt");
	expect_note(&root, &exact,
		    "nothing here keeps on_trip: kill of write.bytes exactly: bpf-file does not work here (this kernel "
		    "refuses LSM programs); bpf-trace here keeps on_trip: throttle, freeze or kill, prompt");
	expect_note(
		&user, &prompt,
		"nothing here keeps on_trip: kill of write.bytes promptly: bpf-trace does not work here (needs root); "
		"supervisor here keeps on_trip: throttle, freeze or kill, sampled");
}

Test(plan_breakers, optional_and_degrade_start_without_it)
{
	struct rein_machine root = machine_root();
	struct rein_policy policy = policy_empty();
	struct rein_breaker_rule *rule = rein_vec_add(&policy.breakers);
	struct rein_plan plan;

	*rule = breaker(REIN_METER_WRITE_BYTES, REIN_ON_TRIP_DENY, REIN_EXACTNESS_SAMPLED);
	plan = plan_of(&policy, &root, &(struct rein_plan_options){.agent_uid = 1000, .degrade = true});
	cr_expect_not(plan.refused);
	cr_expect_eq(plan.degraded, 1);
	cr_expect_eq(plan.breakers.items[0].by, REIN_MECH_NONE);
	rein_plan_free(&plan);
	rule->optional = true;
	plan = plan_of(&policy, &root, &(struct rein_plan_options){.agent_uid = 1000});
	cr_expect_eq(line_with(&plan, "tested")->keeping, REIN_DEGRADED);
	rein_plan_free(&plan);
	rein_vec_free(&policy.breakers);
}

Test(plan_breakers, bytes_of_a_shared_network_cannot_be_sampled)
{
	struct rein_machine user = machine_user();
	struct rein_policy policy = policy_empty();
	struct rein_plan plan;

	for (int family = 0; family < 2; family++)
		*rein_vec_add(&policy.net) = (struct rein_net_rule){.origin = {.file = "test.yaml", .line = 3},
								    .verdict = REIN_VERDICT_ALLOW,
								    .family = family ? REIN_NET_V6 : REIN_NET_V4,
								    .protocol = IPPROTO_TCP,
								    .port_low = 443,
								    .port_high = 443};
	*rein_vec_add(&policy.breakers) = breaker(REIN_METER_NET_TX_BYTES, REIN_ON_TRIP_FREEZE, REIN_EXACTNESS_SAMPLED);
	plan = plan_of(&policy, &user, &(struct rein_plan_options){.agent_uid = 1000});
	cr_expect(plan.host_network);
	cr_expect(plan.refused);
	cr_expect(strstr(line_with(&plan, "tested")->note, "bpf-net does not work here"));
	rein_plan_free(&plan);
	rein_vec_free(&policy.net);
	rein_vec_free(&policy.breakers);
}

Test(plan_breakers, ci_says_that_a_freeze_kills)
{
	struct rein_machine root = machine_root();
	struct rein_breaker_rule rule = breaker(REIN_METER_DELETE_FILES, REIN_ON_TRIP_FREEZE, REIN_EXACTNESS_SAMPLED);
	struct rein_plan plan = plan_for(&root, rule, true);

	cr_expect(strstr(line_with(&plan, "tested")->note, "with --ci nobody can thaw: it kills"));
	rein_plan_free(&plan);
}

Test(plan_breakers, the_kernel_alone_keeps_files_on_tier_a)
{
	struct rein_machine exact = machine_exact();
	struct rein_breaker_rule rule = breaker(REIN_METER_WRITE_BYTES, REIN_ON_TRIP_DENY, REIN_EXACTNESS_EXACT);
	struct rein_plan plan = plan_for(&exact, rule, false);

	cr_expect(plan.use[FILES]);
	cr_expect(plan.use[REIN_MECH_CGROUP], "it finds an agent by its cgroup");
	cr_expect_str_eq(line_with(&plan, "tested")->note,
			 "a shared mapping is charged once, when it is made: from its offset to the end of the file");
	cr_expect(strstr(line_with(&plan, "refusals are recorded")->note, "the hook costs"),
		  "nobody pays for the entrance hook, which no breaker needs: %s",
		  line_with(&plan, "refusals are recorded")->note);
	rein_plan_free(&plan);
}

Test(plan_breakers, bytes_are_not_exact_where_a_kernel_may_skip_what_tells_them)
{
	struct rein_machine skips = machine_exact();
	struct rein_breaker_rule exact = breaker(REIN_METER_WRITE_BYTES, REIN_ON_TRIP_FREEZE, REIN_EXACTNESS_EXACT),
				 any = breaker(REIN_METER_WRITE_BYTES, REIN_ON_TRIP_FREEZE, REIN_EXACTNESS_SAMPLED),
				 files = breaker(REIN_METER_DELETE_FILES, REIN_ON_TRIP_DENY, REIN_EXACTNESS_EXACT);
	struct rein_plan plan;

	skips.bpf_file_skips = true;
	plan = plan_for(&skips, exact, false);
	cr_expect_gt(plan.refused, 0);
	cr_expect(strstr(line_with(&plan, "tested")->note, "bpf-file does not do it here"), "%s",
		  line_with(&plan, "tested")->note);
	rein_plan_free(&plan);
	plan = plan_for(&skips, any, false);
	cr_expect_eq(plan.breakers.items[0].by, REIN_MECH_BPF_TRACE);
	cr_expect_eq(plan.breakers.items[0].exactness, REIN_EXACTNESS_PROMPT);
	rein_plan_free(&plan);
	plan = plan_for(&skips, files, false);
	cr_expect_eq(plan.breakers.items[0].by, FILES);
	rein_plan_free(&plan);
}

Test(plan_breakers, what_is_sent_fails_on_tier_a_and_waits_elsewhere)
{
	struct rein_machine exact = machine_exact(), root = machine_root();
	struct rein_breaker_rule rule = breaker(REIN_METER_NET_TX_BYTES, REIN_ON_TRIP_DENY, REIN_EXACTNESS_EXACT);
	struct rein_plan plan = plan_for(&exact, rule, false);

	cr_expect_eq(line_with(&plan, "tested")->by[1], FILES);
	cr_expect_str_empty(line_with(&plan, "tested")->note);
	rein_plan_free(&plan);
	plan = plan_for(&root, rule, false);
	cr_expect_str_eq(line_with(&plan, "tested")->note,
			 "data on an open TCP stream waits until the breaker closes; it does not fail");
	rein_plan_free(&plan);
}

Test(plan_breakers, says_what_tracepoints_cost_the_host)
{
	struct rein_machine root = machine_root();
	struct rein_breaker_rule rule = breaker(REIN_METER_WRITE_BYTES, REIN_ON_TRIP_KILL, REIN_EXACTNESS_PROMPT);
	struct rein_plan plan = plan_for(&root, rule, false);

	cr_expect(strstr(line_with(&plan, "refusals are recorded")->note, "the two hooks cost"));
	rein_plan_free(&plan);
}

Test(plan_breakers, says_rate_burst_and_total_as_people_write_them)
{
	struct rein_machine root = machine_root();
	struct rein_breaker_rule rule = breaker(REIN_METER_WRITE_BYTES, REIN_ON_TRIP_FREEZE, REIN_EXACTNESS_SAMPLED);
	struct rein_plan plan;

	rule.rate_units = 20 << 20;
	rule.burst = 256 << 20;
	rule.total = 2ULL << 30;
	plan = plan_for(&root, rule, false);
	cr_expect_str_eq(line_with(&plan, "tested")->what,
			 "tested: write.bytes over 20MiB/s, burst 256MiB, total 2GiB, then freeze");
	rein_plan_free(&plan);
}
