/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/control.h"
#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/print.h"

static const struct rein_usage usage = {.takes = REIN_OPTION_JSON, .max_arguments = 0, .misuse = 2};

static const char *const headings[] = {"ID", "PROFILE", "STATE", "SINCE", "USER", "TRIPPED", "COMMAND", NULL};

/* An agent that does not answer is shown all the same, with the reason; one that has just ended is not. */
static int ask_one(const struct rein_registered *agent, json_t *list)
{
	json_t *request = json_pack("{s:s}", "op", "status"), *reply = NULL, *status;
	struct rein_error err = {0};
	int r = rein_control_ask(agent, request, &reply, &err);

	json_decref(request);
	if (r == -ESRCH)
		return 0;
	if (r < 0)
		status = json_pack("{s:s, s:s, s:s}", "id", agent->id, "state", "unknown", "error", err.text);
	else
		status = json_incref(json_object_get(reply, "status"));
	json_decref(reply);
	return status && !json_array_append_new(list, status) ? 0 : -ENOMEM;
}

static int collect(json_t *list, struct rein_error *err)
{
	struct rein_registered_vec agents = {0};
	int r = rein_registry_list(&agents, err);

	for (size_t i = 0; r == 0 && i < agents.count; i++)
		if (ask_one(&agents.items[i], list) < 0)
			r = rein_fail(err, ENOMEM, "no memory for the list of agents");
	rein_vec_free(&agents);
	return r;
}

static const char *text_of(const json_t *status, const char *key)
{
	const char *text = json_string_value(json_object_get(status, key));

	return text ? text : "-";
}

static void since(const json_t *status, char *text, size_t size)
{
	time_t started = (time_t)json_integer_value(json_object_get(status, "started"));
	struct tm local;

	if (!started || !localtime_r(&started, &local) || !strftime(text, size, "%F %T", &local))
		snprintf(text, size, "-");
}

/* "a, b" of the strings in `list`, or of `key` of those objects whose state is not closed. */
static void join(const json_t *list, const char *key, const char *between, char *text, size_t size)
{
	size_t index, used = 0;
	const json_t *item;

	text[0] = '\0';
	json_array_foreach (list, index, item) {
		const char *word = json_string_value(key ? json_object_get(item, key) : item);
		int n;

		if (!word || used >= size || (key && !strcmp(text_of(item, "state"), "closed")))
			continue;
		n = snprintf(text + used, size - used, "%s%s", used ? between : "", word);
		used += n > 0 ? (size_t)n : 0;
	}
	if (!text[0])
		snprintf(text, size, "-");
}

static enum rein_colour colour_of(const char *state)
{
	static const struct {
		const char *state;
		enum rein_colour colour;
	} colours[] = {
		{"running", REIN_COLOUR_GOOD},
		{"frozen", REIN_COLOUR_BAD},
		{"ending", REIN_COLOUR_WARN},
		{"unknown", REIN_COLOUR_WARN},
	};

	for (size_t i = 0; i < REIN_COUNT(colours); i++)
		if (!strcmp(state, colours[i].state))
			return colours[i].colour;
	return REIN_COLOUR_PLAIN;
}

static void state_text(const json_t *status, char *text, size_t size)
{
	const json_t *holds = json_object_get(status, "holds");
	char by[64];

	if (!json_array_size(holds)) {
		snprintf(text, size, "%s", text_of(status, "state"));
		return;
	}
	join(holds, NULL, ", ", by, sizeof(by));
	snprintf(text, size, "%s by %s", text_of(status, "state"), by);
}

static void add_row(struct rein_table *table, const json_t *status)
{
	char state[128], started[32], tripped[512], command[1024];

	state_text(status, state, sizeof(state));
	since(status, started, sizeof(started));
	join(json_object_get(status, "breakers"), "name", ", ", tripped, sizeof(tripped));
	join(json_object_get(status, "command"), NULL, " ", command, sizeof(command));
	rein_table_add(table, REIN_COLOUR_BOLD, text_of(status, "id"));
	rein_table_add(table, REIN_COLOUR_PLAIN, text_of(status, "profile"));
	rein_table_add(table, colour_of(text_of(status, "state")), state);
	rein_table_add(table, REIN_COLOUR_PLAIN, started);
	rein_table_add(table, REIN_COLOUR_PLAIN, text_of(status, "user"));
	rein_table_add(table, REIN_COLOUR_BAD, tripped);
	rein_table_add(table, REIN_COLOUR_PLAIN, json_object_get(status, "error") ? text_of(status, "error") : command);
}

static void print(const json_t *list)
{
	struct rein_table table = {.headings = headings};
	const json_t *status;
	size_t index;

	if (!json_array_size(list)) {
		printf("no agents are running\n");
		return;
	}
	json_array_foreach (list, index, status)
		add_row(&table, status);
	rein_table_print(&table, stdout);
}

int rein_cmd_ps(int argc, char **argv)
{
	struct rein_options options;
	struct rein_error err = {0};
	json_t *list;
	int code, r;

	if (!rein_options_read(argc, argv, &usage, &options, &code))
		return code;
	list = json_array();
	r = collect(list, &err);
	if (!r && options.json)
		r = rein_print_json(stdout, json_incref(list));
	else if (!r)
		print(list);
	json_decref(list);
	return r < 0 ? rein_say_error(&err, 1) : r;
}
