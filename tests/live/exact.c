/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a trip in the kernel is to the agent: what would pass the threshold does not happen, and once the breaker lets
 * it go on, it happens after all, and no program ever sees an error that nobody declared. Judged by files and exit
 * codes.
 */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void only_on_tier_a(void)
{
	OUTCOME doctor = run_program((const char *const[]){harness_rein(), "doctor", "--json", NULL}, NULL);
	json_t *facts = json_loads(doctor.out, 0, NULL);
	const char *tier = json_string_value(json_object_get(facts, "tier"));
	bool exact = tier && (!strcmp(tier, "A") || !strcmp(tier, "K"));

	json_decref(facts);
	if (!exact)
		harness_skip("bpf-file does not work here");
}

TestSuite(exact, .init = only_on_tier_a, .timeout = 240);

static void profile_with(const struct trial *trial, const char *breaker)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "rein: 1\nname: exact\ndescription: One breaker.\nextends: [base]\n"
		 "filesystem:\n  write: [$WORKSPACE]\n  execute: [$BUILD/tests/probe]\n"
		 "breakers:\n  budget: %s\n",
		 breaker);
	trial_profile(trial, text);
}

/* Bytes in a file of the workspace, -1: there is none. */
static long long size_of(const struct trial *trial, const char *name)
{
	struct stat status;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", trial->workspace, name);
	return stat(path, &status) ? -1 : (long long)status.st_size;
}

static void order(const struct trial *trial, const char *what, const char *option)
{
	OUTCOME done = run_program((const char *const[]){harness_rein(), what, trial_agent(trial), option, NULL}, NULL);

	cr_assert_eq(done.code, 0, "rein %s: %s", what, done.err);
}

Test(exact, after_a_freeze_the_call_happens_and_nobody_saw_an_error)
{
	TRIAL trial = trial_open();
	struct job job;

	profile_with(&trial, "{meter: write.bytes, rate: 1B/m, burst: 1000B, on_trip: freeze, exactness: exact}");
	job = trial_start(&trial, "", "head -c 600 /dev/zero >a; head -c 600 /dev/zero >b; echo ended with $?");
	trial_wait_event(&trial, "trip", "mechanism", "bpf-file");
	cr_expect_eq(size_of(&trial, "a"), 600);
	cr_expect_eq(size_of(&trial, "b"), 0, "not one byte passes");
	cr_expect_not(job_ends(&job, 300), "it is frozen");
	order(&trial, "reset", "--refill");
	{
		OUTCOME outcome = job_finish(&job);

		cr_expect(strstr(outcome.out, "ended with 0"), "%s%s", outcome.out, outcome.err);
		cr_expect_eq(outcome.code, 0);
	}
	cr_expect_eq(size_of(&trial, "b"), 600, "the very call was made again");
	trial_verify(&trial);
}

Test(exact, a_throttled_agent_gets_there_without_an_error)
{
	TRIAL trial = trial_open();
	uint64_t started = harness_now_ns();

	profile_with(&trial, "{meter: write.bytes, rate: 200B/s, burst: 500B, on_trip: throttle}");
	{
		OUTCOME outcome =
			trial_run(&trial, "", "dd if=/dev/zero of=a bs=400 count=4 status=none || exit 9; echo well");

		cr_expect_eq(outcome.code, 0, "%s", outcome.err);
		cr_expect(strstr(outcome.out, "well"));
	}
	cr_expect_geq(harness_now_ns() - started, 5500000000ULL, "1600 bytes take 5.5 seconds beyond the burst");
	cr_expect_eq(size_of(&trial, "a"), 1600);
	cr_expect_geq(trial_count(&trial, "trip", "mechanism", "bpf-file"), 1);
	trial_verify(&trial);
}

Test(exact, what_is_denied_fails_until_it_has_cooled_down)
{
	TRIAL trial = trial_open();

	profile_with(&trial, "{meter: delete.files, rate: 30/m, burst: 2, on_trip: deny, cool_down: 2s, probe: 2}");
	{
		OUTCOME outcome = trial_run(&trial, "",
					    "touch a b c d e; rm a b c d e; ls; until rm c 2>/dev/null; do sleep 0.2; "
					    "done; echo then; ls");

		cr_expect(strstr(outcome.out, "c\nd\ne\nthen\nd\ne\n"), "%s%s", outcome.out, outcome.err);
		cr_expect(strstr(outcome.err, "Disk quota exceeded"), "%s", outcome.err);
		cr_expect_eq(outcome.code, 0);
	}
	cr_expect_eq(trial_count(&trial, "trip", NULL, NULL), 1);
	cr_expect_geq(trial_count(&trial, "deny", "op", "delete"), 2, "each is told");
	cr_expect_geq(trial_count(&trial, "state", "op", "half-open"), 1);
	trial_verify(&trial);
}

Test(exact, a_total_is_for_life)
{
	TRIAL trial = trial_open();

	profile_with(&trial, "{meter: write.bytes, rate: 1MiB/s, burst: 1MiB, total: 1000B, on_trip: deny}");
	{
		OUTCOME outcome = trial_run(&trial, "", "for f in a b c; do head -c 400 /dev/zero >$f; done");

		cr_expect(strstr(outcome.err, "Disk quota exceeded"), "%s", outcome.err);
	}
	cr_expect_eq(size_of(&trial, "b"), 400);
	cr_expect_eq(size_of(&trial, "c"), 0);
}

Test(exact, a_kill_ends_all_of_it_before_the_call)
{
	TRIAL trial = trial_open();

	profile_with(&trial, "{meter: create.files, rate: 1/m, burst: 3, on_trip: kill}");
	{
		OUTCOME outcome =
			trial_run(&trial, "", "sleep 97531 & for i in 1 2 3 4 5; do : >$i; done; sleep 97531");

		cr_expect_eq(outcome.code, 122, "%s", outcome.err);
	}
	cr_expect_eq(size_of(&trial, "3"), 0);
	cr_expect_eq(size_of(&trial, "4"), -1, "what would pass the threshold does not happen");
	cr_expect_not(harness_marked("97531", NULL), "the whole agent is dead");
	trial_verify(&trial);
}

Test(exact, what_is_larger_than_the_burst_fails_and_does_not_hang)
{
	TRIAL trial = trial_open();
	struct job job;

	profile_with(&trial, "{meter: write.bytes, rate: 1MiB/s, burst: 1000B, on_trip: freeze}");
	job = trial_start(&trial, "", "dd if=/dev/zero of=large bs=2000 count=1; echo ended with $?");
	trial_wait_event(&trial, "trip", "why", "so it failed");
	order(&trial, "reset", NULL);
	{
		OUTCOME outcome = job_finish(&job);

		cr_expect(strstr(outcome.out, "ended with 1"), "%s", outcome.out);
		cr_expect(strstr(outcome.err, "Disk quota exceeded"), "%s", outcome.err);
	}
	cr_expect_eq(size_of(&trial, "large"), 0);
}

static void wait_for_entries(const struct trial *trial, int wanted)
{
	int found = 0;

	for (uint64_t until = harness_now_ns() + HARNESS_PATIENCE_MS * 1000000ULL;
	     found < wanted && harness_now_ns() < until;) {
		OUTCOME count = run_shell("ls %s | wc -l", trial->workspace);

		found = atoi(count.out);
	}
}

Test(exact, threads_and_children_wait_together_and_go_on_together)
{
	TRIAL trial = trial_open();
	struct job job;

	profile_with(&trial, "{meter: create.files, rate: 1/m, burst: 50, on_trip: freeze}");
	job = trial_start(
		&trial, "",
		"mkdir -p . ; for p in 1 2 3 4; do (for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; "
		"do : >$p.$i || echo failed; done) & done; wait; echo ended; ls | wc -l");
	trial_wait_event(&trial, "trip", "mechanism", "bpf-file");
	wait_for_entries(&trial, 50); /* who was let in before the trip may still be on the way */
	cr_expect_not(job_ends(&job, 300), "it is frozen");
	{
		OUTCOME count = run_shell("ls %s | wc -l", trial.workspace);

		cr_expect_str_eq(count.out, "50\n", "exactly the burst");
	}
	order(&trial, "reset", "--refill");
	{
		OUTCOME outcome = job_finish(&job);

		cr_expect(strstr(outcome.out, "ended\n80"), "%s%s", outcome.out, outcome.err);
		cr_expect_not(strstr(outcome.out, "failed"));
	}
}

Test(exact, a_stream_that_is_denied_fails)
{
	TRIAL trial = trial_open();

	trial_profile(&trial, "rein: 1\nname: exact\ndescription: One breaker.\nextends: [base]\n"
			      "filesystem: {write: [$WORKSPACE]}\n"
			      "network:\n  connect: [{cidr: 127.0.0.1/32}]\n  listen: [{cidr: 127.0.0.1/32}]\n"
			      "breakers:\n  egress: {meter: net.tx.bytes, rate: 1B/s, burst: 20000B, on_trip: deny}\n");
	{
		OUTCOME outcome = trial_run(&trial, "",
					    "python3 -c 'import socket\n"
					    "s = socket.create_server((\"127.0.0.1\", 0))\n"
					    "c = socket.create_connection(s.getsockname())\n"
					    "try:\n"
					    "  for i in range(500): c.send(b\"x\" * 1000)\n"
					    "  print(\"stalled\")\n"
					    "except PermissionError: print(\"refused\")'");

		cr_expect_str_eq(outcome.out, "refused\n", "%s%s", outcome.out, outcome.err);
	}
	cr_expect_geq(trial_count(&trial, "deny", "op", "send"), 1);
}

#define QUEUES                                                                                              \
	"syscalls: [io_uring_setup, io_uring_enter, io_uring_register, io_setup, io_submit, io_getevents, " \
	"io_destroy]\n"

static void profile_with_queues(const struct trial *trial)
{
	trial_profile(trial, "rein: 1\nname: exact\ndescription: Queues.\nextends: [base]\n"
			     "filesystem:\n  write: [$WORKSPACE]\n  execute: [$BUILD/tests/probe]\n" QUEUES
			     "breakers:\n  writes: {meter: write.bytes, rate: 1B/s, burst: 10000B, on_trip: deny}\n");
}

/* `probe WORDS`, inside. */
static struct outcome queue(const struct trial *trial, const char *const words[])
{
	const char *command[8] = {NULL};
	char probe[512];

	snprintf(probe, sizeof(probe), "%s/tests/probe", harness_build());
	command[0] = probe;
	for (int i = 0; words[i]; i++)
		command[i + 1] = words[i];
	return trial_command(trial, "", command);
}

Test(exact, what_queues_write_is_counted)
{
	static const char *const ways[] = {"ring-write", "aio-write"};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		TRIAL trial = trial_open();

		profile_with_queues(&trial);
		{
			OUTCOME outcome = queue(&trial, (const char *const[]){ways[i], "out", "3000", "5", NULL});

			cr_expect(strstr(outcome.out, "Disk quota exceeded"), "%s%s", outcome.out, outcome.err);
		}
		cr_expect_eq(size_of(&trial, "out"), 9000, "%s: %lld", ways[i], size_of(&trial, "out"));
		cr_expect_eq(trial_count(&trial, "trip", NULL, NULL), 1);
	}
}

/* What the seccomp filter would refuse of the same calls. */
Test(exact, queues_are_no_way_past_the_filter)
{
	static const struct {
		const char *words[5], *says;
	} table[] = {
		{{"ring-socket", "2", "1", "0"}, "ring-socket: done"},	       /* AF_INET, SOCK_STREAM */
		{{"ring-socket", "38", "5", "0"}, "Operation not permitted"},  /* AF_ALG, SOCK_SEQPACKET */
		{{"ring-socket", "40", "1", "0"}, "Operation not permitted"},  /* AF_VSOCK */
		{{"ring-socket", "2", "2", "136"}, "Operation not permitted"}, /* UDP-Lite */
		{{"ring-make", "plain", "755", "101"}, "ring-make: done"},     /* O_CREAT | O_WRONLY */
		{{"ring-make", "setuid", "4755", "101"}, "Operation not permitted"},
		{{"ring-make", ".", "4755", "20200002"}, "Operation not permitted"}, /* O_TMPFILE | O_RDWR */
	};
	TRIAL trial = trial_open();

	profile_with_queues(&trial);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		OUTCOME outcome = queue(&trial, table[i].words);

		cr_expect(strstr(outcome.out, table[i].says), "%s %s: %s%s", table[i].words[0], table[i].words[1],
			  outcome.out, outcome.err);
	}
	cr_expect_eq(size_of(&trial, "setuid"), -1);
	cr_expect_geq(trial_count(&trial, "deny", "op", "socket"), 3);
	cr_expect_geq(trial_count(&trial, "deny", "op", "openat"), 2);
}
