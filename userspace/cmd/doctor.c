/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/print.h"
#include "mech/bpf_selftest.h"
#include "mech/mech.h"
#include "plan/machine.h"

static const struct rein_usage usage = {.takes = REIN_OPTION_JSON, .misuse = 2};

static const char *const tiers[] = {
	[REIN_TIER_NONE] = "nothing: no agent can be confined here",
	[REIN_TIER_C] = "paths, system calls and counts without root; bytes are sampled",
	[REIN_TIER_B] = "all of C, and addresses, packets and bytes in the kernel",
	[REIN_TIER_A] = "all of B, and every file operation exact in the kernel",
	[REIN_TIER_K] = "all of A, and a kernel module that outlives rein",
};

static void print_facts(const struct rein_machine *machine)
{
	struct rein_table table = {.headings = (const char *const[]){"MECHANISM", "HERE", "", NULL}, .indent = 2};

	for (int i = REIN_MECH_NONE + 1; i < REIN_MECH_COUNT; i++) {
		const struct rein_fact *fact = &machine->facts[i];

		if (i == REIN_MECH_SUPERVISOR || (!fact->works && !fact->detail[0]))
			continue; /* itself; and what this version does not have */
		rein_table_add(&table, REIN_COLOUR_BOLD, rein_mechanism_name((enum rein_mechanism)i));
		rein_table_add(&table, fact->works ? REIN_COLOUR_GOOD : REIN_COLOUR_BAD,
			       fact->works ? "works" : "missing");
		rein_table_add(&table, REIN_COLOUR_PLAIN, fact->detail);
	}
	rein_table_print(&table, stdout);
}

static void print_blind_spots(const struct rein_machine *machine)
{
	struct rein_table table = {.headings = (const char *const[]){"", "", NULL}, .indent = 2};
	const struct rein_blind_spot *spot = NULL;

	printf("\nRefused here without a record:\n");
	while ((spot = rein_machine_blind_spot(machine, spot))) {
		rein_table_add(&table, REIN_COLOUR_WARN, spot->kind);
		rein_table_add(&table, REIN_COLOUR_PLAIN, spot->why);
	}
	rein_table_print(&table, stdout);
}

static void print(const struct rein_machine *machine)
{
	printf("rein %s on Linux %s, uid %u%s\n%stier %s%s: %s\n\n", REIN_VERSION, machine->kernel,
	       (unsigned)machine->uid, machine->privileged ? " with privileges" : "",
	       rein_colour(stdout, REIN_COLOUR_BOLD), rein_tier_name(machine->tier),
	       rein_colour(stdout, REIN_COLOUR_PLAIN), tiers[machine->tier]);
	print_facts(machine);
	print_blind_spots(machine);
	if (machine->facts[REIN_MECH_BPF_TRACE].works)
		printf("\nWhile an agent runs, %s every process of this host about %s µs a system call.\n",
		       machine->facts[REIN_MECH_BPF_FILE].works ? "the hook that records refusals costs"
								: "the system call hooks cost",
		       machine->facts[REIN_MECH_BPF_FILE].works ? "0.1" : "0.2");
	if (!machine->privileged)
		printf("\nStarted as root, `rein doctor` shows what root adds.\n");
}

int rein_cmd_doctor(int argc, char **argv)
{
	struct rein_options options;
	struct rein_machine machine;
	int code;

	if (!rein_options_read(argc, argv, &usage, &options, &code))
		return code;
	rein_bpf_selftest_forget(); /* what launches believe is what a doctor doubts */
	rein_mechanisms_probe(&machine);
	code = machine.tier == REIN_TIER_NONE;
	if (!options.json)
		print(&machine);
	else if (rein_print_json(stdout, rein_machine_json(&machine)))
		code = 1;
	return code;
}
