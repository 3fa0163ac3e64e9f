/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>

#include "base/cleanup.h"
#include "plan/planning.h"

/*
 * What rein promises whatever the profile says (design.md section 1). No option degrades these: without them a start
 * would only look confined.
 */

/* One promise: who must work, who helps where it does, and what of namespaces it takes. */
static const struct {
	const char *what;
	enum rein_mechanism needs, helps; /* helps: NONE if nobody */
	unsigned namespaces;
	const char *lack; /* what it means where they do not work */
} promises[] = {
	{"if rein dies, every process of the agent dies", REIN_MECH_NAMESPACES, REIN_MECH_NONE, REIN_NS_PID,
	 "no PID namespace can be made here, so nothing would end the agent with rein"},
	{"it sees and signals no process but its own", REIN_MECH_NAMESPACES, REIN_MECH_LANDLOCK,
	 REIN_NS_PID | REIN_NS_IPC, "no PID and IPC namespaces can be made here"},
	{"what no line allows on the file system is refused, and outside `write` nothing can be changed",
	 REIN_MECH_NAMESPACES, REIN_MECH_LANDLOCK, REIN_NS_MOUNT,
	 "no mount namespace can be made here, and Landlock alone lets chmod, chown and timestamps through"},
	{"system calls that no line names are refused, foreign ABIs killed", REIN_MECH_SECCOMP, REIN_MECH_NONE, 0,
	 "no seccomp filter can be set here"},
	{"it has no privileges and gains none", REIN_MECH_PRIVILEGES, REIN_MECH_NONE, 0,
	 "its privileges cannot be taken away here"},
};

static void promise_line(struct rein_planning *planning, size_t i)
{
	const struct rein_machine *machine = planning->machine;
	struct rein_plan_line *line = rein_planning_line(planning, NULL, "%s", promises[i].what);

	if (!rein_planning_has(planning, promises[i].needs) ||
	    (machine->namespaces & promises[i].namespaces) != promises[i].namespaces) {
		rein_planning_lack(planning, line, promises[i].needs, promises[i].lack);
		return;
	}
	rein_planning_keep(line, promises[i].needs);
	if (promises[i].helps != REIN_MECH_NONE && rein_planning_has(planning, promises[i].helps))
		rein_planning_keep(line, promises[i].helps);
}

/* uid 0 owns cgroup files, core_pattern and much else: two mechanisms must keep it from them, not one. */
static void root_line(struct rein_planning *planning)
{
	const struct rein_machine *machine = planning->machine;
	struct rein_plan_line *line;

	if (planning->options->agent_uid != 0)
		return;
	line = rein_planning_line(planning, NULL, "it runs as uid 0 without privileges");
	if ((machine->namespaces & REIN_NS_MOUNT) && rein_planning_has(planning, REIN_MECH_LANDLOCK)) {
		rein_planning_keep(line, REIN_MECH_NAMESPACES);
		rein_planning_keep(line, REIN_MECH_LANDLOCK);
		rein_planning_keep(line, REIN_MECH_PRIVILEGES);
	} else {
		rein_planning_note(line,
				   "uid 0 needs a mount namespace and Landlock, and %s is missing here; name an "
				   "ordinary user with --user",
				   rein_planning_has(planning, REIN_MECH_LANDLOCK) ? "the mount namespace"
										   : "Landlock");
	}
}

/* Tracepoints of system calls slow down every process of the host: one at the exit, or one at each end. */
static void note_cost(const struct rein_planning *planning, struct rein_plan_line *line)
{
	bool deaf = !rein_planning_has(planning, REIN_MECH_BROKER);

	rein_planning_note(line, "while an agent runs, %s every process of this host about %s µs a system call%s",
			   rein_planning_traces(planning) ? "the two hooks cost" : "the hook costs",
			   rein_planning_traces(planning) ? "0.2" : "0.1",
			   deaf ? "; system calls refused by number are not recorded (see rein doctor)" : "");
}

static void note_unseen(const struct rein_planning *planning, struct rein_plan_line *line)
{
	rein_planning_note(line, "%s",
			   rein_planning_has(planning, REIN_MECH_BROKER)
				   ? "refused system calls and connects are; paths that Landlock or a mount refuses "
				     "are not: that takes root (see rein doctor)"
				   : "this kernel shows refusals to nobody without root (see rein doctor)");
}

/* Who writes down refusals. Not a promise of enforcement: what stays unseen is in the note. */
static void record_line(struct rein_planning *planning)
{
	struct rein_plan *plan = planning->plan;
	struct rein_plan_line *line = rein_planning_line(planning, NULL, "refusals are recorded with their reason");

	plan->trace_denials = planning->machine->privileged && rein_planning_has(planning, REIN_MECH_BPF_TRACE);
	rein_planning_keep(line, REIN_MECH_SUPERVISOR);
	/* Hooks see paths and addresses that were refused; a system call that seccomp refuses reaches no hook. */
	if (plan->trace_denials)
		rein_planning_keep(line, REIN_MECH_BPF_TRACE);
	if (rein_planning_has(planning, REIN_MECH_BROKER))
		rein_planning_keep(line, REIN_MECH_BROKER);
	if (plan->trace_denials)
		note_cost(planning, line);
	else
		note_unseen(planning, line);
}

/* What the agent says about itself, by `rein note`. Where nobody can hear it, that is no weaker confinement. */
static void note_line(struct rein_planning *planning)
{
	struct rein_plan_line *line =
		rein_planning_line(planning, NULL, "its notes (rein note) are recorded, as claims");

	if (rein_planning_has(planning, REIN_MECH_BROKER))
		rein_planning_keep(line, REIN_MECH_BROKER);
	else
		rein_planning_skip(line, "no seccomp notifications here, so `rein note` fails inside");
}

void rein_planning_promises(struct rein_planning *planning)
{
	for (size_t i = 0; i < REIN_COUNT(promises); i++)
		promise_line(planning, i);
	root_line(planning);
	record_line(planning);
	note_line(planning);
}
