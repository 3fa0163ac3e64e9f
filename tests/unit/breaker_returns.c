/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include <rein/breaker.h>

#include "agent/agent.h"

/* Giving back what was held and not used: what was used keeps the promise, as if only that had been charged. */

#define SECOND 1000000000ULL
#define MIB (1024ULL * 1024)

struct held {
	uint64_t at_ns, n, kept;
	struct rein_receipt receipt;
};

static uint64_t random_of(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* One unit costs `step_ns` nanoseconds. */
static struct rein_limit limit_of(uint64_t step_ns, uint64_t burst, uint64_t total)
{
	return (struct rein_limit){
		.step_ns = step_ns, .burst = burst, .tolerance_ns = step_ns * burst, .total = total, .probe = 10};
}

static struct rein_bucket closed(void)
{
	return (struct rein_bucket){.state = REIN_BREAKER_CLOSED};
}

static int give_back(const struct rein_limit *limit, struct rein_bucket *bucket, const struct held *held, uint64_t now)
{
	struct rein_receipt seen = rein_bucket_look(bucket);

	return rein_bucket_give_back(limit, bucket, &held->receipt, &seen, held->n, held->kept, now);
}

static int by_time(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

/* In every interval: kept * step <= tolerance + t + 1. The least that stood before any pass bounds all at once. */
static void assert_kept(const struct rein_limit *limit, struct held *all, size_t count)
{
	__int128 sum = 0, least = 0;

	qsort(all, count, sizeof(*all), by_time);
	for (size_t i = 0; i < count; i++) {
		__int128 before = sum * limit->step_ns - (__int128)(all[i].at_ns - all[0].at_ns);

		if (i == 0 || before < least)
			least = before;
		sum += all[i].kept;
		cr_assert(sum * limit->step_ns - (__int128)(all[i].at_ns - all[0].at_ns) - least <=
				  (__int128)limit->tolerance_ns + 1,
			  "pass %zu of %zu let too much through: step %lu, burst %lu", i, count,
			  (unsigned long)limit->step_ns, (unsigned long)limit->burst);
	}
}

Test(breaker_returns, what_is_held_and_given_back_was_never_charged)
{
	struct rein_limit limit = limit_of(1000, 100, 0);
	struct rein_bucket bucket = closed();
	struct held held = {.n = 100, .kept = 10};

	cr_assert(rein_breaker_hold(&limit, &bucket, 100, SECOND, &held.receipt));
	cr_assert_not(rein_breaker_hold(&limit, &bucket, 1, SECOND, &(struct rein_receipt){0}), "the burst is held");
	cr_assert_eq(bucket.state, REIN_BREAKER_CLOSED, "and nothing tripped");
	cr_assert(give_back(&limit, &bucket, &held, SECOND));
	rein_bucket_unuse(&bucket, 90);
	cr_assert_eq(bucket.tat_ns, SECOND + 10 * 1000);
	cr_assert_eq(bucket.used, 10);
	cr_assert_eq(rein_breaker_charge(&limit, &bucket, 90, SECOND), REIN_CHARGE_PASSED);
	cr_assert_eq(rein_breaker_charge(&limit, &bucket, 1, SECOND), REIN_CHARGE_TRIPPED);
}

/* The bucket ran dry while it was held: the charge that came then stands on its own time, and is not undone. */
Test(breaker_returns, nothing_is_given_back_from_under_a_later_charge)
{
	struct rein_limit limit = limit_of(1000, 100, 0);
	struct rein_bucket bucket = closed();
	struct held held = {.n = 50, .kept = 0};

	cr_assert(rein_breaker_hold(&limit, &bucket, 50, SECOND, &held.receipt));
	cr_assert_eq(rein_breaker_charge(&limit, &bucket, 100, 2 * SECOND), REIN_CHARGE_PASSED);
	cr_assert(give_back(&limit, &bucket, &held, 2 * SECOND));
	cr_assert_eq(rein_breaker_charge(&limit, &bucket, 1, 2 * SECOND), REIN_CHARGE_TRIPPED);
}

/* The same where it would have run dry, had another one not held so much: l holds and returns, j comes, k returns. */
Test(breaker_returns, what_others_gave_back_does_not_stand)
{
	struct rein_limit limit = limit_of(1, 110, 0);
	struct rein_bucket bucket = closed();
	struct held l = {.n = 100, .kept = 0}, k = {.n = 10, .kept = 0};

	cr_assert(rein_breaker_hold(&limit, &bucket, 100, SECOND, &l.receipt));
	cr_assert(rein_breaker_hold(&limit, &bucket, 10, SECOND, &k.receipt));
	cr_assert(give_back(&limit, &bucket, &l, SECOND + 1));
	cr_assert_eq(rein_breaker_charge(&limit, &bucket, 60, SECOND + 50), REIN_CHARGE_PASSED);
	cr_assert(give_back(&limit, &bucket, &k, SECOND + 51));
	cr_assert_eq(bucket.tat_ns, SECOND + 110);
}

Test(breaker_returns, an_open_breaker_holds_nothing_and_a_probe_bounds_what_is_held)
{
	struct rein_limit limit = limit_of(1000, 100, 120);
	struct rein_bucket bucket = closed();
	struct rein_receipt receipt;

	bucket.state = REIN_BREAKER_OPEN;
	cr_assert_not(rein_breaker_hold(&limit, &bucket, 1, SECOND, &receipt));
	bucket.state = 77;
	cr_assert_not(rein_breaker_hold(&limit, &bucket, 1, SECOND, &receipt));
	bucket.state = REIN_BREAKER_HALF_OPEN;
	cr_assert_not(rein_breaker_hold(&limit, &bucket, 11, SECOND, &receipt));
	cr_assert_eq(bucket.probe_used, 0);
	cr_assert(rein_breaker_hold(&limit, &bucket, 10, SECOND, &receipt));
	bucket.state = REIN_BREAKER_CLOSED;
	cr_assert(rein_breaker_hold(&limit, &bucket, 90, SECOND, &receipt));
	cr_assert_not(rein_breaker_hold(&limit, &bucket, 30, 9 * SECOND, &receipt), "the total");
	cr_assert_eq(bucket.used, 100);
}

/* A person set the bucket back while something was held. */
Test(breaker_returns, a_refill_ends_all_receipts)
{
	struct rein_limit limit = limit_of(1000, 100, 0);
	struct rein_bucket bucket = closed();
	struct held held = {.n = 100, .kept = 0};

	cr_assert(rein_breaker_hold(&limit, &bucket, 100, SECOND, &held.receipt));
	bucket.tat_ns = bucket.used = 0;
	cr_assert_eq(rein_breaker_charge(&limit, &bucket, 50, SECOND), REIN_CHARGE_PASSED);
	cr_assert(give_back(&limit, &bucket, &held, SECOND));
	rein_bucket_unuse(&bucket, 100);
	cr_assert_eq(bucket.tat_ns, SECOND + 50 * 1000);
	cr_assert_eq(bucket.used, 0);
}

/* Holds, charges and returns in any order. */
static void run_schedule(uint64_t *seed)
{
	enum { STEPS = 400, OPEN = 8 };
	struct rein_limit limit = limit_of(1 + random_of(seed) % 2000, 1 + random_of(seed) % 100000, 0);
	struct rein_bucket bucket = closed();
	struct held all[STEPS], *open[OPEN] = {0};
	uint64_t now = SECOND;
	size_t count = 0;

	for (int i = 0; i < STEPS; i++) {
		struct held *held = &all[count], **slot = &open[random_of(seed) % OPEN];

		now += random_of(seed) % 3 ? random_of(seed) % (limit.tolerance_ns / 4 + 2) : 0;
		if (*slot) {
			cr_assert(give_back(&limit, &bucket, *slot, now));
			*slot = NULL;
		}
		*held = (struct held){.at_ns = now, .n = 1 + random_of(seed) % limit.burst};
		if (!rein_breaker_hold(&limit, &bucket, held->n, now, &held->receipt))
			continue;
		held->kept = random_of(seed) % 3 ? random_of(seed) % (held->n + 1) : held->n;
		*slot = held;
		count++;
	}
	assert_kept(&limit, all, count);
}

Test(breaker_returns, random_schedules_keep_the_promise)
{
	uint64_t seed = 4711;

	for (int i = 0; i < 20000; i++)
		run_schedule(&seed);
}

enum { RACERS = 8, ROUNDS = 20000 };

struct racer {
	struct rein_limit *limit;
	struct rein_bucket *bucket;
	pthread_barrier_t *start;
	uint64_t seed;
	struct held *all;
	size_t count;
};

static void *race(void *argument)
{
	struct racer *racer = argument;

	pthread_barrier_wait(racer->start);
	for (int i = 0; i < ROUNDS; i++) {
		struct held held = {.at_ns = rein_now_ns(), .n = 1 + random_of(&racer->seed) % racer->limit->burst};

		if (!rein_breaker_hold(racer->limit, racer->bucket, held.n, held.at_ns, &held.receipt))
			continue;
		held.kept = random_of(&racer->seed) % 2 ? 0 : random_of(&racer->seed) % (held.n + 1);
		for (int k = 0; k < 8; k++) {
			struct rein_receipt seen = rein_bucket_look(racer->bucket);

			if (rein_bucket_give_back(racer->limit, racer->bucket, &held.receipt, &seen, held.n, held.kept,
						  rein_now_ns()))
				break;
		}
		rein_bucket_unuse(racer->bucket, held.n - held.kept);
		racer->all[racer->count++] = held;
	}
	return NULL;
}

Test(breaker_returns, racing_threads_keep_the_promise, .timeout = 60)
{
	struct rein_limit limit = limit_of(1, 20000, 0);
	struct held *all = calloc((size_t)RACERS * ROUNDS, sizeof(*all));
	struct rein_bucket bucket = closed();
	struct racer racers[RACERS];
	pthread_t threads[RACERS];
	pthread_barrier_t start;
	uint64_t sum = 0;
	size_t count = 0;

	pthread_barrier_init(&start, NULL, RACERS);
	for (size_t i = 0; i < RACERS; i++) {
		racers[i] = (struct racer){&limit, &bucket, &start, 77 + i, calloc(ROUNDS, sizeof(struct held)), 0};
		cr_assert_eq(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < RACERS; i++) {
		pthread_join(threads[i], NULL);
		for (size_t k = 0; k < racers[i].count; k++)
			sum += (all[count++] = racers[i].all[k]).kept;
		free(racers[i].all);
	}
	assert_kept(&limit, all, count);
	cr_assert_eq(bucket.used, sum);
	cr_assert_gt(count, RACERS * 10UL);
	free(all);
}
