/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/course.h"
#include "base/units.h"
#include "profile/words.h"

/* What people ask of breakers, and what they are shown of them. */

static struct rein_breaker *breaker_of(const struct rein_agent *agent, int index)
{
	return &agent->launch->state->breakers[index];
}

static int count_of(const struct rein_agent *agent)
{
	return (int)agent->launch->state->nr_breakers;
}

static bool named(const struct rein_agent *agent, int index, const char *name)
{
	return !name || strcmp(rein_breakers_rule(agent, index)->name, name) == 0;
}

static int find(const struct rein_agent *agent, const char *name, struct rein_error *err)
{
	if (agent->life >= REIN_LIFE_ENDING)
		return rein_fail(err, ESHUTDOWN, "%s is already being ended", agent->launch->id);
	if (!agent->breakers || !count_of(agent))
		return rein_fail(err, ENOENT, "%s has no breakers", agent->launch->id);
	for (int i = 0; i < count_of(agent); i++)
		if (named(agent, i, name))
			return 0;
	return rein_fail(err, ENOENT, "%s has no breaker `%s`: `rein ps --json` lists those it has", agent->launch->id,
			 name);
}

static void refill_one(struct rein_breaker *breaker)
{
	__sync_lock_test_and_set(&breaker->bucket.tat_ns, 0);
	__sync_lock_test_and_set(&breaker->bucket.used, 0);
}

static void reset_one(struct rein_agent *agent, int index, bool refill, const char *by)
{
	struct rein_breaker *breaker = breaker_of(agent, index);
	bool was_closed = REIN_LOAD(&breaker->bucket.state) == REIN_BREAKER_CLOSED;
	char why[256];

	if (refill)
		refill_one(breaker);
	else
		rein_breaker_forgive(breaker, rein_now_ns());
	rein_course_shut(agent, index);
	if (was_closed && !refill)
		return;
	snprintf(why, sizeof(why), "%s reset the breaker%s: it is closed", by,
		 refill ? " and gave it its whole burst and total again" : "");
	rein_course_emit(agent, index, "reset", why);
}

int rein_breakers_reset(struct rein_agent *agent, const char *name, bool refill, const char *by, struct rein_error *err)
{
	int r = find(agent, name, err);

	if (r < 0)
		return r;
	rein_course_look(agent);
	for (int i = 0; i < count_of(agent); i++)
		if (named(agent, i, name))
			reset_one(agent, i, refill, by);
	return rein_course_settle(agent, err);
}

static void trip_one(struct rein_agent *agent, int index, const char *by)
{
	struct rein_trip trip = {.index = index, .by = by};

	rein_course_trip(agent, &trip);
}

int rein_breakers_trip(struct rein_agent *agent, const char *name, const char *by, struct rein_error *err)
{
	int r = find(agent, name, err);

	if (r < 0)
		return r;
	rein_course_look(agent);
	for (int i = 0; i < count_of(agent); i++)
		if (named(agent, i, name))
			trip_one(agent, i, by);
	return 0;
}

static const char *state_name(uint32_t state)
{
	static const char *const names[] = {
		[REIN_BREAKER_CLOSED] = "closed",
		[REIN_BREAKER_OPEN] = "open",
		[REIN_BREAKER_HALF_OPEN] = "half-open",
	};

	return state && state <= REIN_BREAKER_HALF_OPEN ? names[state] : "unknown";
}

/* Milliseconds until something happens by itself; null where nothing will. */
static json_t *due_json(const struct rein_agent *agent, int index, uint64_t now_ns)
{
	uint64_t deadline = agent->breakers ? agent->breakers->courses[index].deadline_ns : 0;

	if (!deadline)
		return json_null();
	return json_integer(deadline > now_ns ? (json_int_t)((deadline - now_ns) / 1000000) : 0);
}

static json_t *breaker_json(const struct rein_agent *agent, int index, uint64_t now_ns)
{
	const struct rein_plan_breaker *planned = &agent->launch->plan->breakers.items[index];
	const struct rein_breaker_rule *rule = planned->rule;
	const struct rein_breaker *breaker = breaker_of(agent, index);
	char rate[REIN_UNITS_MAX];

	rein_rate_format(rate, rein_meter_is_bytes(rule->meter), rule->rate_units, rule->rate_period_ns);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:I, s:I, s:I, s:o, s:s, s:i}", "name",
			 rule->name, "meter", rein_meter_name(rule->meter), "state",
			 state_name(REIN_LOAD(&breaker->bucket.state)), "on_trip",
			 rein_on_trip_name((enum rein_on_trip)breaker->on_trip), "mechanism",
			 rein_mechanism_name(planned->by), "exactness", rein_exactness_name(planned->exactness),
			 "taken", (json_int_t)rein_breaker_level(breaker, now_ns), "burst", (json_int_t)rule->burst,
			 "rate", rate, "used", (json_int_t)REIN_LOAD(&breaker->bucket.used), "total",
			 (json_int_t)rule->total, "trips", (json_int_t)REIN_LOAD(&breaker->bucket.trips), "next_in_ms",
			 due_json(agent, index, now_ns), "file", rule->origin.file, "line", rule->origin.line);
}

json_t *rein_breakers_json(const struct rein_agent *agent)
{
	uint64_t now_ns = rein_now_ns();
	json_t *list = json_array();

	for (int i = 0; list && i < count_of(agent); i++)
		json_array_append_new(list, breaker_json(agent, i, now_ns));
	return list;
}

/* Whether anybody here counts it: hooks count every meter that they see, the others only what a breaker asks for. */
static bool is_counted(const struct rein_state *state, enum rein_meter meter)
{
	return state->flags & (rein_meter_is_network(meter) ? REIN_STATE_NET : REIN_STATE_TRACE | REIN_STATE_FILE) ||
	       state->breakers_of[meter] || REIN_LOAD(&state->meters[meter]);
}

static json_t *meter_json(const struct rein_state *state, enum rein_meter meter)
{
	return is_counted(state, meter) ? json_integer((json_int_t)REIN_LOAD(&state->meters[meter])) : json_null();
}

json_t *rein_meters_json(const struct rein_agent *agent)
{
	json_t *meters = json_object();

	for (int i = 0; meters && i < REIN_METER_COUNT; i++)
		json_object_set_new(meters, rein_meter_name((enum rein_meter)i),
				    meter_json(agent->launch->state, (enum rein_meter)i));
	return meters;
}
