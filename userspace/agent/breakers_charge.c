/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/breakers.h"

/*
 * Charging from userspace. Only the supervisor's one thread charges what the broker and the sampler keep, so that it
 * can look at all breakers of a meter before it charges any: what one of them refuses costs the others nothing.
 */

typedef unsigned __int128 wide;

static wide step_of(const struct rein_limit *limit)
{
	return ((wide)limit->step_ns << 32) + limit->step_frac;
}

static uint64_t owed_ns(const struct rein_bucket *bucket, uint64_t now_ns)
{
	uint64_t tat = REIN_LOAD(&bucket->tat_ns);

	return tat > now_ns ? tat - now_ns : 0;
}

void rein_breaker_forgive(struct rein_breaker *breaker, uint64_t now_ns)
{
	struct rein_bucket *bucket = &breaker->bucket;
	uint64_t most = now_ns + breaker->limit.tolerance_ns, tat;

	do {
		tat = REIN_LOAD(&bucket->tat_ns);
		if (tat <= most)
			return;
	} while (__sync_val_compare_and_swap(&bucket->tat_ns, tat, most) != tat);
}

uint64_t rein_breaker_level(const struct rein_breaker *breaker, uint64_t now_ns)
{
	wide step = step_of(&breaker->limit), level;

	if (!step)
		return 0;
	level = (((wide)owed_ns(&breaker->bucket, now_ns) << 32) + step - 1) / step;
	return level > UINT64_MAX ? UINT64_MAX : (uint64_t)level;
}

uint64_t rein_breaker_wait_ns(const struct rein_breaker *breaker, uint64_t need_ns, uint64_t now_ns)
{
	uint64_t owed = owed_ns(&breaker->bucket, now_ns);

	if (need_ns > breaker->limit.tolerance_ns)
		need_ns = breaker->limit.tolerance_ns;
	return owed + need_ns > breaker->limit.tolerance_ns ? owed + need_ns - breaker->limit.tolerance_ns : 0;
}

bool rein_breaker_spent(const struct rein_breaker *breaker, uint64_t n)
{
	uint64_t used = REIN_LOAD(&breaker->bucket.used), total = breaker->limit.total;

	return total && (used > total || n > total - used);
}

static bool probe_spent(const struct rein_breaker *breaker, uint64_t n)
{
	uint64_t used = REIN_LOAD(&breaker->bucket.probe_used), probe = breaker->limit.probe;

	return REIN_LOAD(&breaker->bucket.state) == REIN_BREAKER_HALF_OPEN && (used > probe || n > probe - used);
}

static bool lets_pass(uint32_t state)
{
	return state == REIN_BREAKER_CLOSED || state == REIN_BREAKER_HALF_OPEN;
}

static bool admits(const struct rein_breaker *breaker, uint64_t n, uint64_t now_ns)
{
	const struct rein_limit *limit = &breaker->limit;

	if (!lets_pass(REIN_LOAD(&breaker->bucket.state)) || probe_spent(breaker, n) || rein_breaker_spent(breaker, n))
		return false;
	return n <= limit->burst &&
	       owed_ns(&breaker->bucket, now_ns) + rein_limit_cost_ns(limit, n) <= limit->tolerance_ns;
}

static struct rein_charged refuse(struct rein_state *state, int index)
{
	struct rein_bucket *bucket = &state->breakers[index].bucket;
	uint32_t from = REIN_LOAD(&bucket->state);

	return (struct rein_charged){
		.breaker = index,
		.tripped = lets_pass(from) && rein_bucket_trip(bucket, from) == REIN_CHARGE_TRIPPED,
	};
}

static unsigned breakers_of(const struct rein_state *state, enum rein_meter meter, enum rein_mechanism by)
{
	unsigned mine = 0, i;

	for (i = 0; i < state->nr_breakers && i < REIN_BREAKERS_MAX; i++)
		if (state->breakers_of[meter] & (1U << i) && state->breakers[i].mechanism == by)
			mine |= 1U << i;
	return mine;
}

static struct rein_charged look(struct rein_state *state, unsigned mine, uint64_t n, uint64_t now_ns)
{
	for (int i = 0; i < REIN_BREAKERS_MAX; i++)
		if (mine & (1U << i) && !admits(&state->breakers[i], n, now_ns))
			return refuse(state, i);
	return (struct rein_charged){.passed = true, .breaker = -1};
}

/* Where a hook sees the same calls, it counts them: once is enough. */
static bool counted_by_hook(const struct rein_state *state, enum rein_meter meter, enum rein_mechanism by)
{
	unsigned hook = meter == REIN_METER_NET_CONNECTS ? REIN_STATE_NET : REIN_STATE_TRACE | REIN_STATE_FILE;

	return by == REIN_MECH_BROKER && state->flags & hook;
}

struct rein_charged rein_breakers_charge(struct rein_state *state, enum rein_meter meter, enum rein_mechanism by,
					 uint64_t n, bool happened, uint64_t now_ns)
{
	unsigned mine = breakers_of(state, meter, by);
	struct rein_charged charged = look(state, mine, n, now_ns);

	if ((charged.passed || happened) && !counted_by_hook(state, meter, by))
		__sync_fetch_and_add(&state->meters[meter], n);
	for (int i = 0; i < REIN_BREAKERS_MAX; i++) {
		if (!(mine & (1U << i)))
			continue;
		if (charged.passed)
			rein_breaker_charge(&state->breakers[i].limit, &state->breakers[i].bucket, n, now_ns);
		else if (happened)
			rein_bucket_owe(&state->breakers[i].limit, &state->breakers[i].bucket, n, now_ns);
	}
	return charged;
}
