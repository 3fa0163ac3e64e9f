/* SPDX-License-Identifier: GPL-2.0 */
/* What people order from outside while an agent runs, and what breakers do by themselves: seen by its effects. */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROFILE                                                             \
	"rein: 1\nname: orders\ndescription: For tests.\nextends: [base]\n" \
	"filesystem:\n  write: [$WORKSPACE]\n  execute: [$WORKSPACE]\n"

/* Grows a file for as long as it runs. */
#define GROWING "echo ready; while :; do echo x >>grown; done"

static long size_of(const struct trial *trial, const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", trial->workspace, name);
	return stat(path, &st) ? -1 : (long)st.st_size;
}

static int count_in(const struct trial *trial, const char *folder)
{
	OUTCOME found = run_shell("ls '%s/%s' | wc -l", trial->workspace, folder);

	return atoi(found.out);
}

/* Looks every few milliseconds until it has grown; a frozen agent makes the deadline pass. */
static bool grows(const struct trial *trial, int ms)
{
	uint64_t end = harness_now_ns() + (uint64_t)ms * 1000000;
	long before = size_of(trial, "grown");

	while (harness_now_ns() < end) {
		if (size_of(trial, "grown") > before)
			return true;
		poll(NULL, 0, 2);
	}
	return false;
}

/* The freezer is ordered, and done when the last call is: what grows a little more is no fault, what never stops is. */
static bool stands_still(const struct trial *trial)
{
	uint64_t end = harness_now_ns() + HARNESS_PATIENCE_MS / 2 * 1000000ULL;

	while (grows(trial, 300))
		if (harness_now_ns() > end)
			return false;
	return !grows(trial, 300);
}

static struct outcome order(const char *op, const char *agent, const char *option)
{
	const char *const argv[] = {harness_rein(), op, agent, option, NULL};

	return run_program(argv, NULL);
}

static void expect_order(const char *op, const char *agent, const char *option)
{
	OUTCOME done = order(op, agent, option);

	cr_assert_eq(done.code, 0, "rein %s: %s", op, done.err);
}

static json_t *status_of(const char *agent)
{
	OUTCOME listed = run_program((const char *const[]){harness_rein(), "ps", "--json", NULL}, NULL);
	json_t *all = json_loads(listed.out, 0, NULL), *one, *found = NULL;
	size_t i;

	cr_assert(json_is_array(all), "rein ps --json: %s", listed.out);
	json_array_foreach (all, i, one) {
		if (!strcmp(json_string_value(json_object_get(one, "id")), agent))
			found = json_incref(one);
	}
	json_decref(all);
	return found;
}

static void expect_state(const char *agent, const char *state)
{
	json_t *status = status_of(agent);

	cr_assert_str_eq(json_string_value(json_object_get(status, "state")), state);
	json_decref(status);
}

/* The folder `d` of the workspace with so many files. */
static void fill(const struct trial *trial, int files)
{
	OUTCOME made = run_shell("mkdir -p '%s/d' && cd '%s/d' && touch $(seq %d) && chown -R --reference=.. .",
				 trial->workspace, trial->workspace, files);

	cr_assert_eq(made.code, 0, "%s", made.err);
}

Test(orders, freeze_stops_everything_and_thaw_lets_it_go_on, .timeout = 60)
{
	TRIAL trial = trial_open_own();
	struct job job;

	trial_profile(&trial, PROFILE);
	job = trial_start(&trial, "", GROWING);
	job_expect(&job, 1, "ready");
	cr_assert(grows(&trial, HARNESS_PATIENCE_MS));
	expect_order("freeze", trial_agent(&trial), NULL);
	expect_state(trial_agent(&trial), "frozen");
	cr_assert(stands_still(&trial), "it goes on although frozen");
	expect_order("thaw", trial_agent(&trial), NULL);
	cr_assert(grows(&trial, HARNESS_PATIENCE_MS));
	expect_order("kill", trial_agent(&trial), NULL);
	OUTCOME ended = job_finish(&job);
	cr_assert_eq(ended.code, 124, "%s", ended.err);
	cr_assert_gt(trial_count(&trial, "state", "op", "freeze"), 0);
	cr_assert_gt(trial_count(&trial, "state", "op", "kill"), 0);
	trial_verify(&trial);
}

Test(orders, a_frozen_agent_can_be_killed, .timeout = 60)
{
	TRIAL trial = trial_open_own();
	struct job job;

	trial_profile(&trial, PROFILE);
	job = trial_start(&trial, "", "sleep 424242 & echo ready; wait");
	job_expect(&job, 1, "ready");
	expect_order("freeze", trial_agent(&trial), NULL);
	expect_order("kill", trial_agent(&trial), NULL);
	OUTCOME ended = job_finish(&job);
	cr_assert_eq(ended.code, 124);
	cr_assert_not(harness_marked("424242", NULL));
}

Test(orders, a_trip_by_hand_needs_a_reset, .timeout = 60)
{
	TRIAL trial = trial_open_own();
	struct job job;

	trial_profile(&trial,
		      PROFILE "breakers:\n  deletes: {meter: delete.files, rate: 1/m, burst: 10, on_trip: freeze}\n");
	job = trial_start(&trial, "", GROWING);
	job_expect(&job, 1, "ready");
	expect_order("trip", trial_agent(&trial), "deletes");
	cr_assert(stands_still(&trial));
	OUTCOME thawed = order("thaw", trial_agent(&trial), NULL);
	cr_assert_eq(thawed.code, 1);
	cr_assert(strstr(thawed.err, "a breaker froze"), "%s", thawed.err);
	expect_order("reset", trial_agent(&trial), NULL);
	cr_assert(grows(&trial, HARNESS_PATIENCE_MS));
	expect_order("kill", trial_agent(&trial), NULL);
	OUTCOME ended = job_finish(&job);
}

/* Prompt mechanisms stop the agent during the operation that trips, so that one more happens. */
#define BURST 10

Test(orders, deletes_stop_at_the_burst_and_a_refill_allows_one_more, .timeout = 60)
{
	TRIAL trial = trial_open_own();
	struct job job;

	trial_profile(&trial,
		      PROFILE "breakers:\n  deletes: {meter: delete.files, rate: 1/m, burst: 10, on_trip: freeze}\n");
	fill(&trial, 100);
	job = trial_start(&trial, "", "rm d/*");
	trial_wait_event(&trial, "trip", "object", "deletes");
	expect_state(trial_agent(&trial), "frozen");
	cr_assert_geq(count_in(&trial, "d"), 100 - BURST - 1);
	cr_assert_leq(count_in(&trial, "d"), 100 - BURST);
	expect_order("reset", trial_agent(&trial), "--refill");
	while (trial_count(&trial, "trip", NULL, NULL) < 2)
		poll(NULL, 0, 5);
	cr_assert_geq(count_in(&trial, "d"), 100 - 2 * (BURST + 1));
	cr_assert_leq(count_in(&trial, "d"), 100 - 2 * BURST);
	expect_order("kill", trial_agent(&trial), NULL);
	OUTCOME ended = job_finish(&job);
	cr_assert_eq(ended.code, 124);
}

Test(orders, under_ci_a_freeze_ends_it_with_122, .timeout = 60)
{
	TRIAL trial = trial_open_own();

	trial_profile(&trial,
		      PROFILE "breakers:\n  deletes: {meter: delete.files, rate: 1/m, burst: 10, on_trip: freeze}\n");
	fill(&trial, 100);
	OUTCOME ended = trial_run(&trial, "--ci", "rm d/*; sleep 424243");
	cr_assert_eq(ended.code, 122, "%s", ended.err);
	cr_assert_geq(count_in(&trial, "d"), 100 - BURST - 1);
	cr_assert_not(harness_marked("424243", NULL));
}

Test(orders, a_throttle_keeps_the_rate_and_lets_all_of_it_happen, .timeout = 60)
{
	TRIAL trial = trial_open_own();
	uint64_t before, took;

	trial_profile(&trial, PROFILE
		      "breakers:\n  deletes: {meter: delete.files, rate: 30/s, burst: 10, on_trip: throttle}\n");
	fill(&trial, 70);
	before = harness_now_ns();
	OUTCOME ended = trial_run(&trial, "", "rm d/*");
	took = harness_now_ns() - before;
	cr_assert_eq(ended.code, 0, "%s", ended.err);
	cr_assert_eq(count_in(&trial, "d"), 0);
	/* 70 files, 10 at once, one more that trips: the other 59 take 30 a second. */
	cr_assert_geq(took, 59 * 1000000000ULL / 30, "took %lu ms", (unsigned long)(took / 1000000));
}

Test(orders, what_is_denied_fails_and_comes_back_after_the_cool_down, .timeout = 60)
{
	TRIAL trial = trial_open_own();

	trial_profile(&trial, PROFILE "breakers:\n  deletes: {meter: delete.files, rate: 100/s, burst: 10, probe: 3, "
				      "on_trip: deny, cool_down: 200ms}\n");
	fill(&trial, 200);
	OUTCOME ended = trial_run(&trial, "",
				  "rm d/* 2>refused; rm d/* 2>>refused; grep -c 'Disk quota exceeded' refused; "
				  "until rm -f d/200 2>/dev/null; do :; done; echo through");
	cr_assert(strstr(ended.out, "through"), "%s %s", ended.out, ended.err);
	cr_assert_gt(atoi(ended.out), 0, "nothing was refused: %s", ended.out);
	cr_assert_gt(trial_count(&trial, "state", "op", "half-open"), 0);
}

Test(orders, an_agent_cannot_give_orders, .timeout = 60)
{
	TRIAL trial = trial_open_own();
	char path[256];
	struct job job;

	trial_profile(&trial,
		      PROFILE "breakers:\n  deletes: {meter: delete.files, rate: 1/m, burst: 10, on_trip: freeze}\n");
	OUTCOME copied =
		run_shell("cp '%s' '%s/tool' && chmod 755 '%s/tool'", harness_rein(), trial.workspace, trial.workspace);
	snprintf(path, sizeof(path), "%s/order", trial.workspace);
	trial_write(&trial, path,
		    "read id; ./tool kill \"$id\"; echo killed=$?; ./tool ps; echo listed=$?; exec sleep 4244\n", 0755);
	struct job_options options = {.keep_input = true};
	job = trial_start_command(&trial, "", (const char *const[]){"/bin/sh", "order", NULL}, &options);
	dprintf(job.in, "%s\n", trial_agent(&trial));
	job_expect(&job, 1, "killed=1");
	job_expect(&job, 1, "listed=0");
	expect_state(trial_agent(&trial), "running");
	expect_order("kill", trial_agent(&trial), NULL);
	OUTCOME ended = job_finish(&job);
	cr_assert(strstr(ended.out, "no agents are running"), "%s", ended.out);
}

Test(orders, another_user_cannot_give_orders, .timeout = 60)
{
	TRIAL trial = trial_open_own();
	struct job job;
	uid_t uid;
	gid_t gid;

	if (!harness_root() || !harness_user(&uid, &gid))
		harness_skip("another user's orders (needs root)");
	trial_profile(&trial, PROFILE);
	job = trial_start(&trial, "", GROWING);
	job_expect(&job, 1, "ready");
	const char *const argv[] = {harness_rein(), "kill", trial_agent(&trial), NULL};
	const struct job_options stranger = {.other_user = true};
	OUTCOME refused = run_program(argv, &stranger);
	cr_assert_eq(refused.code, 1, "%s", refused.out);
	cr_assert(grows(&trial, HARNESS_PATIENCE_MS));
	expect_order("kill", trial_agent(&trial), NULL);
	OUTCOME ended = job_finish(&job);
}

/* It has nothing new to hold; that it was told stands in its record. */
Test(orders, up_reaches_every_agent_that_bpf_judges, .timeout = 120)
{
	TRIAL trial = trial_open_own();
	struct job job;

	OUTCOME first = run_program((const char *const[]){harness_rein(), "up", NULL}, NULL);
	if (first.code)
		harness_skip("rein up (needs root, and BPF)");
	trial_profile(&trial, PROFILE
		      "breakers:\n  sends: {meter: net.tx.bytes, rate: 1KiB/s, burst: 1MiB, on_trip: freeze}\n");
	job = trial_start(&trial, "", GROWING);
	job_expect(&job, 1, "ready");
	OUTCOME up = run_program((const char *const[]){harness_rein(), "up", NULL}, NULL);
	cr_expect_eq(up.code, 0, "%s", up.err);
	cr_expect_null(strstr(up.err, trial_agent(&trial)), "%s", up.err);
	cr_expect_eq(trial_count(&trial, "state", "op", "up"), 1);
	cr_expect(grows(&trial, 5000));
	expect_order("kill", trial_agent(&trial), NULL);
	OUTCOME ended = job_finish(&job);
}

Test(orders, mistakes_are_told_with_what_to_do, .timeout = 60)
{
	static const struct {
		const char *op, *agent, *option;
		int code;
		const char *says;
	} cases[] = {
		{"kill", "no-such-agent", NULL, 1,
		 "no agent `no-such-agent` is running; `rein ps` lists those that are"},
		{"kill", "", NULL, 1, "`rein ps` lists those that are"},
		{"kill", NULL, NULL, 2, "AGENT"},
		{"freeze", "a", "b", 2, "b"},
		{"reset", "x", "--frobnicate", 2, "--frobnicate"},
		{"thaw", "../../etc", NULL, 1, "no agent"},
		{"trip", "\033[31m", NULL, 1, "\\x1B[31m"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		OUTCOME told = order(cases[i].op, cases[i].agent, cases[i].option);

		cr_assert_eq(told.code, cases[i].code, "case %zu: %d %s", i, told.code, told.err);
		cr_assert(strcasestr(told.err, cases[i].says), "case %zu: %s", i, told.err);
		cr_assert_null(strchr(told.err, '\033'), "case %zu", i);
	}
}
