/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/commands.h"

#include <stddef.h>
#include <string.h>

#define WHO "[-p PROFILE] [-w DIR] [--user NAME] [--audit FILE] [--ci] [--degrade] "

const struct rein_cmd rein_commands[] = {
	{"run", WHO "[--report FILE] [--fail-on-deny] [--] COMMAND [ARGUMENT...]",
	 "start an agent that can do what its profile declares", rein_cmd_run},
	{"plan", WHO "[--all] [--json]", "show what would be enforced here, by what, how exactly", rein_cmd_plan},
	{"check", "[-w DIR] [--json] [PROFILE...]", "read profiles and say what is wrong with them", rein_cmd_check},
	{"doctor", "[--json]", "show what this machine can do, and what is missing", rein_cmd_doctor},
	{"ps", "[--json]", "list the agents that run", rein_cmd_ps},
	{"log", "[--json] [-f] [--denied] [--kind KIND] [AGENT|FILE]", "show an agent's audit log in plain English",
	 rein_cmd_log},
	{"why", "[--json] [AGENT|FILE] [EVENT]", "explain one event of a log; without EVENT, the last refusal",
	 rein_cmd_why},
	{"verify", "[--json] AGENT|FILE", "check that a log was neither edited nor cut", rein_cmd_verify},
	{"note", "[--hook] [--] [TEXT...]", "inside an agent: say for the record what it is about to do",
	 rein_cmd_note},
	{"trip", "[--json] AGENT [BREAKER]", "open breakers by hand", rein_cmd_trip},
	{"reset", "[--json] [--refill] AGENT [BREAKER]", "close breakers and let the agent go on", rein_cmd_reset},
	{"freeze", "[--json] AGENT", "stop every process of an agent", rein_cmd_freeze},
	{"thaw", "[--json] AGENT", "let a frozen agent go on", rein_cmd_thaw},
	{"kill", "[--json] AGENT", "end every process of an agent", rein_cmd_kill},
	{"up", "[--json]", "load what the kernel keeps for all agents (root)", rein_cmd_up},
	{"down", "[--json]", "unload it again, if no agent runs (root)", rein_cmd_down},
	{"help", "[COMMAND|profile]", "show this list, or a manual page", rein_cmd_help},
	{0},
};

const struct rein_cmd *rein_commands_find(const char *name)
{
	const struct rein_cmd *command = rein_commands;

	while (command->name && strcmp(command->name, name))
		command++;
	return command->name ? command : NULL;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

#define NAME_MAX_SLIPS 16 /* longer names than any command's are not compared */

/* How many letters must be added, dropped or replaced to get from a to b. */
static size_t slips(const char *a, const char *b)
{
	size_t above[NAME_MAX_SLIPS + 1], row[NAME_MAX_SLIPS + 1], i, k, nb = strlen(b);

	for (k = 0; k <= nb; k++)
		above[k] = k;
	for (i = 1; a[i - 1]; i++) {
		row[0] = i;
		for (k = 1; k <= nb; k++)
			row[k] = least(least(row[k - 1], above[k]) + 1, above[k - 1] + (a[i - 1] != b[k - 1]));
		memcpy(above, row, sizeof(above));
	}
	return above[nb];
}

const struct rein_cmd *rein_commands_near(const char *name)
{
	const struct rein_cmd *near = NULL;
	size_t fewest = 3, n = strlen(name);

	for (const struct rein_cmd *command = rein_commands; command->name && n <= NAME_MAX_SLIPS; command++) {
		size_t away = slips(name, command->name);

		if (away < fewest && away < n && away < strlen(command->name)) {
			fewest = away;
			near = command;
		}
	}
	return near;
}
