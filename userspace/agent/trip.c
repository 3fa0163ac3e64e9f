/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/trip.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/breakers.h"
#include "base/units.h"
#include "profile/words.h"

/* What a process does when a meter counts it: one, and %s of many. */
struct doing {
	const char *one, *many, *unknown;
};

static const struct doing doings[REIN_METER_COUNT] = {
	[REIN_METER_WRITE_BYTES] = {"write %s to files", "write %s to files", "write to files"},
	[REIN_METER_WRITE_FILES] = {"open a file for writing", "open %s files for writing", "open files for writing"},
	[REIN_METER_CREATE_FILES] = {"create a file", "create %s files", "create files"},
	[REIN_METER_DELETE_FILES] = {"delete or empty a file", "delete or empty %s files", "delete files"},
	[REIN_METER_RENAME_FILES] = {"rename a file", "rename %s files", "rename files"},
	[REIN_METER_CHMOD_FILES] = {"change the attributes of a file", "change the attributes of %s files",
				    "change attributes of files"},
	[REIN_METER_NET_TX_BYTES] = {"send %s", "send %s", "send"},
	[REIN_METER_NET_RX_BYTES] = {"receive %s", "receive %s", "receive"},
	[REIN_METER_NET_CONNECTS] = {"connect once more", "make %s connections", "connect"},
	[REIN_METER_NET_DNS_QUERIES] = {"look up a name", "look up %s names", "look up names"},
	[REIN_METER_EXEC_COUNT] = {"start a program", "start %s programs", "start programs"},
	[REIN_METER_FORK_COUNT] = {"start a process", "start %s processes", "start processes"},
};

const struct rein_breaker_rule *rein_breakers_rule(const struct rein_agent *agent, int index)
{
	return agent->launch->plan->breakers.items[index].rule;
}

const char *rein_meter_amount(enum rein_meter meter, uint64_t n, char *text)
{
	return rein_meter_is_bytes(meter) ? rein_size_format(text, n) : rein_count_format(text, n);
}

static const struct rein_breaker *breaker_of(const struct rein_agent *agent, const struct rein_trip *trip)
{
	return &agent->launch->state->breakers[trip->index];
}

/* Then the amount is what was seen since the last look, in however many operations. */
static bool is_sampled(const struct rein_breaker *breaker)
{
	return breaker->mechanism == REIN_MECH_SUPERVISOR;
}

/* A single operation that is too large for ever: bpf-file fails it, whatever else is done. */
static bool fails_alone(const struct rein_agent *agent, const struct rein_trip *trip)
{
	const struct rein_breaker *breaker = breaker_of(agent, trip);

	return breaker->mechanism == REIN_MECH_BPF_FILE && breaker->on_trip != REIN_ON_TRIP_KILL &&
	       trip->amount > breaker->limit.burst;
}

int rein_trip_errno(const struct rein_agent *agent, const struct rein_trip *trip)
{
	enum rein_meter meter = rein_breakers_rule(agent, trip->index)->meter;

	if (trip->by || (trip->action != REIN_ON_TRIP_DENY && !fails_alone(agent, trip)))
		return 0;
	return rein_meter_is_network(meter) ? EPERM : EDQUOT;
}

enum rein_trip_cause rein_trip_cause(const struct rein_agent *agent, const struct rein_trip *trip)
{
	if (trip->by)
		return REIN_TRIP_PERSON;
	if (trip->hidden)
		return REIN_TRIP_BLIND;
	if (trip->spent)
		return REIN_TRIP_TOTAL;
	if (trip->amount > breaker_of(agent, trip)->limit.burst && !is_sampled(breaker_of(agent, trip)))
		return REIN_TRIP_SINGLE;
	return trip->from_half_open ? REIN_TRIP_PROBE : REIN_TRIP_RATE;
}

static void who_did(const struct rein_agent *agent, const struct rein_trip *trip, FILE *out)
{
	const char *id = agent->launch->id;
	const char *comm = trip->comm; /* as it came: whoever writes or shows it escapes it */

	if (trip->by)
		fprintf(out, "%s tripped", trip->by);
	else if (trip->hidden)
		fprintf(out, "process %d (as the agent numbers it) of %s", trip->hidden, id);
	else if (trip->pid && comm)
		fprintf(out, "process %d (%s) of %s", trip->pid, comm, id);
	else if (trip->pid)
		fprintf(out, "process %d of %s", trip->pid, id);
	else
		fprintf(out, "%s", id);
}

void rein_trip_write_deed(FILE *out, enum rein_meter meter, uint64_t n)
{
	const char *phrase = n == 1 ? doings[meter].one : doings[meter].many, *cut = strstr(phrase, "%s");
	char amount[REIN_UNITS_MAX];

	if (!n)
		fprintf(out, "%s", doings[meter].unknown);
	else if (!cut)
		fprintf(out, "%s", phrase);
	else
		fprintf(out, "%.*s%s%s", (int)(cut - phrase), phrase, rein_meter_amount(meter, n, amount), cut + 2);
}

static void did_what(const struct rein_agent *agent, const struct rein_trip *trip, FILE *out)
{
	if (trip->by)
		return;
	if (trip->hidden) {
		fprintf(out, " cannot be watched (its program may not be read)");
		return;
	}
	fprintf(out, is_sampled(breaker_of(agent, trip)) ? " was seen to " : " tried to ");
	rein_trip_write_deed(out, rein_breakers_rule(agent, trip->index)->meter, trip->amount);
}

static void allows_rate(const struct rein_agent *agent, const struct rein_trip *trip, FILE *out)
{
	const struct rein_breaker_rule *rule = rein_breakers_rule(agent, trip->index);
	char burst[REIN_UNITS_MAX], rate[REIN_UNITS_MAX], level[REIN_UNITS_MAX];

	fprintf(out, "allows a burst of %s and %s, and %s of the burst were used up",
		rein_meter_amount(rule->meter, rule->burst, burst),
		rein_rate_format(rate, rein_meter_is_bytes(rule->meter), rule->rate_units, rule->rate_period_ns),
		rein_meter_amount(rule->meter, rein_breaker_level(breaker_of(agent, trip), trip->now_ns), level));
}

static void allows_single(const struct rein_agent *agent, const struct rein_trip *trip, FILE *out)
{
	const struct rein_breaker_rule *rule = rein_breakers_rule(agent, trip->index);
	char burst[REIN_UNITS_MAX];

	fprintf(out, "allows no operation larger than its burst of %s%s",
		rein_meter_amount(rule->meter, rule->burst, burst),
		fails_alone(agent, trip) ? ", so it failed (EDQUOT)" : "");
}

static void allows_total(const struct rein_agent *agent, const struct rein_trip *trip, FILE *out)
{
	const struct rein_breaker_rule *rule = rein_breakers_rule(agent, trip->index);
	char total[REIN_UNITS_MAX], used[REIN_UNITS_MAX];

	fprintf(out, "allows %s in the agent's whole life, and %s were used",
		rein_meter_amount(rule->meter, rule->total, total),
		rein_meter_amount(rule->meter, breaker_of(agent, trip)->bucket.used, used));
}

static void allows_probe(const struct rein_agent *agent, const struct rein_trip *trip, FILE *out)
{
	const struct rein_breaker_rule *rule = rein_breakers_rule(agent, trip->index);
	char probe[REIN_UNITS_MAX];

	fprintf(out, "was on probation after its last trip and allowed %s",
		rein_meter_amount(rule->meter, breaker_of(agent, trip)->limit.probe, probe));
}

static void allows_person(const struct rein_agent *agent, const struct rein_trip *trip, FILE *out)
{
	fprintf(out, "%s", "by hand");
}

static void allows_blind(const struct rein_agent *agent, const struct rein_trip *trip, FILE *out)
{
	fprintf(out, "has to see what each process does");
}

static void (*const allows[])(const struct rein_agent *agent, const struct rein_trip *trip, FILE *out) = {
	[REIN_TRIP_RATE] = allows_rate,	  [REIN_TRIP_SINGLE] = allows_single, [REIN_TRIP_TOTAL] = allows_total,
	[REIN_TRIP_PROBE] = allows_probe, [REIN_TRIP_PERSON] = allows_person, [REIN_TRIP_BLIND] = allows_blind,
};

/* What a person says to let it go on: the total is only given again by a refill. */
static void say_reset(const struct rein_agent *agent, const struct rein_trip *trip, FILE *out)
{
	fprintf(out, "`rein reset %s %s%s`", agent->launch->id, rein_breakers_rule(agent, trip->index)->name,
		trip->spent ? " --refill" : "");
}

static void so_throttle(const struct rein_agent *agent, const struct rein_trip *trip, FILE *out)
{
	char wait[REIN_UNITS_MAX];

	if (trip->wait_ns) {
		fprintf(out, "the agent is paused for %s, until its rate allows more",
			rein_duration_format(wait, trip->wait_ns));
		return;
	}
	fprintf(out, "the agent is paused until ");
	say_reset(agent, trip, out);
}

static void so_deny(const struct rein_agent *agent, const struct rein_trip *trip, FILE *out)
{
	char wait[REIN_UNITS_MAX];

	fprintf(out, "such operations are refused ");
	if (trip->wait_ns)
		fprintf(out, "for %s, or until ", rein_duration_format(wait, trip->wait_ns));
	else
		fprintf(out, "until ");
	say_reset(agent, trip, out);
}

static void so_freeze(const struct rein_agent *agent, const struct rein_trip *trip, FILE *out)
{
	fprintf(out, "the agent is frozen: look at what it did, then ");
	say_reset(agent, trip, out);
	fprintf(out, " lets it go on and `rein kill %s` ends it", agent->launch->id);
}

static void so_kill(const struct rein_agent *agent, const struct rein_trip *trip, FILE *out)
{
	bool killing = rein_breakers_rule(agent, trip->index)->on_trip == REIN_ON_TRIP_KILL;

	fprintf(out, "the agent is ended");
	if (!killing && agent->ci)
		fprintf(out, ", since it would be frozen and under --ci nobody can thaw it");
	else if (!killing)
		fprintf(out, ", since it could not be stopped");
}

static void (*const consequences[REIN_ON_TRIP_COUNT])(const struct rein_agent *agent, const struct rein_trip *trip,
						      FILE *out) = {
	[REIN_ON_TRIP_THROTTLE] = so_throttle,
	[REIN_ON_TRIP_DENY] = so_deny,
	[REIN_ON_TRIP_FREEZE] = so_freeze,
	[REIN_ON_TRIP_KILL] = so_kill,
};

void rein_trip_why(const struct rein_agent *agent, const struct rein_trip *trip, char *ret_text, size_t size)
{
	const struct rein_breaker_rule *rule = rein_breakers_rule(agent, trip->index);
	FILE *out = fmemopen(ret_text, size, "w");

	ret_text[0] = '\0';
	if (!out)
		return;
	who_did(agent, trip, out);
	did_what(agent, trip, out);
	fprintf(out, "%s breaker `%s` (%s:%d) ", trip->by ? "" : ", but", rule->name, rule->origin.file,
		rule->origin.line);
	allows[rein_trip_cause(agent, trip)](agent, trip, out);
	fprintf(out, ": ");
	consequences[trip->action](agent, trip, out);
	fclose(out);
	ret_text[size - 1] = '\0';
}
