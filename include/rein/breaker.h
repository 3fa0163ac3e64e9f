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
	__u64 given_ns;	  /* all that ever was given back; the lowest bit is held while that is done */
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

/* Advances the arrival time by n units if the tolerance allows; the GCRA itself. Returns the new one; 0: refused. */
REIN_INLINE __u64 rein_bucket_advance(const struct rein_limit *limit, struct rein_bucket *bucket, __u64 n, __u64 now_ns)
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
			return from + cost;
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

/*
 * Giving back. Some calls ask for more than they come to move, and only their end tells. The whole is held before, and
 * what was not used is given back, as if only the rest had been charged at the time of the charge.
 *
 * That is right as long as the bucket has stood higher than what is given back ever since: otherwise a later charge
 * began at its own time, not on top of this one, and would be undone. Charges only raise the arrival time, so it has
 * been at least where this charge left it, less what others gave back meanwhile; by that and the clock it is bounded.
 * Whoever gives back holds the lowest bit of `given_ns`: until it is released only charges change the arrival time, so
 * that an unchanged one means that nothing happened. Too little given back is on the safe side, too much is not.
 */
#define REIN_GIVING 1ULL

struct rein_receipt {
	__u64 tat_ns;	/* where the charge left the arrival time */
	__u64 given_ns; /* what had been given back before it */
};

/* The bucket as it stands: look before the clock is read for rein_bucket_give_back. */
REIN_INLINE struct rein_receipt rein_bucket_look(struct rein_bucket *bucket)
{
	struct rein_receipt seen;

	seen.given_ns = __sync_fetch_and_add(&bucket->given_ns, 0); /* a barrier: before the arrival time */
	seen.tat_ns = REIN_LOAD(&bucket->tat_ns);
	return seen;
}

/*
 * Charges like rein_breaker_charge, but a refusal (0) does not open the breaker. 1: held, and *ret_receipt says what
 * rein_bucket_give_back wants to know.
 */
REIN_INLINE int rein_breaker_hold(const struct rein_limit *limit, struct rein_bucket *bucket, __u64 n, __u64 now_ns,
				  struct rein_receipt *ret_receipt)
{
	__u32 state = REIN_LOAD(&bucket->state);
	__u64 given = __sync_fetch_and_add(&bucket->given_ns, 0) & ~REIN_GIVING, tat = 0;

	if (state != REIN_BREAKER_CLOSED && state != REIN_BREAKER_HALF_OPEN)
		return 0;
	if (state == REIN_BREAKER_HALF_OPEN && !rein_budget_take(&bucket->probe_used, limit->probe, n))
		return 0;
	if (rein_budget_take(&bucket->used, limit->total ? limit->total : ~0ULL, n)) {
		tat = rein_bucket_advance(limit, bucket, n, now_ns);
		if (!tat)
			__sync_fetch_and_sub(&bucket->used, n);
	}
	if (!tat) {
		if (state == REIN_BREAKER_HALF_OPEN)
			__sync_fetch_and_sub(&bucket->probe_used, n);
		return 0;
	}
	ret_receipt->tat_ns = tat;
	ret_receipt->given_ns = given;
	return 1;
}

/*
 * Gives back what was held beyond `kept` of n units. `seen` is a look at the bucket, now_ns was read after it. Returns
 * 0 if the bucket changed meanwhile, or somebody else is giving back: look again. Call it once with success at most.
 */
REIN_INLINE int rein_bucket_give_back(const struct rein_limit *limit, struct rein_bucket *bucket,
				      const struct rein_receipt *receipt, const struct rein_receipt *seen, __u64 n,
				      __u64 kept, __u64 now_ns)
{
	__u64 back = rein_limit_cost_ns(limit, n) - rein_limit_cost_ns(limit, kept);
	__u64 least = receipt->tat_ns - (seen->given_ns - receipt->given_ns);
	int unchanged;

	if (seen->given_ns & REIN_GIVING)
		return 0;
	/* Drained since; or somebody has set it back, which ends all receipts. */
	if ((__s64)(least - now_ns) <= 0 || (__s64)(seen->tat_ns - least) < 0)
		return 1;
	if (back > least - now_ns)
		back = least - now_ns;
	back &= ~REIN_GIVING;
	if (__sync_val_compare_and_swap(&bucket->given_ns, seen->given_ns, seen->given_ns | REIN_GIVING) !=
	    seen->given_ns)
		return 0;
	unchanged = __sync_val_compare_and_swap(&bucket->tat_ns, seen->tat_ns, seen->tat_ns - back) == seen->tat_ns;
	__sync_lock_test_and_set(&bucket->given_ns, seen->given_ns + (unchanged ? back : 0));
	return unchanged;
}

/* The other half: the units, which a person may have set back to 0 meanwhile. */
REIN_INLINE void rein_bucket_unuse(struct rein_bucket *bucket, __u64 n)
{
	int i;

	for (i = 0; i < REIN_CHARGE_TRIES; i++) {
		__u64 used = REIN_LOAD(&bucket->used);

		if (__sync_val_compare_and_swap(&bucket->used, used, used > n ? used - n : 0) == used)
			return;
	}
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
_Static_assert(sizeof(struct rein_bucket) == 40, "shared with the kernel");

#endif
