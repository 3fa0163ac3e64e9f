/* SPDX-License-Identifier: GPL-2.0 */
#include <string.h>

#include "agent/breakers.h"
#include "base/units.h"
#include "profile/words.h"

/*
 * What a person declared becomes the constants of rein/breaker.h. Everything is rounded against the agent, so that no
 * rounding ever lets more through than was declared.
 */

#define TOLERANCE_MAX_NS REIN_DEBT_MAX_NS
/* A coarser step than this would be more than 1/4096 off the declared rate. */
#define STEP_FIXED_MIN 4096

typedef unsigned __int128 wide;

static int refuse(const struct rein_breaker_rule *rule, struct rein_error *err, const char *what)
{
	return rein_fail(err, ERANGE, "%s:%d: breaker `%s`: %s", rule->origin.file, rule->origin.line, rule->name,
			 what);
}

static int compile_limit(const struct rein_breaker_rule *rule, struct rein_limit *ret_limit, struct rein_error *err)
{
	wide step, tolerance;

	if (!rule->rate_units || !rule->rate_period_ns || !rule->burst)
		return refuse(rule, err, "rate and burst must be positive");
	step = (((wide)rule->rate_period_ns << 32) + rule->rate_units - 1) / rule->rate_units;
	if (step < STEP_FIXED_MIN)
		return refuse(rule, err, "the rate is too high to be kept exactly: at most 900TiB/s");
	if ((step >> 32) >= TOLERANCE_MAX_NS / rule->burst)
		return refuse(rule, err,
			      "the burst would take more than 146 years at this rate: raise the rate or lower "
			      "the burst");
	tolerance = (step * rule->burst + 0xffffffffU) >> 32;
	if (tolerance > TOLERANCE_MAX_NS)
		return refuse(rule, err,
			      "the burst would take more than 146 years at this rate: raise the rate or lower "
			      "the burst");
	*ret_limit = (struct rein_limit){
		.step_ns = (uint64_t)(step >> 32),
		.step_frac = (uint64_t)(step & 0xffffffffU),
		.burst = rule->burst,
		.tolerance_ns = (uint64_t)tolerance,
		.total = rule->total,
		.probe = rule->probe && rule->probe < rule->burst ? rule->probe
			 : rule->probe				  ? rule->burst
								  : 1,
	};
	return 0;
}

/* Nobody can thaw in CI, so what would freeze kills. */
static enum rein_on_trip action_of(const struct rein_breaker_rule *rule, bool ci)
{
	return ci && rule->on_trip == REIN_ON_TRIP_FREEZE ? REIN_ON_TRIP_KILL : rule->on_trip;
}

static int compile_breaker(const struct rein_plan_breaker *planned, bool ci, struct rein_breaker *ret_breaker,
			   struct rein_error *err)
{
	struct rein_breaker breaker = {
		.bucket.state = REIN_BREAKER_CLOSED,
		.meter = (uint8_t)planned->rule->meter,
		.on_trip = (uint8_t)action_of(planned->rule, ci),
		.mechanism = (uint8_t)planned->by,
	};
	int r = compile_limit(planned->rule, &breaker.limit, err);

	if (r == 0)
		*ret_breaker = breaker;
	return r;
}

int rein_breakers_compile(const struct rein_plan *plan, bool ci, struct rein_state *state, struct rein_error *err)
{
	struct rein_breaker breakers[REIN_BREAKERS_MAX] = {0};
	uint16_t breakers_of[16] = {0};
	size_t i;

	if (plan->breakers.count > REIN_BREAKERS_MAX)
		return rein_fail(err, E2BIG, "%zu breakers, but an agent can have at most %d: leave some out",
				 plan->breakers.count, REIN_BREAKERS_MAX);
	for (i = 0; i < plan->breakers.count; i++) {
		const struct rein_plan_breaker *planned = &plan->breakers.items[i];
		int r = compile_breaker(planned, ci, &breakers[i], err);

		if (r < 0)
			return r;
		if (planned->by != REIN_MECH_NONE)
			breakers_of[planned->rule->meter] |= (uint16_t)(1U << i);
	}
	memcpy(state->breakers, breakers, sizeof(breakers));
	memcpy(state->breakers_of, breakers_of, sizeof(breakers_of));
	state->nr_breakers = (uint32_t)plan->breakers.count;
	return 0;
}
