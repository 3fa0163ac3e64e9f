/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/lint.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const struct rein_profile_context context = {
	.workspace = "/work",
	.home = "/home/someone",
	.tmpdir = "/tmp",
	.user = "someone",
	.system_dir = "/nonexistent",
	.installed_dir = "profiles",
};

/* What is there to be bounded, and is. */
#define BOUNDED                                                                     \
	"syscalls: [\"@default\"]\nlimits: {processes: 9}\n"                        \
	"breakers: {w: {meter: write.bytes, rate: 1B/s, burst: 9, on_trip: kill}, " \
	"d: {meter: delete.files, rate: 1/s, burst: 9, on_trip: kill}}\n"

#define DIGEST "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct {
	const char *profile, *warning; /* NULL: none */
} table[] = {
	{BOUNDED "filesystem: {read: [/usr], write: [/work/x]}", NULL},
	{BOUNDED "filesystem: {read: [$HOME]}", "lets the agent read /home/someone/.ssh: ssh keys"},
	{BOUNDED "filesystem: {read: {allow: [$HOME/.aws/config]}}",
	 "lets the agent read /home/someone/.aws: AWS credentials"},
	{BOUNDED "filesystem: {read: [/etc]}", "lets the agent read /etc/shadow: password hashes"},
	{BOUNDED "filesystem: {write: [/usr]}", "lets the agent write /usr/bin: the system's programs"},
	{BOUNDED "filesystem: {read: {allow: [$HOME/.ssh], deny: [$HOME/.ssh]}}", NULL},
	{BOUNDED "filesystem: {write: {allow: [/a], deny: [/b]}}", "denies what no line allows, so it changes nothing"},
	{BOUNDED "filesystem: {write: [/work], execute: [/work, {path: /work/x, sha256: " DIGEST "}]}",
	 "names one content in a folder that the agent may write and execute, so it can run any other under another "
	 "name"},
	{BOUNDED "filesystem: {write: [/work], execute: [/usr, {path: /work/x, sha256: " DIGEST "}]}", NULL},
	{BOUNDED "network: {connect: [{cidr: 0.0.0.0/0}]}", "lets the agent talk to every address on every port"},
	{BOUNDED "network: {connect: [{cidr: 0.0.0.0/0, port: 80}]}",
	 "includes 169.254.169.254, where clouds hand out the machine's credentials; deny it"},
	{BOUNDED "network: {unix: [/run/docker.sock]}", "lets the agent talk to the container engine, which is root"},
	{BOUNDED "environment: {keep: [\"*\"]}", "hands AWS_SECRET_ACCESS_KEY to the agent"},
	{BOUNDED "environment: {keep: [\"SSH_*\"]}", "hands SSH_AUTH_SOCK to the agent"},
	{"syscalls: [\"@default\"]\nfilesystem: {write: [/a]}",
	 "the agent may write, and no breaker counts write.bytes"},
	{"filesystem: {read: [/usr]}", "no system call is allowed, so nothing can run; see syscalls"},
	{BOUNDED "approvals: {otherwise: allow}", "what nobody answers is allowed; see approvals.otherwise"},
};

static char path[] = "/tmp/rein-lint-XXXXXX";

static struct rein_policy *load(const char *body)
{
	struct rein_policy *policy = NULL;
	struct rein_error err = {0};
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	fprintf(file, "rein: 1\nname: x\n%s\n", body);
	fclose(file);
	cr_assert_eq(rein_policy_load(path, &context, &policy, &err), 0, "%s", err.text);
	return policy;
}

Test(lint, says_what_looks_like_a_mistake)
{
	int fd = mkstemp(path);
	size_t i;

	cr_assert_geq(fd, 0);
	close(fd);
	for (i = 0; i < REIN_COUNT(table); i++) {
		REIN_AUTO_POLICY struct rein_policy *policy = load(table[i].profile);
		struct rein_warnings warnings = {0};

		cr_assert_eq(rein_policy_lint(policy, &warnings, NULL), 0);
		cr_expect_eq(warnings.count > 0, table[i].warning != NULL, "%s: %s", table[i].profile,
			     warnings.count ? warnings.items[0].text : "nothing");
		if (warnings.count && table[i].warning)
			cr_expect_str_eq(warnings.items[0].text, table[i].warning, "%s", warnings.items[0].text);
		rein_vec_free(&warnings);
	}
	unlink(path);
}

Test(lint, has_nothing_to_say_about_what_ships)
{
	static const char *const shipped[] = {"base", "offline", "coding-agent", "ci", "observe-nothing"};
	size_t i, k;

	for (i = 0; i < REIN_COUNT(shipped); i++) {
		REIN_AUTO_POLICY struct rein_policy *policy = NULL;
		struct rein_warnings warnings = {0};
		struct rein_error err = {0};

		cr_assert_eq(rein_policy_load(shipped[i], &context, &policy, &err), 0, "%s", err.text);
		cr_assert_str_eq(policy->name, shipped[i]);
		cr_assert_eq(rein_policy_lint(policy, &warnings, &err), 0);
		for (k = 0; k < warnings.count; k++)
			cr_expect(false, "%s: %s: %s", shipped[i],
				  warnings.items[k].origin ? warnings.items[k].origin->text : "",
				  warnings.items[k].text);
		rein_vec_free(&warnings);
	}
}
