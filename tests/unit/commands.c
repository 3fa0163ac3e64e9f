/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmd/commands.h"

static const struct {
	const char *typed, *meant; /* NULL: nothing */
} table[] = {
	{"rnu", "run"},
	{"plam", "plan"},
	{"docter", "doctor"},
	{"verfy", "verify"},
	{"x", NULL},
	{"", NULL},
	{"frobnicate", NULL},
	{"zz", NULL},
	{"thawe", "thaw"},
	{"wihy", "why"},
	{"a-name-longer-than-any-command-there-is", NULL},
};

Test(commands, guesses_what_was_meant)
{
	for (size_t i = 0; i < REIN_COUNT(table); i++) {
		const struct rein_cmd *near = rein_commands_near(table[i].typed);

		if (!table[i].meant)
			cr_expect_null(near, "\"%s\" became %s", table[i].typed, near->name);
		else
			cr_expect(near && !strcmp(near->name, table[i].meant), "\"%s\"", table[i].typed);
	}
}

Test(commands, names_are_found_and_no_others)
{
	for (const struct rein_cmd *command = rein_commands; command->name; command++) {
		cr_expect_eq(rein_commands_find(command->name), command);
		cr_expect(command->main && command->summary && command->arguments, "%s", command->name);
	}
	cr_expect_null(rein_commands_find("ru"));
	cr_expect_null(rein_commands_find(""));
}
