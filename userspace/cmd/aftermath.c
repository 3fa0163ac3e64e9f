/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/aftermath.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* What another rule holds is rein's own placeholder. */
static bool was_made(const struct rein_view *view, const struct rein_absence *absence)
{
	const struct rein_place *place;
	struct stat st;

	if (!absence->rule || absence->rule->verdict != REIN_VERDICT_DENY || lstat(absence->rule->path, &st))
		return false;
	place = rein_view_find(view, absence->rule->path);
	return !place || place->kind != REIN_PLACE_HELD;
}

/* Two rules can name one path, such as $GIT_COMMON_DIR and $WORKSPACE/.git. */
static bool said_before(const struct rein_view *view, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (was_made(view, &view->absent.items[i]) &&
		    !strcmp(view->absent.items[i].rule->path, view->absent.items[index].rule->path))
			return true;
	return false;
}

static void report(const struct rein_path_rule *rule, uint64_t note, const struct rein_sink *sink)
{
	struct rein_error err = {0}; /* the sink says what goes wrong */
	char why[512];
	struct rein_event event = {
		.kind = REIN_KIND_STATE,
		.verdict = REIN_VERDICT_DENY,
		.note = note,
		.op = "create",
		.object = rule->path,
		.rule = &rule->origin,
		.mechanism = REIN_MECH_SUPERVISOR,
		.why = why,
	};

	snprintf(why, sizeof(why),
		 "%.300s was not there when the agent started and is now, although %.80s:%d denies it: read it before "
		 "one of your own tools runs it",
		 rule->path, rule->origin.file, rule->origin.line);
	sink->emit(sink->context, &event, &err);
}

size_t rein_aftermath_report(const struct rein_plan *plan, uint64_t note, const struct rein_sink *sink)
{
	size_t made = 0;

	for (size_t i = 0; i < plan->view.absent.count; i++) {
		if (!was_made(&plan->view, &plan->view.absent.items[i]) || said_before(&plan->view, i))
			continue;
		report(plan->view.absent.items[i].rule, note, sink);
		made++;
	}
	return made;
}
