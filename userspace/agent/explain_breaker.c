/* SPDX-License-Identifier: GPL-2.0 */
#include <rein/event.h>

#include "agent/explaining.h"
#include "agent/trip.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "profile/words.h"

static const char *const ops[] = {
	[REIN_FILE_OP_OPEN] = "open",
	[REIN_FILE_OP_WRITE] = "write",
	[REIN_FILE_OP_MAP] = "map",
	[REIN_FILE_OP_TRUNCATE] = "truncate",
	[REIN_FILE_OP_CREATE] = "create",
	[REIN_FILE_OP_LINK] = "link",
	[REIN_FILE_OP_DELETE] = "delete",
	[REIN_FILE_OP_RENAME] = "rename",
	[REIN_FILE_OP_ATTRIBUTES] = "attributes",
	[REIN_FILE_OP_EXECUTE] = "execute",
	[REIN_FILE_OP_RECEIVE] = "receive",
	[REIN_FILE_OP_FORK] = "fork",
	[REIN_FILE_OP_SEND] = "send",
};

const char *rein_file_op_name(uint32_t op)
{
	return op < REIN_COUNT(ops) && ops[op] ? ops[op] : "file";
}

static void write_reason(FILE *out, const struct rein_refused *refused, const struct rein_breaker_rule *rule,
			 uint64_t n)
{
	char burst[REIN_UNITS_MAX];

	fprintf(out, "breaker `%s` (%s:%d) ", rule->name, rule->origin.file, rule->origin.line);
	if (n > rule->burst)
		fprintf(out, "allows no operation larger than its burst of %s",
			rein_meter_amount(rule->meter, rule->burst, burst));
	else
		fprintf(out,
			"is open, because the agent passed what it allows of %s, until %sa person says `rein reset %s "
			"%s`",
			rein_meter_name(rule->meter), rule->cool_down_ns ? "it closes by itself or " : "",
			refused->agent->launch->id, rule->name);
}

static char *why(const struct rein_refused *refused, const struct rein_breaker_rule *rule, uint64_t n,
		 const char *object)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	rein_write_subject(out, refused);
	fprintf(out, " tried to ");
	rein_trip_write_deed(out, rule->meter, n);
	if (object)
		fprintf(out, " (%s)", object);
	fprintf(out, "; ");
	write_reason(out, refused, rule, n);
	rein_write_outcome(out, refused);
	fclose(out);
	return text;
}

void rein_explain_refused_charge(const struct rein_refused *refused, int index, uint64_t n, const char *object)
{
	const struct rein_breaker_rule *rule = rein_breakers_rule(refused->agent, index);
	const struct rein_bucket *bucket = &refused->agent->launch->state->breakers[index].bucket;
	REIN_AUTO_FREE char *text = why(refused, rule, n, object);
	struct rein_event event = rein_refusal_event(refused, object, &rule->origin, text);

	event.meter = rein_meter_name(rule->meter);
	event.meter_used = REIN_LOAD(&bucket->used);
	event.meter_limit = rule->burst;
	rein_agent_emit(refused->agent, &event);
}
