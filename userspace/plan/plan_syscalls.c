/* SPDX-License-Identifier: GPL-2.0 */
#include "plan/planning.h"

/* System calls, and the environment, which is the supervisor's own work. */

static void syscall_line(struct rein_planning *planning, const struct rein_syscall_rule *rule)
{
	bool (*knows)(const char *) = planning->options->knows_syscall;
	struct rein_plan_line *line = rein_planning_rule(planning, &rule->origin, rule->verdict, "call", rule->name);

	if (rule->verdict == REIN_VERDICT_ASK)
		rein_planning_refuse(planning, line, rule->optional, "nobody can be asked yet: allow it or deny it");
	else if (knows && !knows(rule->name))
		rein_planning_refuse(planning, line, rule->optional,
				     rule->name[0] == '@' ? "there is no such group of system calls"
							  : "no system call of that name is known here");
	else if (!rein_planning_has(planning, REIN_MECH_SECCOMP))
		rein_planning_refuse(planning, line, rule->optional, "no seccomp filter can be set here: %s",
				     planning->machine->facts[REIN_MECH_SECCOMP].detail);
	else
		rein_planning_keep(line, REIN_MECH_SECCOMP);
}

void rein_planning_syscalls(struct rein_planning *planning)
{
	const struct rein_policy *policy = planning->policy;

	for (size_t i = 0; i < policy->syscalls.count; i++)
		syscall_line(planning, &policy->syscalls.items[i]);
}

void rein_planning_environment(struct rein_planning *planning)
{
	const struct rein_policy *policy = planning->policy;

	for (size_t i = 0; i < policy->environment.count; i++) {
		const struct rein_env_rule *rule = &policy->environment.items[i];
		struct rein_plan_line *line =
			rein_planning_named(planning, &rule->origin,
					    rule->value ? "environment: sets" : "environment: passes on", rule->name);

		rein_planning_keep(line, REIN_MECH_SUPERVISOR);
	}
}
