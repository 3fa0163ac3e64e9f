/* SPDX-License-Identifier: GPL-2.0 */
/* Breakers must count whatever destroys or writes, by whichever call: judged by what is left on disk. */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 60
#define BURST 10

static const char few_deletes[] = "rein: 1\n"
				  "name: few-deletes\n"
				  "description: Ten deletions and no more.\n"
				  "extends: [base]\n"
				  "filesystem:\n"
				  "  write: [$WORKSPACE]\n"
				  "  execute: [$BUILD/tests/probe]\n"
				  "breakers:\n"
				  "  deletes: {meter: delete.files, rate: 1/m, burst: 10, on_trip: kill}\n";

static const char few_bytes[] = "rein: 1\n"
				"name: few-bytes\n"
				"description: One mebibyte and no more.\n"
				"extends: [base]\n"
				"filesystem:\n"
				"  write: [$WORKSPACE]\n"
				"  execute: [$BUILD/tests/probe]\n"
				"breakers:\n"
				"  writes: {meter: write.bytes, rate: 1KiB/s, burst: 1MiB, on_trip: kill}\n";

static void fill(const struct trial *trial)
{
	char name[64];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "ws/f%d", i);
		trial_write(trial, name, "content that matters\n", 0644);
	}
}

/* Files whose content is still there. */
static int intact(const struct trial *trial)
{
	char name[64];
	int count = 0;

	for (int i = 0; i < FILES; i++) {
		char *content;

		snprintf(name, sizeof(name), "ws/f%d", i);
		content = trial_read(trial, name);
		count += content && strcmp(content, "content that matters\n") == 0;
		free(content);
	}
	return count;
}

static struct outcome run_work(const struct trial *trial, const char *work, const char *how, int count)
{
	char probe[512], number[16];

	snprintf(probe, sizeof(probe), "%s/tests/probe", harness_build());
	snprintf(number, sizeof(number), "%d", count);
	return trial_command(trial, "", (const char *const[]){probe, work, how, trial->workspace, number, NULL});
}

static void deletes_are_bounded_by(const char *how)
{
	TRIAL trial = trial_open();
	OUTCOME outcome = {0};
	int left;

	trial_profile(&trial, few_deletes);
	fill(&trial);
	outcome = run_work(&trial, "destroy", how, FILES);
	left = intact(&trial);
	/* prompt: the call during which it trips may still happen */
	cr_expect(left >= FILES - BURST - 1, "%s: %d files destroyed, %d allowed; %s", how, FILES - left, BURST,
		  outcome.err);
	cr_expect(left < FILES, "%s: nothing was destroyed, so nothing was tested; %s", how, outcome.err);
	cr_expect_eq(outcome.code, 122, "%s: exit code %d; %s", how, outcome.code, outcome.err);
	cr_expect_eq(trial_count(&trial, "trip", "meter", "delete.files"), 1, "%s: no trip in the log", how);
}

Test(evasion, deletes, .timeout = 120)
{
	static const char *const ways[] = {"unlink",   "unlinkat",	 "rename-over",
					   "truncate", "ftruncate",	 "open-truncate",
					   "creat",    "punching-holes", "truncate-through-proc"};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		deletes_are_bounded_by(ways[i]);
}

static void bytes_are_bounded_by(const char *how)
{
	TRIAL trial = trial_open();
	OUTCOME outcome = {0};
	char path[256];
	struct stat status;

	trial_profile(&trial, few_bytes);
	outcome = run_shell("head -c 65536 /dev/zero | tr '\\0' x >%s/block && chmod 644 %s/block", trial.workspace,
			    trial.workspace);
	outcome_free(&outcome);
	outcome = run_work(&trial, "pour", how, 100);
	snprintf(path, sizeof(path), "%s/out", trial.workspace);
	cr_assert(stat(path, &status) == 0, "%s: nothing was written, so nothing was tested; %s", how, outcome.err);
	cr_expect(status.st_size <= (1 << 20) + 65536, "%s: %lld bytes written, 1 MiB allowed; %s", how,
		  (long long)status.st_size, outcome.err);
	cr_expect_eq(outcome.code, 122, "%s: exit code %d; %s", how, outcome.code, outcome.err);
}

Test(evasion, bytes, .timeout = 120)
{
	static const char *const ways[] = {"write",    "writev", "pwrite",	   "pwritev2",
					   "sendfile", "splice", "copy-file-range"};

	if (!harness_root())
		harness_skip("evasion of write.bytes call by call (without root bytes are sampled)");
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		bytes_are_bounded_by(ways[i]);
}

/* A child that is forked, or a session that is left, spends the same budget. */
Test(evasion, children_share_the_budget, .timeout = 60)
{
	TRIAL trial = trial_open();
	OUTCOME outcome = {0};

	trial_profile(&trial, few_deletes);
	fill(&trial);
	outcome = trial_run(&trial, "", "for i in $(seq 0 59); do (setsid sh -c \"rm f$i\" &) ; done; wait; sleep 600");
	cr_assert_eq(outcome.code, 122, "%d %s", outcome.code, outcome.err);
	cr_assert(intact(&trial) >= FILES - BURST - 2, "%d files destroyed", FILES - intact(&trial));
}
