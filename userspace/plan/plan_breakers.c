/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "plan/planning.h"
#include "profile/words.h"

/*
 * Breakers: for a meter, the mechanisms that count it, in the order in which they are taken. bpf-file is exact and
 * costs only the agent. Tracepoints stand before the broker although the broker is exact: they cost 0.2 µs a call, the
 * broker a round trip to the supervisor, so the broker is taken where a line asks for what tracepoints cannot do
 * (`deny`, `exactness: exact`).
 */

#define METER(name) (1u << REIN_METER_##name)
#define TRIP(name) (1u << REIN_ON_TRIP_##name)

#define METERS_CALLS                                                                                                 \
	(METER(WRITE_FILES) | METER(CREATE_FILES) | METER(DELETE_FILES) | METER(RENAME_FILES) | METER(CHMOD_FILES) | \
	 METER(EXEC_COUNT) | METER(FORK_COUNT))
#define METERS_PACKETS (METER(NET_TX_BYTES) | METER(NET_RX_BYTES))
#define TRIPS_STOP (TRIP(THROTTLE) | TRIP(FREEZE) | TRIP(KILL))
#define TRIPS_ALL (TRIPS_STOP | TRIP(DENY))

static bool anywhere(const struct rein_planning *planning)
{
	return true;
}

static bool isolated(const struct rein_planning *planning)
{
	return planning->scope == REIN_SCOPE_ISOLATED;
}

/* Every operation is seen with its amount. */
static bool unskipped(const struct rein_planning *planning)
{
	return !planning->machine->bpf_file_skips;
}

struct keeper {
	enum rein_mechanism by;
	unsigned meters, on_trips;
	enum rein_exactness exactness;
	bool (*here)(const struct rein_planning *planning);
	const char *note;
};

static const struct keeper keepers[] = {
	{REIN_MECH_BPF_FILE, METER(WRITE_BYTES), TRIPS_ALL, REIN_EXACTNESS_EXACT, unskipped,
	 "a shared mapping is charged once, when it is made: from its offset to the end of the file"},
	{REIN_MECH_BPF_FILE, METERS_CALLS, TRIPS_ALL, REIN_EXACTNESS_EXACT, anywhere,
	 "a call that passes and then fails for another reason is counted"},
	{REIN_MECH_BPF_NET, METERS_PACKETS | METER(NET_CONNECTS) | METER(NET_DNS_QUERIES), TRIPS_ALL,
	 REIN_EXACTNESS_EXACT, anywhere, ""},
	{REIN_MECH_BPF_TRACE, METERS_CALLS | METER(WRITE_BYTES), TRIPS_STOP, REIN_EXACTNESS_PROMPT, anywhere,
	 "at most one operation of each thread more than the burst"},
	{REIN_MECH_BROKER, METERS_CALLS, TRIPS_ALL, REIN_EXACTNESS_EXACT, anywhere,
	 "a call that turns out to fail may be counted; a file that is emptied or renamed over while threads swap its "
	 "path may not be"},
	{REIN_MECH_BROKER, METER(NET_CONNECTS), TRIPS_ALL, REIN_EXACTNESS_EXACT, anywhere,
	 "every connect() and every sendto() with an address; a datagram to a new peer by sendmsg() is not counted"},
	{REIN_MECH_SUPERVISOR, METER(WRITE_BYTES), TRIPS_STOP, REIN_EXACTNESS_SAMPLED, anywhere,
	 "looked at every 10 ms: what is written between two looks passes, and what fallocate() reserves; missed are "
	 "children that end in between and that nobody waits for; a program that may be executed but not read trips "
	 "it"},
	{REIN_MECH_SUPERVISOR, METERS_PACKETS, TRIPS_STOP, REIN_EXACTNESS_SAMPLED, isolated,
	 "looked at every 10 ms; its network is loopback only"},
	{REIN_MECH_NAMESPACES, METERS_PACKETS | METER(NET_DNS_QUERIES), TRIPS_ALL, REIN_EXACTNESS_EXACT, isolated,
	 "its network is loopback only, so nothing can leave; what its processes tell each other is not counted"},
};

static bool counts(const struct keeper *keeper, const struct rein_breaker_rule *rule)
{
	return keeper->meters & (1u << rule->meter);
}

static bool keeps(const struct keeper *keeper, const struct rein_breaker_rule *rule)
{
	return counts(keeper, rule) && (keeper->on_trips & (1u << rule->on_trip)) &&
	       keeper->exactness >= rule->exactness;
}

static bool here(const struct rein_planning *planning, const struct keeper *keeper)
{
	return rein_planning_has(planning, keeper->by) && keeper->here(planning);
}

static const struct keeper *choose(const struct rein_planning *planning, const struct rein_breaker_rule *rule)
{
	for (size_t i = 0; i < REIN_COUNT(keepers); i++)
		if (keeps(&keepers[i], rule) && here(planning, &keepers[i]))
			return &keepers[i];
	return NULL;
}

/* "throttle, freeze or kill": what a keeper does on a trip. */
static void list_on_trips(unsigned on_trips, char *text, size_t size)
{
	size_t used = 0;

	text[0] = 0;
	for (int i = 0; i < REIN_ON_TRIP_COUNT && used < size; i++)
		if (on_trips & (1u << i)) {
			bool last = on_trips >> (i + 1) == 0;

			used += (size_t)snprintf(text + used, size - used, "%s%s",
						 !used	? ""
						 : last ? " or "
							: ", ",
						 rein_on_trip_name((enum rein_on_trip)i));
		}
}

/* It is this machine that does not have it, not this profile. */
static bool lacks(const struct rein_planning *planning, const struct keeper *keeper)
{
	return !rein_planning_has(planning, keeper->by) || (keeper->here == unskipped && !unskipped(planning));
}

/* The mechanism that would do what the line says and does not work here; of several the one that asks for least. */
static const struct keeper *missing(const struct rein_planning *planning, const struct rein_breaker_rule *rule)
{
	const struct keeper *last = NULL;

	for (size_t i = 0; i < REIN_COUNT(keepers); i++)
		if (keeps(&keepers[i], rule) && lacks(planning, &keepers[i]))
			last = &keepers[i];
	return last;
}

/* What would have to be different here. */
static void say_missing(const struct rein_planning *planning, const struct rein_breaker_rule *rule, char *text,
			size_t size)
{
	const struct keeper *keeper = missing(planning, rule);

	if (keeper)
		snprintf(text, size, "%s does not %s here (%.200s)", rein_mechanism_name(keeper->by),
			 rein_planning_has(planning, keeper->by) ? "do it" : "work",
			 planning->machine->facts[keeper->by].detail);
	else
		snprintf(text, size, "the agent shares the host's network");
}

/* What the line could ask for instead: what the first keeper of its meter does on this machine. */
static void say_instead(const struct rein_planning *planning, const struct rein_breaker_rule *rule, char *text,
			size_t size)
{
	char on_trips[64];

	text[0] = 0;
	for (size_t i = 0; i < REIN_COUNT(keepers); i++) {
		if (!counts(&keepers[i], rule) || !here(planning, &keepers[i]))
			continue;
		list_on_trips(keepers[i].on_trips, on_trips, sizeof(on_trips));
		snprintf(text, size, "; %s here keeps on_trip: %s, %s", rein_mechanism_name(keepers[i].by), on_trips,
			 rein_exactness_name(keepers[i].exactness));
		return;
	}
}

static void refuse(struct rein_planning *planning, struct rein_plan_line *line, const struct rein_breaker_rule *rule)
{
	char why[240], instead[120];

	say_missing(planning, rule, why, sizeof(why));
	say_instead(planning, rule, instead, sizeof(instead));
	rein_planning_refuse(planning, line, rule->optional, "nothing here keeps on_trip: %s of %s%s: %s%s",
			     rein_on_trip_name(rule->on_trip), rein_meter_name(rule->meter),
			     rule->exactness == REIN_EXACTNESS_EXACT	? " exactly"
			     : rule->exactness == REIN_EXACTNESS_PROMPT ? " promptly"
									: "",
			     why, instead);
}

static void describe(const struct rein_breaker_rule *rule, char *text, size_t size)
{
	bool bytes = rein_meter_is_bytes(rule->meter);
	const char *(*format)(char *, uint64_t) = bytes ? rein_size_format : rein_count_format;
	char rate[REIN_UNITS_MAX], burst[REIN_UNITS_MAX], total[REIN_UNITS_MAX];

	snprintf(text, size, "%s: %s over %s, burst %s%s%s, then %s", rule->name, rein_meter_name(rule->meter),
		 rein_rate_format(rate, bytes, rule->rate_units, rule->rate_period_ns), format(burst, rule->burst),
		 rule->total ? ", total " : "", rule->total ? format(total, rule->total) : "",
		 rein_on_trip_name(rule->on_trip));
}

/* bpf-net can only drop packets, for which a stream waits; bpf-file fails the call that sends. */
static void keep_stream(struct rein_planning *planning, struct rein_plan_line *line,
			const struct rein_breaker_rule *rule, const struct keeper *keeper)
{
	if (keeper->by != REIN_MECH_BPF_NET || rule->meter != REIN_METER_NET_TX_BYTES ||
	    rule->on_trip != REIN_ON_TRIP_DENY)
		return;
	if (rein_planning_has(planning, REIN_MECH_BPF_FILE))
		rein_planning_keep(line, REIN_MECH_BPF_FILE);
	else
		rein_planning_note(line, "data on an open TCP stream waits until the breaker closes; it does not fail");
}

static void breaker_line(struct rein_planning *planning, const struct rein_breaker_rule *rule)
{
	const struct keeper *keeper = choose(planning, rule);
	struct rein_plan_breaker *breaker = rein_vec_add(&planning->plan->breakers);
	char what[200];
	struct rein_plan_line *line;

	describe(rule, what, sizeof(what));
	line = rein_planning_line(planning, &rule->origin, "%s", what);
	line->breaker = true;
	if (!breaker) {
		planning->no_memory = true;
		return;
	}
	breaker->rule = rule;
	if (!keeper) {
		refuse(planning, line, rule);
		return;
	}
	breaker->by = keeper->by;
	breaker->exactness = line->exactness = keeper->exactness;
	rein_planning_keep(line, keeper->by);
	rein_planning_note(line, "%s", keeper->note);
	keep_stream(planning, line, rule, keeper);
	if (rule->on_trip == REIN_ON_TRIP_FREEZE && planning->options->ci)
		rein_planning_note(line, "with --ci nobody can thaw: it kills%s%s", keeper->note[0] ? "; " : "",
				   keeper->note);
}

/* The scope matters to packets only, which no tracepoint counts: so this can be asked before it is decided. */
bool rein_planning_traces(const struct rein_planning *planning)
{
	for (size_t i = 0; i < planning->policy->breakers.count; i++) {
		const struct keeper *keeper = choose(planning, &planning->policy->breakers.items[i]);

		if (keeper && keeper->by == REIN_MECH_BPF_TRACE)
			return true;
	}
	return false;
}

void rein_planning_breakers(struct rein_planning *planning)
{
	for (size_t i = 0; i < planning->policy->breakers.count; i++)
		breaker_line(planning, &planning->policy->breakers.items[i]);
}
