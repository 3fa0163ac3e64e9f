/* SPDX-License-Identifier: GPL-2.0 */
#include "plan/plan.h"

#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/plan_rows.h"
#include "cmd/print.h"
#include "cmd/setup.h"

static const struct rein_usage usage = {
	.takes = REIN_OPTION_PROFILE | REIN_OPTION_WORKSPACE | REIN_OPTION_USER | REIN_OPTION_AUDIT | REIN_OPTION_CI |
		 REIN_OPTION_DEGRADE | REIN_OPTION_JSON | REIN_OPTION_ALL,
	.misuse = 2,
};

static size_t count(const struct rein_plan *plan, enum rein_keeping keeping)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->lines.count; i++)
		n += plan->lines.items[i].keeping == keeping;
	return n;
}

/* What the reader can do about refusals, where there is more than to mend what each line names. */
static void print_remedy(const struct rein_plan *plan)
{
	if (plan->refused)
		rein_print_wrapped(
			stdout, 0,
			"Mend what a refused line names, or mark it `optional: true`, or start with --degrade, "
			"which warns instead. rein's own promises have no such way out.");
}

/* Most are what other distributions and other agents would have. */
static void print_folded(const struct rein_plan *plan)
{
	size_t idle = 0;

	for (size_t i = 0; i < plan->lines.count; i++)
		idle += rein_plan_line_is_idle(&plan->lines.items[i]);
	if (idle)
		printf("%zu lines allow what is not there and are not shown: `rein plan --all` shows them\n", idle);
}

static void print_summary(const struct rein_plan *plan, bool all)
{
	const struct rein_blind_spot *spot = NULL;

	if (!all)
		print_folded(plan);
	while ((spot = rein_machine_blind_spot(plan->machine, spot))) {
		printf("not recorded here: ");
		rein_print_wrapped(stdout, 19, spot->why);
	}
	printf("\n%zu kept, %zu skipped, %zu degraded, %zu refused: %s%s%s\n", count(plan, REIN_KEPT),
	       count(plan, REIN_SKIPPED), plan->degraded, count(plan, REIN_REFUSED),
	       rein_colour(stdout, plan->refused ? REIN_COLOUR_BAD : REIN_COLOUR_GOOD),
	       plan->refused ? "it would not start" : "it would start", rein_colour(stdout, REIN_COLOUR_PLAIN));
	print_remedy(plan);
}

static void print(const struct rein_setup *setup, bool all)
{
	const struct rein_plan *plan = &setup->plan;

	printf("%sprofile %s%s for %s in ", rein_colour(stdout, REIN_COLOUR_BOLD), plan->policy->name,
	       rein_colour(stdout, REIN_COLOUR_PLAIN), setup->who.name);
	rein_print_safe(stdout, setup->workspace, strlen(setup->workspace));
	printf(", Linux %s, tier %s\n\n", plan->machine->kernel, rein_tier_name(plan->machine->tier));
	rein_plan_rows_print(plan, all, stdout);
	putchar('\n');
	print_summary(plan, all);
}

int rein_cmd_plan(int argc, char **argv)
{
	struct rein_options options;
	struct rein_setup setup;
	struct rein_error err;
	int code;

	if (!rein_options_read(argc, argv, &usage, &options, &code))
		return code;
	code = rein_setup_load(&options, &setup, &err);
	if (code == 0)
		code = rein_setup_plan(&options, true, &setup, &err);
	if (code < 0) {
		code = rein_say_error(&err, 1);
	} else {
		code = setup.plan.refused;
		if (!options.json)
			print(&setup, options.all);
		else if (rein_print_json(stdout, rein_plan_json(&setup.plan)))
			code = 1;
	}
	rein_setup_free(&setup);
	return code;
}
