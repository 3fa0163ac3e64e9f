/* SPDX-License-Identifier: GPL-2.0 */
#include <string.h>
#include <time.h>

#include "agent/breakers.h"
#include "agent/orders.h"
#include "base/cleanup.h"
#include "base/escape.h"

static const char *const lives[] = {
	[REIN_LIFE_STARTING] = "starting", [REIN_LIFE_RUNNING] = "running", [REIN_LIFE_FROZEN] = "frozen",
	[REIN_LIFE_ENDING] = "ending",	   [REIN_LIFE_ENDED] = "ended",
};

static const struct {
	enum rein_hold hold;
	const char *name;
} holds[] = {
	{REIN_HOLD_BREAKER, "breaker"},
	{REIN_HOLD_THROTTLE, "throttle"},
	{REIN_HOLD_PERSON, "person"},
	{REIN_HOLD_AUDIT, "audit"},
};

/* JSON is UTF-8; what is not is escaped without loss. */
static json_t *text(const char *bytes)
{
	REIN_AUTO_FREE char *escaped = bytes ? rein_escape(bytes, strlen(bytes)) : NULL;

	return escaped ? json_string(escaped) : json_null();
}

static json_t *command_json(char *const *argv)
{
	json_t *list = json_array();

	for (; argv && *argv; argv++)
		json_array_append_new(list, text(*argv));
	return list;
}

static json_t *holds_json(unsigned held)
{
	json_t *list = json_array();

	for (size_t i = 0; i < REIN_COUNT(holds); i++)
		if (held & holds[i].hold)
			json_array_append_new(list, json_string(holds[i].name));
	return list;
}

/* CLOCK_REALTIME may jump; the age does not. */
static json_int_t started_s(uint64_t age_ns)
{
	return (json_int_t)time(NULL) - (json_int_t)(age_ns / 1000000000);
}

json_t *rein_agent_status(const struct rein_agent *agent)
{
	const struct rein_launch *launch = agent->launch;
	uint64_t age_ns = rein_now_ns() - agent->started_ns;

	return json_pack("{s:s, s:o, s:s, s:o, s:I, s:I, s:i, s:o, s:i, s:i, s:s, s:o, s:o, s:o, s:o, s:I}", "id",
			 launch->id, "profile", text(launch->policy->name), "state", lives[agent->life], "holds",
			 holds_json(agent->holds), "started", started_s(age_ns), "age_ms",
			 (json_int_t)(age_ns / 1000000), "uid", (int)launch->who.uid, "user", text(launch->who.name),
			 "supervisor", (int)getpid(), "init", (int)agent->init_pid, "tier",
			 rein_tier_name(launch->machine->tier), "command", command_json(agent->argv), "directory",
			 text(launch->directory), "breakers", rein_breakers_json(agent), "meters",
			 rein_meters_json(agent), "denials", (json_int_t)agent->denials);
}
