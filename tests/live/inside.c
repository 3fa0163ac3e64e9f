/* SPDX-License-Identifier: GPL-2.0 */
/* What an agent finds around it: environment, descriptors, /proc, /dev, private folders, limits. */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char plain[] = "rein: 1\n"
			    "name: plain\n"
			    "description: One workspace and the system's programs.\n"
			    "extends: [base]\n"
			    "filesystem:\n"
			    "  write: [$WORKSPACE, $TMPDIR, /dev/shm]\n"
			    "environment: {keep: [\"KEPT_*\"], set: {GIVEN: \"by the profile\"}}\n"
			    "limits: {open_files: 128, file_size: 1MiB}\n";

/* A script and the exact standard output it must have inside. */
static const struct {
	const char *what, *script, *out;
} rows[] = {
	{"an unnamed variable stays behind", "echo \"[$SECRET_TOKEN]\"", "[]\n"},
	{"a kept one comes along", "echo $KEPT_ONE", "yes\n"},
	{"one that the profile sets", "echo $GIVEN", "by the profile\n"},
	{"the working directory is the workspace", "[ \"$(pwd -P)\" = \"$(realpath $PWD)\" ] && echo same", "same\n"},
	{"no descriptor but the standard ones",
	 "for fd in 3 4 5 6 7 8 9 10 11 12 20 50 100 200; do [ -e /proc/self/fd/$fd ] && readlink /proc/$$/fd/$fd; "
	 "done; true",
	 ""},
	{"its processes are the only ones",
	 "ls /proc | grep -c '^[0-9][0-9]*$' | awk '{print ($1 < 8 ? \"few\" : \"many\")}'", "few\n"},
	{"/proc is its own", "[ \"$(readlink /proc/self)\" -lt 100 ] && echo small", "small\n"},
	{"core dumps are off", "ulimit -c; ulimit -H -c", "0\n0\n"},
	{"no core file", "sh -c 'kill -SEGV $$' 2>/dev/null; ls | grep -c core", "0\n"},
	{"open_files", "ulimit -n", "128\n"},
	{"file_size", "head -c 2000000 /dev/zero >big 2>/dev/null; wc -c <big", "1048576\n"},
	{"no privileges", "grep -h '^Cap' /proc/self/status | awk '$2 != \"0000000000000000\" && $1 != \"CapBnd:\"'",
	 ""},
	{"no_new_privs", "grep -h NoNewPrivs /proc/self/status | cut -f2", "1\n"},
	{"a filter", "grep -h '^Seccomp:' /proc/self/status | cut -f2", "2\n"},
	{"/tmp is private and empty", "ls -A /tmp | wc -l", "0\n"},
	{"/tmp can be written", "echo x >/tmp/x && cat /tmp/x", "x\n"},
	{"/dev/shm can be written", "echo x >/dev/shm/x && cat /dev/shm/x", "x\n"},
	{"the usual devices",
	 "for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo no $d; done; head -c 3 /dev/zero | wc "
	 "-c",
	 "3\n"},
	{"no disks", "ls /dev | grep -E '^(sd|vd|nvme|loop|mem|kmsg|port)' | wc -l", "0\n"},
	{"/dev/null swallows", "echo x >/dev/null && echo fine", "fine\n"},
	{"pipes and background jobs", "seq 1000 | sort -n | tail -n 1; (sleep 0 & wait); echo done", "1000\ndone\n"},
	{"here documents", "cat <<X\nhello\nX", "hello\n"},
	{"/proc/self/exe", "[ -n \"$(readlink /proc/self/exe)\" ] && echo there", "there\n"},
	{"loopback is up", "cat /sys/class/net/lo/operstate >/dev/null 2>&1; cat /proc/net/dev | grep -c lo:", "1\n"},
	{"an unknown name is not found, and said so", "cat /no/such/file 2>&1 | grep -o 'No such file or directory'",
	 "No such file or directory\n"},
	{"what is there but undeclared is refused, and said so", "cat /etc/shadow 2>&1 | grep -o 'Permission denied'",
	 "Permission denied\n"},
	{"who am I", "[ \"$(id -un)\" = \"$USER\" ] && echo me", "me\n"},
	{"signals do not reach init", "kill -TERM 1 2>/dev/null; kill -KILL 1 2>/dev/null; echo alive", "alive\n"},
	{"zombies are reaped",
	 "(sh -c 'sleep 0.05 & exit 0') ; sleep 0.3; grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l",
	 "0\n"},
};

Test(inside, table, .timeout = 120)
{
	static const char *const environment[] = {"SECRET_TOKEN=hunter2", "KEPT_ONE=yes", NULL};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		TRIAL trial = trial_open();
		const struct job_options options = {.environment = environment};
		struct job job;
		OUTCOME outcome = {0};

		trial_profile(&trial, plain);
		job = trial_start_command(&trial, "", (const char *const[]){"/bin/sh", "-c", rows[i].script, NULL},
					  &options);
		outcome = job_finish(&job);
		cr_expect_str_eq(outcome.out, rows[i].out, "%s: printed %s instead of %s; errors: %s", rows[i].what,
				 outcome.out, rows[i].out, outcome.err);
	}
}

/* Standard input, output and error go through as they are where they are no terminals. */
Test(inside, standard_streams, .timeout = 60)
{
	TRIAL trial = trial_open();
	const struct job_options options = {.keep_input = true};
	struct job job;
	OUTCOME outcome = {0};

	trial_profile(&trial, plain);
	job = trial_start_command(&trial, "", (const char *const[]){"/bin/sh", "-c", "tr a-z A-Z; echo oops >&2", NULL},
				  &options);
	cr_assert(write(job.in, "from outside\n", 13) == 13);
	outcome = job_finish(&job);
	cr_assert_str_eq(outcome.out, "FROM OUTSIDE\n");
	cr_assert(strstr(outcome.err, "oops\n") != NULL, "%s", outcome.err);
}

/* What it leaves in private folders is gone with it; what it leaves in the workspace stays and belongs to the user. */
Test(inside, leaves_only_its_work, .timeout = 60)
{
	TRIAL trial = trial_open();
	char *content;
	OUTCOME outcome = {0};

	trial_profile(&trial, plain);
	outcome = trial_run(&trial, "", "echo mine >kept; echo x >/tmp/gone; mkdir -p deep/er; chmod 600 kept");
	cr_assert_eq(outcome.code, 0, "%s", outcome.err);
	content = trial_read(&trial, "ws/kept");
	cr_assert_str_eq(content, "mine\n");
	free(content);
	outcome_free(&outcome);
	outcome =
		run_shell("stat -c %%u:%%a %s/kept; ls -A %s | sort | tr '\\n' ' '", trial.workspace, trial.workspace);
	{
		char expected[128];

		snprintf(expected, sizeof(expected), "%u:600\ndeep kept ", trial.uid);
		cr_assert_str_eq(outcome.out, expected);
	}
}

/* As long as it runs it is listed, and not any more afterwards. */
Test(inside, is_listed, .timeout = 60)
{
	TRIAL trial = trial_open();
	const struct job_options options = {.keep_input = true};
	struct job job;
	OUTCOME outcome = {0};
	char id[128];

	trial_profile(&trial, plain);
	job = trial_start_command(
		&trial, "", (const char *const[]){"/bin/sh", "-c", "echo ready; read line; exit 0", NULL}, &options);
	job_expect(&job, 1, "ready");
	snprintf(id, sizeof(id), "%s", trial_agent(&trial));
	outcome = run_program((const char *const[]){harness_rein(), "ps", "--json", NULL}, NULL);
	cr_assert(outcome.code == 0 && strstr(outcome.out, id), "%s%s", outcome.out, outcome.err);
	outcome_free(&outcome);
	outcome = job_finish(&job);
	cr_assert_eq(outcome.code, 0, "%s", outcome.err);
	outcome_free(&outcome);
	outcome = run_program((const char *const[]){harness_rein(), "ps", "--json", NULL}, NULL);
	cr_assert(!strstr(outcome.out, id), "%s is still listed: %s", id, outcome.out);
	trial_verify(&trial);
}

/* What the counter stands at once it stands still: a stop reaches a process at its next step, not before the answer. */
static char *still_tick(const struct trial *trial, struct job *job)
{
	char *last = trial_read(trial, "ws/tick");

	for (int looks = 0; looks < 50; looks++) {
		bool ended = job_ends(job, 20);
		char *now = trial_read(trial, "ws/tick");
		bool same = strcmp(last, now) == 0;

		free(last);
		last = now;
		if (same || ended)
			break;
	}
	return last;
}

/* Frozen, nothing of it runs; thawed, it goes on where it was. */
Test(inside, freezes_and_thaws, .timeout = 60)
{
	TRIAL trial = trial_open();
	struct job job;
	OUTCOME outcome = {0};
	char *before, *after;

	trial_profile(&trial, plain);
	job = trial_start(&trial, "",
			  "i=0; while [ $i -lt 100000000 ]; do i=$((i+1)); echo $i >tick; [ -e stop ] && exit 9; done");
	{
		char path[256];

		snprintf(path, sizeof(path), "%s/tick", trial.workspace);
		harness_wait_file(path);
	}
	outcome = run_program((const char *const[]){harness_rein(), "freeze", trial_agent(&trial), NULL}, NULL);
	cr_assert_eq(outcome.code, 0, "%s", outcome.err);
	outcome_free(&outcome);
	before = still_tick(&trial, &job);
	cr_assert_not(job_ends(&job, 300));
	after = trial_read(&trial, "ws/tick");
	cr_assert_str_eq(before, after, "it went on while frozen: %s then %s", before, after);
	free(before);
	free(after);
	outcome = run_program((const char *const[]){harness_rein(), "thaw", trial_agent(&trial), NULL}, NULL);
	cr_assert_eq(outcome.code, 0, "%s", outcome.err);
	outcome_free(&outcome);
	trial_write(&trial, "ws/stop", "", 0644);
	outcome = job_finish(&job);
	cr_assert_eq(outcome.code, 9, "%d %s", outcome.code, outcome.err);
}
