/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmd/commands.h"

/* One option: where its value goes. A value of NULL: a switch, which sets a bool. */
struct option_row {
	enum rein_option option;
	char letter; /* 0: none */
	const char *name, *value;
	size_t offset;
};

#define FIELD(member) offsetof(struct rein_options, member)

static const struct option_row rows[] = {
	{REIN_OPTION_PROFILE, 'p', "profile", "PROFILE", FIELD(profile)},
	{REIN_OPTION_WORKSPACE, 'w', "workspace", "DIR", FIELD(workspace)},
	{REIN_OPTION_USER, 0, "user", "NAME", FIELD(user)},
	{REIN_OPTION_AUDIT, 0, "audit", "FILE", FIELD(audit)},
	{REIN_OPTION_REPORT, 0, "report", "FILE", FIELD(report)},
	{REIN_OPTION_CI, 0, "ci", NULL, FIELD(ci)},
	{REIN_OPTION_DEGRADE, 0, "degrade", NULL, FIELD(degrade)},
	{REIN_OPTION_FAIL_ON_DENY, 0, "fail-on-deny", NULL, FIELD(fail_on_deny)},
	{REIN_OPTION_JSON, 0, "json", NULL, FIELD(json)},
	{REIN_OPTION_REFILL, 0, "refill", NULL, FIELD(refill)},
	{REIN_OPTION_FOLLOW, 'f', "follow", NULL, FIELD(follow)},
	{REIN_OPTION_KIND, 0, "kind", "KIND", FIELD(kind)},
	{REIN_OPTION_DENIED, 0, "denied", NULL, FIELD(denied)},
	{REIN_OPTION_ALL, 0, "all", NULL, FIELD(all)},
	{REIN_OPTION_HOOK, 0, "hook", NULL, FIELD(hook)},
	{0, 'h', "help", NULL, FIELD(help)},
};

#define LONG_BASE 256 /* above all letters: what getopt_long returns for row i is LONG_BASE + i */

struct getopt_tables {
	struct option longs[REIN_COUNT(rows) + 1];
	char letters[2 * REIN_COUNT(rows) + 3];
};

/* Only the rows that this subcommand takes are there, so that an abbreviation is judged among those. The leading colon
 * lets a missing value be told from an unknown option, the plus ends the options at the command. */
static void make_tables(const struct rein_usage *usage, struct getopt_tables *tables)
{
	struct option *next = tables->longs;
	char *letter = tables->letters;

	memset(tables, 0, sizeof(*tables));
	if (usage->command)
		*letter++ = '+';
	*letter++ = ':';
	for (size_t i = 0; i < REIN_COUNT(rows); i++) {
		if (rows[i].option && !(usage->takes & rows[i].option))
			continue;
		*next++ = (struct option){.name = rows[i].name,
					  .has_arg = rows[i].value ? required_argument : no_argument,
					  .val = LONG_BASE + (int)i};
		if (rows[i].letter) {
			*letter++ = rows[i].letter;
			if (rows[i].value)
				*letter++ = ':';
		}
	}
}

static const struct option_row *row_of(int c)
{
	if (c >= LONG_BASE && c < LONG_BASE + (int)REIN_COUNT(rows))
		return &rows[c - LONG_BASE];
	for (size_t i = 0; i < REIN_COUNT(rows); i++)
		if (rows[i].letter == c && c)
			return &rows[i];
	return NULL;
}

static int take(const struct option_row *row, const char *given, char *value, struct rein_options *options,
		struct rein_error *err)
{
	char *field = (char *)options + row->offset;

	if (!row->value) {
		*(bool *)field = true;
		return 0;
	}
	if (!*value)
		return rein_fail(err, EINVAL, "%s is empty: it needs a %s", given, row->value);
	*(const char **)field = value;
	return 0;
}

/* The option as the person typed it, without its value, from what getopt has left behind. */
static void given_as(char **argv, int c, char *text, size_t size)
{
	const char *word = argv[optind - 1];

	if (c == '?' || c == ':')
		c = optopt;
	if (c > 0 && c < LONG_BASE)
		snprintf(text, size, "-%c", c);
	else if (c >= LONG_BASE)
		snprintf(text, size, "--%s", rows[c - LONG_BASE].name);
	else
		snprintf(text, size, "%.*s", (int)strcspn(word, "="), word);
}

static int bad_option(char **argv, int c, const char *given, struct rein_error *err)
{
	const struct option_row *row = row_of(optopt);

	if (c == ':')
		return rein_fail(err, EINVAL, "%s needs a %s", given, row ? row->value : "value");
	if (row && c == '?' && optopt >= LONG_BASE)
		return rein_fail(err, EINVAL, "%s takes no value", given);
	return rein_fail(err, EINVAL, "%s is no option of `rein %s`", given, argv[0]);
}

static int read_options(int argc, char **argv, const struct rein_usage *usage, struct rein_options *options,
			struct rein_error *err)
{
	struct getopt_tables tables;
	char given[128];
	int c, r = 0;

	make_tables(usage, &tables);
	optind = 0; /* glibc: start afresh, also after an earlier parse */
	opterr = 0;
	while (r == 0 && (c = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) != -1) {
		given_as(argv, c, given, sizeof(given));
		r = c == '?' || c == ':' ? bad_option(argv, c, given, err)
					 : take(row_of(c), given, optarg, options, err);
	}
	return r;
}

static int check_arguments(const char *name, const struct rein_usage *usage, const struct rein_options *options,
			   struct rein_error *err)
{
	if (options->nr_arguments < usage->min_arguments)
		return rein_fail(err, EINVAL, "`rein %s` needs %s", name, usage->arguments);
	if (usage->max_arguments >= 0 && options->nr_arguments > usage->max_arguments)
		return rein_fail(err, EINVAL, "`rein %s` takes %s; \"%s\" is too much", name,
				 usage->arguments && *usage->arguments ? usage->arguments : "no arguments",
				 options->arguments[usage->max_arguments]);
	return 0;
}

int rein_options_parse(int argc, char **argv, const struct rein_usage *usage, struct rein_options *ret_options,
		       struct rein_error *err)
{
	struct rein_options options = {.profile = "coding-agent"};
	int r;

	r = read_options(argc, argv, usage, &options, err);
	if (r < 0)
		return r;
	options.arguments = argv + optind;
	options.nr_arguments = argc - optind;
	if (!options.help)
		r = check_arguments(argv[0], usage, &options, err);
	if (r == 0)
		*ret_options = options;
	return r;
}

static void say_usage(const char *name)
{
	const struct rein_cmd *command = rein_commands_find(name);

	if (command)
		rein_say("usage: rein %s %s; `rein help %s` says more", name, command->arguments, name);
}

bool rein_options_read(int argc, char **argv, const struct rein_usage *usage, struct rein_options *ret_options,
		       int *ret_code)
{
	struct rein_error err;

	if (rein_options_parse(argc, argv, usage, ret_options, &err) < 0) {
		*ret_code = rein_say_error(&err, usage->misuse);
		say_usage(argv[0]);
		return false;
	}
	if (ret_options->help) {
		char *help[] = {(char *)"help", argv[0], NULL};

		*ret_code = rein_cmd_help(2, help);
		return false;
	}
	return true;
}
