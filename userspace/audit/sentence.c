/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/audit.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"

static const char *word(const json_t *line, const char *key)
{
	return json_string_value(json_object_get(line, key));
}

/* Sentences of those kinds whose lines carry none of their own, or one that says too little by itself. */

static void say_start(FILE *out, const json_t *line)
{
	const json_t *detail = json_object_get(line, "detail");
	const char *profile = word(detail, "profile"), *tier = word(detail, "tier");
	const json_t *command = json_object_get(detail, "command"), *argument;
	size_t i;

	fprintf(out, "%s started", word(line, "agent") ?: "An agent");
	if (json_array_size(command))
		fprintf(out, " with");
	json_array_foreach (command, i, argument)
		fprintf(out, " %s", json_string_value(argument) ?: "?");
	if (profile)
		fprintf(out, ", under the profile %s", profile);
	if (tier)
		fprintf(out, " (tier %s)", tier);
	fprintf(out, ".");
}

static void say_exec(FILE *out, const json_t *line)
{
	fprintf(out, "%s (pid %lld) runs %s.", word(line, "comm") ?: "A process",
		(long long)json_integer_value(json_object_get(line, "pid")), word(line, "exe") ?: word(line, "object") ?: "?");
}

static void say_end(FILE *out, const json_t *line)
{
	const json_t *detail = json_object_get(line, "detail"), *code = json_object_get(detail, "code");
	const json_t *verdicts = json_object_get(detail, "verdicts");
	long long notes = json_integer_value(json_object_get(json_object_get(detail, "notes"), "recorded"));

	fprintf(out, "%s", word(line, "why") ?: "The agent ended.");
	if (code)
		fprintf(out, " Exit code %lld", (long long)json_integer_value(code));
	if (code && verdicts)
		fprintf(out, ", %lld refused, %lld tripped",
			(long long)json_integer_value(json_object_get(verdicts, "deny")),
			(long long)json_integer_value(json_object_get(verdicts, "trip")));
	if (code && notes)
		fprintf(out, ", %lld note%s", notes, notes == 1 ? "" : "s");
	if (code)
		fprintf(out, ".");
}

static void say_lost(FILE *out, const json_t *line)
{
	long long lost = json_integer_value(json_object_get(line, "lost"));
	const char *why = word(line, "why");
	char number[32];

	snprintf(number, sizeof(number), "%lld", lost);
	if (why && strstr(why, number))
		fprintf(out, "%s", why);
	else
		fprintf(out, "%s events have no lines of their own. %s", number, why ? why : "");
}

static void say_degrade(FILE *out, const json_t *line)
{
	fprintf(out, "Started without \"%s\": %s.", word(line, "object") ?: "a rule", word(line, "why") ?: "");
}

/* The text is what the agent said, and shows as that: quoted by its number and its colon. */
static void say_note(FILE *out, const json_t *line)
{
	if (word(line, "object"))
		fprintf(out, "%lld: %s", (long long)json_integer_value(json_object_get(line, "note")),
			word(line, "object"));
	else
		fprintf(out, "%s", word(line, "why") ?: "");
}

static void say_unreadable(FILE *out, const json_t *line)
{
	fprintf(out, "This line cannot be read: %s", word(line, "raw") ?: "");
}

static void say_other(FILE *out, const json_t *line)
{
	const char *why = word(line, "why");

	if (why)
		fprintf(out, "%s", why);
	else
		fprintf(out, "%s %s %s", word(line, "comm") ?: "The agent", word(line, "op") ?: word(line, "kind") ?: "?",
			word(line, "object") ?: "");
}

static const struct {
	const char *kind;
	void (*say)(FILE *out, const json_t *line);
} sayings[] = {
	{"start", say_start}, {"exec", say_exec},	{"end", say_end},
	{"lost", say_lost},   {"degrade", say_degrade}, {"unreadable", say_unreadable},
	{"note", say_note},
};

static void say(FILE *out, const json_t *line)
{
	const char *kind = word(line, "kind");

	for (size_t i = 0; kind && i < REIN_COUNT(sayings); i++) {
		if (strcmp(sayings[i].kind, kind))
			continue;
		sayings[i].say(out, line);
		return;
	}
	say_other(out, line);
}

char *rein_audit_sentence(const json_t *line)
{
	REIN_AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	say(out, line);
	if (fclose(out))
		return NULL;
	/* The log may have been made by anybody: nothing of it reaches a terminal as it is. */
	return rein_escape_terminal(text, size, false);
}
