/* SPDX-License-Identifier: GPL-2.0 */
#include "plan/planning.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

struct rein_plan_line *rein_planning_line(struct rein_planning *planning, const struct rein_origin *origin,
					  const char *fmt, ...)
{
	struct rein_plan_line *line = rein_vec_add(&planning->plan->lines);
	va_list args;
	int used;

	if (!line) {
		planning->no_memory = true;
		planning->spare = (struct rein_plan_line){0};
		line = &planning->spare;
	}
	line->origin = origin;
	line->keeping = REIN_REFUSED;
	va_start(args, fmt);
	used = vsnprintf(line->what, sizeof(line->what), fmt, args);
	va_end(args);
	if (used >= (int)sizeof(line->what))
		memcpy(line->what + sizeof(line->what) - 4, "...", 4);
	return line;
}

struct rein_plan_line *rein_planning_named(struct rein_planning *planning, const struct rein_origin *origin,
					   const char *words, const char *object)
{
	struct rein_plan_line *line = rein_planning_line(planning, origin, "%s %s", words, object);

	line->object = strlen(words) + 1;
	return line;
}

struct rein_plan_line *rein_planning_rule(struct rein_planning *planning, const struct rein_origin *origin,
					  enum rein_verdict verdict, const char *verb, const char *object)
{
	bool allows = verdict == REIN_VERDICT_ALLOW;
	struct rein_plan_line *line;
	char words[64];

	snprintf(words, sizeof(words), "%s %s", allows ? "may" : "may not", verb);
	line = rein_planning_named(planning, origin, words, object);
	line->denies = !allows;
	return line;
}

void rein_planning_keep(struct rein_plan_line *line, enum rein_mechanism by)
{
	line->keeping = REIN_KEPT;
	for (size_t i = 0; i < REIN_COUNT(line->by); i++) {
		if (line->by[i] == by)
			return;
		if (line->by[i] == REIN_MECH_NONE) {
			line->by[i] = by;
			return;
		}
	}
}

void rein_planning_refuse(struct rein_planning *planning, struct rein_plan_line *line, bool optional, const char *fmt,
			  ...)
{
	va_list args;

	line->keeping = optional || planning->options->degrade ? REIN_DEGRADED : REIN_REFUSED;
	va_start(args, fmt);
	vsnprintf(line->note, sizeof(line->note), fmt, args);
	va_end(args);
}

void rein_planning_skip(struct rein_plan_line *line, const char *note)
{
	line->keeping = REIN_SKIPPED;
	rein_planning_note(line, "%s", note);
}

void rein_planning_note(struct rein_plan_line *line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(line->note, sizeof(line->note), fmt, args);
	va_end(args);
}

void rein_planning_lack(struct rein_planning *planning, struct rein_plan_line *line, enum rein_mechanism mechanism,
			const char *why)
{
	const struct rein_fact *fact = &planning->machine->facts[mechanism];
	bool told = planning->explained & (1u << mechanism) || fact->works || !fact->detail[0];

	planning->explained |= 1u << mechanism;
	rein_planning_note(line, "%s%s%s", why, told ? "" : ": ", told ? "" : fact->detail);
}

bool rein_planning_has(const struct rein_planning *planning, enum rein_mechanism mechanism)
{
	return planning->machine->facts[mechanism].works;
}
