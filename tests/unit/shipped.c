/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/machines.h"
#include "profile/path.h"

/* The profiles that ship: what they keep out of reach, and that they start everywhere. */

static const char *const shipped[] = {"base", "offline", "coding-agent", "ci", "observe-nothing"};

static char workspace[] = "/tmp/rein-shipped-XXXXXX";

static const struct rein_profile_context context = {
	.workspace = workspace,
	.home = "/home/someone",
	.tmpdir = "/tmp",
	.user = "someone",
	.system_dir = "/nonexistent",
	.installed_dir = "profiles",
};

static void set_up(void)
{
	cr_assert_not_null(mkdtemp(workspace));
}

static void tear_down(void)
{
	rmdir(workspace);
}

TestSuite(shipped, .init = set_up, .fini = tear_down);

static struct rein_policy *load(const char *name)
{
	struct rein_policy *policy = NULL;
	struct rein_error err = {0};

	cr_assert_eq(rein_policy_load(name, &context, &policy, &err), 0, "%s", err.text);
	return policy;
}

static void expect_kept(const char *name, const struct rein_machine *machine)
{
	const struct rein_plan_options options = {.agent_uid = 1000};
	REIN_AUTO_POLICY struct rein_policy *policy = load(name);
	struct rein_plan plan = plan_of(policy, machine, &options);
	size_t i;

	for (i = 0; i < plan.lines.count; i++) {
		const struct rein_plan_line *line = &plan.lines.items[i];

		cr_expect_neq(line->keeping, REIN_REFUSED, "%s: %s: %s", name, line->what, line->note);
		cr_expect(line->keeping != REIN_DEGRADED || strstr(line->what, "memory") ||
				  strstr(line->what, "processes"),
			  "%s: %s: %s", name, line->what, line->note);
	}
	cr_expect_not(plan.refused);
	rein_plan_free(&plan);
}

Test(shipped, each_starts_with_root_without_and_on_Debian_12)
{
	const struct rein_machine machines[] = {machine_root(), machine_user(), machine_bookworm()};
	size_t i, k;

	for (i = 0; i < REIN_COUNT(shipped); i++)
		for (k = 0; k < REIN_COUNT(machines); k++)
			expect_kept(shipped[i], &machines[k]);
}

static bool reaches(const struct rein_policy *policy, unsigned lists, const char *path)
{
	size_t i;

	for (i = 0; i < policy->paths.count; i++) {
		const struct rein_path_rule *rule = &policy->paths.items[i];

		if (rule->verdict == REIN_VERDICT_ALLOW && (rule->list & lists) && rein_path_contains(rule->path, path))
			return true;
	}
	return false;
}

Test(shipped, none_reaches_secrets)
{
	static const char *const secrets[] = {
		"/etc/shadow",
		"/etc/gshadow",
		"/etc/sudoers",
		"/etc/ssh/ssh_host_ed25519_key",
		"/etc/ssl/private/key.pem",
		"/etc/pki/tls/private/key.pem",
		"/etc/rein/ceiling.yaml",
		"/root/.ssh/id_ed25519",
		"/var/lib/private",
		"/var/run/docker.sock",
		"/home/someone/.ssh/id_ed25519",
		"/home/someone/.gnupg",
		"/home/someone/.aws/credentials",
		"/home/someone/.azure",
		"/home/someone/.kube/config",
		"/home/someone/.docker/config.json",
		"/home/someone/.netrc",
		"/home/someone/.npmrc",
		"/home/someone/.pypirc",
		"/home/someone/.git-credentials",
		"/home/someone/.config/git/credentials",
		"/home/someone/.config/gh/hosts.yml",
		"/home/someone/.config/gcloud",
		"/home/someone/.config/rein/profiles/mine.yaml",
		"/home/someone/.cargo/credentials.toml",
		"/home/someone/.local/share/keyrings",
		"/home/someone/.local/share/uv/credentials",
		"/home/someone/.local/state/rein",
		"/home/someone/.npm-global/etc/npmrc",
		"/home/someone/.mozilla",
		"/home/someone/.bash_history",
		"/home/another",
	};
	size_t i, k;

	for (i = 0; i < REIN_COUNT(shipped); i++) {
		REIN_AUTO_POLICY struct rein_policy *policy = load(shipped[i]);

		for (k = 0; k < REIN_COUNT(secrets); k++)
			cr_expect_not(
				reaches(policy, REIN_ACCESS_READ | REIN_ACCESS_WRITE | REIN_ACCESS_EXECUTE, secrets[k]),
				"%s: %s", shipped[i], secrets[k]);
	}
}

Test(shipped, none_writes_what_configures_tools)
{
	static const char *const configs[] = {
		"/usr/bin/git",
		"/usr/local/bin/x",
		"/home/someone/.bashrc",
		"/home/someone/.profile",
		"/home/someone/.gitconfig",
		"/home/someone/.config/git/config",
		"/home/someone/.claude.json",
		"/home/someone/.claude/settings.json",
		"/home/someone/.codex/config.toml",
		"/home/someone/.local/bin/x",
		"/home/someone/.nvm",
		"/home/someone/.cargo/bin/cargo",
	};
	size_t i, k;

	for (i = 0; i < REIN_COUNT(shipped); i++) {
		REIN_AUTO_POLICY struct rein_policy *policy = load(shipped[i]);

		for (k = 0; k < REIN_COUNT(configs); k++)
			cr_expect_not(reaches(policy, REIN_ACCESS_WRITE, configs[k]), "%s: %s", shipped[i], configs[k]);
	}
}

Test(shipped, offline_and_those_below_have_no_network)
{
	static const char *const without[] = {"base", "offline", "observe-nothing"};
	size_t i;

	for (i = 0; i < REIN_COUNT(without); i++) {
		REIN_AUTO_POLICY struct rein_policy *policy = load(without[i]);

		cr_expect(policy->net.count == 0 && policy->sockets.count == 0, "%s", without[i]);
	}
}

Test(shipped, ci_kills_where_coding_agent_freezes)
{
	REIN_AUTO_POLICY struct rein_policy *agent = load("coding-agent"), *ci = load("ci");
	size_t i;

	cr_assert_eq(agent->breakers.count, ci->breakers.count);
	for (i = 0; i < ci->breakers.count; i++) {
		cr_expect_str_eq(agent->breakers.items[i].name, ci->breakers.items[i].name);
		cr_expect_eq(agent->breakers.items[i].on_trip, REIN_ON_TRIP_FREEZE);
		cr_expect_eq(ci->breakers.items[i].on_trip, REIN_ON_TRIP_KILL);
	}
	cr_assert_not_null(ci->limits[REIN_LIMIT_WALL_TIME].origin.file);
}
