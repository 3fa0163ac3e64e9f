/* SPDX-License-Identifier: GPL-2.0 */
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "plan/plan.h"
#include "profile/words.h"

/* Plan and machine for scripts. */

/* A JSON string of any bytes: what is not UTF-8 is escaped, in a text that is UTF-8 nothing is. */
static json_t *words(const char *text)
{
	REIN_AUTO_FREE char *escaped = NULL;
	json_t *value = json_string(text);

	if (value)
		return value;
	escaped = rein_escape(text, strlen(text));
	return escaped ? json_string(escaped) : NULL;
}

static void set_words(json_t *object, const char *key, const char *text)
{
	if (text && text[0])
		json_object_set_new(object, key, words(text));
}

static json_t *mechanisms_json(const enum rein_mechanism *by, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count && by[i] != REIN_MECH_NONE; i++)
		json_array_append_new(array, json_string(rein_mechanism_name(by[i])));
	return array;
}

static json_t *line_json(const struct rein_plan_line *line)
{
	json_t *object = json_object();

	json_object_set_new(object, "keeping", json_string(rein_keeping_name(line->keeping)));
	set_words(object, "what", line->what);
	json_object_set_new(object, "by", mechanisms_json(line->by, REIN_COUNT(line->by)));
	if (line->breaker && line->keeping == REIN_KEPT)
		set_words(object, "exactness", rein_exactness_name(line->exactness));
	if (line->origin && line->origin->file) {
		set_words(object, "file", line->origin->file);
		json_object_set_new(object, "line", json_integer(line->origin->line));
		set_words(object, "text", line->origin->text);
	}
	set_words(object, "note", line->note);
	return object;
}

static json_t *namespaces_json(unsigned namespaces)
{
	static const char *const names[] = {"user", "mount", "pid", "ipc", "uts", "net"};
	json_t *array = json_array();

	for (size_t i = 0; i < REIN_COUNT(names); i++)
		if (namespaces & (1u << i))
			json_array_append_new(array, json_string(names[i]));
	return array;
}

static json_t *blind_spots_json(const struct rein_machine *machine)
{
	json_t *array = json_array();
	const struct rein_blind_spot *spot = NULL;

	while ((spot = rein_machine_blind_spot(machine, spot)))
		json_array_append_new(array, json_pack("{s:s, s:s}", "kind", spot->kind, "why", spot->why));
	return array;
}

json_t *rein_plan_json(const struct rein_plan *plan)
{
	json_t *object = json_object(), *lines = json_array();

	set_words(object, "profile", plan->policy->name);
	set_words(object, "file", plan->policy->file);
	set_words(object, "workspace", plan->policy->workspace);
	json_object_set_new(object, "kernel", words(plan->machine->kernel));
	json_object_set_new(object, "tier", json_string(rein_tier_name(plan->machine->tier)));
	json_object_set_new(object, "starts", json_boolean(!plan->refused));
	json_object_set_new(object, "degraded", json_integer((json_int_t)plan->degraded));
	json_object_set_new(object, "host_network", json_boolean(plan->host_network));
	json_object_set_new(object, "namespaces", namespaces_json(plan->namespaces));
	for (size_t i = 0; i < plan->lines.count; i++)
		json_array_append_new(lines, line_json(&plan->lines.items[i]));
	json_object_set_new(object, "lines", lines);
	json_object_set_new(object, "unrecorded", blind_spots_json(plan->machine));
	return object;
}

static json_t *facts_json(const struct rein_machine *machine)
{
	json_t *facts = json_object(), *fact;

	for (int i = REIN_MECH_NONE + 1; i < REIN_MECH_COUNT; i++) {
		fact = json_pack("{s:b}", "works", machine->facts[i].works);
		set_words(fact, "detail", machine->facts[i].detail);
		json_object_set_new(facts, rein_mechanism_name((enum rein_mechanism)i), fact);
	}
	return facts;
}

json_t *rein_machine_json(const struct rein_machine *machine)
{
	json_t *object = json_object();

	json_object_set_new(object, "kernel", words(machine->kernel));
	json_object_set_new(object, "uid", json_integer(machine->uid));
	json_object_set_new(object, "privileged", json_boolean(machine->privileged));
	json_object_set_new(object, "tier", json_string(rein_tier_name(machine->tier)));
	json_object_set_new(object, "landlock_abi", json_integer(machine->landlock_abi));
	json_object_set_new(object, "namespaces", namespaces_json(machine->namespaces));
	set_words(object, "cgroup_root", machine->cgroup_root);
	set_words(object, "cgroup_parent", machine->cgroup_parent);
	set_words(object, "memory_controller", machine->controller_parent[REIN_CONTROLLER_MEMORY]);
	set_words(object, "pids_controller", machine->controller_parent[REIN_CONTROLLER_PIDS]);
	json_object_set_new(object, "facts", facts_json(machine));
	json_object_set_new(object, "unrecorded", blind_spots_json(machine));
	return object;
}
