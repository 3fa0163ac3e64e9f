/* SPDX-License-Identifier: GPL-2.0 */
#include "plan/planning.h"

/* System calls, and the environment, which is the supervisor's own work. */

/* What is missing here for calls that queue operations: they come past the filter, so hooks have to know them all. */
static bool refuse_queues(struct rein_planning *planning, struct rein_plan_line *line,
			  const struct rein_syscall_rule *rule)
{
	if (!rein_planning_has(planning, REIN_MECH_BPF_FILE))
		rein_planning_refuse(
			planning, line, rule->optional,
			"what it queues happens past the filter, and bpf-file, which would count it, does not "
			"work here (%.160s)",
			planning->machine->facts[REIN_MECH_BPF_FILE].detail);
	else if (planning->machine->bpf_file_skips)
		rein_planning_refuse(
			planning, line, rule->optional,
			"what it queues happens past the filter, and bpf-file cannot tell its bytes here (%.200s)",
			planning->machine->facts[REIN_MECH_BPF_FILE].detail);
	else if (!planning->plan->unix_sockets)
		rein_planning_refuse(
			planning, line, rule->optional,
			"what it queues happens past the filter, and UNIX sockets, which it could make, cannot be "
			"confined here");
	else
		return false;
	return true;
}

static void allowed_line(struct rein_planning *planning, struct rein_plan_line *line,
			 const struct rein_syscall_rule *rule)
{
	const char *(*forbids)(const char *, bool *) = planning->options->forbids_syscall;
	bool queues = false;
	const char *why = forbids ? forbids(rule->name, &queues) : NULL;

	if (why && !queues) {
		rein_planning_refuse(planning, line, rule->optional, "no profile can allow it, because %s", why);
		return;
	}
	if (why && refuse_queues(planning, line, rule))
		return;
	rein_planning_keep(line, REIN_MECH_SECCOMP);
	if (!why)
		return;
	planning->plan->queues = true;
	rein_planning_keep(line, REIN_MECH_BPF_FILE);
	rein_planning_note(line, "bpf-file counts what it does; what a breaker stops comes back with EINTR");
}

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
	else if (rule->verdict == REIN_VERDICT_ALLOW)
		allowed_line(planning, line, rule);
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
