/* SPDX-License-Identifier: GPL-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/lint.h"
#include "profile/policy.h"
#include "profile/raw.h"
#include "profile/resolve.h"

/* Any bytes as a profile: parsed, resolved, linted, and bounded by a ceiling. What it extends is not loaded. */

static const char ceiling_text[] = "rein: 1\n"
				   "filesystem: {read: [/usr, /a/b], write: {allow: [/w], deny: [/w/x]}, execute: []}\n"
				   "network: {connect: [{cidr: 10.0.0.0/8, port: 80-90}], unix: [/s]}\n"
				   "environment: {keep: [\"A*\"], set: {B: c}}\n"
				   "limits: {memory: 1GiB, wall_time: {limit: 1h, optional: true}}\n"
				   "breakers: {b: {meter: write.bytes, rate: 1B/m, burst: 9MiB, on_trip: kill}}\n"
				   "audit: strict\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static const struct rein_profile_context context = {
	.workspace = "/w",
	.home = "/home/u",
	.tmpdir = "/t",
	.user = "u",
};

static struct rein_policy *resolve(const char *bytes, size_t length)
{
	REIN_AUTO_POLICY struct rein_policy *policy = calloc(1, sizeof(*policy));
	REIN_AUTO_RAW struct rein_raw_profile *raw = NULL;
	struct rein_error err = {0};
	struct rein_resolver resolver = {.context = &context, .policy = policy, .file = "fuzz.yaml", .err = &err};

	if (!policy)
		abort();
	if (rein_raw_parse(bytes, length, "fuzz.yaml", &raw, &err) < 0 || rein_resolver_run(&resolver, raw) < 0) {
		/* A refusal says why, and where. */
		if (!err.code || strncmp(err.text, "fuzz.yaml:", 10) != 0)
			abort();
		return NULL;
	}
	return rein_take_pointer(&policy);
}

static size_t count_allowed(const struct rein_policy *policy)
{
	size_t i, count = 0;

	for (i = 0; i < policy->paths.count; i++)
		count += policy->paths.items[i].verdict == REIN_VERDICT_ALLOW;
	return count;
}

/* A policy lies within itself, so bounding it by itself takes nothing from it. */
static void check_bounds(struct rein_policy *policy, const struct rein_policy *same, const struct rein_policy *ceiling)
{
	size_t before = count_allowed(policy);
	struct rein_error err = {0};

	if (rein_ceiling_apply(policy, same, &err) < 0)
		return;
	if (count_allowed(policy) != before)
		abort();
	rein_ceiling_apply(policy, ceiling, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	REIN_AUTO_POLICY struct rein_policy *policy = resolve((const char *)bytes, length);
	REIN_AUTO_POLICY struct rein_policy *same = policy ? resolve((const char *)bytes, length) : NULL;
	REIN_AUTO_POLICY struct rein_policy *ceiling = resolve(ceiling_text, strlen(ceiling_text));
	struct rein_warnings warnings = {0};
	struct rein_error err;

	if (!ceiling)
		abort();
	if (!policy || !same)
		return 0;
	rein_policy_lint(policy, &warnings, &err);
	rein_vec_free(&warnings);
	check_bounds(policy, same, ceiling);
	return 0;
}
