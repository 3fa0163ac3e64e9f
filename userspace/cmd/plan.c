/* SPDX-License-Identifier: GPL-2.0 */
#include "plan/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/print.h"
#include "cmd/setup.h"
#include "profile/words.h"

static const struct rein_usage usage = {
	.takes = REIN_OPTION_PROFILE | REIN_OPTION_WORKSPACE | REIN_OPTION_USER | REIN_OPTION_AUDIT | REIN_OPTION_CI |
		 REIN_OPTION_DEGRADE | REIN_OPTION_JSON,
	.misuse = 2,
};

static const enum rein_colour colours[] = {
	[REIN_KEPT] = REIN_COLOUR_GOOD,
	[REIN_SKIPPED] = REIN_COLOUR_DIM,
	[REIN_DEGRADED] = REIN_COLOUR_WARN,
	[REIN_REFUSED] = REIN_COLOUR_BAD,
};

/* "landlock + namespaces", and of a breaker how exactly. */
static void by_text(const struct rein_plan_line *line, char *text, size_t size)
{
	size_t used = 0;

	text[0] = 0;
	for (size_t i = 0; i < REIN_COUNT(line->by) && line->by[i] != REIN_MECH_NONE && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? "+" : "",
					 rein_mechanism_name(line->by[i]));
	if (line->breaker && line->keeping == REIN_KEPT && used < size)
		snprintf(text + used, size - used, ", %s", rein_exactness_name(line->exactness));
}

/* The file's last name is enough to know it by; the whole path is in --json. */
static void where_text(const struct rein_plan_line *line, char *text, size_t size)
{
	const char *slash = line->origin && line->origin->file ? strrchr(line->origin->file, '/') : NULL;

	if (!line->origin || !line->origin->file)
		snprintf(text, size, "rein");
	else
		snprintf(text, size, "%s:%d", slash ? slash + 1 : line->origin->file, line->origin->line);
}

/* Whether two lines can be printed as one: the same words of a profile, kept in the same way. */
static bool same(const struct rein_plan_line *a, const struct rein_plan_line *b)
{
	return a->origin && b->origin && a->origin->file && b->origin->file && a->keeping == b->keeping &&
	       a->origin->line == b->origin->line && !strcmp(a->origin->file, b->origin->file) &&
	       !memcmp(a->by, b->by, sizeof(a->by)) && !strcmp(a->note, b->note) && !a->breaker && !b->breaker;
}

/* Bytes of the words that two lines have in common at their start: "may read ". */
static size_t common_words(const char *a, const char *b)
{
	size_t at = 0;

	for (size_t i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == ' ')
			at = i + 1;
	return at;
}

/* Prints lines[first] and those after it that can stand beside it; returns how many. */
static size_t add_row(struct rein_table *table, const struct rein_plan *plan, size_t first)
{
	const struct rein_plan_line *line = &plan->lines.items[first];
	REIN_AUTO_FREE char *text = NULL;
	size_t size = 0, n = 1;
	FILE *words = open_memstream(&text, &size);
	char by[96], where[128];

	if (!words)
		return plan->lines.count - first;
	fputs(line->what, words);
	for (; first + n < plan->lines.count && same(line, line + n); n++)
		fprintf(words, ", %s", line[n].what + common_words(line->what, line[n].what));
	if (line->note[0])
		fprintf(words, " (%s)", line->note);
	fclose(words);
	by_text(line, by, sizeof(by));
	where_text(line, where, sizeof(where));
	rein_table_add(table, colours[line->keeping], rein_keeping_name(line->keeping));
	rein_table_add(table, REIN_COLOUR_DIM, where);
	rein_table_add(table, REIN_COLOUR_PLAIN, by[0] ? by : "nobody");
	rein_table_add(table, REIN_COLOUR_PLAIN, text);
	return n;
}

static size_t count(const struct rein_plan *plan, enum rein_keeping keeping)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->lines.count; i++)
		n += plan->lines.items[i].keeping == keeping;
	return n;
}

static void print_summary(const struct rein_plan *plan)
{
	const struct rein_blind_spot *spot = NULL;

	while ((spot = rein_machine_blind_spot(plan->machine, spot))) {
		printf("not recorded here: ");
		rein_print_wrapped(stdout, 19, spot->why);
	}
	printf("\n%zu kept, %zu skipped, %zu degraded, %zu refused: %s%s%s\n", count(plan, REIN_KEPT),
	       count(plan, REIN_SKIPPED), plan->degraded, count(plan, REIN_REFUSED),
	       rein_colour(stdout, plan->refused ? REIN_COLOUR_BAD : REIN_COLOUR_GOOD),
	       plan->refused ? "it would not start" : "it would start", rein_colour(stdout, REIN_COLOUR_PLAIN));
}

static void print(const struct rein_setup *setup)
{
	const struct rein_plan *plan = &setup->plan;
	struct rein_table table = {.headings = (const char *const[]){"LINE", "WHERE", "BY", "WHAT", NULL}};

	printf("%sprofile %s%s for %s in ", rein_colour(stdout, REIN_COLOUR_BOLD), plan->policy->name,
	       rein_colour(stdout, REIN_COLOUR_PLAIN), setup->who.name);
	rein_print_safe(stdout, setup->workspace, strlen(setup->workspace));
	printf(", Linux %s, tier %s\n\n", plan->machine->kernel, rein_tier_name(plan->machine->tier));
	for (size_t i = 0; i < plan->lines.count;)
		i += add_row(&table, plan, i);
	rein_table_print(&table, stdout);
	putchar('\n');
	print_summary(plan);
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
		code = rein_setup_plan(&options, &setup, &err);
	if (code < 0) {
		code = rein_say_error(&err, 1);
	} else {
		code = setup.plan.refused;
		if (!options.json)
			print(&setup);
		else if (rein_print_json(stdout, rein_plan_json(&setup.plan)))
			code = 1;
	}
	rein_setup_free(&setup);
	return code;
}
