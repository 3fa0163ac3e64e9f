/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/harness.h"

/* What `rein plan` says is what `rein run` does. */

static const char *const shipped[] = {"base", "coding-agent", "ci", "offline", "observe-nothing"};

static struct outcome rein(const struct trial *trial, const char *const *words)
{
	const char *argv[16] = {harness_rein()};

	for (int i = 0; words[i]; i++)
		argv[i + 1] = words[i];
	return run_program(argv, &(struct job_options){.directory = trial->workspace});
}

#define REIN(trial, ...) rein(trial, (const char *const[]){__VA_ARGS__, NULL})

/* The plan of the trial's profile, or of a shipped one, as JSON; the caller owns it. */
static json_t *plan_json(const struct trial *trial, const char *profile, int expected_code)
{
	OUTCOME outcome = REIN(trial, "plan", "--json", "-p", profile);
	json_t *json = json_loads(outcome.out, 0, NULL);

	cr_assert_eq(outcome.code, expected_code, "%s: exit code %d: %s", profile, outcome.code, outcome.err);
	cr_assert(json, "%s: no JSON: %s", profile, outcome.out);
	return json;
}

Test(plan, every_shipped_profile_starts_here_without_degrade)
{
	TRIAL trial = trial_open();

	for (size_t i = 0; i < REIN_COUNT(shipped); i++) {
		json_t *json = plan_json(&trial, shipped[i], 0);

		cr_expect(json_is_true(json_object_get(json, "starts")), "%s", shipped[i]);
		cr_expect_gt(json_array_size(json_object_get(json, "lines")), 8, "%s", shipped[i]);
		json_decref(json);
		OUTCOME outcome = REIN(&trial, "run", "-p", shipped[i], "--", "/usr/bin/true");
		cr_expect_eq(outcome.code, 0, "%s: exit code %d: %s", shipped[i], outcome.code, outcome.err);
	}
}

#define PROFILE(breaker)                                       \
	"rein: 1\nname: planned\nextends: [observe-nothing]\n" \
	"breakers:\n"                                          \
	"  tested: " breaker "\n"

static const struct {
	const char *breaker, *note; /* of the line that cannot be kept */
} refused[] = {
	{PROFILE("{meter: write.bytes, rate: 1MiB/s, burst: 1MiB, on_trip: deny}"),
	 "nothing here keeps on_trip: deny of write.bytes"},
	{PROFILE("{meter: write.bytes, rate: 1MiB/s, burst: 1MiB, on_trip: kill, exactness: exact}"),
	 "nothing here keeps on_trip: kill of write.bytes exactly"},
};

Test(plan, what_it_refuses_does_not_start)
{
	TRIAL trial = trial_open();

	for (size_t i = 0; i < REIN_COUNT(refused); i++) {
		char place[200];

		trial_profile(&trial, refused[i].breaker);
		snprintf(place, sizeof(place), "rein: %s:5: tested: ", trial.profile);
		OUTCOME plan = REIN(&trial, "plan", "-p", trial.profile);
		cr_expect_eq(plan.code, 1);
		cr_expect(strstr(plan.out, refused[i].note), "%s", plan.out);
		cr_expect(strstr(plan.out, "it would not start"), "%s", plan.out);
		OUTCOME run = trial_run(&trial, "", "touch ran");
		cr_expect_eq(run.code, 125);
		cr_expect(strstr(run.err, place), "%s", run.err);
		cr_expect(strstr(run.err, refused[i].note), "%s", run.err);
	}
}

Test(plan, what_it_degrades_starts_with_a_warning_that_is_audited)
{
	TRIAL trial = trial_open();

	trial_profile(&trial, refused[0].breaker);
	OUTCOME plan = REIN(&trial, "plan", "--degrade", "-p", trial.profile);
	cr_expect_eq(plan.code, 0, "%s", plan.err);
	cr_expect(strstr(plan.out, "degraded"), "%s", plan.out);
	OUTCOME run = trial_command(&trial, "--degrade", (const char *const[]){"/usr/bin/true", NULL});
	cr_expect_eq(run.code, 0, "%s", run.err);
	cr_expect(strstr(run.err, refused[0].note), "%s", run.err);
	cr_expect_eq(trial_count(&trial, "degrade", "why", refused[0].note), 1);
}

/* A user namespace in which nobody is mapped may make no others: as in containers that forbid them. */
static struct outcome walled(const struct trial *trial, const char *words)
{
	char script[512];

	snprintf(script, sizeof(script), "exec unshare --user \"%s\" %s", harness_rein(), words);
	return run_program((const char *const[]){"sh", "-c", script, NULL},
			   &(struct job_options){.directory = trial->workspace, .other_user = harness_root()});
}

Test(plan, where_namespaces_are_forbidden_nothing_starts)
{
	TRIAL trial = trial_open();
	OUTCOME doctor = walled(&trial, "doctor");
	OUTCOME plan = walled(&trial, "plan -p observe-nothing");
	OUTCOME run = walled(&trial, "run --degrade -p observe-nothing -- /usr/bin/true");

	cr_expect_eq(doctor.code, 1, "%s", doctor.err);
	cr_expect(strstr(doctor.out, "tier none"), "%s", doctor.out);
	cr_expect_eq(plan.code, 1, "%s", plan.err);
	cr_expect(strstr(plan.out, "no PID namespace can be made here"), "%s", plan.out);
	cr_expect_eq(run.code, 125, "%s", run.err);
	cr_expect(strstr(run.err, "if rein dies, every process of the agent dies: no PID namespace"), "%s", run.err);
}

Test(plan, doctor_knows_this_machine)
{
	TRIAL trial = trial_open();
	OUTCOME people = REIN(&trial, "doctor");
	OUTCOME scripts = REIN(&trial, "doctor", "--json");
	json_t *json = json_loads(scripts.out, 0, NULL);

	cr_assert(json, "%s", scripts.out);
	cr_expect_eq(people.code, 0, "%s", people.out);
	cr_expect_eq(json_is_true(json_object_get(json, "privileged")), harness_root());
	cr_expect(json_is_true(json_object_get(json_object_get(json_object_get(json, "facts"), "seccomp"), "works")));
	cr_expect_null(strchr(people.out, '\033'), "no colours where nobody sees them");
	json_decref(json);
}

Test(plan, counts_what_is_not_there_and_lists_it_on_demand)
{
	TRIAL trial = trial_open();

	trial_profile(&trial, "rein: 1\nname: planned\nextends: [observe-nothing]\n"
			      "filesystem: {read: {allow: [/not/there], deny: [{path: /gone, if_missing: skip}]}}\n");
	OUTCOME folded = REIN(&trial, "plan", "-p", trial.profile),
		whole = REIN(&trial, "plan", "--all", "-p", trial.profile);
	cr_expect_eq(folded.code, 0);
	cr_expect_null(strstr(folded.out, "/not/there"), "%s", folded.out);
	cr_expect(strstr(folded.out, "`rein plan --all` shows them"), "%s", folded.out);
	cr_expect(strstr(folded.out, "may not read /gone"), "a denial that is not held is always shown: %s",
		  folded.out);
	cr_expect_eq(whole.code, 0);
	cr_expect(strstr(whole.out, "may read /not/there"), "%s", whole.out);
}
