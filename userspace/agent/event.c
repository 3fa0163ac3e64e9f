/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/event.h"

#include <string.h>

static const char *const names[REIN_KIND_COUNT] = {
	[REIN_KIND_START] = "start", [REIN_KIND_EXEC] = "exec",	      [REIN_KIND_ALLOW] = "allow",
	[REIN_KIND_DENY] = "deny",   [REIN_KIND_ASK] = "ask",	      [REIN_KIND_ANSWER] = "answer",
	[REIN_KIND_TRIP] = "trip",   [REIN_KIND_STATE] = "state",     [REIN_KIND_LOST] = "lost",
	[REIN_KIND_END] = "end",     [REIN_KIND_DEGRADE] = "degrade", [REIN_KIND_NOTE] = "note",
};

const char *rein_kind_name(enum rein_kind kind)
{
	return (unsigned)kind < REIN_KIND_COUNT ? names[kind] : "unknown";
}

bool rein_kind_parse(const char *word, enum rein_kind *ret_kind)
{
	for (unsigned i = 0; i < REIN_KIND_COUNT; i++) {
		if (strcmp(names[i], word))
			continue;
		*ret_kind = (enum rein_kind)i;
		return true;
	}
	return false;
}
