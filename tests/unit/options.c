/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmd/options.h"

#define WORDS_MAX 8
#define ALL_OF_RUN (REIN_OPTION_PROFILE | REIN_OPTION_WORKSPACE | REIN_OPTION_USER | REIN_OPTION_AUDIT | REIN_OPTION_CI)

static const struct rein_usage run = {.takes = ALL_OF_RUN,
				      .min_arguments = 1,
				      .max_arguments = -1,
				      .arguments = "COMMAND",
				      .command = true,
				      .misuse = 125};
static const struct rein_usage reset = {.takes = REIN_OPTION_JSON | REIN_OPTION_REFILL,
					.min_arguments = 1,
					.max_arguments = 2,
					.arguments = "AGENT [BREAKER]"};
static const struct rein_usage none = {.takes = REIN_OPTION_JSON, .max_arguments = 0};

static int parse(const struct rein_usage *usage, const char *const *words, struct rein_options *options,
		 struct rein_error *err)
{
	static char *argv[WORDS_MAX + 1];
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = (char *)words[argc];
	argv[argc] = NULL;
	return rein_options_parse(argc, argv, usage, options, err);
}

static const struct {
	const struct rein_usage *usage;
	const char *words[WORDS_MAX], *message;
} bad[] = {
	{&run, {"run"}, "`rein run` needs COMMAND"},
	{&run, {"run", "--"}, "`rein run` needs COMMAND"},
	{&run, {"run", "-p"}, "-p needs a PROFILE"},
	{&run, {"run", "--profile"}, "--profile needs a PROFILE"},
	{&run, {"run", "--user", "--"}, "`rein run` needs COMMAND"},
	{&run, {"run", "-p", "", "--", "true"}, "-p is empty: it needs a PROFILE"},
	{&run, {"run", "--profile=", "--", "true"}, "--profile is empty: it needs a PROFILE"},
	{&run, {"run", "-w", "", "true"}, "-w is empty: it needs a DIR"},
	{&run, {"run", "--ci=yes", "true"}, "--ci takes no value"},
	{&run, {"run", "--bogus", "true"}, "--bogus is no option of `rein run`"},
	{&run, {"run", "--bogus=7", "true"}, "--bogus is no option of `rein run`"},
	{&run, {"run", "-z", "true"}, "-z is no option of `rein run`"},
	{&run, {"run", "-f", "true"}, "-f is no option of `rein run`"},
	{&run, {"run", "--json", "true"}, "--json is no option of `rein run`"},
	{&reset, {"reset"}, "`rein reset` needs AGENT [BREAKER]"},
	{&reset, {"reset", "a", "b", "c"}, "`rein reset` takes AGENT [BREAKER]; \"c\" is too much"},
	{&reset, {"reset", "a", "--ci"}, "--ci is no option of `rein reset`"},
	{&none, {"ps", "x"}, "`rein ps` takes no arguments; \"x\" is too much"},
};

Test(options, misuse_says_what_is_wrong)
{
	for (size_t i = 0; i < REIN_COUNT(bad); i++) {
		struct rein_options options = {.profile = "untouched"};
		struct rein_error err = {0};

		cr_expect_eq(parse(bad[i].usage, bad[i].words, &options, &err), -EINVAL, "row %zu", i);
		cr_expect_str_eq(err.text, bad[i].message, "row %zu: %s", i, err.text);
		cr_expect_str_eq(options.profile, "untouched", "row %zu", i);
	}
}

Test(options, run_leaves_the_command_alone)
{
	struct rein_options options;
	struct rein_error err;

	cr_assert_eq(parse(&run, (const char *const[]){"run", "-pci", "--user=me", "ls", "-p", "--ci", NULL}, &options,
			   &err),
		     0);
	cr_expect_str_eq(options.profile, "ci");
	cr_expect_str_eq(options.user, "me");
	cr_expect_eq(options.nr_arguments, 3);
	cr_expect_str_eq(options.arguments[0], "ls");
	cr_expect_str_eq(options.arguments[2], "--ci");
	cr_expect_null(options.arguments[3]);
	cr_expect_not(options.ci);
}

Test(options, dashes_end_the_options)
{
	struct rein_options options;
	struct rein_error err;

	cr_assert_eq(parse(&run, (const char *const[]){"run", "--ci", "--", "--ci", NULL}, &options, &err), 0);
	cr_expect(options.ci);
	cr_expect_str_eq(options.arguments[0], "--ci");
}

Test(options, defaults_and_abbreviations)
{
	struct rein_options options;
	struct rein_error err;

	cr_assert_eq(parse(&run, (const char *const[]){"run", "--work", "/tmp", "true", NULL}, &options, &err), 0);
	cr_expect_str_eq(options.profile, "coding-agent");
	cr_expect_str_eq(options.workspace, "/tmp");
	cr_expect_null(options.user);
}

Test(options, others_take_options_anywhere)
{
	struct rein_options options;
	struct rein_error err;

	cr_assert_eq(parse(&reset, (const char *const[]){"reset", "agent", "--refill", "writes", NULL}, &options, &err),
		     0);
	cr_expect(options.refill);
	cr_expect_eq(options.nr_arguments, 2);
	cr_expect_str_eq(options.arguments[1], "writes");
}

Test(options, help_needs_nothing_else)
{
	struct rein_options options;
	struct rein_error err;

	cr_assert_eq(parse(&run, (const char *const[]){"run", "--help", NULL}, &options, &err), 0);
	cr_expect(options.help);
	cr_assert_eq(parse(&reset, (const char *const[]){"reset", "-h", NULL}, &options, &err), 0);
	cr_expect(options.help);
}
