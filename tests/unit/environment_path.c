/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "agent/environment.h"

static struct rein_place places[] = {
	{.kind = REIN_PLACE_TREE, .path = (char *)"/usr", .access = REIN_ACCESS_READ, .directory = true},
	{.kind = REIN_PLACE_HIDDEN, .path = (char *)"/usr/games", .directory = true},
};
static const struct rein_view view = {.places = {.items = places, .count = 2}};

static void expect(const char *before, const char *after)
{
	char line[256];
	char *envp[] = {(char *)"TERM=dumb", line, NULL};

	snprintf(line, sizeof(line), "PATH=%s", before);
	rein_environment_trim_path(envp, &view);
	cr_expect_str_eq(line + 5, after);
}

Test(environment_path, keeps_only_what_the_agent_can_search)
{
	expect("/usr/bin:/root/bin", "/usr/bin");
	expect("/root/bin:/usr/bin:/opt/x:/usr/sbin", "/usr/bin:/usr/sbin");
	expect("/usr/games:/usr/bin", "/usr/bin");
	expect("/root/bin", "");
	expect("", "");
}

Test(environment_path, leaves_what_is_relative_and_what_may_come_later)
{
	expect("node_modules/.bin:/usr/bin", "node_modules/.bin:/usr/bin");
	expect("/usr/local/not-there-yet:/usr/bin", "/usr/local/not-there-yet:/usr/bin");
}

Test(environment_path, leaves_an_environment_without_path_alone)
{
	char *envp[] = {(char *)"PATHS=/root", NULL};

	rein_environment_trim_path(envp, &view);
	cr_expect_str_eq(envp[0], "PATHS=/root");
}
