/* SPDX-License-Identifier: GPL-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/registry.h"
#include "audit/audit.h"
#include "audit/read.h"
#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/logline.h"
#include "cmd/options.h"
#include "cmd/print.h"

static const struct rein_usage usage = {
	.takes = REIN_OPTION_JSON,
	.max_arguments = 2,
	.arguments = "[AGENT|FILE] [EVENT]",
	.misuse = 2,
};

static const char *word(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

#define NEIGHBOURS 3 /* on either side */

/* One event and what stands around it. */
struct found {
	json_t *before[NEIGHBOURS], *line, *after[NEIGHBOURS];
	json_t *note; /* that the event stood under; NULL: none */
};

static void forget(struct found *found)
{
	for (int i = 0; i < NEIGHBOURS; i++) {
		json_decref(found->before[i]);
		json_decref(found->after[i]);
	}
	json_decref(found->line);
	json_decref(found->note);
}

static void remember(struct found *found, json_t *line)
{
	json_decref(found->before[0]);
	memmove(&found->before[0], &found->before[1], (NEIGHBOURS - 1) * sizeof(found->before[0]));
	found->before[NEIGHBOURS - 1] = line;
}

static int find(FILE *log, long long seq, struct found *found, struct rein_error *err)
{
	json_t *line;
	int r, after = 0;

	while (after < NEIGHBOURS && !(r = rein_log_next(log, &line, err)) && line) {
		if (found->line)
			found->after[after++] = line;
		else if (json_integer_value(json_object_get(line, "seq")) == seq)
			found->line = line;
		else
			remember(found, line);
	}
	if (!found->line && !r)
		return rein_fail(err, ENOENT, "there is no event %lld in this log", seq);
	return found->line ? 0 : r;
}

static bool is_note_of(const json_t *heading, const json_t *line)
{
	return rein_logline_is_heading(heading) &&
	       json_equal(json_object_get(heading, "note"), json_object_get(line, "note"));
}

/* By its number and not the last one seen: an event may be read after a note that it happened before. A log of several
 * runs has each number several times; the last one before the event is meant. */
static int find_note(FILE *log, struct found *found, struct rein_error *err)
{
	json_t *line;
	int r = 0;
	bool more = json_object_get(found->line, "note") != NULL;

	rewind(log);
	while (more && !(r = rein_log_next(log, &line, err)) && line) {
		more = !json_equal(json_object_get(line, "seq"), json_object_get(found->line, "seq"));
		if (more && is_note_of(line, found->line)) {
			json_decref(found->note);
			found->note = json_incref(line);
		}
		json_decref(line);
	}
	return r;
}

/* The number of the last refusal; the log stands at its beginning again. */
static int find_refusal(FILE *log, long long *ret_seq, struct rein_error *err)
{
	long long seq = 0;
	json_t *line;
	int r;

	while (!(r = rein_log_next(log, &line, err)) && line) {
		const char *kind = word(line, "kind");

		if (kind && !strcmp(kind, rein_kind_name(REIN_KIND_DENY)))
			seq = json_integer_value(json_object_get(line, "seq"));
		json_decref(line);
	}
	if (r < 0)
		return r;
	if (!seq)
		return rein_fail(err, ENOENT,
				 "nothing was refused in this log; `rein log` shows the numbers of events");
	rewind(log);
	*ret_seq = seq;
	return 0;
}

static void print_fact(const char *name, const char *text)
{
	if (!text)
		return;
	printf("  %s%-9s%s ", rein_colour(stdout, REIN_COLOUR_DIM), name, rein_colour(stdout, REIN_COLOUR_PLAIN));
	rein_print_safe(stdout, text, strlen(text));
	putchar('\n');
}

static void print_number(const char *name, const json_t *number)
{
	char text[32];

	if (!number)
		return;
	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(number));
	print_fact(name, text);
}

static void print_rule(const json_t *line)
{
	const json_t *rule = json_object_get(line, "rule");
	REIN_AUTO_FREE char *where = NULL;
	const char *kind = word(line, "kind");

	if (!rule && kind && !strcmp(kind, "deny"))
		print_fact("rule", "none names it, and what no rule names is refused");
	if (!rule || asprintf(&where, "%s:%" JSON_INTEGER_FORMAT ": %s", word(rule, "file") ?: "?",
			      json_integer_value(json_object_get(rule, "line")), word(rule, "text") ?: "?") < 0)
		return;
	print_fact("rule", where);
}

static void print_meter(const json_t *line)
{
	const json_t *meter = json_object_get(line, "meter"), *limit = json_object_get(meter, "limit");
	char text[160];

	if (!meter)
		return;
	if (limit)
		snprintf(text, sizeof(text), "%.64s: %" JSON_INTEGER_FORMAT ", limit %" JSON_INTEGER_FORMAT,
			 word(meter, "name") ?: "?", json_integer_value(json_object_get(meter, "used")),
			 json_integer_value(limit));
	else
		snprintf(text, sizeof(text), "%.64s: %" JSON_INTEGER_FORMAT, word(meter, "name") ?: "?",
			 json_integer_value(json_object_get(meter, "used")));
	print_fact("meter", text);
}

static void print_facts(const json_t *line)
{
	print_fact("tried", word(line, "op"));
	print_fact("on", word(line, "object"));
	print_fact("program", word(line, "exe") ?: word(line, "comm"));
	print_number("process", json_object_get(line, "pid"));
	print_number("parent", json_object_get(line, "ppid"));
	print_rule(line);
	print_fact("kept by", word(line, "mechanism"));
	print_fact("errno", word(line, "errno"));
	print_meter(line);
	print_number("lost", json_object_get(line, "lost"));
}

static void print_note(const json_t *note)
{
	REIN_AUTO_FREE char *text = NULL;

	if (note && asprintf(&text, "%" JSON_INTEGER_FORMAT ": %s (as the agent said before; unchecked)",
			     json_integer_value(json_object_get(note, "note")), word(note, "object")) >= 0)
		print_fact("note", text);
}

/* "filesystem.read" and an item, as they stand in a profile. */
static void print_profile_lines(const char *list, const char *item)
{
	const char *dot = strchr(list, '.');

	printf("\nIf the agent should be able to do this, put this into its profile, or into one of your own that "
	       "`extends` it:\n\n    ");
	if (dot) {
		rein_print_safe(stdout, list, (size_t)(dot - list));
		printf(":\n      ");
		list = dot + 1;
	}
	rein_print_safe(stdout, list, strlen(list));
	printf(": [");
	rein_print_safe(stdout, item, strlen(item));
	printf("]\n");
}

static void print_remedy(const json_t *line)
{
	const json_t *detail = json_object_get(line, "detail"), *rule = json_object_get(line, "rule");
	const char *list = word(detail, "list"), *allow = word(detail, "allow"), *kind = word(line, "kind");

	if (!kind || strcmp(kind, "deny"))
		return;
	if (list && allow)
		print_profile_lines(list, allow);
	else if (rule && json_object_get(line, "meter"))
		printf("\nA breaker refused this: `rein ps` shows its state, and `rein reset` closes it.\n");
	else if (rule)
		printf("\nA denial wins over whatever allows the same: only a change of that rule would let the agent "
		       "do "
		       "this.\n");
	else
		printf("\nNo line of a profile would allow this as it stands.\n");
}

static void print_neighbours(const struct found *found)
{
	printf("\nAround it:\n\n");
	for (int i = 0; i < NEIGHBOURS; i++)
		if (found->before[i])
			rein_logline_print(stdout, found->before[i]);
	rein_logline_print(stdout, found->line);
	for (int i = 0; i < NEIGHBOURS; i++)
		if (found->after[i])
			rein_logline_print(stdout, found->after[i]);
}

static void print(const struct found *found)
{
	REIN_AUTO_FREE char *sentence = rein_audit_sentence(found->line);
	const char *agent = word(found->line, "agent") ?: "?", *kind = word(found->line, "kind") ?: "?";
	char when[32];

	rein_logline_time(found->line, true, when, sizeof(when));
	printf("%s#%" JSON_INTEGER_FORMAT, rein_colour(stdout, REIN_COLOUR_BOLD),
	       json_integer_value(json_object_get(found->line, "seq")));
	printf(" of ");
	rein_print_safe(stdout, agent, strlen(agent));
	printf(", %s: ", when);
	rein_print_safe(stdout, kind, strlen(kind));
	printf("%s\n\n", rein_colour(stdout, REIN_COLOUR_PLAIN));
	rein_print_wrapped(stdout, 0, sentence ? sentence : "?");
	putchar('\n');
	print_facts(found->line);
	print_note(found->note);
	print_remedy(found->line);
	print_neighbours(found);
}

static bool read_number(const char *text, long long *ret_seq)
{
	char *end;

	if (*text == '#')
		text++;
	*ret_seq = strtoll(text, &end, 10);
	return *text && !*end && *ret_seq > 0;
}

/* "12", "NAME", "NAME:12" as one word, or both as two, or nothing. NAME points into the arguments; NULL: the newest
 * log. A number of 0: the last refusal. */
static bool read_event(char **arguments, const char **ret_name, long long *ret_seq)
{
	char *only = arguments[0], *colon = only ? strrchr(only, ':') : NULL;

	*ret_name = NULL;
	*ret_seq = 0;
	if (!only || (!arguments[1] && read_number(only, ret_seq)))
		return true;
	*ret_name = only;
	if (arguments[1])
		return read_number(arguments[1], ret_seq);
	*ret_seq = 0;
	if (!colon)
		return true;
	*colon = '\0';
	return read_number(colon + 1, ret_seq);
}

static int explain(const struct rein_options *options, const char *name, long long seq, struct rein_error *err)
{
	REIN_AUTO_FREE char *path = NULL;
	REIN_AUTO_FILE FILE *log = NULL;
	struct rein_places places;
	struct found found = {0};
	int r = rein_places_find(&places, err);

	if (!r)
		r = rein_log_find(places.state, name, &path, err);
	if (!r)
		r = rein_log_open_for_reading(path, &log, err);
	if (!r && !seq)
		r = find_refusal(log, &seq, err);
	if (!r)
		r = find(log, seq, &found, err);
	if (!r)
		r = find_note(log, &found, err);
	if (!r && options->json)
		rein_logline_print_json(stdout, found.line);
	else if (!r)
		print(&found);
	forget(&found);
	return r;
}

int rein_cmd_why(int argc, char **argv)
{
	struct rein_options options;
	struct rein_error err = {0};
	const char *name;
	long long seq;
	int code;

	if (!rein_options_read(argc, argv, &usage, &options, &code))
		return code;
	if (!read_event(options.arguments, &name, &seq)) {
		rein_say("an event is named by its number, such as 12, or by AGENT:12; `rein log` shows the numbers");
		return 2;
	}
	return explain(&options, name, seq, &err) < 0 ? rein_say_error(&err, 1) : 0;
}
