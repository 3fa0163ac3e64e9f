/* SPDX-License-Identifier: GPL-2.0 */
/* Promise 1: when the supervisor is killed, at whatever moment, every process of the agent is dead within a second. */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const char profile[] = "rein: 1\n"
			      "name: storm\n"
			      "description: A storm of forks, within limits.\n"
			      "extends: [base]\n"
			      "filesystem:\n"
			      "  write: [$WORKSPACE]\n"
			      "  execute: [$BUILD/tests/probe]\n"
			      "limits: {processes: 60}\n";

static void wait_ns(uint64_t ns)
{
	struct timespec time = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL); /* the moment of the kill is what varies here */
}

static void kill_marked(const char *marker)
{
	pid_t pid;

	while (harness_marked(marker, &pid))
		kill(pid, SIGKILL);
}

/* Says what survived, for whoever reads of the failure. */
static void describe_marked(const char *marker)
{
	pid_t pid;

	if (harness_marked(marker, &pid)) {
		OUTCOME seen = run_shell("grep -E '^(Name|State|PPid|NSpid|Uid|SigBlk|ShdPnd|SigPnd)' /proc/%d/status; "
					 "cat /proc/%d/wchan /proc/%d/cgroup; grep -l %s /proc/[0-9]*/cmdline | wc -l",
					 pid, pid, pid, marker);

		fprintf(stderr, "%s", seen.out);
	}
}

/* The second of the promise, on a machine as slow as this one. */
static uint64_t second_ns(void)
{
	return 1000000000ULL * (unsigned)harness_slow();
}

/* Kills the supervisor `after_ns` into the launch; true if nothing of it is left a second later. */
static bool dies(const struct trial *trial, const char *marker, uint64_t after_ns)
{
	char probe[512];
	const char *command[] = {probe, "storm", marker, NULL};
	struct job job;
	uint64_t killed_ns;
	bool left = true;

	snprintf(probe, sizeof(probe), "%s/tests/probe", harness_build());
	job = trial_start_command(trial, "", command, NULL);
	wait_ns(after_ns);
	kill(job.pid, SIGKILL);
	killed_ns = harness_now_ns();
	waitpid(job.pid, NULL, 0);
	while (left && harness_now_ns() - killed_ns < second_ns())
		left = harness_marked(marker, NULL);
	if (left) {
		describe_marked(marker);
		kill_marked(marker);
	}
	job_kill(&job);
	return !left;
}

static void at_random_moments(struct trial trial, int times)
{
	char marker[64];
	unsigned seed = (unsigned)harness_now_ns();
	int survived = 0;

	trial_profile(&trial, profile);
	fprintf(stderr, "seed %u\n", seed);
	for (int i = 0; i < times; i++) {
		/* Half of them while launching, which takes some 30 ms, half while the storm rages. */
		uint64_t after_ns = (uint64_t)(rand_r(&seed) % 1000) * (i % 2 ? 40000 : 300000);

		snprintf(marker, sizeof(marker), "storm-%d-%d-%u", getpid(), i, seed);
		survived += !dies(&trial, marker, after_ns);
	}
	cr_assert_eq(survived, 0, "after %d of %d kills something of the agent lived on for a second", survived, times);
}

Test(supervisor_death, at_50_random_moments, .timeout = 180)
{
	TRIAL trial = trial_open();

	at_random_moments(trial, 50);
}

Test(supervisor_death, at_random_moments_as_uid_0, .timeout = 120)
{
	if (!harness_root())
		harness_skip("supervisor_death: agents with uid 0 (this is not root)");
	{
		TRIAL trial = trial_open_own();

		at_random_moments(trial, 20);
	}
}

/* Init of the agent stopped, or the whole agent frozen: its death must not wait for that. */
Test(supervisor_death, while_frozen, .timeout = 60)
{
	TRIAL trial = trial_open();
	char marker[64], probe[512];
	struct job job;
	uint64_t killed_ns;
	bool left = true;

	trial_profile(&trial, profile);
	snprintf(marker, sizeof(marker), "frozen-%d", getpid());
	snprintf(probe, sizeof(probe), "%s/tests/probe", harness_build());
	job = trial_start_command(&trial, "", (const char *const[]){probe, "storm", marker, NULL}, NULL);
	{
		OUTCOME frozen =
			run_program((const char *const[]){harness_rein(), "freeze", trial_agent(&trial), NULL}, NULL);

		cr_assert_eq(frozen.code, 0, "rein freeze: %s", frozen.err);
	}
	kill(job.pid, SIGKILL);
	killed_ns = harness_now_ns();
	waitpid(job.pid, NULL, 0);
	while (left && harness_now_ns() - killed_ns < second_ns())
		left = harness_marked(marker, NULL);
	kill_marked(marker);
	job_kill(&job);
	cr_assert_not(left, "a frozen agent outlived its supervisor by a second");
}

/* A daemon that the agent leaves behind ends with the agent. */
Test(supervisor_death, daemons_end_with_the_agent, .timeout = 60)
{
	TRIAL trial = trial_open();
	char marker[64], probe[512], file[256];
	OUTCOME outcome = {0};

	trial_profile(&trial, profile);
	snprintf(marker, sizeof(marker), "daemon-%d", getpid());
	snprintf(probe, sizeof(probe), "%s/tests/probe", harness_build());
	snprintf(file, sizeof(file), "%s/daemon", trial.workspace);
	outcome = trial_command(&trial, "", (const char *const[]){probe, "linger", marker, file, NULL});
	cr_assert_eq(outcome.code, 0, "%s%s", outcome.out, outcome.err);
	cr_assert(access(file, F_OK) == 0, "the daemon did not start");
	cr_assert_not(harness_marked(marker, NULL), "a daemon outlived the agent");
}
