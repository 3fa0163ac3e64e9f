/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "agent/environment.h"
#include "harness/policies.h"

static struct rein_trial_plan trial;
static const struct rein_identity who = {.uid = 0, .gid = 0, .name = "somebody", .home = "/home/somebody"};
static char **envp;

static void setup(void)
{
	rein_trial_plan_init(&trial);
	trial.policy.tmpdir = "/tmp/agent";
}

static void teardown(void)
{
	rein_environment_free(envp);
	rein_trial_plan_free(&trial);
}

TestSuite(environment, .init = setup, .fini = teardown);

static void rule(const char *name, const char *value)
{
	struct rein_env_rule *added = rein_vec_add(&trial.policy.environment);

	added->name = name;
	added->value = value;
}

static const char *get(const char *name)
{
	size_t length = strlen(name);

	for (char **one = envp; *one; one++)
		if (!strncmp(*one, name, length) && (*one)[length] == '=')
			return *one + length + 1;
	return NULL;
}

static void build(char *const *from)
{
	cr_assert_eq(rein_environment_build(&trial.policy, from, &who, &envp, NULL), 0);
}

#define FROM(...) ((char *const[]){__VA_ARGS__, NULL})

Test(environment, keeps_only_what_is_named)
{
	rule("PATH", NULL);
	rule("ANTHROPIC_*", NULL);
	build(FROM("PATH=/bin", "SECRET=1", "ANTHROPIC_API_KEY=k", "ANTHROPIC_=e", "ANTHROPIC=n", "PATHS=no"));
	cr_assert_str_eq(get("PATH"), "/bin");
	cr_assert_str_eq(get("ANTHROPIC_API_KEY"), "k");
	cr_assert_str_eq(get("ANTHROPIC_"), "e");
	cr_assert_null(get("ANTHROPIC"));
	cr_assert_null(get("SECRET"));
	cr_assert_null(get("PATHS"));
}

Test(environment, is_the_agents_users_own)
{
	rule("HOME", NULL);
	rule("USER", NULL);
	rule("TMPDIR", NULL);
	build(FROM("HOME=/root", "USER=root", "TMPDIR=/var/tmp"));
	cr_assert_str_eq(get("HOME"), "/home/somebody");
	cr_assert_str_eq(get("USER"), "somebody");
	cr_assert_str_eq(get("LOGNAME"), "somebody");
	cr_assert_str_eq(get("TMPDIR"), "/tmp/agent");
	cr_assert_not_null(get("SHELL"));
}

Test(environment, what_is_set_wins)
{
	rule("CI", "0");
	rule("CI", "1");
	rule("HOME", "/elsewhere");
	rule("CI", NULL);
	build(FROM("CI=2"));
	cr_assert_str_eq(get("CI"), "1");
	cr_assert_str_eq(get("HOME"), "/elsewhere");
}

Test(environment, a_wildcard_keeps_nothing_that_loads_code)
{
	rule("*", NULL);
	build(FROM("LD_PRELOAD=/x.so", "LD_LIBRARY_PATH=/x", "GCONV_PATH=/x", "BASH_ENV=/x", "BASH_FUNC_ls%%=() { :; }",
		   "GLIBC_TUNABLES=x", "LANG=C"));
	cr_assert_null(get("LD_PRELOAD"));
	cr_assert_null(get("LD_LIBRARY_PATH"));
	cr_assert_null(get("GCONV_PATH"));
	cr_assert_null(get("BASH_ENV"));
	cr_assert_null(get("BASH_FUNC_ls%%"));
	cr_assert_null(get("GLIBC_TUNABLES"));
	cr_assert_str_eq(get("LANG"), "C");
}

Test(environment, a_name_keeps_it)
{
	rule("LD_LIBRARY_PATH", NULL);
	build(FROM("LD_LIBRARY_PATH=/opt/lib"));
	cr_assert_str_eq(get("LD_LIBRARY_PATH"), "/opt/lib");
}

Test(environment, broken_entries_are_dropped)
{
	rule("*", NULL);
	build(FROM("NOTHING", "=x", "A=1", "A=2", ""));
	cr_assert_null(get("NOTHING"));
	cr_assert_null(get(""));
	cr_assert_str_eq(get("A"), "1");
}

Test(environment, values_come_through_unchanged)
{
	rule("A", NULL);
	build(FROM("A=x=y\n\xff;"));
	cr_assert_str_eq(get("A"), "x=y\n\xff;");
}
