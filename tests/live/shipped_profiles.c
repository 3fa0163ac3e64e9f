/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Promise 2: every shipped profile starts without --degrade, as an ordinary user and as root, on this kernel and on
 * those of tests/vm; the agent does what it may and not what it may not.
 */

static const char *const shipped[] = {"base", "coding-agent", "ci", "offline", "observe-nothing"};

static struct outcome run_shipped(const struct trial *trial, const char *profile, const char *const command[3])
{
	const char *argv[] = {harness_rein(), "run", "-p", profile, "--", command[0], command[1], command[2], NULL};
	struct job_options options = {.directory = trial->workspace};

	return run_program(argv, &options);
}

Test(shipped_profiles, start, .timeout = 60)
{
	TRIAL trial = trial_open();

	for (size_t i = 0; i < sizeof(shipped) / sizeof(shipped[0]); i++) {
		OUTCOME outcome = run_shipped(&trial, shipped[i], (const char *const[3]){"/bin/true"});

		cr_expect_eq(outcome.code, 0, "%s: %d %s", shipped[i], outcome.code, outcome.err);
	}
}

Test(shipped_profiles, confine, .timeout = 60)
{
	TRIAL trial = trial_open();
	char script[512], *inside, *outside;
	mode_t mask = umask(0);
	struct stat status;

	trial_write(&trial, "secret", "SECRET\n", 0644);
	trial_write(&trial, "outside", "as it was\n", 0666);
	umask(mask);
	snprintf(script, sizeof(script), "echo in >made; cat %s/secret; echo out >%s/outside; echo out >%s/made",
		 trial.root, trial.root, trial.root);
	{
		OUTCOME outcome = run_shipped(&trial, "coding-agent", (const char *const[]){"/bin/sh", "-c", script});

		cr_expect(!strstr(outcome.out, "SECRET"), "%s", outcome.out);
	}
	inside = trial_read(&trial, "ws/made");
	outside = trial_read(&trial, "outside");
	cr_expect_str_eq(inside ? inside : "", "in\n");
	cr_expect_str_eq(outside ? outside : "", "as it was\n");
	snprintf(script, sizeof(script), "%s/made", trial.root);
	cr_expect(stat(script, &status) != 0);
	free(inside);
	free(outside);
}

/*
 * Root has all of tier B at least: the BPF programs passed this kernel's verifier, and fired. REIN_TIER names the tier
 * that is known to be had here: tests of a mechanism skip where it does not work, and this one fails.
 */
Test(shipped_profiles, have_bpf_with_root, .timeout = 60)
{
	OUTCOME doctor = run_program((const char *const[]){harness_rein(), "doctor", "--json", NULL}, NULL);
	json_t *facts = json_loads(doctor.out, 0, NULL);
	const char *tier = json_string_value(json_object_get(facts, "tier")), *known = getenv("REIN_TIER");

	if (!harness_root())
		harness_skip("only root loads BPF programs");
	cr_assert_not_null(tier, "%s%s", doctor.out, doctor.err);
	cr_expect(strchr(known ? known : "ABK", *tier), "tier %s: %s", tier, doctor.out);
	json_decref(facts);
}
