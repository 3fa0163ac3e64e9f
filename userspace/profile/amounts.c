/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <string.h>

#include <rein/state.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "profile/nearest.h"
#include "profile/resolve.h"
#include "profile/words.h"

/* How much: limits, breakers and the time that an approval has. */

typedef int amount_parser(const char *text, uint64_t *ret, struct rein_error *err);

/* An amount that is there has to be positive: nought would mean "never" to some and "no bound" to others. */
static int resolve_amount(struct rein_resolver *resolver, const struct rein_raw_text *raw, amount_parser *parse,
			  uint64_t *ret_amount)
{
	uint64_t amount;

	if (parse(raw->text, &amount, resolver->err) < 0)
		return rein_place_error(resolver, raw);
	if (!amount)
		return rein_refuse_at(resolver, raw, "\"%.64s\" is nothing; give a positive amount", raw->text);
	*ret_amount = amount;
	return 0;
}

static int resolve_limit(struct rein_resolver *resolver, const struct rein_raw_limit *raw, enum rein_limit_kind kind,
			 amount_parser *parse)
{
	struct rein_limit_rule rule = {.optional = raw->optional};
	int r = resolve_amount(resolver, &raw->limit, parse, &rule.value);

	if (r < 0)
		return r;
	rule.origin = rein_origin_at(resolver, raw->limit.line, raw->limit.column, "limits.%s: %s",
				     rein_limit_name(kind), raw->limit.text);
	if (!rule.origin.text)
		return rein_out_of_memory(resolver);
	resolver->policy->limits[kind] = rule;
	return 0;
}

int rein_resolve_limits(struct rein_resolver *resolver, const struct rein_raw_limits *raw)
{
	const struct {
		const struct rein_raw_limit *raw;
		amount_parser *parse;
	} limits[REIN_LIMIT_COUNT] = {
		[REIN_LIMIT_PROCESSES] = {raw->processes, rein_count_parse},
		[REIN_LIMIT_MEMORY] = {raw->memory, rein_size_parse},
		[REIN_LIMIT_OPEN_FILES] = {raw->open_files, rein_count_parse},
		[REIN_LIMIT_FILE_SIZE] = {raw->file_size, rein_size_parse},
		[REIN_LIMIT_WALL_TIME] = {raw->wall_time, rein_duration_parse},
	};
	unsigned kind;
	int r = 0;

	for (kind = 0; kind < REIN_LIMIT_COUNT && r == 0; kind++)
		if (limits[kind].raw)
			r = resolve_limit(resolver, limits[kind].raw, kind, limits[kind].parse);
	return r;
}

static int resolve_meter(struct rein_resolver *resolver, const struct rein_raw_text *raw, enum rein_meter *ret_meter)
{
	const char *known[REIN_METER_COUNT];
	char list[256], hint[96];
	unsigned i;

	if (rein_meter_parse(raw->text, ret_meter))
		return 0;
	for (i = 0; i < REIN_METER_COUNT; i++)
		known[i] = rein_meter_name(i);
	rein_words_join(known, REIN_METER_COUNT, list, sizeof(list));
	rein_words_hint(known, REIN_METER_COUNT, raw->text, hint, sizeof(hint));
	return rein_refuse_at(resolver, raw, "\"%.64s\" is not a meter%s; known: %s", raw->text, hint, list);
}

static int resolve_on_trip(struct rein_resolver *resolver, const struct rein_raw_text *raw, enum rein_on_trip *ret)
{
	if (rein_on_trip_parse(raw->text, ret))
		return 0;
	if (strcmp(raw->text, "ask") == 0)
		return rein_refuse_at(
			resolver, raw,
			"on_trip: ask is not part of this version of rein, so nobody would be asked; freeze stops "
			"the agent until a person resets it");
	return rein_refuse_at(resolver, raw, "on_trip: \"%.64s\" is none of throttle, deny, freeze, kill", raw->text);
}

static int resolve_exactness(struct rein_resolver *resolver, const struct rein_raw_text *raw,
			     enum rein_exactness *ret_exactness)
{
	*ret_exactness = REIN_EXACTNESS_SAMPLED;
	if (!raw || rein_exactness_parse(raw->text, ret_exactness))
		return 0;
	return rein_refuse_at(resolver, raw, "exactness: \"%.64s\" is none of sampled, prompt, exact", raw->text);
}

/* Faster than this the arithmetic of breaker.h loses its precision, and in the end its bound. */
#define UNITS_PER_SECOND_MAX (1ULL << 50)
/* A burst that takes longer than this to refill would overflow the arrival time. */
#define REFILL_NS_MAX (1ULL << 62)

static int check_arithmetic(const struct rein_resolver *resolver, const struct rein_raw_breaker *raw,
			    const struct rein_breaker_rule *rule)
{
	unsigned __int128 per_second = (unsigned __int128)rule->rate_units * 1000000000 / rule->rate_period_ns;
	unsigned __int128 refill = (unsigned __int128)rule->burst * rule->rate_period_ns / rule->rate_units;

	if (per_second > UNITS_PER_SECOND_MAX)
		return rein_refuse_at(
			resolver, &raw->rate,
			"\"%.64s\" is faster than any machine; a breaker that never trips is better left out",
			raw->rate.text);
	if (refill > REFILL_NS_MAX)
		return rein_refuse_at(
			resolver, &raw->burst,
			"a burst of %.64s at %.64s takes more than 146 years to refill; use total to bound a "
			"whole life",
			raw->burst.text, raw->rate.text);
	return 0;
}

static int resolve_rate(struct rein_resolver *resolver, const struct rein_raw_breaker *raw,
			struct rein_breaker_rule *rule)
{
	bool bytes = rein_meter_is_bytes(rule->meter);

	if (rein_rate_parse(raw->rate.text, bytes, &rule->rate_units, &rule->rate_period_ns, resolver->err) < 0)
		return rein_place_error(resolver, &raw->rate);
	if (!rule->rate_units)
		return rein_refuse_at(resolver, &raw->rate, "\"%.64s\" is nothing; give a positive rate",
				      raw->rate.text);
	return 0;
}

static int resolve_budgets(struct rein_resolver *resolver, const struct rein_raw_breaker *raw,
			   struct rein_breaker_rule *rule)
{
	amount_parser *parse = rein_meter_is_bytes(rule->meter) ? rein_size_parse : rein_count_parse;
	int r = resolve_amount(resolver, &raw->burst, parse, &rule->burst);

	rule->probe = rule->burst / 10 ? rule->burst / 10 : 1;
	if (r == 0 && raw->total)
		r = resolve_amount(resolver, raw->total, parse, &rule->total);
	if (r == 0 && raw->probe)
		r = resolve_amount(resolver, raw->probe, parse, &rule->probe);
	if (r == 0 && rule->probe > rule->burst)
		return rein_refuse_at(resolver, raw->probe, "a probe of %.64s is more than the burst of %.64s",
				      raw->probe->text, raw->burst.text);
	return r;
}

static int resolve_cool_down(struct rein_resolver *resolver, const struct rein_raw_breaker *raw,
			     struct rein_breaker_rule *rule)
{
	if (!raw->cool_down)
		return 0;
	if (rule->on_trip == REIN_ON_TRIP_FREEZE)
		return rein_refuse_at(
			resolver, raw->cool_down,
			"on_trip: freeze takes no cool_down, since it waits for a person; leave it out, or use "
			"throttle or deny");
	if (rule->on_trip == REIN_ON_TRIP_KILL)
		return rein_refuse_at(
			resolver, raw->cool_down,
			"on_trip: kill takes no cool_down, since nothing is left to cool down; leave it out");
	return resolve_amount(resolver, raw->cool_down, rein_duration_parse, &rule->cool_down_ns);
}

static int resolve_breaker(struct rein_resolver *resolver, const struct rein_raw_breaker *raw,
			   struct rein_breaker_rule *rule)
{
	int r = resolve_meter(resolver, &raw->meter, &rule->meter);

	if (r == 0)
		r = resolve_on_trip(resolver, &raw->on_trip, &rule->on_trip);
	if (r == 0)
		r = resolve_exactness(resolver, raw->exactness, &rule->exactness);
	if (r == 0)
		r = resolve_rate(resolver, raw, rule);
	if (r == 0)
		r = resolve_budgets(resolver, raw, rule);
	if (r == 0)
		r = check_arithmetic(resolver, raw, rule);
	return r < 0 ? r : resolve_cool_down(resolver, raw, rule);
}

/* The breaker of that name, or a new one. */
static struct rein_breaker_rule *breaker_slot(struct rein_policy *policy, const char *name)
{
	size_t i;

	for (i = 0; i < policy->breakers.count; i++)
		if (strcmp(policy->breakers.items[i].name, name) == 0)
			return &policy->breakers.items[i];
	return rein_vec_add(&policy->breakers);
}

static struct rein_origin breaker_origin(const struct rein_resolver *resolver, const struct rein_raw_breaker *raw)
{
	return rein_origin_at(resolver, raw->name.line, raw->name.column, "breakers.%s: %s %s, burst %s, %s",
			      raw->name.text, raw->meter.text, raw->rate.text, raw->burst.text, raw->on_trip.text);
}

static int add_breaker(struct rein_resolver *resolver, const struct rein_raw_breaker *raw)
{
	struct rein_breaker_rule rule = {.optional = raw->optional}, *slot;
	int r;

	if (!rein_name_is_valid(raw->name.text))
		return rein_refuse_at(
			resolver, &raw->name,
			"\"%.100s\" is not a name: 1 to 31 of a-z 0-9 _ -, beginning with a letter or digit",
			raw->name.text);
	r = resolve_breaker(resolver, raw, &rule);
	if (r < 0)
		return r;
	rule.name = rein_policy_text(resolver->policy, "%s", raw->name.text);
	rule.origin = breaker_origin(resolver, raw);
	slot = breaker_slot(resolver->policy, raw->name.text);
	if (!rule.name || !rule.origin.text || !slot)
		return rein_out_of_memory(resolver);
	*slot = rule;
	if (resolver->policy->breakers.count > REIN_BREAKERS_MAX)
		return rein_refuse_at(
			resolver, &raw->name,
			"breaker \"%.32s\" is one too many: an agent has at most %d, those of extended profiles "
			"included",
			raw->name.text, REIN_BREAKERS_MAX);
	return 0;
}

int rein_resolve_breakers(struct rein_resolver *resolver, const struct rein_raw_breakers *raw)
{
	unsigned i;
	int r = 0;

	for (i = 0; i < raw->count && r == 0; i++)
		r = add_breaker(resolver, &raw->items[i]);
	return r;
}

int rein_resolve_approvals(struct rein_resolver *resolver, const struct rein_raw_approvals *raw)
{
	enum rein_verdict verdict = REIN_VERDICT_DENY;

	if (raw->otherwise && (!rein_verdict_parse(raw->otherwise->text, &verdict) ||
			       (verdict != REIN_VERDICT_DENY && verdict != REIN_VERDICT_ALLOW)))
		return rein_refuse_at(
			resolver, raw->otherwise,
			"otherwise: \"%.64s\" is neither deny nor allow; it is what happens when nobody answers",
			raw->otherwise->text);
	if (raw->otherwise)
		resolver->policy->approval_otherwise = verdict;
	if (!raw->timeout)
		return 0;
	return resolve_amount(resolver, raw->timeout, rein_duration_parse, &resolver->policy->approval_timeout_ns);
}
