/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/logline.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/event.h"
#include "audit/audit.h"
#include "base/cleanup.h"
#include "cmd/print.h"

static const struct {
	const char *kind;
	enum rein_colour colour;
} colours[] = {
	{"deny", REIN_COLOUR_BAD}, {"trip", REIN_COLOUR_BAD},	  {"lost", REIN_COLOUR_WARN},
	{"ask", REIN_COLOUR_WARN}, {"degrade", REIN_COLOUR_WARN}, {"unreadable", REIN_COLOUR_BAD},
	{"exec", REIN_COLOUR_DIM}, {"allow", REIN_COLOUR_DIM},	  {"start", REIN_COLOUR_BOLD},
	{"end", REIN_COLOUR_BOLD}, {"note", REIN_COLOUR_BOLD},
};

static enum rein_colour colour_of(const char *kind)
{
	for (size_t i = 0; i < REIN_COUNT(colours); i++)
		if (!strcmp(colours[i].kind, kind))
			return colours[i].colour;
	return REIN_COLOUR_PLAIN;
}

void rein_logline_time(const json_t *line, bool with_day, char *ret_text, size_t size)
{
	const char *text = json_string_value(json_object_get(line, "time"));
	struct tm utc = {0}, local;
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &utc) : NULL;
	char day[32];
	time_t when;

	if (!rest) {
		snprintf(ret_text, size, "--:--:--.---");
		return;
	}
	when = timegm(&utc);
	localtime_r(&when, &local);
	strftime(day, sizeof(day), with_day ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &local);
	snprintf(ret_text, size, "%s.%03ld", day, *rest == '.' ? strtol(rest + 1, NULL, 10) / 1000000 : 0);
}

bool rein_logline_is_heading(const json_t *line)
{
	const char *kind = json_string_value(json_object_get(line, "kind"));

	return kind && !strcmp(kind, rein_kind_name(REIN_KIND_NOTE)) && json_object_get(line, "object") &&
	       json_integer_value(json_object_get(line, "note")) > 0;
}

/* Headings stand out, what happened under one is set in. */
static const char *margin(const json_t *line)
{
	return !rein_logline_is_heading(line) && json_object_get(line, "note") ? "  " : "";
}

void rein_logline_print(FILE *out, const json_t *line)
{
	REIN_AUTO_FREE char *sentence = rein_audit_sentence(line);
	const char *kind = json_string_value(json_object_get(line, "kind")) ?: "?";
	char when[32];

	rein_logline_time(line, false, when, sizeof(when));
	fprintf(out, "%s%s%s  #%-4lld %s", rein_colour(out, REIN_COLOUR_DIM), when, rein_colour(out, REIN_COLOUR_PLAIN),
		(long long)json_integer_value(json_object_get(line, "seq")), rein_colour(out, colour_of(kind)));
	rein_print_safe(out, kind, strlen(kind));
	fprintf(out, "%s%*s %s%s%s%s\n", rein_colour(out, REIN_COLOUR_PLAIN),
		strlen(kind) < 8 ? (int)(8 - strlen(kind)) : 0, "", margin(line),
		rein_logline_is_heading(line) ? rein_colour(out, REIN_COLOUR_BOLD) : "", sentence ? sentence : "?",
		rein_logline_is_heading(line) ? rein_colour(out, REIN_COLOUR_PLAIN) : "");
}

void rein_logline_print_json(FILE *out, const json_t *line)
{
	/* All but ASCII escaped: the file may hold what rein would never have written. */
	json_dumpf(line, out, JSON_COMPACT | JSON_ENSURE_ASCII);
	fputc('\n', out);
}
