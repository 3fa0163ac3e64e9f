/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"
#include "harness/machines.h"

static struct rein_limit_rule limit(uint64_t value)
{
	return (struct rein_limit_rule){.origin = {.file = "test.yaml", .line = 9, .text = "limits"}, .value = value};
}

static struct rein_plan plan_with(const struct rein_machine *machine, enum rein_limit_kind kind, uint64_t value,
				  bool optional, uid_t uid)
{
	static struct rein_policy policy; /* outlives the plan, as the contract asks */

	policy = policy_empty();
	policy.limits[kind] = limit(value);
	policy.limits[kind].optional = optional;
	return plan_of(&policy, machine, &(struct rein_plan_options){.agent_uid = uid});
}

static const struct {
	enum rein_limit_kind kind;
	uint64_t value;
	const char *what;
	enum rein_mechanism root, user;
} table[] = {
	{REIN_LIMIT_PROCESSES, 256, "processes at most 256", REIN_MECH_CGROUP, REIN_MECH_RLIMITS},
	{REIN_LIMIT_MEMORY, 4ULL << 30, "memory at most 4GiB", REIN_MECH_CGROUP, REIN_MECH_NONE},
	{REIN_LIMIT_OPEN_FILES, 4096, "open_files at most 4096", REIN_MECH_RLIMITS, REIN_MECH_RLIMITS},
	{REIN_LIMIT_FILE_SIZE, 2ULL << 30, "file_size at most 2GiB", REIN_MECH_RLIMITS, REIN_MECH_RLIMITS},
	{REIN_LIMIT_WALL_TIME, 7200000000000, "wall_time at most 2h", REIN_MECH_SUPERVISOR, REIN_MECH_SUPERVISOR},
};

Test(plan_limits, finds_who_keeps_each)
{
	struct rein_machine root = machine_root(), user = machine_user();

	for (size_t i = 0; i < REIN_COUNT(table); i++) {
		struct rein_plan plan = plan_with(&root, table[i].kind, table[i].value, false, 1000);

		cr_expect_eq(line_with(&plan, table[i].what)->by[0], table[i].root, "%s", table[i].what);
		rein_plan_free(&plan);
		plan = plan_with(&user, table[i].kind, table[i].value, false, 1000);
		cr_expect_eq(line_with(&plan, table[i].what)->by[0], table[i].user, "%s", table[i].what);
		cr_expect_eq(plan.refused, table[i].user == REIN_MECH_NONE, "%s", table[i].what);
		rein_plan_free(&plan);
	}
}

Test(plan_limits, optional_memory_starts_without_it)
{
	struct rein_machine user = machine_user();
	struct rein_plan plan = plan_with(&user, REIN_LIMIT_MEMORY, 1 << 30, true, 1000);

	cr_expect_not(plan.refused);
	cr_expect_eq(plan.degraded, 1);
	cr_expect(strstr(line_with(&plan, "memory")->note, "delegated"));
	rein_plan_free(&plan);
}

Test(plan_limits, processes_of_uid_0_need_a_cgroup)
{
	struct rein_machine user = machine_user();
	struct rein_plan plan = plan_with(&user, REIN_LIMIT_PROCESSES, 10, false, 0);

	cr_expect(plan.refused, "RLIMIT_NPROC is nothing to uid 0");
	rein_plan_free(&plan);
}

Test(plan_limits, processes_of_a_user_of_the_host_need_a_cgroup)
{
	struct rein_machine root = machine_root();
	struct rein_plan plan;

	root.controller_parent[REIN_CONTROLLER_PIDS][0] = 0;
	plan = plan_with(&root, REIN_LIMIT_PROCESSES, 10, false, 1000);
	cr_expect(plan.refused, "without a user namespace it would count all that the user runs");
	rein_plan_free(&plan);
}
