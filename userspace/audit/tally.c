/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"

#define ROWS 512   /* distinct denials that are told apart */
#define SLOTS 1024 /* power of two, twice the rows: chains stay short */

struct row {
	uint64_t count, hash;
	int error;
	char *op, *object, *why, *rule;
};

struct rein_tally {
	struct row rows[ROWS];
	size_t nr_rows;
	uint16_t slots[SLOTS]; /* row + 1; 0: free */
	uint64_t rest;
};

struct rein_tally *rein_tally_new(void)
{
	return calloc(1, sizeof(struct rein_tally));
}

void rein_tally_free(struct rein_tally *tally)
{
	for (size_t i = 0; tally && i < tally->nr_rows; i++) {
		free(tally->rows[i].op);
		free(tally->rows[i].object);
		free(tally->rows[i].why);
		free(tally->rows[i].rule);
	}
	free(tally);
}

/* FNV-1a. An agent may choose names that collide: the table is so small that this costs it nothing. */
static uint64_t mix(uint64_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	return (hash ^ 0xff) * 0x100000001b3ULL;
}

static char *safe(const char *text)
{
	return text ? rein_escape(text, strlen(text)) : NULL;
}

static void fill(struct row *row, const struct rein_event *event, uint64_t hash)
{
	char *rule = NULL;

	if (event->rule &&
	    asprintf(&rule, "%s:%d: %s", event->rule->file ?: "", event->rule->line, event->rule->text ?: "") < 0)
		rule = NULL;
	*row = (struct row){.hash = hash,
			    .error = event->error,
			    .op = safe(event->op),
			    .object = safe(event->object),
			    .why = safe(event->why),
			    .rule = safe(rule)};
	free(rule);
}

void rein_tally_add(struct rein_tally *tally, const struct rein_event *event)
{
	uint64_t hash = mix(mix(0xcbf29ce484222325ULL + (unsigned)event->error, event->op), event->object);
	size_t slot = hash % SLOTS;

	while (tally->slots[slot] && tally->rows[tally->slots[slot] - 1].hash != hash)
		slot = (slot + 1) % SLOTS;
	if (!tally->slots[slot]) {
		if (tally->nr_rows == ROWS) {
			tally->rest++;
			return;
		}
		fill(&tally->rows[tally->nr_rows], event, hash);
		tally->slots[slot] = (uint16_t)++tally->nr_rows;
	}
	tally->rows[tally->slots[slot] - 1].count++;
}

static int by_count(const void *a, const void *b)
{
	const struct row *const *left = a, *const *right = b;

	return (*left)->count < (*right)->count ? 1 : (*left)->count > (*right)->count ? -1 : 0;
}

json_t *rein_tally_json(const struct rein_tally *tally, size_t most)
{
	const struct row *sorted[ROWS];
	json_t *array = json_array();

	for (size_t i = 0; i < tally->nr_rows; i++)
		sorted[i] = &tally->rows[i];
	qsort(sorted, tally->nr_rows, sizeof(sorted[0]), by_count);
	for (size_t i = 0; i < tally->nr_rows && i < most; i++)
		json_array_append_new(array, json_pack("{s:I, s:s*, s:s*, s:s*, s:s*, s:s*}", "count",
						       (json_int_t)sorted[i]->count, "op", sorted[i]->op, "object",
						       sorted[i]->object, "errno",
						       sorted[i]->error ? strerrorname_np(sorted[i]->error) : NULL,
						       "rule", sorted[i]->rule, "why", sorted[i]->why));
	return array;
}

uint64_t rein_tally_rest(const struct rein_tally *tally)
{
	return tally->rest;
}
