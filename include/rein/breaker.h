/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_BREAKER_H
#define REIN_BREAKER_H

#include <linux/types.h>

/*
 * The breaker arithmetic: GCRA over one 64-bit theoretical arrival time (TAT).
 * Compiled from this one source into the BPF programs, the kernel module, the
 * supervisor and the tests. Pure: the time is a parameter, nothing blocks.
 *
 * Property: in every interval of t nanoseconds the amount let through is at
 * most burst + rate * (t + 1 ns); the nanosecond is the clock's own resolution.
 * An operation larger than the burst is refused.
 */

#define REIN_BREAKER_NAME_MAX 32

enum rein_breaker_state {
	REIN_BREAKER_CLOSED = 1, /* 0 is no state: unknown refuses */
	REIN_BREAKER_OPEN,
	REIN_BREAKER_HALF_OPEN,
};

/* The constants of one breaker; written before the agent starts, then read only. */
struct rein_limit {
	__u64 step_ns;	    /* whole nanoseconds that one unit costs */
	__u64 step_frac;    /* and the rest of it, in 2^-32 ns */
	__u64 burst;	    /* units */
	__u64 tolerance_ns; /* what a whole burst costs */
	__u64 total;	    /* units in the agent's whole life; 0: unbounded */
	__u64 probe;	    /* units let through while half-open */
};

/* What changes. Both sides of the kernel boundary change it with atomics only. */
struct rein_bucket {
	__u64 tat_ns;	  /* CLOCK_MONOTONIC */
	__u64 used;	  /* units let through, ever */
	__u64 probe_used; /* units let through since half-opening */
	__u32 state;	  /* enum rein_breaker_state */
	__u32 trips;	  /* how often it went from closed or half-open to open */
};

enum rein_charge {
	REIN_CHARGE_REFUSED, /* 0: whatever goes wrong refuses */
	REIN_CHARGE_PASSED,
	REIN_CHARGE_TRIPPED, /* refused, and this very call opened the breaker */
};

#ifndef REIN_INLINE
#define REIN_INLINE static inline __attribute__((always_inline, unused))
#endif

#define REIN_LOAD(p) (*(const volatile __typeof__(*(p)) *)(p))

/* Cost of n units in nanoseconds, rounded up. The caller keeps n <= burst. */
REIN_INLINE __u64 rein_limit_cost_ns(const struct rein_limit *limit, __u64 n)
{
	__u64 hi = n >> 32, lo = n & 0xffffffffULL;
	__u64 frac = lo * limit->step_frac;

	return n * limit->step_ns + hi * limit->step_frac + (frac >> 32) + ((frac & 0xffffffffULL) ? 1 : 0);
}

/* Opens the breaker. Returns TRIPPED to exactly one of any number of racing callers. */
REIN_INLINE enum rein_charge rein_bucket_trip(struct rein_bucket *bucket, __u32 from)
{
	if (__sync_val_compare_and_swap(&bucket->state, from, REIN_BREAKER_OPEN) != from)
		return REIN_CHARGE_REFUSED;
	__sync_fetch_and_add(&bucket->trips, 1);
	return REIN_CHARGE_TRIPPED;
}

/* Takes n units from a budget that counts upwards to max; gives them back when they do not fit. */
REIN_INLINE int rein_budget_take(__u64 *used, __u64 max, __u64 n)
{
	__u64 before = __sync_fetch_and_add(used, n);

	if (before <= max && n <= max - before)
		return 1;
	__sync_fetch_and_sub(used, n);
	return 0;
}

/* How many racing writers a charge survives before it gives up, and refuses. */
#define REIN_CHARGE_TRIES 64

/* Advances the arrival time by n units if the tolerance allows; the GCRA itself. */
REIN_INLINE int rein_bucket_advance(const struct rein_limit *limit, struct rein_bucket *bucket, __u64 n, __u64 now_ns)
{
	__u64 cost;
	int i;

	if (n > limit->burst)
		return 0;
	cost = rein_limit_cost_ns(limit, n);
	for (i = 0; i < REIN_CHARGE_TRIES; i++) {
		__u64 tat = REIN_LOAD(&bucket->tat_ns);
		__u64 from = tat > now_ns ? tat : now_ns;

		if (from - now_ns + cost > limit->tolerance_ns)
			return 0;
		if (__sync_val_compare_and_swap(&bucket->tat_ns, tat, from + cost) == tat)
			return 1;
	}
	return 0;
}

/*
 * Charges n units at now_ns (CLOCK_MONOTONIC). REFUSED: the breaker is open or
 * the state is unknown; TRIPPED: this call opened it. Neither lets n through.
 */
REIN_INLINE enum rein_charge rein_breaker_charge(const struct rein_limit *limit, struct rein_bucket *bucket, __u64 n,
						 __u64 now_ns)
{
	__u32 state = REIN_LOAD(&bucket->state);

	if (state != REIN_BREAKER_CLOSED && state != REIN_BREAKER_HALF_OPEN)
		return REIN_CHARGE_REFUSED;
	if (state == REIN_BREAKER_HALF_OPEN && !rein_budget_take(&bucket->probe_used, limit->probe, n))
		return rein_bucket_trip(bucket, state);
	if (!rein_budget_take(&bucket->used, limit->total ? limit->total : ~0ULL, n))
		return rein_bucket_trip(bucket, state);
	if (!rein_bucket_advance(limit, bucket, n, now_ns)) {
		__sync_fetch_and_sub(&bucket->used, n);
		return rein_bucket_trip(bucket, state);
	}
	return REIN_CHARGE_PASSED;
}

/* Debts stay below this, so that no sum of two leaves 64 bits: 146 years. */
#define REIN_DEBT_MAX_NS (1ULL << 62)

/* Cost of any amount, more than the burst too. */
REIN_INLINE __u64 rein_limit_debt_ns(const struct rein_limit *limit, __u64 n)
{
	__u64 bursts = limit->burst ? n / limit->burst : 0;

	if (!limit->burst || (bursts && limit->tolerance_ns > REIN_DEBT_MAX_NS / (bursts + 1)))
		return REIN_DEBT_MAX_NS;
	return bursts * limit->tolerance_ns + rein_limit_cost_ns(limit, n - bursts * limit->burst);
}

/*
 * Books n units that happened although they were refused: where a call cannot be stopped, or was only noticed
 * afterwards. They are owed, whatever the state, so that the average stays what was declared.
 */
REIN_INLINE void rein_bucket_owe(const struct rein_limit *limit, struct rein_bucket *bucket, __u64 n, __u64 now_ns)
{
	__u64 cost = rein_limit_debt_ns(limit, n);
	int i;

	__sync_fetch_and_add(&bucket->used, n);
	for (i = 0; i < REIN_CHARGE_TRIES; i++) {
		__u64 tat = REIN_LOAD(&bucket->tat_ns);
		__u64 next = (tat > now_ns ? tat : now_ns) + cost;

		if (next > now_ns + REIN_DEBT_MAX_NS)
			next = now_ns + REIN_DEBT_MAX_NS;
		if (__sync_val_compare_and_swap(&bucket->tat_ns, tat, next) == tat)
			return;
	}
}

_Static_assert(sizeof(struct rein_limit) == 48, "shared with the kernel");
_Static_assert(sizeof(struct rein_bucket) == 32, "shared with the kernel");

#endif
