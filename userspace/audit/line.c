/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/line.h"

#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "profile/words.h"

enum judged { NO_VERDICT, ITS_OWN, AS_GIVEN };

/* A verdict stands in the lines of those kinds that are one; the rest only tell what happened. */
static const struct {
	enum judged judged;
	enum rein_verdict verdict; /* of ITS_OWN */
} kinds[REIN_KIND_COUNT] = {
	[REIN_KIND_ALLOW] = {ITS_OWN, REIN_VERDICT_ALLOW}, [REIN_KIND_DENY] = {ITS_OWN, REIN_VERDICT_DENY},
	[REIN_KIND_ASK] = {ITS_OWN, REIN_VERDICT_ASK},	   [REIN_KIND_TRIP] = {ITS_OWN, REIN_VERDICT_TRIP},
	[REIN_KIND_ANSWER] = {.judged = AS_GIVEN},	   [REIN_KIND_LOST] = {.judged = AS_GIVEN},
};

/* Setting a key to NULL fails without harm: what is not known is not written. */
static void set_text(json_t *line, const char *key, const char *text)
{
	REIN_AUTO_FREE char *escaped = text && *text ? rein_escape(text, strlen(text)) : NULL;

	if (escaped)
		json_object_set_new(line, key, json_string(escaped));
}

static void set_number(json_t *line, const char *key, uint64_t number)
{
	json_object_set_new(line, key, json_integer((json_int_t)number));
}

static void set_known(json_t *line, const char *key, uint64_t number)
{
	if (number)
		set_number(line, key, number);
}

static void set_time(json_t *line, int64_t time_ns)
{
	time_t seconds = (time_t)(time_ns / 1000000000);
	char day[32], text[64];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%09dZ", day, (int)(time_ns % 1000000000));
	json_object_set_new(line, "time", json_string(text));
}

static void set_rule(json_t *line, const struct rein_origin *rule)
{
	json_t *object;

	if (!rule)
		return;
	object = json_object();
	set_text(object, "file", rule->file);
	set_known(object, "line", rule->line > 0 ? (uint64_t)rule->line : 0);
	set_text(object, "text", rule->text);
	json_object_set_new(line, "rule", object);
}

static void set_meter(json_t *line, const struct rein_event *event)
{
	json_t *object;

	if (!event->meter)
		return;
	object = json_object();
	set_text(object, "name", event->meter);
	set_number(object, "used", event->meter_used);
	set_known(object, "limit", event->meter_limit);
	json_object_set_new(line, "meter", object);
}

static void set_verdict(json_t *line, const struct rein_event *event)
{
	enum judged judged = (unsigned)event->kind < REIN_KIND_COUNT ? kinds[event->kind].judged : NO_VERDICT;

	if (judged != NO_VERDICT)
		set_text(line, "verdict",
			 rein_verdict_name(judged == ITS_OWN ? kinds[event->kind].verdict : event->verdict));
}

static void set_place(json_t *line, const struct rein_event *event, const struct rein_line_place *place)
{
	set_number(line, "v", 1);
	set_number(line, "seq", place->seq);
	set_time(line, place->time_ns);
	set_number(line, "mono", place->mono_ns);
	set_text(line, "agent", place->agent);
	set_text(line, "kind", rein_kind_name(event->kind));
	set_verdict(line, event);
	set_known(line, "note", event->note);
}

static void set_deed(json_t *line, const struct rein_event *event)
{
	set_known(line, "pid", (uint64_t)event->pid);
	set_known(line, "ppid", (uint64_t)event->ppid);
	set_text(line, "exe", event->exe);
	set_text(line, "comm", event->comm);
	set_text(line, "op", event->op);
	set_text(line, "object", event->object);
}

static json_t *shown_text(const json_t *value)
{
	REIN_AUTO_FREE char *text = rein_escape_terminal(json_string_value(value), json_string_length(value), false);

	return text ? json_string(text) : NULL;
}

/* A copy whose strings hold no control characters; the depth is what the writers of details gave it. */
static json_t *shown(const json_t *value)
{
	json_t *copy, *item;
	const char *key;
	size_t i;

	if (json_is_string(value))
		return shown_text(value);
	if (json_is_array(value)) {
		copy = json_array();
		json_array_foreach (value, i, item)
			json_array_append_new(copy, shown(item));
		return copy;
	}
	if (!json_is_object(value))
		return json_copy((json_t *)value);
	copy = json_object();
	json_object_foreach ((json_t *)value, key, item)
		json_object_set_new(copy, key, shown(item));
	return copy;
}

static void set_reason(json_t *line, const struct rein_event *event)
{
	set_rule(line, event->rule);
	if (event->mechanism != REIN_MECH_NONE)
		set_text(line, "mechanism", rein_mechanism_name(event->mechanism));
	set_text(line, "why", event->why);
	set_meter(line, event);
	if (event->error)
		set_text(line, "errno", strerrorname_np(event->error) ?: "unknown");
	set_known(line, "lost", event->lost);
	if (event->detail)
		json_object_set_new(line, "detail", shown(event->detail));
}

char *rein_line_format(const struct rein_event *event, const struct rein_line_place *place)
{
	json_t *line = json_object();
	char *text;

	if (!line)
		return NULL;
	set_place(line, event, place);
	set_deed(line, event);
	set_reason(line, event);
	json_object_set_new(line, "prev", json_string(place->prev));
	text = json_dumps(line, JSON_COMPACT);
	json_decref(line);
	return text;
}
