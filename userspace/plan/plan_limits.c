/* SPDX-License-Identifier: GPL-2.0 */
#include "base/cleanup.h"
#include "base/units.h"
#include "plan/planning.h"
#include "profile/words.h"

/* Limits: who keeps each, in order of preference. */

static bool pids_controller(const struct rein_planning *planning)
{
	return planning->machine->controller_parent[REIN_CONTROLLER_PIDS][0];
}

static bool memory_controller(const struct rein_planning *planning)
{
	return planning->machine->controller_parent[REIN_CONTROLLER_MEMORY][0];
}

/* RLIMIT_NPROC counts per user namespace, and not at all for the host's uid 0: it holds only in a namespace of the
 * agent's own and for an ordinary user. Outside of one it would count what else that user runs. */
static bool nproc(const struct rein_planning *planning)
{
	return !planning->machine->privileged && (planning->machine->namespaces & REIN_NS_USER) &&
	       planning->options->agent_uid != 0;
}

static bool always(const struct rein_planning *planning)
{
	return true;
}

static const struct {
	enum rein_limit_kind kind;
	enum rein_mechanism by;
	bool (*here)(const struct rein_planning *);
	const char *note; /* what it does not cover; "" if nothing */
} keepers[] = {
	{REIN_LIMIT_PROCESSES, REIN_MECH_CGROUP, pids_controller, ""},
	{REIN_LIMIT_PROCESSES, REIN_MECH_RLIMITS, nproc, ""},
	{REIN_LIMIT_MEMORY, REIN_MECH_CGROUP, memory_controller, ""},
	{REIN_LIMIT_OPEN_FILES, REIN_MECH_RLIMITS, always, "for each process"},
	{REIN_LIMIT_FILE_SIZE, REIN_MECH_RLIMITS, always, ""},
	{REIN_LIMIT_WALL_TIME, REIN_MECH_SUPERVISOR, always, ""},
};

static const char *const missing[REIN_LIMIT_COUNT] = {
	[REIN_LIMIT_PROCESSES] =
		"needs the pids controller of a cgroup that rein may write (root, or a delegated one), or "
		"a user namespace",
	[REIN_LIMIT_MEMORY] =
		"needs the memory controller of a cgroup that rein may write: "
		"start as root, or in a delegated one (systemd-run --user --scope -p Delegate=yes rein ...)",
};

/* How people write each limit. */
static const char *(*const formats[REIN_LIMIT_COUNT])(char text[REIN_UNITS_MAX], uint64_t amount) = {
	[REIN_LIMIT_PROCESSES] = rein_count_format,    [REIN_LIMIT_MEMORY] = rein_size_format,
	[REIN_LIMIT_OPEN_FILES] = rein_count_format,   [REIN_LIMIT_FILE_SIZE] = rein_size_format,
	[REIN_LIMIT_WALL_TIME] = rein_duration_format,
};

static void limit_line(struct rein_planning *planning, enum rein_limit_kind kind, const struct rein_limit_rule *rule)
{
	char amount[REIN_UNITS_MAX];
	struct rein_plan_line *line = rein_planning_line(planning, &rule->origin, "%s at most %s",
							 rein_limit_name(kind), formats[kind](amount, rule->value));

	for (size_t i = 0; i < REIN_COUNT(keepers); i++) {
		if (keepers[i].kind != kind || !rein_planning_has(planning, keepers[i].by) ||
		    !keepers[i].here(planning))
			continue;
		rein_planning_keep(line, keepers[i].by);
		rein_planning_note(line, "%s", keepers[i].note);
		return;
	}
	rein_planning_refuse(planning, line, rule->optional, "%s", missing[kind] ?: "its mechanism does not work here");
}

void rein_planning_limits(struct rein_planning *planning)
{
	for (int i = 0; i < REIN_LIMIT_COUNT; i++)
		if (planning->policy->limits[i].origin.file)
			limit_line(planning, (enum rein_limit_kind)i, &planning->policy->limits[i]);
}
