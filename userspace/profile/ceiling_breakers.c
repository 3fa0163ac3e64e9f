/* SPDX-License-Identifier: GPL-2.0 */
#include <string.h>

#include <rein/state.h>

#include "profile/ceiling.h"
#include "profile/resolve.h"
#include "profile/words.h"

/* Breakers of the ceiling join; one that the policy has by the same name becomes the stricter of both in every part. */

static struct rein_breaker_rule *find_breaker(struct rein_policy *policy, const char *name)
{
	size_t i;

	for (i = 0; i < policy->breakers.count; i++)
		if (strcmp(policy->breakers.items[i].name, name) == 0)
			return &policy->breakers.items[i];
	return NULL;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Whether a is the slower rate: a.units / a.period < b.units / b.period. */
static bool is_slower(const struct rein_breaker_rule *a, const struct rein_breaker_rule *b)
{
	return (unsigned __int128)a->rate_units * b->rate_period_ns <
	       (unsigned __int128)b->rate_units * a->rate_period_ns;
}

/* Of two waits the longer; none at all is until a person comes. */
static uint64_t longer_wait(uint64_t a, uint64_t b)
{
	if (!a || !b)
		return 0;
	return a > b ? a : b;
}

static void merge_amounts(struct rein_breaker_rule *rule, const struct rein_breaker_rule *bound)
{
	if (is_slower(bound, rule)) {
		rule->rate_units = bound->rate_units;
		rule->rate_period_ns = bound->rate_period_ns;
	}
	rule->burst = smaller(rule->burst, bound->burst);
	rule->probe = smaller(smaller(rule->probe, bound->probe), rule->burst);
	if (bound->total)
		rule->total = rule->total ? smaller(rule->total, bound->total) : bound->total;
}

static void merge_actions(struct rein_breaker_rule *rule, const struct rein_breaker_rule *bound)
{
	rule->cool_down_ns = longer_wait(rule->cool_down_ns, bound->cool_down_ns);
	if (bound->on_trip > rule->on_trip)
		rule->on_trip = bound->on_trip;
	if (rule->on_trip == REIN_ON_TRIP_FREEZE || rule->on_trip == REIN_ON_TRIP_KILL)
		rule->cool_down_ns = 0;
	if (bound->exactness > rule->exactness)
		rule->exactness = bound->exactness;
	rule->optional &= bound->optional;
}

/* Whether the arithmetic of breaker.h holds what came of a slow rate from one side and a large burst from the other. */
static bool is_sound(const struct rein_breaker_rule *rule)
{
	return (unsigned __int128)rule->burst * rule->rate_period_ns / rule->rate_units <= 1ULL << 62;
}

static int merge(struct rein_policy *policy, struct rein_breaker_rule *rule, const struct rein_breaker_rule *bound,
		 struct rein_error *err)
{
	if (rule->meter != bound->meter)
		return rein_fail(err, EINVAL,
				 "%s:%d:%d: breaker \"%s\" counts %s, but the one of the ceiling (%s:%d) counts %s; "
				 "give it another name",
				 rule->origin.file, rule->origin.line, rule->origin.column, rule->name,
				 rein_meter_name(rule->meter), bound->origin.file, bound->origin.line,
				 rein_meter_name(bound->meter));
	merge_amounts(rule, bound);
	merge_actions(rule, bound);
	rule->origin = rein_origin_cut(policy, &rule->origin, "the stricter", &bound->origin);
	if (!is_sound(rule))
		return rein_fail(err, EINVAL, "%s:%d:%d: breaker \"%s\" takes more than 146 years to refill",
				 rule->origin.file, rule->origin.line, rule->origin.column, rule->name);
	return rule->origin.text ? 0 : rein_fail(err, ENOMEM, "out of memory");
}

static int join(struct rein_policy *policy, const struct rein_breaker_rule *bound, struct rein_error *err)
{
	struct rein_breaker_rule *rule = rein_vec_add(&policy->breakers);

	if (!rule)
		return rein_fail(err, ENOMEM, "out of memory");
	*rule = *bound;
	rule->name = rein_policy_text(policy, "%s", bound->name);
	rule->origin = rein_origin_adopt(policy, &bound->origin);
	if (policy->breakers.count > REIN_BREAKERS_MAX)
		return rein_fail(
			err, EINVAL, "%s:%d:%d: breaker \"%s\" of the ceiling is one too many: an agent has at most %d",
			bound->origin.file, bound->origin.line, bound->origin.column, bound->name, REIN_BREAKERS_MAX);
	return rule->name && rule->origin.text ? 0 : rein_fail(err, ENOMEM, "out of memory");
}

int rein_ceiling_breakers(struct rein_policy *policy, const struct rein_policy *ceiling, struct rein_error *err)
{
	size_t i;
	int r = 0;

	for (i = 0; i < ceiling->breakers.count && r == 0; i++) {
		const struct rein_breaker_rule *bound = &ceiling->breakers.items[i];
		struct rein_breaker_rule *rule = find_breaker(policy, bound->name);

		r = rule ? merge(policy, rule, bound, err) : join(policy, bound, err);
	}
	return r;
}
