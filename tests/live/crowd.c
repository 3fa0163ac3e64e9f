/* SPDX-License-Identifier: GPL-2.0 */
/* Two hundred agents on one machine: what one does, or what happens to it, is no business of the others. */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define AGENTS 200

/* Each has its own folder, policy and breaker. It says that it is ready, waits for a line, then works. */
struct member {
	struct trial trial;
	struct job job;
};

static struct member members[AGENTS];

static void start_member(struct member *member, int number)
{
	const struct job_options options = {.keep_input = true};
	char text[1024], script[512];

	member->trial = trial_open();
	snprintf(text, sizeof(text),
		 "rein: 1\nname: member-%d\ndescription: One of many.\nextends: [base]\n"
		 "filesystem:\n  write: [$WORKSPACE]\n"
		 "breakers:\n  deletes: {meter: delete.files, rate: 1/m, burst: %d, on_trip: freeze}\n",
		 number, 10 + number % 7);
	trial_profile(&member->trial, text);
	/* Number 0 deletes twenty files and must trip; the others delete five. */
	snprintf(script, sizeof(script),
		 "echo ready; read line; for i in $(seq %d); do : >f; rm f; done; echo worked; read line; exit %d",
		 number ? 5 : 20, number % 100);
	member->job =
		trial_start_command(&member->trial, "", (const char *const[]){"/bin/sh", "-c", script, NULL}, &options);
}

static void tell(struct member *member)
{
	cr_assert(write(member->job.in, "go\n", 3) == 3);
}

Test(crowd, one_trips_and_199_do_not_notice, .timeout = 300)
{
	struct rlimit files;
	OUTCOME outcome = {0};

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files); /* each takes four of this test */
	for (int i = 0; i < AGENTS; i++)
		start_member(&members[i], i);
	for (int i = 0; i < AGENTS; i++)
		job_expect(&members[i].job, 1, "ready");
	tell(&members[0]);
	trial_wait_event(&members[0].trial, "trip", NULL, NULL);
	for (int i = 1; i < AGENTS; i++)
		tell(&members[i]);
	for (int i = 1; i < AGENTS; i++)
		job_expect(&members[i].job, 1, "worked");
	for (int i = 1; i < AGENTS; i++) {
		OUTCOME end = {0};

		tell(&members[i]);
		end = job_finish(&members[i].job);
		cr_expect_eq(end.code, i % 100, "agent %d ended with %d: %s", i, end.code, end.err);
		cr_expect_eq(trial_count(&members[i].trial, "trip", NULL, NULL), 0, "agent %d tripped", i);
		trial_close(&members[i].trial);
	}
	cr_expect_not(job_ends(&members[0].job, 0), "the frozen agent ended");
	outcome =
		run_program((const char *const[]){harness_rein(), "kill", trial_agent(&members[0].trial), NULL}, NULL);
	cr_expect_eq(outcome.code, 0, "%s", outcome.err);
	outcome_free(&outcome);
	outcome = job_finish(&members[0].job);
	cr_expect_eq(outcome.code, 124, "%d %s", outcome.code, outcome.err);
	trial_verify(&members[0].trial);
	trial_close(&members[0].trial);
}

static const char plain[] = "rein: 1\nname: neighbour\ndescription: At work.\nextends: [base]\n"
			    "filesystem:\n  write: [$WORKSPACE]\n";

/* Ordinary work that takes about a second; returns how long it took. */
static uint64_t neighbour_ms(void)
{
	TRIAL trial = trial_open();
	uint64_t started_ns = harness_now_ns();
	OUTCOME outcome = {0};

	trial_profile(&trial, plain);
	outcome = trial_run(&trial, "", "for i in $(seq 200); do cat /etc/passwd >copy; done; echo done");
	cr_assert_eq(outcome.code, 0, "a neighbour could not work: %s", outcome.err);
	cr_assert_str_eq(outcome.out, "done\n");
	return (harness_now_ns() - started_ns) / 1000000;
}

static int count_marked(const char *marker)
{
	OUTCOME outcome = run_shell("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c '^%s'", marker);

	return atoi(outcome.out);
}

Test(crowd, fork_bomb, .timeout = 120)
{
	TRIAL trial = trial_open();
	char probe[512], marker[64];
	struct job job;
	uint64_t ms;
	int most = 0;

	trial_profile(&trial, "rein: 1\nname: bomb\ndescription: A bounded bomb.\nextends: [base]\n"
			      "filesystem:\n  write: [$WORKSPACE]\n  execute: [$BUILD/tests/probe]\n"
			      "limits: {processes: 50, wall_time: 60s}\n");
	snprintf(probe, sizeof(probe), "%s/tests/probe", harness_build());
	snprintf(marker, sizeof(marker), "bomb-%d", getpid());
	job = trial_start_command(&trial, "", (const char *const[]){probe, "storm", marker, NULL}, NULL);
	trial_agent(&trial);
	/* Ten looks, and more where it takes its time to go off. */
	for (int i = 0; i < 10 || (most <= 5 && i < 1000 && !job_ends(&job, 0)); i++) {
		int now = count_marked(marker);

		most = now > most ? now : most;
	}
	ms = neighbour_ms();
	cr_expect(ms < 30000, "a neighbour took %llu ms beside a fork bomb", (unsigned long long)ms);
	/* supervisor and init carry the marker too */
	cr_expect(most <= 50 + 3, "%d processes, 50 allowed", most);
	cr_expect(most > 5, "the bomb did not go off (%d)", most);
	job_kill(&job);
}

/* Every denial is in the log or in a count of those that are not. */
static void denials_add_up(const struct trial *trial, long expected)
{
	json_t *events = trial_events(trial), *event;
	long denied = 0, lost = 0, said = 0;
	size_t i;

	json_array_foreach (events, i, event) {
		const char *kind = json_string_value(json_object_get(event, "kind"));

		denied += kind && strcmp(kind, "deny") == 0;
		lost += (long)json_integer_value(json_object_get(event, "lost"));
		if (kind && strcmp(kind, "end") == 0)
			said = (long)json_integer_value(
				json_object_get(json_object_get(json_object_get(event, "detail"), "verdicts"), "deny"));
	}
	json_decref(events);
	cr_expect(denied + lost == said, "%ld in the log, %ld counted as lost, but the end says %ld", denied, lost,
		  said);
	cr_expect(denied + lost >= expected, "%ld in the log and %ld counted as lost, of %ld", denied, lost, expected);
	cr_expect(denied + lost <= expected + 1000, "%ld in the log and %ld counted as lost, of %ld", denied, lost,
		  expected);
}

#define FLOOD 1000000L

Test(crowd, log_flood, .timeout = 240)
{
	TRIAL trial = trial_open();
	char probe[512];
	struct job job;
	struct stat status;
	OUTCOME outcome = {0};

	trial_profile(&trial, "rein: 1\nname: flood\ndescription: A million refusals.\nextends: [base]\n"
			      "filesystem:\n  write: [$WORKSPACE]\n  execute: [$BUILD/tests/probe]\n");
	snprintf(probe, sizeof(probe), "%s/tests/probe", harness_build());
	job = trial_start_command(
		&trial, "",
		(const char *const[]){probe, harness_root() ? "flood" : "flood-calls", "/etc/shadow", "1000000", NULL},
		NULL);
	cr_expect(neighbour_ms() < 30000, "a neighbour was held up by a flood of refusals");
	outcome = job_finish(&job);
	cr_assert_eq(outcome.code, 0, "%d %s%s", outcome.code, outcome.out, outcome.err);
	cr_assert_str_eq(outcome.out, "refused 1000000\n");
	denials_add_up(&trial, FLOOD);
	cr_assert(stat(trial.audit, &status) == 0 && status.st_size < 256 << 20, "the log grew to %lld bytes",
		  (long long)status.st_size);
	trial_verify(&trial);
}

static bool is_frozen(const char *agent)
{
	OUTCOME state = run_shell("%s ps | grep '%s.*frozen'", harness_rein(), agent);

	return state.code == 0;
}

/* A full disk below one agent's log stops that agent, which asked for strictness, and nobody else. */
Test(crowd, full_audit_disk, .timeout = 120)
{
	TRIAL trial = trial_open();
	char probe[512], disk[80], agent[128];
	struct job job;

	if (!harness_root())
		harness_skip("a full audit disk (mounting a small one needs root)");
	trial_profile(&trial, "rein: 1\nname: full\ndescription: No room for its record.\nextends: [base]\n"
			      "filesystem:\n  write: [$WORKSPACE]\n  execute: [$BUILD/tests/probe]\n"
			      "audit: strict\n");
	snprintf(disk, sizeof(disk), "%s/disk", trial.root);
	snprintf(trial.audit, sizeof(trial.audit), "%s/audit.jsonl", disk);
	snprintf(probe, sizeof(probe), "%s/tests/probe", harness_build());
	cr_assert(mkdir(disk, 0755) == 0 && mount("none", disk, "tmpfs", 0, "size=4m,mode=755") == 0);
	job = trial_start_command(&trial, "", (const char *const[]){probe, "flood", "/etc/shadow", "2000000000", NULL},
				  NULL);
	snprintf(agent, sizeof(agent), "%s", trial_agent(&trial));
	{
		OUTCOME filled = run_shell("cat /dev/zero >%s/filler", disk);

		cr_assert_neq(filled.code, 0);
	}
	cr_expect(neighbour_ms() < 30000, "a neighbour was held up by a full audit disk");
	while (!is_frozen(agent))
		cr_assert_not(job_ends(&job, 100), "it ended");
	{
		OUTCOME freed = run_shell("rm %s/filler", disk);

		cr_assert_eq(freed.code, 0);
	}
	job_kill(&job);
	cr_assert(umount2(disk, MNT_DETACH) == 0);
}

/* What an agent can do to another with rein's own program in its hands: nothing. */
static void cannot_touch(struct trial intruder, const struct trial *other, struct job *other_job)
{
	static const char *const orders[] = {"kill", "freeze", "thaw", "reset", "trip"};
	char script[2048], id[128];

	snprintf(id, sizeof(id), "%s", trial_agent(other));
	trial_profile(&intruder, "rein: 1\nname: intruder\ndescription: Holds the program.\nextends: [base]\n"
				 "filesystem:\n  write: [$WORKSPACE]\n  read: [$BUILD]\n  execute: [$BUILD]\n");
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		OUTCOME outcome = {0};

		snprintf(script, sizeof(script), "%s %s %s deletes && echo OBEYED; %s %s %s && echo OBEYED; true",
			 harness_rein(), orders[i], id, harness_rein(), orders[i], id);
		outcome = trial_run(&intruder, "", script);
		cr_expect(!strstr(outcome.out, "OBEYED"), "an agent may %s another: %s%s", orders[i], outcome.out,
			  outcome.err);
		cr_expect_not(job_ends(other_job, 0), "an agent's `rein %s` ended another", orders[i]);
	}
	snprintf(script, sizeof(script), "%s ps; %s log %s; cat %s; true", harness_rein(), harness_rein(), id,
		 other->audit);
	{
		OUTCOME outcome = trial_run(&intruder, "", script);

		cr_expect(!strstr(outcome.out, "\"kind\"") && !strstr(outcome.out, id),
			  "an agent reads about another: %s", outcome.out);
	}
}

Test(crowd, agents_cannot_touch_each_other, .timeout = 120)
{
	TRIAL other = trial_open();
	TRIAL same_user = trial_open();
	struct job job;
	const struct job_options options = {.keep_input = true};
	OUTCOME outcome = {0};

	trial_profile(&other, "rein: 1\nname: other\ndescription: Stands by.\nextends: [base]\n"
			      "filesystem:\n  write: [$WORKSPACE]\n"
			      "breakers:\n  deletes: {meter: delete.files, rate: 1/m, burst: 4, on_trip: freeze}\n");
	job = trial_start_command(
		&other, "", (const char *const[]){"/bin/sh", "-c", "echo ready; read line; exit 8", NULL}, &options);
	job_expect(&job, 1, "ready");
	cannot_touch(same_user, &other, &job);
	if (harness_root()) {
		TRIAL uid_0 = trial_open_own();

		cannot_touch(uid_0, &other, &job);
	}
	cr_assert(write(job.in, "go\n", 3) == 3);
	outcome = job_finish(&job);
	cr_assert_eq(outcome.code, 8, "%d %s", outcome.code, outcome.err);
	cr_assert_eq(trial_count(&other, "state", NULL, NULL), 0, "its state was changed");
}
