/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "harness/machines.h"

Test(machine, tier_is_what_the_facts_amount_to)
{
	struct rein_machine exact = machine_exact(), root = machine_root(), user = machine_user(),
			    walled = machine_walled();

	cr_expect_eq(exact.tier, REIN_TIER_A);
	cr_expect_eq(root.tier, REIN_TIER_B);
	cr_expect_eq(user.tier, REIN_TIER_C);
	cr_expect_eq(walled.tier, REIN_TIER_NONE);
}

Test(machine, each_missing_mechanism_lowers_the_tier)
{
	static const struct {
		enum rein_mechanism missing;
		enum rein_tier tier;
	} table[] = {
		{REIN_MECH_NAMESPACES, REIN_TIER_NONE}, {REIN_MECH_SECCOMP, REIN_TIER_NONE},
		{REIN_MECH_PRIVILEGES, REIN_TIER_NONE}, {REIN_MECH_CGROUP, REIN_TIER_C},
		{REIN_MECH_BPF_TRACE, REIN_TIER_C},	{REIN_MECH_BPF_NET, REIN_TIER_C},
		{REIN_MECH_LANDLOCK, REIN_TIER_B},	{REIN_MECH_BROKER, REIN_TIER_B},
	};

	for (size_t i = 0; i < REIN_COUNT(table); i++) {
		struct rein_machine machine = machine_root();

		machine.facts[table[i].missing].works = false;
		cr_expect_eq(rein_machine_tier(&machine), table[i].tier, "without %s: tier %s",
			     rein_mechanism_name(table[i].missing), rein_tier_name(rein_machine_tier(&machine)));
	}
}

Test(machine, a_higher_mechanism_alone_is_no_tier)
{
	struct rein_machine machine = machine_walled();

	machine.facts[REIN_MECH_KMOD].works = true;
	machine.facts[REIN_MECH_BPF_FILE].works = true;
	cr_expect_eq(rein_machine_tier(&machine), REIN_TIER_NONE);
}

Test(machine, bpf_file_on_top_of_tier_b_is_tier_a_and_nothing_less)
{
	static const enum rein_mechanism below[] = {REIN_MECH_CGROUP, REIN_MECH_BPF_TRACE, REIN_MECH_BPF_NET};

	for (size_t i = 0; i < REIN_COUNT(below); i++) {
		struct rein_machine machine = machine_exact();

		machine.facts[below[i]].works = false;
		cr_expect_eq(rein_machine_tier(&machine), REIN_TIER_C, "without %s", rein_mechanism_name(below[i]));
	}
}

static size_t nr_blind(const struct rein_machine *machine)
{
	const struct rein_blind_spot *spot = NULL;
	size_t n = 0;

	while ((spot = rein_machine_blind_spot(machine, spot)))
		n++;
	return n;
}

Test(machine, says_which_refusals_it_cannot_record)
{
	struct rein_machine root = machine_root(), user = machine_user(), deaf = machine_user();

	deaf.facts[REIN_MECH_BROKER].works = false;
	cr_expect_eq(nr_blind(&root), 1, "foreign ABIs only");
	cr_expect_eq(nr_blind(&user), 3);
	cr_expect_eq(nr_blind(&deaf), 4);
}

Test(machine, words_outside_the_tables_are_unknown)
{
	cr_expect_str_eq(rein_mechanism_name((enum rein_mechanism)99), "unknown");
	cr_expect_str_eq(rein_tier_name((enum rein_tier) - 1), "unknown");
	cr_expect_str_eq(rein_keeping_name((enum rein_keeping)99), "unknown");
}
