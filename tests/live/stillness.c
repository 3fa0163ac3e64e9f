/* SPDX-License-Identifier: GPL-2.0 */
/* A freeze holds, or the agent ends: judged by whether what it writes goes on growing. */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char frozen_at_ten[] = "rein: 1\n"
				    "name: frozen\n"
				    "description: Ten deletions, then a freeze.\n"
				    "extends: [base]\n"
				    "filesystem:\n"
				    "  write: [$WORKSPACE]\n"
				    "  execute: [$BUILD/tests/probe]\n"
				    "breakers:\n"
				    "  deletes: {meter: delete.files, rate: 1/m, burst: 10, on_trip: freeze}\n";

static long long ticks(const struct trial *trial)
{
	char path[256];
	struct stat status;

	snprintf(path, sizeof(path), "%s/ticks", trial->workspace);
	return stat(path, &status) ? -1 : (long long)status.st_size;
}

Test(stillness, what_will_not_stand_still_is_ended, .timeout = 120)
{
	TRIAL trial = trial_open();
	OUTCOME outcome = {0};
	char probe[512];
	struct job job;
	long long before;

	snprintf(probe, sizeof(probe), "%s/tests/probe", harness_build());
	trial_profile(&trial, frozen_at_ten);
	job = trial_start_command(&trial, "", (const char *const[]){probe, "restless", trial.workspace, NULL}, NULL);
	trial_wait_event(&trial, "trip", NULL, NULL);
	if (job_ends(&job, 10000)) {
		outcome = job_finish(&job);
		cr_expect_eq(outcome.code, 122, "exit code %d; %s", outcome.code, outcome.err);
		return;
	}
	/* A freezer holds it for good: nothing more is written in any while. */
	before = ticks(&trial);
	cr_assert(before > 0, "it never wrote, so nothing was tested");
	cr_expect(!job_ends(&job, 1000));
	cr_expect_eq(ticks(&trial), before, "it went on while frozen");
	job_kill(&job);
}
