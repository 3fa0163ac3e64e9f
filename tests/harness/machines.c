/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/machines.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

static void works(struct rein_machine *machine, enum rein_mechanism mechanism)
{
	machine->facts[mechanism] = (struct rein_fact){.works = true, .detail = "as found"};
}

static void missing(struct rein_machine *machine, enum rein_mechanism mechanism, const char *why)
{
	machine->facts[mechanism].works = false;
	snprintf(machine->facts[mechanism].detail, sizeof(machine->facts[mechanism].detail), "%s", why);
}

struct rein_machine machine_user(void)
{
	static const enum rein_mechanism all[] = {REIN_MECH_NAMESPACES, REIN_MECH_LANDLOCK, REIN_MECH_SECCOMP,
						  REIN_MECH_PRIVILEGES, REIN_MECH_RLIMITS,  REIN_MECH_BROKER,
						  REIN_MECH_SUPERVISOR};
	struct rein_machine machine = {.kernel = "6.18.0",
				       .uid = 1000,
				       .namespaces = REIN_NS_USER | REIN_NS_MOUNT | REIN_NS_PID | REIN_NS_IPC |
						     REIN_NS_UTS | REIN_NS_NET,
				       .landlock_abi = 7,
				       .seccomp_notify = true,
				       .seccomp_acts = true};

	for (size_t i = 0; i < REIN_COUNT(all); i++)
		works(&machine, all[i]);
	missing(&machine, REIN_MECH_CGROUP, "no delegated cgroup");
	missing(&machine, REIN_MECH_BPF_FILE, "needs root");
	missing(&machine, REIN_MECH_BPF_TRACE, "needs root");
	missing(&machine, REIN_MECH_BPF_NET, "needs root");
	machine.tier = rein_machine_tier(&machine);
	return machine;
}

struct rein_machine machine_root(void)
{
	struct rein_machine machine = machine_user();

	machine.uid = 0;
	machine.privileged = true;
	works(&machine, REIN_MECH_CGROUP);
	works(&machine, REIN_MECH_BPF_TRACE);
	works(&machine, REIN_MECH_BPF_NET);
	missing(&machine, REIN_MECH_BPF_FILE, "this kernel refuses LSM programs");
	strcpy(machine.cgroup_parent, "/sys/fs/cgroup/rein");
	strcpy(machine.controller_parent[REIN_CONTROLLER_MEMORY], "/sys/fs/cgroup/rein");
	strcpy(machine.controller_parent[REIN_CONTROLLER_PIDS], "/sys/fs/cgroup/rein");
	machine.tier = rein_machine_tier(&machine);
	return machine;
}

struct rein_machine machine_exact(void)
{
	struct rein_machine machine = machine_root();

	works(&machine, REIN_MECH_BPF_FILE);
	machine.tier = rein_machine_tier(&machine);
	return machine;
}

struct rein_machine machine_bookworm(void)
{
	struct rein_machine machine = machine_user();

	strcpy(machine.kernel, "6.1.0");
	machine.landlock_abi = 2;
	return machine;
}

struct rein_machine machine_walled(void)
{
	struct rein_machine machine = machine_user();

	machine.namespaces = 0;
	missing(&machine, REIN_MECH_NAMESPACES, "user namespaces are forbidden");
	machine.tier = rein_machine_tier(&machine);
	return machine;
}

struct rein_policy policy_empty(void)
{
	return (struct rein_policy){.name = "test",
				    .file = "test.yaml",
				    .workspace = "/nonexistent/workspace",
				    .home = "/nonexistent",
				    .tmpdir = "/tmp",
				    .user = "somebody"};
}

struct rein_plan plan_of(const struct rein_policy *policy, const struct rein_machine *machine,
			 const struct rein_plan_options *options)
{
	static const char *const nothing[] = {NULL};
	struct rein_plan_options filled = *options;
	struct rein_plan plan;
	struct rein_error err;

	if (!filled.own.guarded)
		filled.own.guarded = nothing;
	cr_assert_eq(rein_plan_make(policy, machine, &filled, &plan, &err), 0, "%s", err.text);
	return plan;
}

const struct rein_plan_line *line_with(const struct rein_plan *plan, const char *what)
{
	for (size_t i = 0; i < plan->lines.count; i++)
		if (strstr(plan->lines.items[i].what, what))
			return &plan->lines.items[i];
	cr_assert_fail("no line of the plan says \"%s\"", what);
	return NULL;
}
