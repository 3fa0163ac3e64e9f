/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/lint.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/address.h"
#include "profile/path.h"
#include "profile/words.h"

struct linter {
	const struct rein_policy *policy;
	struct rein_warnings *warnings;
	bool no_memory;
};

static void warn_about(struct linter *linter, const struct rein_origin *origin, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void warn_about(struct linter *linter, const struct rein_origin *origin, const char *fmt, ...)
{
	struct rein_warning *warning = rein_vec_add(linter->warnings);
	va_list args;

	if (!warning) {
		linter->no_memory = true;
		return;
	}
	warning->origin = origin;
	va_start(args, fmt);
	vsnprintf(warning->text, sizeof(warning->text), fmt, args);
	va_end(args);
}

/* Places that hold other people's secrets, or that others run later. A leading ~ is the home folder. */
static const struct {
	const char *path, *what;
	unsigned access;
} delicate[] = {
	{"~/.ssh", "ssh keys", REIN_ACCESS_READ | REIN_ACCESS_WRITE},
	{"~/.gnupg", "GnuPG keys", REIN_ACCESS_READ | REIN_ACCESS_WRITE},
	{"~/.aws", "AWS credentials", REIN_ACCESS_READ},
	{"~/.azure", "Azure credentials", REIN_ACCESS_READ},
	{"~/.config/gcloud", "Google Cloud credentials", REIN_ACCESS_READ},
	{"~/.kube", "Kubernetes credentials", REIN_ACCESS_READ},
	{"~/.docker", "registry credentials", REIN_ACCESS_READ},
	{"~/.netrc", "passwords", REIN_ACCESS_READ},
	{"~/.npmrc", "registry tokens", REIN_ACCESS_READ},
	{"~/.pypirc", "registry tokens", REIN_ACCESS_READ},
	{"~/.git-credentials", "passwords of git", REIN_ACCESS_READ},
	{"~/.config/git/credentials", "passwords of git", REIN_ACCESS_READ},
	{"~/.config/gh", "GitHub tokens", REIN_ACCESS_READ},
	{"~/.cargo/credentials.toml", "registry tokens", REIN_ACCESS_READ},
	{"~/.local/share/keyrings", "the keyring", REIN_ACCESS_READ},
	{"~/.mozilla", "browser sessions", REIN_ACCESS_READ},
	{"~/.config/google-chrome", "browser sessions", REIN_ACCESS_READ},
	{"~/.bash_history", "what was typed", REIN_ACCESS_READ},
	{"~/.bashrc", "what every shell runs", REIN_ACCESS_WRITE},
	{"~/.profile", "what every login runs", REIN_ACCESS_WRITE},
	{"~/.gitconfig", "commands that git runs", REIN_ACCESS_WRITE},
	{"~/.config/autostart", "what the desktop starts", REIN_ACCESS_WRITE},
	{"~/.config/systemd", "services of the user", REIN_ACCESS_WRITE},
	{"/etc/shadow", "password hashes", REIN_ACCESS_READ | REIN_ACCESS_WRITE},
	{"/etc/ssh", "host keys", REIN_ACCESS_READ | REIN_ACCESS_WRITE},
	{"/etc/sudoers", "who may become root", REIN_ACCESS_READ | REIN_ACCESS_WRITE},
	{"/etc/cron.d", "what the system runs", REIN_ACCESS_WRITE},
	{"/usr/bin", "the system's programs", REIN_ACCESS_WRITE},
	{"/boot", "the kernel", REIN_ACCESS_WRITE},
	{"/var/run/docker.sock", "the container engine, which is root", REIN_ACCESS_READ | REIN_ACCESS_WRITE},
	{"/run/docker.sock", "the container engine, which is root", REIN_ACCESS_READ | REIN_ACCESS_WRITE},
};

/* Variables whose values are secrets, or ways to other people's. */
static const char *const secrets[] = {
	"AWS_SECRET_ACCESS_KEY",
	"AWS_SESSION_TOKEN",
	"AZURE_CLIENT_SECRET",
	"GOOGLE_APPLICATION_CREDENTIALS",
	"GITHUB_TOKEN",
	"GH_TOKEN",
	"GITLAB_TOKEN",
	"CI_JOB_TOKEN",
	"NPM_TOKEN",
	"NODE_AUTH_TOKEN",
	"ACTIONS_RUNTIME_TOKEN",
	"ACTIONS_ID_TOKEN_REQUEST_TOKEN",
	"DOCKER_AUTH_CONFIG",
	"KUBECONFIG",
	"SSH_AUTH_SOCK",
	"SSH_AGENT_PID",
	"GPG_AGENT_INFO",
	"DBUS_SESSION_BUS_ADDRESS",
	"XAUTHORITY",
	"DATABASE_URL",
	"PGPASSWORD",
	"VAULT_TOKEN",
	"HF_TOKEN",
	"SUDO_ASKPASS",
};

static bool place_path(const struct rein_policy *policy, const char *place, char *ret_path, size_t room)
{
	if (place[0] != '~')
		return snprintf(ret_path, room, "%s", place) < (int)room;
	return policy->home && snprintf(ret_path, room, "%s%s", policy->home, place + 1) < (int)room;
}

static bool is_denied(const struct rein_policy *policy, unsigned list, const char *path)
{
	size_t i;

	for (i = 0; i < policy->paths.count; i++) {
		const struct rein_path_rule *rule = &policy->paths.items[i];

		if (rule->verdict == REIN_VERDICT_DENY && (rule->list & list) && rein_path_contains(rule->path, path))
			return true;
	}
	return false;
}

/* Writing brings reading with it. */
static void lint_delicate(struct linter *linter, const struct rein_path_rule *rule)
{
	unsigned access = rule->list == REIN_ACCESS_WRITE ? REIN_ACCESS_WRITE | REIN_ACCESS_READ : rule->list;
	char path[4200];
	size_t i;

	for (i = 0; i < REIN_COUNT(delicate); i++) {
		unsigned both = delicate[i].access & access;

		if (!both || !place_path(linter->policy, delicate[i].path, path, sizeof(path)) ||
		    !(rein_path_contains(rule->path, path) || rein_path_contains(path, rule->path)) ||
		    is_denied(linter->policy, both, path))
			continue;
		warn_about(linter, &rule->origin, "lets the agent %s %.200s: %s",
			   both & REIN_ACCESS_WRITE ? "write" : "read", path, delicate[i].what);
		return;
	}
}

static bool overlaps(const char *a, const char *b)
{
	return rein_path_contains(a, b) || rein_path_contains(b, a);
}

/* A deny line that takes nothing from any allow line was meant for something else. */
static void lint_idle_deny(struct linter *linter, const struct rein_path_rule *rule)
{
	const struct rein_policy *policy = linter->policy;
	size_t i;

	for (i = 0; i < policy->paths.count; i++) {
		const struct rein_path_rule *other = &policy->paths.items[i];

		if (other->verdict == REIN_VERDICT_ALLOW && overlaps(rule->path, other->path) &&
		    (other->list == rule->list || (rule->list == REIN_ACCESS_READ && other->list == REIN_ACCESS_WRITE)))
			return;
	}
	warn_about(linter, &rule->origin, "denies what no line allows, so it changes nothing");
}

static bool is_allowed(const struct rein_policy *policy, enum rein_access list, const char *path)
{
	size_t i;

	for (i = 0; i < policy->paths.count; i++) {
		const struct rein_path_rule *rule = &policy->paths.items[i];

		if (rule->verdict == REIN_VERDICT_ALLOW && rule->list == list && !rule->sha256 &&
		    rein_path_contains(rule->path, path))
			return true;
	}
	return false;
}

/* Where the agent can put a program of its own beside it and run that, a digest holds nothing back. */
static void lint_digest(struct linter *linter, const struct rein_path_rule *rule)
{
	if (rule->sha256 && is_allowed(linter->policy, REIN_ACCESS_WRITE, rule->path) &&
	    is_allowed(linter->policy, REIN_ACCESS_EXECUTE, rule->path))
		warn_about(linter, &rule->origin,
			   "names one content in a folder that the agent may write and execute, so it can run any "
			   "other under another name");
}

static void lint_paths(struct linter *linter)
{
	size_t i;

	for (i = 0; i < linter->policy->paths.count; i++) {
		const struct rein_path_rule *rule = &linter->policy->paths.items[i];

		if (rule->verdict == REIN_VERDICT_ALLOW) {
			lint_delicate(linter, rule);
			lint_digest(linter, rule);
		} else if (rule->origin.line)
			lint_idle_deny(linter, rule);
	}
}

static bool allows_address(const struct rein_net_rule *rule, const char *address)
{
	struct rein_network outer = {.family = rule->family, .prefix_bits = rule->prefix_bits}, inner;

	memcpy(outer.address, rule->address, sizeof(outer.address));
	return rein_network_parse(address, &inner, NULL) == 0 && rein_network_contains(&outer, &inner);
}

static void lint_network(struct linter *linter)
{
	size_t i;

	for (i = 0; i < linter->policy->net.count; i++) {
		const struct rein_net_rule *rule = &linter->policy->net.items[i];

		if (rule->verdict != REIN_VERDICT_ALLOW || rule->direction != REIN_NET_CONNECT)
			continue;
		if (rule->prefix_bits == 0 && rule->port_low == 0)
			warn_about(linter, &rule->origin, "lets the agent talk to every address on every port");
		else if (allows_address(rule, "169.254.169.254"))
			warn_about(
				linter, &rule->origin,
				"includes 169.254.169.254, where clouds hand out the machine's credentials; deny it");
	}
}

/* Whoever registers a name there, or rents one. */
static void lint_hosts(struct linter *linter)
{
	for (size_t i = 0; i < linter->policy->hosts.count; i++) {
		const struct rein_host_rule *rule = &linter->policy->hosts.items[i];

		if (rule->verdict == REIN_VERDICT_ALLOW && rule->wildcard && !strchr(rule->name, '.'))
			warn_about(linter, &rule->origin, "lets the agent talk to whoever has a name under .%s",
				   rule->name);
	}
}

static void lint_sockets(struct linter *linter)
{
	size_t i, k;

	for (i = 0; i < linter->policy->sockets.count; i++) {
		const struct rein_unix_rule *rule = &linter->policy->sockets.items[i];

		for (k = 0; rule->verdict == REIN_VERDICT_ALLOW && k < REIN_COUNT(delicate); k++)
			if (strcmp(delicate[k].path, rule->path) == 0)
				warn_about(linter, &rule->origin, "lets the agent talk to %s", delicate[k].what);
	}
}

static bool matches(const char *pattern, const char *name)
{
	size_t length = strlen(pattern);

	if (length && pattern[length - 1] == '*')
		return strncmp(pattern, name, length - 1) == 0;
	return strcmp(pattern, name) == 0;
}

static void lint_environment(struct linter *linter)
{
	size_t i, k;

	for (i = 0; i < linter->policy->environment.count; i++) {
		const struct rein_env_rule *rule = &linter->policy->environment.items[i];

		for (k = 0; !rule->value && k < REIN_COUNT(secrets); k++) {
			if (!matches(rule->name, secrets[k]))
				continue;
			warn_about(linter, &rule->origin, "hands %s to the agent", secrets[k]);
			break;
		}
	}
}

static bool has_breaker(const struct rein_policy *policy, enum rein_meter meter)
{
	size_t i;

	for (i = 0; i < policy->breakers.count; i++)
		if (policy->breakers.items[i].meter == meter)
			return true;
	return false;
}

static bool can_write(const struct rein_policy *policy)
{
	size_t i;

	for (i = 0; i < policy->paths.count; i++)
		if (policy->paths.items[i].list == REIN_ACCESS_WRITE &&
		    policy->paths.items[i].verdict == REIN_VERDICT_ALLOW)
			return true;
	return false;
}

static void lint_bounds(struct linter *linter)
{
	static const enum rein_meter expected[] = {REIN_METER_WRITE_BYTES, REIN_METER_DELETE_FILES};
	const struct rein_policy *policy = linter->policy;
	size_t i;

	for (i = 0; i < REIN_COUNT(expected) && can_write(policy); i++)
		if (!has_breaker(policy, expected[i]))
			warn_about(linter, NULL, "the agent may write, and no breaker counts %s",
				   rein_meter_name(expected[i]));
	if (can_write(policy) && !policy->limits[REIN_LIMIT_PROCESSES].origin.file)
		warn_about(linter, NULL, "nothing bounds how many processes the agent starts; see limits.processes");
	for (i = 0; i < policy->breakers.count; i++)
		if (policy->breakers.items[i].total &&
		    policy->breakers.items[i].total < policy->breakers.items[i].burst)
			warn_about(linter, &policy->breakers.items[i].origin,
				   "its total is less than its burst, so the burst is never reached");
}

static void lint_rest(struct linter *linter)
{
	if (!linter->policy->syscalls.count)
		warn_about(linter, NULL, "no system call is allowed, so nothing can run; see syscalls");
	if (linter->policy->approval_otherwise == REIN_VERDICT_ALLOW)
		warn_about(linter, NULL, "what nobody answers is allowed; see approvals.otherwise");
}

int rein_policy_lint(const struct rein_policy *policy, struct rein_warnings *warnings, struct rein_error *err)
{
	static void (*const parts[])(struct linter *) = {
		lint_paths, lint_network, lint_hosts, lint_sockets, lint_environment, lint_bounds, lint_rest,
	};
	struct linter linter = {.policy = policy, .warnings = warnings};
	size_t i;

	for (i = 0; i < REIN_COUNT(parts); i++)
		parts[i](&linter);
	return linter.no_memory ? rein_fail(err, ENOMEM, "out of memory") : 0;
}
