/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/policy.h"

/* What a ceiling leaves of a policy. Both are written for each case; `wanted` is what is allowed in the end. */

static char folder[PATH_MAX];

static struct rein_profile_context context = {
	.workspace = "/nonexistent/work",
	.home = "/nonexistent/home",
	.user = "someone",
	.system_dir = "system",
	.installed_dir = "installed",
};

static void shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void shell(const char *fmt, ...)
{
	char command[8192];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	cr_assert_eq(system(command), 0, "%s", command);
}

static void set_up(void)
{
	char name[] = "/tmp/rein-ceiling-XXXXXX";

	cr_assert_not_null(mkdtemp(name));
	cr_assert_not_null(realpath(name, folder));
	cr_assert_eq(chdir(folder), 0);
	shell("mkdir system");
}

static void tear_down(void)
{
	shell("rm -rf '%s'", folder);
}

TestSuite(ceiling, .init = set_up, .fini = tear_down);

static void write_profile(const char *name, const char *body)
{
	FILE *file = fopen(name, "w");

	cr_assert_not_null(file);
	fprintf(file, "rein: 1\n%s\n", body);
	fclose(file);
}

static int try_bound(const char *profile, const char *ceiling, struct rein_policy **ret_policy, struct rein_error *err)
{
	write_profile("p.yaml", profile);
	write_profile("system/ceiling.yaml", ceiling);
	return rein_policy_load("./p.yaml", &context, ret_policy, err);
}

static struct rein_policy *bound(const char *profile, const char *ceiling)
{
	struct rein_policy *policy = NULL;
	struct rein_error err = {0};

	cr_assert_eq(try_bound(profile, ceiling, &policy, &err), 0, "%s", err.text);
	return policy;
}

/* "r/usr -w/x u/s": read /usr, not write /x, socket /s. */
static const char *paths_of(const struct rein_policy *policy)
{
	static const char letters[] = " rw x";
	static char text[4096];
	size_t i, used = 0;

	text[0] = '\0';
	for (i = 0; i < policy->paths.count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%c%s", used ? " " : "",
					 policy->paths.items[i].verdict == REIN_VERDICT_DENY ? "-" : "",
					 letters[policy->paths.items[i].list], policy->paths.items[i].path);
	for (i = 0; i < policy->sockets.count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%su%s", used ? " " : "",
					 policy->sockets.items[i].verdict == REIN_VERDICT_DENY ? "-" : "",
					 policy->sockets.items[i].path);
	return text;
}

/* As paths_of, of allowed paths with the first digit of their digest. */
static const char *digests_of(const struct rein_policy *policy)
{
	static char text[4096];
	size_t i, used = 0;

	text[0] = '\0';
	for (i = 0; i < policy->paths.count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s%.1s", used ? " " : "",
					 policy->paths.items[i].path, policy->paths.items[i].sha256 ? "=" : "",
					 policy->paths.items[i].sha256 ?: "");
	return text;
}

static const char *net_of(const struct rein_policy *policy)
{
	static char text[4096];
	char address[INET6_ADDRSTRLEN];
	size_t i, used = 0;

	text[0] = '\0';
	for (i = 0; i < policy->net.count; i++) {
		const struct rein_net_rule *rule = &policy->net.items[i];

		inet_ntop(rule->family == REIN_NET_V6 ? AF_INET6 : AF_INET, rule->address, address, sizeof(address));
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%c%s/%u:%u-%u", used ? " " : "",
					 rule->verdict == REIN_VERDICT_DENY ? "-" : "",
					 rule->direction == REIN_NET_CONNECT ? 'c' : 'l', address, rule->prefix_bits,
					 rule->port_low, rule->port_high);
	}
	return text;
}

struct path_case {
	const char *profile, *ceiling, *wanted;
};

Test(ceiling, paths)
{
	static const struct path_case cases[] = {
		/* Left out: not constrained. Empty: nothing. */
		{"filesystem: {read: [/a], write: [/b], execute: [/c]}", "", "r/a w/b x/c"},
		{"filesystem: {read: [/a]}", "filesystem: {read: {deny: [/a/x]}}", "r/a -r/a/x"},
		{"filesystem: {read: [/a], write: [/b]}", "filesystem: {write: []}", "r/a"},
		/* Narrower stays, wider is cut, disjoint vanishes; a name that begins alike is not within. */
		{"filesystem: {read: [/a/b, /c, /ab]}", "filesystem: {read: [/a, /x]}", "r/a/b"},
		{"filesystem: {read: [/a]}", "filesystem: {read: [/a/b, /a/c/d, /ab]}", "r/a/b r/a/c/d"},
		{"filesystem: {read: [/]}", "filesystem: {read: [/a, /b]}", "r/a r/b"},
		{"filesystem: {read: [/a]}", "filesystem: {read: [/]}", "r/a"},
		{"filesystem: {read: [/a]}", "filesystem: {read: [/a]}", "r/a"},
		{"filesystem: {read: [/a, /a/b]}", "filesystem: {read: [/a/b/c]}", "r/a/b/c"},
		/* Writing and executing bring reading with them. */
		{"filesystem: {write: [/a, /w]}", "filesystem: {read: [/a]}", "w/a"},
		{"filesystem: {execute: [/a, /w]}", "filesystem: {read: [/a]}", "x/a"},
		{"filesystem: {read: [/a, /w]}", "filesystem: {read: [/a], write: [/w]}", "r/a r/w"},
		{"filesystem: {write: [/a, /w]}", "filesystem: {read: [/a], write: [/w]}", "w/w"},
		/* Denies join. */
		{"filesystem: {write: {allow: [/a], deny: [/a/x]}}",
		 "filesystem: {write: {allow: [/a], deny: [/a/y]}, execute: {deny: [/z]}}", "w/a -w/a/x -w/a/y -x/z"},
		/* Sockets are paths. */
		{"network: {unix: [/run/a, /run/b]}", "network: {unix: [/run/a]}", "u/run/a"},
		{"network: {unix: [/run]}", "network: {unix: {allow: [/run/a], deny: [/run/b]}}", "u/run/a -u/run/b"},
		{"network: {unix: [/run/a]}", "network: {connect: []}", "u/run/a"},
	};
	size_t i;

	for (i = 0; i < REIN_COUNT(cases); i++) {
		REIN_AUTO_POLICY struct rein_policy *policy = bound(cases[i].profile, cases[i].ceiling);
		const char *got = paths_of(policy);

		cr_expect_str_eq(got, cases[i].wanted, "%s under %s: %s", cases[i].profile, cases[i].ceiling, got);
	}
}

#define ONE "1111111111111111111111111111111111111111111111111111111111111111"
#define TWO "2222222222222222222222222222222222222222222222222222222222222222"

Test(ceiling, digests)
{
	static const struct path_case cases[] = {
		/* What it bounds to one content stays so, however wide the policy's line is. */
		{"filesystem: {execute: [/b]}", "filesystem: {execute: [/b, {path: /b/x, sha256: " ONE "}]}",
		 "/b /b/x=1"},
		{"filesystem: {execute: [/b]}", "filesystem: {execute: [{path: /b/x, sha256: " ONE "}]}",
		 "/b/x /b/x=1"},
		{"filesystem: {execute: [/b/x]}", "filesystem: {execute: [{path: /b/x, sha256: " ONE "}]}",
		 "/b/x /b/x=1"},
		/* The policy's own digest stays; two that differ are told apart when the plan is made. */
		{"filesystem: {execute: [{path: /b/x, sha256: " TWO "}]}", "filesystem: {execute: [/b]}", "/b/x=2"},
		{"filesystem: {execute: [{path: /b/x, sha256: " TWO "}]}",
		 "filesystem: {execute: [{path: /b/x, sha256: " ONE "}]}", "/b/x=2 /b/x=1"},
		/* It allows nothing by itself. */
		{"filesystem: {execute: [/a]}", "filesystem: {execute: [/a, {path: /b/x, sha256: " ONE "}]}", "/a"},
		{"filesystem: {read: [/b]}", "filesystem: {execute: [{path: /b/x, sha256: " ONE "}]}", "/b"},
	};

	for (size_t i = 0; i < REIN_COUNT(cases); i++) {
		REIN_AUTO_POLICY struct rein_policy *policy = bound(cases[i].profile, cases[i].ceiling);
		const char *got = digests_of(policy);

		cr_expect_str_eq(got, cases[i].wanted, "%s under %s: %s", cases[i].profile, cases[i].ceiling, got);
	}
}

Test(ceiling, a_link_does_not_lead_past_it)
{
	char profile[PATH_MAX * 3], ceiling[PATH_MAX * 2], wanted[PATH_MAX * 2];
	REIN_AUTO_POLICY struct rein_policy *inside = NULL, *outside = NULL;

	shell("mkdir -p free/real secret && ln -s '%s/secret' free/out && ln -s real free/in", folder);
	snprintf(ceiling, sizeof(ceiling), "filesystem: {write: [%s/free]}", folder);
	snprintf(profile, sizeof(profile), "filesystem: {write: [%s/free/out, %s/free/out/new]}", folder, folder);
	outside = bound(profile, ceiling);
	cr_assert_str_eq(paths_of(outside), "");
	snprintf(profile, sizeof(profile), "filesystem: {write: [%s/free/in]}", folder);
	snprintf(wanted, sizeof(wanted), "w%s/free/in", folder);
	inside = bound(profile, ceiling);
	cr_assert_str_eq(paths_of(inside), wanted);
}

Test(ceiling, what_was_cut_says_by_whom)
{
	REIN_AUTO_POLICY struct rein_policy *policy = bound("filesystem: {read: [/a]}", "filesystem: {read: [/a/b]}");

	cr_assert_str_eq(policy->paths.items[0].origin.file, "./p.yaml");
	cr_assert_str_eq(policy->paths.items[0].origin.text,
			 "filesystem.read.allow: /a (cut to /a/b by system/ceiling.yaml:2)");
}

Test(ceiling, networks)
{
	static const struct path_case cases[] = {
		{"network: {connect: [{cidr: 10.0.0.0/8}]}", "", "c10.0.0.0/8:0-65535"},
		{"network: {connect: [{cidr: 10.0.0.0/8}]}", "network: {connect: []}", ""},
		{"network: {connect: [{cidr: 10.0.0.0/8}]}", "network: {listen: []}", "c10.0.0.0/8:0-65535"},
		{"network: {connect: [{cidr: 10.1.0.0/16, port: 80}]}", "network: {connect: [{cidr: 10.0.0.0/8}]}",
		 "c10.1.0.0/16:80-80"},
		{"network: {connect: [{cidr: 0.0.0.0/0, port: 70-90}]}",
		 "network: {connect: [{cidr: 10.0.0.0/8, port: 80-443}, {cidr: 192.0.2.0/24}]}",
		 "c10.0.0.0/8:80-90 c192.0.2.0/24:70-90"},
		{"network: {connect: [{cidr: 10.0.0.0/8, port: 80}]}",
		 "network: {connect: [{cidr: 10.0.0.0/8, port: 443}]}", ""},
		{"network: {connect: [{cidr: 10.0.0.0/8}]}", "network: {connect: [{cidr: 10.0.0.0/8, protocol: udp}]}",
		 ""},
		{"network: {connect: [{cidr: 10.0.0.0/8}]}", "network: {connect: [{cidr: \"::/0\"}]}", ""},
		{"network: {connect: [{cidr: \"::ffff:10.0.0.0/104\"}]}", "network: {connect: [{cidr: 10.0.0.0/8}]}",
		 "c10.0.0.0/8:0-65535"},
		{"network: {listen: [{cidr: \"2001:db8::/32\", port: 80}]}",
		 "network: {listen: {allow: [{cidr: \"::/0\"}], deny: [{cidr: \"2001:db8::1\"}]}}",
		 "l2001:db8::/32:80-80 -l2001:db8::1/128:0-65535"},
	};
	size_t i;

	for (i = 0; i < REIN_COUNT(cases); i++) {
		REIN_AUTO_POLICY struct rein_policy *policy = bound(cases[i].profile, cases[i].ceiling);

		cr_expect_str_eq(net_of(policy), cases[i].wanted, "%s under %s: %s", cases[i].profile, cases[i].ceiling,
				 net_of(policy));
	}
}

/* "*.a.org:443-443/6 -b.org:0-65535/6". */
static const char *hosts_of(const struct rein_policy *policy)
{
	static char text[4096];
	size_t i, used = 0;

	text[0] = '\0';
	for (i = 0; i < policy->hosts.count; i++) {
		const struct rein_host_rule *rule = &policy->hosts.items[i];

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s%s:%u-%u/%u", used ? " " : "",
					 rule->verdict == REIN_VERDICT_DENY ? "-" : "", rule->wildcard ? "*." : "",
					 rule->name, rule->port_low, rule->port_high, rule->protocol);
	}
	return text;
}

#define ALLOW(items) "network: {connect: [" items "]}"

Test(ceiling, hosts)
{
	static const struct path_case cases[] = {
		{ALLOW("{host: a.org, port: 443}"), "", "a.org:443-443/6"},
		{ALLOW("{host: a.org, port: 443}"), ALLOW(""), ""},
		{ALLOW("{host: a.org, port: 443}"), "network: {listen: []}", "a.org:443-443/6"},
		{ALLOW("{host: x.a.org, port: 443}"), ALLOW("{host: \"*.a.org\", port: 1-500}"), "x.a.org:443-443/6"},
		{ALLOW("{host: \"*.a.org\", port: 80-443}"),
		 ALLOW("{host: x.a.org, port: 443}, {host: \"*.y.a.org\"}, {host: b.org}"),
		 "x.a.org:443-443/6 *.y.a.org:80-443/6"},
		{ALLOW("{host: a.org}"), ALLOW("{host: \"*.a.org\"}"), ""},
		{ALLOW("{host: a.org}"), ALLOW("{host: a.org, protocol: udp}"), ""},
		{ALLOW("{host: a.org, port: 443}"), ALLOW("{cidr: 0.0.0.0/0, port: 443}"), ""},
		{ALLOW("{host: a.org, port: 443}"), ALLOW("{cidr: 0.0.0.0/0, port: 443}, {cidr: \"::/0\"}"),
		 "a.org:443-443/6"},
		{ALLOW("{host: a.org}"), "network: {connect: {deny: [{host: b.org}]}}",
		 "a.org:0-65535/6 -b.org:0-65535/6"},
	};
	size_t i;

	for (i = 0; i < REIN_COUNT(cases); i++) {
		REIN_AUTO_POLICY struct rein_policy *policy = bound(cases[i].profile, cases[i].ceiling);

		cr_expect_str_eq(hosts_of(policy), cases[i].wanted, "%s under %s: %s", cases[i].profile,
				 cases[i].ceiling, hosts_of(policy));
		cr_expect_eq(policy->net.count, 0);
	}
}

Test(ceiling, system_calls_by_word)
{
	REIN_AUTO_POLICY struct rein_policy *policy =
		bound("syscalls: [\"@default\", ptrace]", "syscalls: {allow: [\"@default\"], deny: [mount]}");

	cr_assert_eq(policy->syscalls.count, 2);
	cr_assert_str_eq(policy->syscalls.items[0].name, "@default");
	cr_assert_str_eq(policy->syscalls.items[1].name, "mount");
	cr_assert_eq(policy->syscalls.items[1].verdict, REIN_VERDICT_DENY);
}

Test(ceiling, environment)
{
	REIN_AUTO_POLICY struct rein_policy *policy =
		bound("environment: {keep: [PATH, A_B, \"C_*\", \"D_*\", E], set: {X: mine}}",
		      "environment: {keep: [PATH, \"A_*\", C_1, \"D_*\"], set: {X: theirs}}");
	char text[256] = "";
	size_t i;

	for (i = 0; i < policy->environment.count; i++) {
		strcat(text, policy->environment.items[i].name);
		strcat(text, policy->environment.items[i].value ? "= " : " ");
	}
	cr_assert_str_eq(text, "PATH A_B D_* X= PATH C_1 D_* X= ", "%s", text);
	cr_assert_str_eq(policy->environment.items[policy->environment.count - 1].value, "theirs", "the last wins");
}

Test(ceiling, numbers_take_the_smaller)
{
	REIN_AUTO_POLICY struct rein_policy *policy =
		bound("limits: {processes: 10, memory: {limit: 1GiB, optional: true}, open_files: 5}\n"
		      "approvals: {timeout: 1m, otherwise: allow}",
		      "limits: {processes: 20, memory: 2GiB, open_files: 4, file_size: {limit: 1GiB, optional: true}}\n"
		      "approvals: {timeout: 30s}\naudit: strict");

	cr_assert_eq(policy->limits[REIN_LIMIT_PROCESSES].value, 10);
	cr_assert_eq(policy->limits[REIN_LIMIT_MEMORY].value, 1ULL << 30);
	cr_assert_not(policy->limits[REIN_LIMIT_MEMORY].optional, "what the ceiling insists on is not optional");
	cr_assert_eq(policy->limits[REIN_LIMIT_OPEN_FILES].value, 4);
	cr_assert_str_eq(policy->limits[REIN_LIMIT_OPEN_FILES].origin.file, "system/ceiling.yaml");
	cr_assert(policy->limits[REIN_LIMIT_FILE_SIZE].value == 1ULL << 30 &&
		  policy->limits[REIN_LIMIT_FILE_SIZE].optional);
	cr_assert_null(policy->limits[REIN_LIMIT_WALL_TIME].origin.file);
	cr_assert_eq(policy->approval_timeout_ns, 30000000000);
	cr_assert_eq(policy->approval_otherwise, REIN_VERDICT_DENY);
	cr_assert_eq(policy->audit, REIN_AUDIT_STRICT);
}

Test(ceiling, of_two_breakers_the_stricter_parts)
{
	REIN_AUTO_POLICY struct rein_policy *policy = bound(
		"breakers: {w: {meter: write.bytes, rate: 120B/m, burst: 9, on_trip: deny, cool_down: 5s, optional: "
		"true}}",
		"breakers: {w: {meter: write.bytes, rate: 1B/s, burst: 10, total: 99, probe: 7, on_trip: throttle, "
		"cool_down: 9s, exactness: prompt}, d: {meter: delete.files, rate: 1/s, burst: 1, on_trip: kill}}");
	const struct rein_breaker_rule *rule = &policy->breakers.items[0];

	cr_assert_eq(policy->breakers.count, 2);
	cr_assert(rule->rate_units == 1 && rule->rate_period_ns == 1000000000);
	cr_assert(rule->burst == 9 && rule->total == 99 && rule->probe == 1);
	cr_assert(rule->on_trip == REIN_ON_TRIP_DENY && rule->cool_down_ns == 9000000000);
	cr_assert(rule->exactness == REIN_EXACTNESS_PROMPT && !rule->optional);
	cr_assert_str_eq(policy->breakers.items[1].name, "d");
}

Test(ceiling, a_freeze_that_comes_from_it_waits_for_a_person)
{
	REIN_AUTO_POLICY struct rein_policy *policy =
		bound("breakers: {w: {meter: exec.count, rate: 1/s, burst: 9, on_trip: deny, cool_down: 5s}}",
		      "breakers: {w: {meter: exec.count, rate: 1/s, burst: 9, on_trip: freeze}}");

	cr_assert_eq(policy->breakers.items[0].on_trip, REIN_ON_TRIP_FREEZE);
	cr_assert_eq(policy->breakers.items[0].cool_down_ns, 0);
}

static void expect_refused(const char *profile, const char *ceiling, const char *wanted)
{
	REIN_AUTO_POLICY struct rein_policy *policy = NULL;
	struct rein_error err = {0};

	cr_expect_lt(try_bound(profile, ceiling, &policy, &err), 0);
	cr_expect(strstr(err.text, wanted), "said %s", err.text);
}

Test(ceiling, what_it_refuses)
{
	expect_refused("breakers: {b: {meter: exec.count, rate: 1/s, burst: 9, on_trip: kill}}",
		       "breakers: {b: {meter: fork.count, rate: 1/s, burst: 9, on_trip: kill}}",
		       "./p.yaml:2:12: breaker \"b\" counts exec.count, but the one of the ceiling "
		       "(system/ceiling.yaml:2) counts fork.count; give it another name");
	expect_refused("breakers: {b: {meter: write.bytes, rate: 1B/m, burst: 2MiB, on_trip: kill}}",
		       "breakers: {b: {meter: write.bytes, rate: 1MiB/s, burst: 1TiB, on_trip: kill}, x: {}}",
		       "the ceiling: system/ceiling.yaml:2:");
	expect_refused("", "filesytem: {}", "the ceiling: system/ceiling.yaml:2:1: unknown key \"filesytem\"");
}

Test(ceiling, one_that_cannot_be_read_refuses)
{
	REIN_AUTO_POLICY struct rein_policy *policy = NULL;
	struct rein_error err = {0};

	write_profile("p.yaml", "");
	shell("ln -s nowhere system/ceiling.yaml");
	cr_expect_lt(rein_policy_load("./p.yaml", &context, &policy, &err), 0, "a link that leads nowhere");
	shell("rm system/ceiling.yaml && mkdir system/ceiling.yaml");
	cr_expect_lt(rein_policy_load("./p.yaml", &context, &policy, &err), 0, "a folder");
	shell("rmdir system/ceiling.yaml && rmdir system && touch system");
	cr_expect_eq(rein_policy_load("./p.yaml", &context, &policy, &err), 0, "no folder to be in: %s", err.text);
}
