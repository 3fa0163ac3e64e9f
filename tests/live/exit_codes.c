/* SPDX-License-Identifier: GPL-2.0 */
/* The exit codes of `rein run` (design.md section 5): scripts rely on each of them. */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static const char plain[] = "rein: 1\n"
			    "name: plain\n"
			    "description: One workspace and the system's programs.\n"
			    "extends: [base]\n"
			    "filesystem:\n"
			    "  write: [$WORKSPACE]\n";

static const char few_deletes[] = "rein: 1\n"
				  "name: few-deletes\n"
				  "description: A breaker that ends the agent.\n"
				  "extends: [base]\n"
				  "filesystem:\n"
				  "  write: [$WORKSPACE]\n"
				  "breakers:\n"
				  "  deletes: {meter: delete.files, rate: 1/m, burst: 5, on_trip: kill}\n";

static const char few_deletes_freeze[] = "rein: 1\n"
					 "name: few-deletes\n"
					 "description: A breaker that freezes, or kills where nobody can thaw.\n"
					 "extends: [base]\n"
					 "filesystem:\n"
					 "  write: [$WORKSPACE]\n"
					 "breakers:\n"
					 "  deletes: {meter: delete.files, rate: 1/m, burst: 5, on_trip: freeze}\n";

static const char short_life[] = "rein: 1\n"
				 "name: short-life\n"
				 "description: Ends after a few seconds, of which a slow machine needs one to start.\n"
				 "extends: [base]\n"
				 "filesystem:\n"
				 "  write: [$WORKSPACE]\n"
				 "limits: {wall_time: 4s}\n";

static const char delete_ten[] = "for i in 1 2 3 4 5 6 7 8 9 10; do : > f$i; done; for i in 1 2 3 4 5 6 7 8 9 10; "
				 "do rm f$i; done; exit 0";

struct row {
	const char *what, *profile, *options, *script;
	int code;
};

static const struct row rows[] = {
	{"success", plain, "", "exit 0", 0},
	{"its own code", plain, "", "exit 7", 7},
	{"its own code, in the range of rein's", plain, "", "exit 122", 122},
	{"ended by SIGKILL", plain, "", "kill -KILL $$", 128 + SIGKILL},
	{"ended by SIGTERM", plain, "", "kill -TERM $$", 128 + SIGTERM},
	{"ended by SIGSEGV", plain, "", "kill -SEGV $$", 128 + SIGSEGV},
	{"a breaker that kills", few_deletes, "", delete_ten, 122},
	{"a breaker that freezes, under --ci", few_deletes_freeze, "--ci", delete_ten, 122},
	{"denied, with --fail-on-deny", plain, "--fail-on-deny", "mount -t tmpfs none /mnt 2>/dev/null; exit 0", 123},
	{"denied, without --fail-on-deny", plain, "", "mount -t tmpfs none /mnt 2>/dev/null; exit 0", 0},
	{"denied and failed: its own code", plain, "--fail-on-deny", "mount -t tmpfs none /mnt 2>/dev/null; exit 3", 3},
	{"nothing denied, with --fail-on-deny", plain, "--fail-on-deny", "exit 0", 0},
	{"wall_time", short_life, "", "sleep 600", 124},
	{"no such option", plain, "--no-such-option", "exit 0", 125},
	{"no such profile", plain, "-p no-such-profile", "exit 0", 125},
	{"no such workspace", plain, "-w /no/such/folder", "exit 0", 125},
};

static void check_row(const struct row *row, struct trial trial)
{
	OUTCOME outcome = {0};

	trial_profile(&trial, row->profile);
	outcome = trial_run(&trial, row->options, row->script);
	cr_assert_eq(outcome.code, row->code, "%s: exit code %d, not %d; errors: %s", row->what, outcome.code,
		     row->code, outcome.err);
	cr_assert_not(outcome.signalled, "%s: rein itself was ended by a signal", row->what);
}

Test(exit_codes, table, .timeout = 120)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		TRIAL trial = trial_open();

		check_row(&rows[i], trial);
	}
}

Test(exit_codes, not_executable_and_not_found, .timeout = 60)
{
	TRIAL trial = trial_open();

	trial_profile(&trial, plain);
	trial_write(&trial, "ws/plain.txt", "no program\n", 0644);
	{
		char path[256];
		OUTCOME outcome = {0};

		snprintf(path, sizeof(path), "%s/plain.txt", trial.workspace);
		outcome = trial_command(&trial, "", (const char *const[]){path, NULL});
		cr_assert_eq(outcome.code, 126, "%d %s", outcome.code, outcome.err);
	}
	{
		OUTCOME outcome = trial_command(&trial, "", (const char *const[]){"no-such-program-here", NULL});

		cr_assert_eq(outcome.code, 127, "%d %s", outcome.code, outcome.err);
		cr_assert(strncmp(outcome.err, "rein: ", 6) == 0, "unprefixed: %s", outcome.err);
	}
}

Test(exit_codes, killed_by_a_person, .timeout = 60)
{
	TRIAL trial = trial_open();
	struct job job;
	OUTCOME outcome = {0};

	trial_profile(&trial, plain);
	job = trial_start(&trial, "", "echo ready; sleep 600");
	job_expect(&job, 1, "ready");
	{
		OUTCOME killed =
			run_program((const char *const[]){harness_rein(), "kill", trial_agent(&trial), NULL}, NULL);

		cr_assert_eq(killed.code, 0, "rein kill: %s", killed.err);
	}
	outcome = job_finish(&job);
	cr_assert_eq(outcome.code, 124, "%d %s", outcome.code, outcome.err);
	trial_verify(&trial);
}

/* What rein says never reaches the agent's standard output, and each line of it has the prefix. */
Test(exit_codes, output_is_the_agents, .timeout = 60)
{
	TRIAL trial = trial_open();
	OUTCOME outcome = {0};

	trial_profile(&trial, few_deletes);
	outcome = trial_run(&trial, "", "echo only this; for i in 1 2 3 4 5 6 7 8; do : > f; rm f; done");
	cr_assert_str_eq(outcome.out, "only this\n");
	for (char *rest, *line = strtok_r(outcome.err, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		cr_assert(strncmp(line, "rein: ", 6) == 0, "unprefixed: %s", line);
}

/* A signal to rein reaches the agent, whose own way to end decides the code. */
Test(exit_codes, signals_are_forwarded, .timeout = 60)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		TRIAL trial = trial_open();
		struct job job;
		OUTCOME outcome = {0};

		trial_profile(&trial, plain);
		job = trial_start(
			&trial, "",
			"trap 'exit 41' TERM INT HUP USR1; echo ready; while :; do sleep 600 & wait $!; done");
		job_expect(&job, 1, "ready");
		cr_assert(kill(job.pid, signals[i]) == 0);
		outcome = job_finish(&job);
		cr_assert_eq(outcome.code, 41, "signal %d: %d %s", signals[i], outcome.code, outcome.err);
	}
}
