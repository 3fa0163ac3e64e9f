/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/plan_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/print.h"
#include "profile/words.h"

static const enum rein_colour colours[] = {
	[REIN_KEPT] = REIN_COLOUR_GOOD,
	[REIN_SKIPPED] = REIN_COLOUR_DIM,
	[REIN_DEGRADED] = REIN_COLOUR_WARN,
	[REIN_REFUSED] = REIN_COLOUR_BAD,
};

/* "namespaces+landlock", and of a breaker how exactly. */
static void by_text(const struct rein_plan_line *line, char *text, size_t size)
{
	size_t used = 0;

	snprintf(text, size, "%s", line->keeping == REIN_SKIPPED ? "-" : "nobody");
	for (size_t i = 0; i < REIN_COUNT(line->by) && line->by[i] != REIN_MECH_NONE && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? "+" : "",
					 rein_mechanism_name(line->by[i]));
	if (line->breaker && line->keeping == REIN_KEPT && used < size)
		snprintf(text + used, size - used, ", %s", rein_exactness_name(line->exactness));
}

static bool written(const struct rein_plan_line *line)
{
	return line->origin && line->origin->file;
}

bool rein_plan_line_is_idle(const struct rein_plan_line *line)
{
	return line->keeping == REIN_SKIPPED && !line->denies;
}

static bool same_row(const struct rein_plan_line *a, const struct rein_plan_line *b)
{
	return a->object && a->object == b->object && !strncmp(a->what, b->what, a->object) && written(a) &&
	       written(b) && a->keeping == b->keeping && !strcmp(a->origin->file, b->origin->file) &&
	       !memcmp(a->by, b->by, sizeof(a->by)) && !strcmp(a->note, b->note);
}

/* The file's last name is enough to know it by; the whole path is in --json. */
static void where_text(const struct rein_plan_line *line, int from, int to, char *text, size_t size)
{
	const char *slash = written(line) ? strrchr(line->origin->file, '/') : NULL;

	if (!written(line))
		snprintf(text, size, "rein");
	else if (from == to)
		snprintf(text, size, "%s:%d", slash ? slash + 1 : line->origin->file, from);
	else
		snprintf(text, size, "%s:%d-%d", slash ? slash + 1 : line->origin->file, from, to);
}

/* Whether a line before says the same, word for word: two variables can stand for one path. */
static bool is_repeated(const struct rein_plan *plan, size_t first, size_t index)
{
	for (size_t i = first; i < index; i++)
		if (!strcmp(plan->lines.items[i].what, plan->lines.items[index].what))
			return true;
	return false;
}

/* The row of lines[first] and of all later ones that can stand in it, which are marked in `done`. */
static void add_row(struct rein_table *table, const struct rein_plan *plan, size_t first, bool *done, FILE *words)
{
	const struct rein_plan_line *line = &plan->lines.items[first];
	int from = written(line) ? line->origin->line : 0, to = from;
	char by[96], where[128];

	fputs(line->what, words);
	for (size_t i = first + 1; i < plan->lines.count; i++) {
		const struct rein_plan_line *other = &plan->lines.items[i];

		if (done[i] || !same_row(line, other))
			continue;
		done[i] = true;
		from = other->origin->line < from ? other->origin->line : from;
		to = other->origin->line > to ? other->origin->line : to;
		if (!is_repeated(plan, first, i))
			fprintf(words, ", %s", other->what + other->object);
	}
	if (line->note[0])
		fprintf(words, ": %s", line->note);
	by_text(line, by, sizeof(by));
	where_text(line, from, to, where, sizeof(where));
	rein_table_add(table, colours[line->keeping], rein_keeping_name(line->keeping));
	rein_table_add(table, REIN_COLOUR_DIM, where);
	rein_table_add(table, REIN_COLOUR_PLAIN, by);
}

static bool add_rows(struct rein_table *table, const struct rein_plan *plan, bool all, bool *done)
{
	for (size_t i = 0; i < plan->lines.count; i++) {
		REIN_AUTO_FREE char *text = NULL;
		size_t size = 0;
		bool wanted = !done[i] && (all || !rein_plan_line_is_idle(&plan->lines.items[i]));
		FILE *words = wanted ? open_memstream(&text, &size) : NULL;

		if (!wanted)
			continue;
		if (!words)
			return false;
		add_row(table, plan, i, done, words);
		if (fclose(words))
			return false;
		rein_table_add(table, REIN_COLOUR_PLAIN, text);
	}
	return true;
}

void rein_plan_rows_print(const struct rein_plan *plan, bool all, FILE *out)
{
	struct rein_table table = {.headings = (const char *const[]){"LINE", "WHERE", "BY", "WHAT", NULL}};
	REIN_AUTO_FREE bool *done = calloc(plan->lines.count + 1, sizeof(*done));

	if (!done || !add_rows(&table, plan, all, done)) {
		rein_say("no memory to print the plan");
		exit(1);
	}
	rein_table_print(&table, out);
}
