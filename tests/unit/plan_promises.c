/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "harness/machines.h"

#define NOBODY (&(struct rein_plan_options){.agent_uid = 1000})

Test(plan_promises, a_start_without_a_pid_namespace_is_refused_whatever_the_options_say)
{
	struct rein_machine walled = machine_walled();
	struct rein_policy policy = policy_empty();
	struct rein_plan plan =
		plan_of(&policy, &walled, &(struct rein_plan_options){.agent_uid = 1000, .degrade = true});
	const struct rein_plan_line *line = line_with(&plan, "if rein dies");

	cr_expect(plan.refused);
	cr_expect_eq(line->keeping, REIN_REFUSED);
	cr_expect(strstr(line->note, "user namespaces are forbidden"), "%s", line->note);
	rein_plan_free(&plan);
}

Test(plan_promises, notes_take_the_broker_and_nothing_else_does)
{
	struct rein_policy policy = policy_empty();
	struct rein_machine machine = machine_root();
	struct rein_plan plan = plan_of(&policy, &machine, NOBODY);

	cr_expect_eq(line_with(&plan, "its notes")->by[0], REIN_MECH_BROKER);
	rein_plan_free(&plan);
	machine.facts[REIN_MECH_BROKER].works = false;
	plan = plan_of(&policy, &machine, NOBODY);
	cr_expect_eq(line_with(&plan, "its notes")->keeping, REIN_SKIPPED);
	cr_expect_not(plan.refused);
	rein_plan_free(&plan);
}

Test(plan_promises, each_missing_mechanism_refuses)
{
	static const enum rein_mechanism needed[] = {REIN_MECH_NAMESPACES, REIN_MECH_SECCOMP, REIN_MECH_PRIVILEGES};
	struct rein_policy policy = policy_empty();

	for (size_t i = 0; i < REIN_COUNT(needed); i++) {
		struct rein_machine machine = machine_root();
		struct rein_plan plan;

		machine.facts[needed[i]].works = false;
		plan = plan_of(&policy, &machine, NOBODY);
		cr_expect(plan.refused, "without %s", rein_mechanism_name(needed[i]));
		rein_plan_free(&plan);
	}
}

Test(plan_promises, each_missing_namespace_refuses)
{
	static const unsigned needed[] = {REIN_NS_MOUNT, REIN_NS_PID, REIN_NS_IPC, REIN_NS_NET};
	struct rein_policy policy = policy_empty();

	for (size_t i = 0; i < REIN_COUNT(needed); i++) {
		struct rein_machine machine = machine_user();
		struct rein_plan plan;

		machine.namespaces &= ~needed[i];
		plan = plan_of(&policy, &machine, NOBODY);
		cr_expect(plan.refused, "namespace %#x", needed[i]);
		rein_plan_free(&plan);
	}
}

Test(plan_promises, landlock_is_a_second_layer_only)
{
	struct rein_machine user = machine_user();
	struct rein_policy policy = policy_empty();
	struct rein_plan plan;

	user.facts[REIN_MECH_LANDLOCK].works = false;
	user.landlock_abi = 0;
	plan = plan_of(&policy, &user, NOBODY);
	cr_expect_not(plan.refused);
	cr_expect_not(plan.use[REIN_MECH_LANDLOCK]);
	rein_plan_free(&plan);
}

Test(plan_promises, uid_0_needs_two_layers)
{
	struct rein_policy policy = policy_empty();
	struct rein_machine machine = machine_root();
	struct rein_plan plan = plan_of(&policy, &machine, &(struct rein_plan_options){.agent_uid = 0});

	cr_expect_not(plan.refused);
	rein_plan_free(&plan);
	machine.facts[REIN_MECH_LANDLOCK].works = false;
	plan = plan_of(&policy, &machine, &(struct rein_plan_options){.agent_uid = 0, .degrade = true});
	cr_expect(plan.refused);
	cr_expect(
		strstr(line_with(&plan, "uid 0")->note, "Landlock is missing here; name an ordinary user with --user"));
	rein_plan_free(&plan);
}

Test(plan_promises, uses_what_a_launch_needs)
{
	struct rein_policy policy = policy_empty();
	struct rein_machine root = machine_root(), user = machine_user();
	struct rein_plan plan = plan_of(&policy, &root, NOBODY);

	cr_expect(plan.trace_denials);
	cr_expect(plan.use[REIN_MECH_BPF_TRACE]);
	cr_expect(plan.use[REIN_MECH_CGROUP]);
	cr_expect(plan.use[REIN_MECH_BROKER], "no tracepoint sees what seccomp refuses");
	cr_expect_not(plan.use[REIN_MECH_NONE]);
	cr_expect_eq(plan.namespaces,
		     (unsigned)(REIN_NS_MOUNT | REIN_NS_PID | REIN_NS_IPC | REIN_NS_UTS | REIN_NS_NET));
	rein_plan_free(&plan);
	plan = plan_of(&policy, &user, NOBODY);
	cr_expect_not(plan.trace_denials);
	cr_expect(plan.use[REIN_MECH_BROKER], "the broker records refused system calls");
	cr_expect_not(plan.use[REIN_MECH_CGROUP]);
	cr_expect(plan.namespaces & REIN_NS_USER);
	rein_plan_free(&plan);
}

static bool knows_all_but_one(const char *name)
{
	return strcmp(name, "no_such_call") && strcmp(name, "@no_such_group");
}

Test(plan_promises, unknown_system_calls_are_refused)
{
	struct rein_machine user = machine_user();
	struct rein_policy policy = policy_empty();
	static const char *const names[] = {"no_such_call", "@no_such_group", "read", "@default"};
	struct rein_plan plan;

	for (size_t i = 0; i < REIN_COUNT(names); i++)
		*rein_vec_add(&policy.syscalls) = (struct rein_syscall_rule){
			.origin = {.file = "test.yaml", .line = 4}, .verdict = REIN_VERDICT_ALLOW, .name = names[i]};
	plan = plan_of(&policy, &user,
		       &(struct rein_plan_options){.agent_uid = 1000, .knows_syscall = knows_all_but_one});
	cr_expect_str_eq(line_with(&plan, "no_such_call")->note, "no system call of that name is known here");
	cr_expect_str_eq(line_with(&plan, "@no_such_group")->note, "there is no such group of system calls");
	cr_expect_eq(line_with(&plan, "may call read")->keeping, REIN_KEPT);
	cr_expect_eq(line_with(&plan, "may call @default")->keeping, REIN_KEPT);
	rein_plan_free(&plan);
	rein_vec_free(&policy.syscalls);
}

static const char *forbids(const char *name, bool *ret_queues)
{
	*ret_queues = !strcmp(name, "io_uring_setup");
	return *ret_queues ? "it queues" : !strcmp(name, "mount") ? "it rearranges" : NULL;
}

static struct rein_plan plan_calls(struct rein_policy *policy, const struct rein_machine *machine)
{
	static const char *const names[] = {"mount", "io_uring_setup", "read"};

	for (size_t i = 0; i < REIN_COUNT(names) && policy->syscalls.count < REIN_COUNT(names); i++)
		*rein_vec_add(&policy->syscalls) = (struct rein_syscall_rule){
			.origin = {.file = "test.yaml", .line = 4}, .verdict = REIN_VERDICT_ALLOW, .name = names[i]};
	return plan_of(policy, machine, &(struct rein_plan_options){.agent_uid = 1000, .forbids_syscall = forbids});
}

Test(plan_promises, calls_past_the_filter_are_kept_by_hooks_or_refused)
{
	struct rein_machine exact = machine_exact(), root = machine_root(), shared = machine_exact();
	struct rein_policy policy = policy_empty();
	struct rein_plan plan = plan_calls(&policy, &exact);

	cr_expect_eq(line_with(&plan, "mount")->keeping, REIN_REFUSED);
	cr_expect_str_eq(line_with(&plan, "mount")->note, "no profile can allow it, because it rearranges");
	cr_expect_eq(line_with(&plan, "io_uring_setup")->keeping, REIN_KEPT);
	cr_expect_eq(line_with(&plan, "io_uring_setup")->by[1], REIN_MECH_BPF_FILE);
	cr_expect(plan.queues && plan.use[REIN_MECH_BPF_FILE]);
	rein_plan_free(&plan);
	plan = plan_calls(&policy, &root);
	cr_expect_eq(line_with(&plan, "io_uring_setup")->keeping, REIN_REFUSED);
	cr_expect(strstr(line_with(&plan, "io_uring_setup")->note, "does not work here (this kernel refuses LSM"));
	cr_expect_not(plan.queues);
	rein_plan_free(&plan);
	shared.landlock_abi = 2;
	*rein_vec_add(&policy.net) = (struct rein_net_rule){.origin = {.file = "test.yaml", .line = 3},
							    .verdict = REIN_VERDICT_ALLOW,
							    .family = REIN_NET_V4,
							    .protocol = 6,
							    .port_low = 443,
							    .port_high = 443};
	plan = plan_calls(&policy, &shared);
	cr_expect(strstr(line_with(&plan, "io_uring_setup")->note, "UNIX sockets, which it could make"), "%s",
		  line_with(&plan, "io_uring_setup")->note);
	rein_plan_free(&plan);
	rein_vec_free(&policy.net);
	rein_vec_free(&policy.syscalls);
}

Test(plan_promises, json_has_every_line_and_survives_any_bytes)
{
	struct rein_machine user = machine_user();
	struct rein_policy policy = policy_empty();
	struct rein_plan plan;
	json_t *json, *line;
	size_t i, named = 0;

	policy.workspace = "/work\xff space";
	*rein_vec_add(&policy.environment) = (struct rein_env_rule){
		.origin = {.file = "a\xff.yaml", .line = 5, .text = "environment"}, .name = "LANG"};
	plan = plan_of(&policy, &user, NOBODY);
	json = rein_plan_json(&plan);
	cr_assert(json);
	cr_expect_eq(json_array_size(json_object_get(json, "lines")), plan.lines.count);
	cr_expect_str_eq(json_string_value(json_object_get(json, "workspace")), "/work\\xFF space");
	cr_expect(json_is_true(json_object_get(json, "starts")));
	json_array_foreach (json_object_get(json, "lines"), i, line) {
		cr_expect(json_is_string(json_object_get(line, "what")));
		named += json_integer_value(json_object_get(line, "line")) == 5;
	}
	cr_expect_eq(named, 1);
	json_decref(json);
	rein_plan_free(&plan);
	rein_vec_free(&policy.environment);
}

Test(plan_promises, refusal_joins_one_sentence_for_each_line)
{
	struct rein_machine walled = machine_walled();
	struct rein_policy policy = policy_empty();
	struct rein_plan plan = plan_of(&policy, &walled, NOBODY);
	struct rein_error err;
	size_t lines = 1;

	cr_expect_eq(rein_plan_refusal(&plan, &err), -EOPNOTSUPP);
	cr_expect_eq(err.code, EOPNOTSUPP);
	for (const char *p = err.text; (p = strchr(p, '\n')); p++)
		lines++;
	cr_expect_geq(lines, 3, "%s", err.text);
	cr_expect_eq(rein_plan_refusal(&plan, NULL), -EOPNOTSUPP);
	rein_plan_free(&plan);
}
