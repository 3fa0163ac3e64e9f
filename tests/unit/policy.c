/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/policy.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"

/* What profiles mean: each test stands in a folder of its own, the workspace beside the profiles. */

static char folder[PATH_MAX], workspace[PATH_MAX + 8], home[PATH_MAX + 8];

static struct rein_profile_context context = {
	.workspace = workspace,
	.home = home,
	.tmpdir = "/tmp",
	.user = "someone",
	.config_home = "config",
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

static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	cr_assert_not_null(file, "%s", name);
	fputs(text, file);
	cr_assert_eq(fclose(file), 0);
}

static void set_up(void)
{
	char name[] = "/tmp/rein-policy-XXXXXX";

	cr_assert_not_null(mkdtemp(name));
	cr_assert_not_null(realpath(name, folder));
	cr_assert_eq(chdir(folder), 0);
	snprintf(workspace, sizeof(workspace), "%s/work", folder);
	snprintf(home, sizeof(home), "%s/home", folder);
	shell("mkdir -p work home config/rein/profiles system/profiles installed");
}

static void tear_down(void)
{
	shell("rm -rf '%s'", folder);
}

TestSuite(policy, .init = set_up, .fini = tear_down);

static struct rein_policy *load(const char *name)
{
	struct rein_policy *policy = NULL;
	struct rein_error err = {0};

	cr_assert_eq(rein_policy_load(name, &context, &policy, &err), 0, "%s", err.text);
	return policy;
}

static void expect_refused(const char *name, const char *wanted)
{
	REIN_AUTO_POLICY struct rein_policy *policy = NULL;
	struct rein_error err = {0};

	cr_expect_lt(rein_policy_load(name, &context, &policy, &err), 0);
	cr_expect(strstr(err.text, wanted), "said %s, wanted %s", err.text, wanted);
}

/* The allow rules of one list, as `/a /b `, with those of files in `folder` shortened to ./x. */
static const char *allowed(const struct rein_policy *policy, enum rein_access list)
{
	static char text[65536];
	size_t i, used = 0;

	text[0] = '\0';
	for (i = 0; i < policy->paths.count && used < sizeof(text); i++) {
		const struct rein_path_rule *rule = &policy->paths.items[i];
		bool inside = strncmp(rule->path, folder, strlen(folder)) == 0;

		if (rule->verdict == REIN_VERDICT_ALLOW && rule->list == list)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s ", inside ? "." : "",
						 rule->path + (inside ? strlen(folder) : 0));
	}
	return text;
}

static size_t denied(const struct rein_policy *policy, const char *path)
{
	size_t i, count = 0;

	for (i = 0; i < policy->paths.count; i++)
		count += policy->paths.items[i].verdict == REIN_VERDICT_DENY &&
			 strcmp(policy->paths.items[i].path, path) == 0;
	return count;
}

Test(policy, the_example_of_the_design_but_for_names)
{
	REIN_AUTO_POLICY struct rein_policy *policy = NULL;
	const struct rein_breaker_rule *egress;

	write_text("installed/base.yaml", "rein: 1\nname: base\n");
	write_text(
		"p.yaml",
		"rein: 1\nname: coding-agent\ndescription: A coding agent at work in one checkout.\nextends: [base]\n"
		"filesystem:\n  read:    [/usr, /etc/ssl, $HOME/.gitconfig]\n  write:\n"
		"    allow: [$WORKSPACE, $TMPDIR]\n    deny:  [$WORKSPACE/.git/hooks]\n"
		"  execute: [/usr/bin, /usr/lib, $WORKSPACE]\n"
		"network:\n  connect: {allow: [{cidr: 127.0.0.1/32, port: 3000-3999}]}\n"
		"  listen:  [{cidr: 127.0.0.0/8, port: 3000-3999}]\n  unix: []\n"
		"syscalls: [\"@default\"]\n"
		"environment: {keep: [PATH, \"ANTHROPIC_*\"], set: {CI: \"1\"}}\n"
		"limits: {processes: 256, memory: 4GiB, open_files: 4096, file_size: 2GiB, wall_time: 2h}\n"
		"breakers:\n  writes: {meter: write.bytes, rate: 20MiB/s, burst: 256MiB, on_trip: freeze}\n"
		"  egress: {meter: net.tx.bytes, rate: 1MiB/s, burst: 32MiB, on_trip: deny, cool_down: 30s}\n"
		"approvals: {timeout: 5m, otherwise: deny}\n");
	policy = load("./p.yaml");
	cr_assert_str_eq(policy->name, "coding-agent");
	cr_assert_str_eq(allowed(policy, REIN_ACCESS_WRITE), "./work /tmp ");
	cr_assert_str_eq(allowed(policy, REIN_ACCESS_EXECUTE), "/usr/bin /usr/lib ./work ");
	cr_assert_eq(policy->limits[REIN_LIMIT_MEMORY].value, 4ULL << 30);
	cr_assert_eq(policy->limits[REIN_LIMIT_WALL_TIME].value, 7200ULL * 1000000000);
	cr_assert_eq(policy->net.count, 2);
	cr_assert(policy->net.items[0].port_low == 3000 && policy->net.items[0].port_high == 3999);
	egress = &policy->breakers.items[1];
	cr_assert(egress->meter == REIN_METER_NET_TX_BYTES && egress->burst == 32 << 20 && egress->total == 0);
	cr_assert(egress->probe == (32 << 20) / 10 && egress->cool_down_ns == 30000000000);
	cr_assert_eq(policy->approval_timeout_ns, 300000000000);
}

Test(policy, port_0_is_one_that_the_kernel_picks)
{
	REIN_AUTO_POLICY struct rein_policy *policy = NULL;

	write_text("p.yaml", "rein: 1\nnetwork: {listen: [{cidr: 127.0.0.1, port: 0}, {cidr: 127.0.0.1}]}\n");
	policy = load("./p.yaml");
	cr_assert(policy->net.items[0].port_low == 0 && policy->net.items[0].port_high == 0);
	cr_assert(policy->net.items[1].port_low == 0 && policy->net.items[1].port_high == 65535);
}

Test(policy, a_rule_knows_where_it_came_from)
{
	REIN_AUTO_POLICY struct rein_policy *policy = NULL;
	const struct rein_origin *origin;

	write_text("p.yaml", "rein: 1\nfilesystem:\n  write:\n    deny:\n      - $WORKSPACE//.git/./hooks/\n"
			     "      - {if_missing: skip, path: $HOME/x}\n");
	policy = load("./p.yaml");
	origin = &policy->paths.items[0].origin;
	cr_assert_str_eq(origin->file, "./p.yaml");
	cr_assert(origin->line == 5 && origin->column == 9);
	cr_assert_str_eq(origin->text, "filesystem.write.deny: $WORKSPACE//.git/./hooks/");
	cr_assert_str_eq(policy->paths.items[0].path + strlen(folder), "/work/.git/hooks");
	origin = &policy->paths.items[1].origin;
	cr_assert(origin->line == 6 && origin->column == 34 && policy->paths.items[1].skip_if_missing);
	cr_assert_str_eq(policy->name, "p", "named after its file");
}

Test(policy, a_digest_has_one_spelling)
{
	REIN_AUTO_POLICY struct rein_policy *policy = NULL;

	write_text("p.yaml",
		   "rein: 1\nfilesystem:\n  execute:\n    - /usr/bin\n    - path: /usr/bin/git\n      sha256: "
		   "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855\n");
	policy = load("./p.yaml");
	cr_assert_null(policy->paths.items[0].sha256);
	cr_assert_str_eq(policy->paths.items[1].sha256,
			 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	cr_assert_str_eq(policy->paths.items[1].origin.text, "filesystem.execute.allow: /usr/bin/git");
}

Test(policy, lists_join_and_the_rest_overrides)
{
	REIN_AUTO_POLICY struct rein_policy *policy = NULL;

	write_text("installed/below.yaml",
		   "rein: 1\nfilesystem: {read: [/a]}\nlimits: {processes: 1, open_files: 2}\n"
		   "breakers: {b: {meter: exec.count, rate: 1/s, burst: 1, total: 9, on_trip: kill},"
		   " c: {meter: exec.count, rate: 1/s, burst: 1, on_trip: kill}}\naudit: strict\n");
	write_text("p.yaml", "rein: 1\nextends: [below]\nfilesystem: {read: [/b]}\nlimits: {processes: 3}\n"
			     "breakers: {b: {meter: fork.count, rate: 2/m, burst: 5, on_trip: freeze}}\n");
	policy = load("./p.yaml");
	cr_assert_str_eq(allowed(policy, REIN_ACCESS_READ), "/a /b ");
	cr_assert(policy->limits[REIN_LIMIT_PROCESSES].value == 3 && policy->limits[REIN_LIMIT_OPEN_FILES].value == 2);
	cr_assert_eq(policy->breakers.count, 2);
	cr_assert_eq(policy->breakers.items[0].meter, REIN_METER_FORK_COUNT);
	cr_assert_eq(policy->breakers.items[0].total, 0, "a breaker is overridden whole");
	cr_assert_eq(policy->audit, REIN_AUDIT_STRICT);
}

Test(policy, a_file_that_two_others_extend_counts_once_and_first)
{
	REIN_AUTO_POLICY struct rein_policy *policy = NULL;

	write_text("base.yaml", "rein: 1\nfilesystem: {read: [/base]}\nlimits: {processes: 1}\n");
	write_text("left.yaml", "rein: 1\nextends: [./base.yaml]\nlimits: {processes: 2}\n");
	write_text("right.yaml", "rein: 1\nextends: [./base.yaml]\n");
	write_text("p.yaml", "rein: 1\nextends: [./left.yaml, ./right.yaml, ./base.yaml]\n");
	policy = load("./p.yaml");
	cr_assert_str_eq(allowed(policy, REIN_ACCESS_READ), "/base ");
	cr_assert_eq(policy->limits[REIN_LIMIT_PROCESSES].value, 2);
}

Test(policy, is_searched_for_in_order)
{
	REIN_AUTO_POLICY struct rein_policy *third = NULL, *second = NULL, *first = NULL;

	write_text("installed/x.yaml", "rein: 1\nname: third\n");
	third = load("x");
	write_text("system/profiles/x.yaml", "rein: 1\nname: second\n");
	second = load("x");
	write_text("config/rein/profiles/x.yaml", "rein: 1\nname: first\n");
	first = load("x");
	cr_assert_str_eq(third->name, "third");
	cr_assert_str_eq(second->name, "second");
	cr_assert_str_eq(first->name, "first");
	shell("chmod 000 config/rein/profiles/x.yaml");
	if (getuid() != 0)
		expect_refused("x", "Permission denied");
	/* The workspace is not searched. */
	write_text("work/y.yaml", "rein: 1\nname: y\n");
	cr_assert_eq(chdir("work"), 0);
	expect_refused("y", "there is no profile \"y\"");
	cr_assert_eq(chdir(".."), 0);
}

Test(policy, deep_chains_end)
{
	int i;

	for (i = 0; i < 20; i++)
		shell("printf 'rein: 1\\nextends: [./%d.yaml]\\n' > %d.yaml", i + 1, i);
	write_text("20.yaml", "rein: 1\n");
	expect_refused("./0.yaml", "profiles extend each other more than 16 deep");
}

Test(policy, what_is_no_regular_file_is_none)
{
	shell("mkfifo pipe.yaml");
	expect_refused("./pipe.yaml", "a profile has to be a regular file");
	expect_refused("/dev/zero", "a profile has to be a regular file");
}

Test(policy, variables)
{
	REIN_AUTO_POLICY struct rein_policy *policy = NULL;

	write_text("p.yaml",
		   "rein: 1\nfilesystem: {read: [\"${HOME}x\", /m/$USER/y, /cost/$$5, $GIT_COMMON_DIR/objects]}\n"
		   "environment: {set: {WHERE: \"in $WORKSPACE\", PRICE: $$1}}\n");
	policy = load("./p.yaml");
	cr_assert_str_eq(allowed(policy, REIN_ACCESS_READ), "./homex /m/someone/y /cost/$5 ./work/.git/objects ");
	cr_assert(strncmp(policy->environment.items[0].value, "in /", 4) == 0);
	cr_assert_str_eq(policy->environment.items[1].value, "$1");
}

Test(policy, values_of_variables_are_judged_too)
{
	const struct rein_profile_context usual = context;

	write_text("p.yaml", "rein: 1\nfilesystem: {read: [/m/$USER]}\n");
	context.user = "../../etc";
	expect_refused("./p.yaml", "$USER is \"../../etc\", which is not a user's name");
	context.user = "..";
	expect_refused("./p.yaml", "$USER is \"..\", which is not a user's name");
	context = usual;
	write_text("p.yaml", "rein: 1\nfilesystem: {read: [$HOME/x]}\n");
	context.home = "home";
	expect_refused("./p.yaml", "$HOME is \"home\", which is not an absolute path");
	context.home = "/a\nb";
	expect_refused("./p.yaml", "control character");
	context.home = "/a/../etc";
	expect_refused("./p.yaml", "\"..\" is not allowed");
	context.home = "/star*";
	rein_policy_free(load("./p.yaml")); /* a file may be called so; only a profile's own wildcard is one */
	context = usual;
}

Test(policy, a_workspace_that_holds_the_home_folder_is_refused)
{
	const struct rein_profile_context usual = context;

	write_text("p.yaml", "rein: 1\nfilesystem: {write: [$WORKSPACE]}\n");
	context.home = workspace;
	expect_refused("./p.yaml", "holds the home folder");
	context.workspace = "/";
	expect_refused("./p.yaml", "holds the home folder");
	context = usual;
	rein_policy_free(load("./p.yaml"));
}

Test(policy, links_that_lead_out_of_the_workspace_are_refused)
{
	write_text("p.yaml", "rein: 1\nfilesystem: {write: [$WORKSPACE/cache/x]}\n");
	rein_policy_free(load("./p.yaml"));
	shell("ln -s ../home work/cache");
	expect_refused("./p.yaml", "leads out of the workspace by a symbolic link");
	shell("rm work/cache; ln -s real work/cache; mkdir work/real");
	rein_policy_free(load("./p.yaml"));
	write_text("p.yaml", "rein: 1\nfilesystem: {write: [$GIT_COMMON_DIR]}\n");
	shell("ln -s ../home work/.git");
	expect_refused("./p.yaml", "p.yaml:2:22: ");
}

Test(policy, hold_in_folder)
{
	static const char text[] = "rein: 1\nfilesystem: {write: {deny: [{path: $WORKSPACE/.git/hooks, "
				   "if_missing: hold_in_folder}]}}\n";
	REIN_AUTO_POLICY struct rein_policy *without = NULL, *with = NULL, *file = NULL;

	write_text("p.yaml", text);
	without = load("./p.yaml");
	cr_assert(without->paths.items[0].skip_if_missing);
	shell("mkdir work/.git");
	with = load("./p.yaml");
	cr_assert_not(with->paths.items[0].skip_if_missing);
	shell("rmdir work/.git && touch work/.git");
	file = load("./p.yaml");
	cr_assert(file->paths.items[0].skip_if_missing);
}

Test(policy, an_agent_cannot_write_the_profile_it_runs_under)
{
	REIN_AUTO_POLICY struct rein_policy *policy = NULL;
	char path[PATH_MAX * 2];

	write_text("work/p.yaml", "rein: 1\nextends: [./q.yaml]\nfilesystem: {write: [$WORKSPACE]}\n");
	write_text("work/q.yaml", "rein: 1\n");
	policy = load("./work/p.yaml");
	snprintf(path, sizeof(path), "%s/p.yaml", workspace);
	cr_assert_eq(denied(policy, path), 1);
	snprintf(path, sizeof(path), "%s/q.yaml", workspace);
	cr_assert_eq(denied(policy, path), 1);
	cr_assert_str_eq(policy->paths.items[1].origin.file, "built in");
}

Test(policy, a_profile_that_is_reached_by_the_agents_link_is_refused)
{
	write_text("p.yaml", "rein: 1\nfilesystem: {write: [$WORKSPACE]}\n");
	shell("ln -s ../p.yaml work/link.yaml && ln -s .. work/up && mkdir -p work/sub && ln -s sub work/same");
	expect_refused("./work/link.yaml", "is reached by a symbolic link that the agent may write");
	expect_refused("./work/up/p.yaml", "is reached by a symbolic link that the agent may write");
	shell("cp p.yaml work/sub/p.yaml");
	expect_refused("./work/same/p.yaml", "is reached by a symbolic link that the agent may write");
	rein_policy_free(load("./work/sub/p.yaml"));
	rein_policy_free(load("./work/../p.yaml"));
	shell("ln -s p.yaml elsewhere.yaml");
	rein_policy_free(load("./elsewhere.yaml"));
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void write_many(const char *name, int count)
{
	FILE *file = fopen(name, "w");
	char filler[4001];
	int i;

	cr_assert_not_null(file);
	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	fputs("rein: 1\nfilesystem:\n  read:\n", file);
	for (i = 0; i < count; i++)
		fprintf(file, "    - /many/%d/%s\n", i, i % 100 ? "short" : filler);
	fputs("network:\n  connect:\n", file);
	for (i = 0; i < count; i++)
		fprintf(file, "    - {cidr: 10.%d.%d.0/24, port: 443}\n", i / 256 % 256, i % 256);
	fclose(file);
}

Test(policy, ten_thousand_rules_of_each_kind)
{
	REIN_AUTO_POLICY struct rein_policy *policy = NULL, *bounded = NULL;
	uint64_t start = now_ms();

	write_many("p.yaml", 10000);
	policy = load("./p.yaml");
	cr_assert(policy->paths.count == 10000 && policy->net.count == 10000);
	write_many("system/ceiling.yaml", 10000);
	bounded = load("./p.yaml");
	cr_assert(bounded->paths.count == 10000 && bounded->net.count == 10000);
	cr_assert_lt(now_ms() - start, 20000, "not linear");
}

Test(policy, paths_as_long_as_the_kernel_takes)
{
	char text[PATH_MAX + 200];

	snprintf(text, sizeof(text), "rein: 1\nfilesystem: {read: [/%0*d]}\n", PATH_MAX - 2, 0);
	write_text("p.yaml", text);
	rein_policy_free(load("./p.yaml"));
	snprintf(text, sizeof(text), "rein: 1\nfilesystem: {read: [/%0*d]}\n", PATH_MAX - 1, 0);
	write_text("p.yaml", text);
	expect_refused("./p.yaml", "the path is longer than 4095 bytes");
}
