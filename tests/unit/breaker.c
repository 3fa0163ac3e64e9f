/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include <rein/breaker.h>

#include "agent/breakers.h"

/* The arithmetic that kernel and userspace share: whatever comes, no more passes than was declared. */

#define SECOND 1000000000ULL
#define KIB 1024ULL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

typedef __int128 wide;

struct pass {
	uint64_t now_ns, n;
};

struct declared {
	uint64_t units, period_ns, burst, total, probe;
};

static uint64_t seed = 0x9e3779b97f4a7c15ULL;

static uint64_t random_of(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t below(uint64_t limit)
{
	return limit ? random_of(&seed) % limit : 0;
}

static int compile(const struct declared *declared, struct rein_state *state, struct rein_error *err)
{
	struct rein_breaker_rule rule = {
		.origin = {.file = "p.yaml", .line = 7},
		.name = "b",
		.meter = REIN_METER_WRITE_BYTES,
		.rate_units = declared->units,
		.rate_period_ns = declared->period_ns,
		.burst = declared->burst,
		.total = declared->total,
		.probe = declared->probe,
		.on_trip = REIN_ON_TRIP_FREEZE,
	};
	struct rein_plan_breaker planned = {.rule = &rule, .by = REIN_MECH_BROKER};
	struct rein_plan plan = {.breakers = {.items = &planned, .count = 1, .room = 1}};

	return rein_breakers_compile(&plan, false, state, err);
}

static struct rein_breaker breaker_of(struct declared declared)
{
	struct rein_error err = {0};
	struct rein_state state = {0};

	cr_assert_eq(compile(&declared, &state, &err), 0, "%s", err.text);
	return state.breakers[0];
}

static int by_time(const void *a, const void *b)
{
	const struct pass *x = a, *y = b;

	return x->now_ns < y->now_ns ? -1 : x->now_ns > y->now_ns;
}

/*
 * In every interval of t nanoseconds: amount <= burst + rate * (t + 1 ns), exactly, all times period. For the interval
 * from pass i to pass j that is (sum up to j) - units * t_j <= burst + units + ((sum before i) - units * t_i).
 */
static void assert_kept(const struct declared *declared, struct pass *passes, size_t count)
{
	wide sum = 0, least = 0;

	qsort(passes, count, sizeof(*passes), by_time);
	for (size_t i = 0; i < count; i++) {
		wide drift = (wide)declared->units * (wide)(passes[i].now_ns - passes[0].now_ns);
		wide before = sum * (wide)declared->period_ns - drift;

		if (i == 0 || before < least)
			least = before;
		sum += passes[i].n;
		cr_assert(sum * (wide)declared->period_ns - drift - least <=
				  (wide)declared->burst * (wide)declared->period_ns + (wide)declared->units,
			  "pass %zu of %zu let too much through: %lu per %lu ns, burst %lu", i, count,
			  (unsigned long)declared->units, (unsigned long)declared->period_ns,
			  (unsigned long)declared->burst);
	}
}

static const struct declared extremes[] = {
	{1, 60 * SECOND, 1, 0, 0},
	{1, 60 * SECOND, 1000, 0, 0},
	{5, SECOND, 200, 0, 0},
	{7, 60 * SECOND, 3, 0, 0},
	{3, SECOND, 1, 0, 0},
	{1000003, SECOND, 17, 0, 0},
	{20 * MIB, SECOND, 256 * MIB, 0, 0},
	{20 * MIB, 60 * SECOND, 1, 0, 0},
	{999999937, SECOND, 4096, 0, 0},
	{1 * GIB, SECOND, 1, 0, 0},
	{100 * GIB, SECOND, 1, 0, 0},
	{100 * GIB, SECOND, 64 * GIB, 0, 0},
	{100 * GIB - 1, SECOND, 1024 * GIB, 0, 0},
	{1, SECOND, 4000000000ULL, 0, 0},
};

static struct declared random_declared(void)
{
	static const uint64_t periods[] = {SECOND, 60 * SECOND, 3600 * SECOND};
	uint64_t units = 1 + below(1ULL << below(38)), period_ns = periods[below(3)];
	wide most = ((wide)1 << 61) * (wide)units / (wide)period_ns; /* that the arithmetic can hold */
	uint64_t burst = 1 + below(1ULL << below(30));

	return (struct declared){units, period_ns, burst < most ? burst : (uint64_t)most, 0, 0};
}

/* A gap between two operations: mostly about what the last one costs, at times none, at times long. */
static uint64_t gap(const struct declared *declared, uint64_t n)
{
	uint64_t cost = (uint64_t)(((wide)n * (wide)declared->period_ns) / (wide)declared->units);

	switch (below(4)) {
	case 0:
		return 0;
	case 1:
		return below(8);
	default:
		return below(2 * cost + 2);
	}
}

static void run_schedule(const struct declared *declared)
{
	enum { STEPS = 400 };
	struct rein_breaker breaker = breaker_of(*declared);
	uint64_t now = SECOND + below(1ULL << 50);
	struct pass passes[STEPS];
	size_t count = 0;

	for (int i = 0; i < STEPS && now < 1ULL << 62; i++) { /* no clock runs for 146 years */
		uint64_t n = below(2) ? 1 + below(4) : 1 + below(declared->burst + declared->burst / 8 + 1);

		now += gap(declared, n);
		if (rein_breaker_charge(&breaker.limit, &breaker.bucket, n, now) == REIN_CHARGE_PASSED)
			passes[count++] = (struct pass){now, n};
		breaker.bucket.state = REIN_BREAKER_CLOSED; /* a person resets at once */
	}
	assert_kept(declared, passes, count);
}

Test(breaker, random_schedules_keep_the_promise)
{
	for (size_t i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++)
		for (int k = 0; k < 40; k++)
			run_schedule(&extremes[i]);
	for (int k = 0; k < 2000; k++) {
		struct declared declared = random_declared();

		run_schedule(&declared);
	}
}

/* The promise has another side: what was declared can be had. */
Test(breaker, the_declared_rate_can_be_reached)
{
	for (size_t i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++) {
		const struct declared *declared = &extremes[i];
		struct rein_breaker breaker = breaker_of(*declared);
		uint64_t now = SECOND, step = (declared->period_ns + declared->units - 1) / declared->units;
		uint64_t n = declared->burst > 1000 ? declared->burst / 1000 : 1;

		cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, declared->burst, now),
			     REIN_CHARGE_PASSED);
		for (int k = 0; k < 2000; k++) {
			now += step * n + 1; /* at most a nanosecond an operation is lost to rounding */
			cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, n, now), REIN_CHARGE_PASSED,
				     "extreme %zu, operation %d", i, k);
		}
	}
}

Test(breaker, an_operation_larger_than_the_burst_is_refused_and_the_burst_itself_passes)
{
	struct rein_breaker breaker = breaker_of((struct declared){20 * MIB, SECOND, MIB, 0, 0});

	cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, MIB, SECOND), REIN_CHARGE_PASSED);
	breaker = breaker_of((struct declared){20 * MIB, SECOND, MIB, 0, 0});
	cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, MIB + 1, SECOND), REIN_CHARGE_TRIPPED);
	cr_assert_eq(breaker.bucket.used, 0);
	cr_assert_eq(breaker.bucket.tat_ns, 0);
	cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, 1, SECOND), REIN_CHARGE_REFUSED,
		     "it is open now");
	cr_assert_eq(breaker.bucket.trips, 1);
}

Test(breaker, amounts_near_the_end_of_the_number_range_are_refused)
{
	static const uint64_t amounts[] = {UINT64_MAX, UINT64_MAX - 1, 1ULL << 63, (1ULL << 63) - 1, 1ULL << 32};

	for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
		struct rein_breaker breaker = breaker_of((struct declared){5, SECOND, 200, 0, 0});

		cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, amounts[i], SECOND),
			     REIN_CHARGE_TRIPPED);
		cr_assert_eq(breaker.bucket.used, 0);
		breaker = breaker_of((struct declared){5, SECOND, 200, 1000, 0});
		cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, amounts[i], SECOND),
			     REIN_CHARGE_TRIPPED);
		cr_assert_eq(breaker.bucket.used, 0);
	}
}

Test(breaker, the_total_bounds_the_whole_life)
{
	struct rein_breaker breaker = breaker_of((struct declared){100 * GIB, SECOND, 100, 250, 0});
	uint64_t now = SECOND;

	cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, 100, now += SECOND), REIN_CHARGE_PASSED);
	cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, 100, now += SECOND), REIN_CHARGE_PASSED);
	cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, 50, now += SECOND), REIN_CHARGE_PASSED);
	cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, 1, now += SECOND), REIN_CHARGE_TRIPPED);
	cr_assert_eq(breaker.bucket.used, 250);
}

Test(breaker, half_open_lets_the_probe_through_and_no_more)
{
	struct rein_breaker breaker = breaker_of((struct declared){MIB, SECOND, 100, 0, 10});

	breaker.bucket.state = REIN_BREAKER_HALF_OPEN;
	for (int i = 0; i < 10; i++)
		cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, 1, SECOND), REIN_CHARGE_PASSED);
	cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, 1, SECOND), REIN_CHARGE_TRIPPED);
	cr_assert_eq(breaker.bucket.state, REIN_BREAKER_OPEN);
	cr_assert_eq(breaker.bucket.used, 10);
}

Test(breaker, a_state_that_nobody_knows_refuses)
{
	for (uint32_t state = 0; state < 300; state++) {
		struct rein_breaker breaker = breaker_of((struct declared){5, SECOND, 200, 0, 0});

		breaker.bucket.state = state;
		if (state == REIN_BREAKER_CLOSED || state == REIN_BREAKER_HALF_OPEN)
			continue;
		cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, 1, SECOND), REIN_CHARGE_REFUSED);
		cr_assert_eq(breaker.bucket.used, 0);
	}
}

/* Threads on one bucket, each with its own idea of the time, as CPUs have. */
struct racer {
	struct rein_breaker *breaker;
	pthread_barrier_t *start;
	uint64_t seed, burst;
	struct pass *passes;
	size_t count, room;
	unsigned tripped;
	bool reset;
};

static void *race(void *argument)
{
	struct racer *racer = argument;

	pthread_barrier_wait(racer->start);
	for (int i = 0; i < 60000; i++) {
		uint64_t now = rein_now_ns(), n = 1 + random_of(&racer->seed) % (racer->burst / 16 + 1);
		enum rein_charge charge = rein_breaker_charge(&racer->breaker->limit, &racer->breaker->bucket, n, now);

		racer->tripped += charge == REIN_CHARGE_TRIPPED;
		if (charge == REIN_CHARGE_PASSED && racer->count < racer->room)
			racer->passes[racer->count++] = (struct pass){now, n};
		if (charge != REIN_CHARGE_PASSED && racer->reset)
			__sync_val_compare_and_swap(&racer->breaker->bucket.state, REIN_BREAKER_OPEN,
						    REIN_BREAKER_CLOSED);
	}
	return NULL;
}

enum { RACERS = 8, ROOM = 60000 };

static unsigned run_race(struct declared declared, bool reset, struct rein_breaker *breaker)
{
	struct pass *all = calloc((size_t)RACERS * ROOM, sizeof(*all));
	struct racer racers[RACERS];
	pthread_t threads[RACERS];
	pthread_barrier_t start;
	unsigned tripped = 0;
	uint64_t sum = 0;
	size_t count = 0;

	*breaker = breaker_of(declared);
	pthread_barrier_init(&start, NULL, RACERS);
	for (int i = 0; i < RACERS; i++) {
		racers[i] = (struct racer){.breaker = breaker,
					   .start = &start,
					   .seed = 77 + (uint64_t)i,
					   .burst = declared.burst,
					   .room = ROOM,
					   .reset = reset,
					   .passes = calloc(ROOM, sizeof(struct pass))};
		cr_assert_eq(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < RACERS; i++) {
		pthread_join(threads[i], NULL);
		tripped += racers[i].tripped;
		for (size_t k = 0; k < racers[i].count; k++, count++)
			sum += (all[count] = racers[i].passes[k]).n;
		free(racers[i].passes);
	}
	assert_kept(&declared, all, count);
	cr_assert_eq(breaker->bucket.used, sum);
	free(all);
	return tripped;
}

Test(breaker, racing_threads_keep_the_promise, .timeout = 60)
{
	struct rein_breaker breaker;

	run_race((struct declared){10 * MIB, SECOND, 4096, 0, 0}, true, &breaker);
	cr_assert_gt(breaker.bucket.trips, 0);
	run_race((struct declared){2 * GIB, SECOND, 1 * MIB, 0, 0}, true, &breaker);
	run_race((struct declared){1, 60 * SECOND, 100000, 0, 0}, true, &breaker);
}

Test(breaker, exactly_one_of_racing_threads_trips_it, .timeout = 60)
{
	for (int i = 0; i < 10; i++) {
		struct rein_breaker breaker;

		cr_assert_eq(run_race((struct declared){1, 60 * SECOND, 5000, 0, 0}, false, &breaker), 1);
		cr_assert_eq(breaker.bucket.trips, 1);
		cr_assert_eq(breaker.bucket.state, REIN_BREAKER_OPEN);
	}
}

/* Two threads that meet by spinning arrive within nanoseconds of each other, again and again. */
enum { ROUNDS = 20000 };
static struct {
	struct rein_breaker breaker;
	unsigned arrived, tripped[ROUNDS];
} duel;

static void *fight(void *argument)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		__sync_fetch_and_add(&duel.arrived, 1);
		while (REIN_LOAD(&duel.arrived) < 4 * round + 2)
			;
		if (rein_breaker_charge(&duel.breaker.limit, &duel.breaker.bucket, 11, SECOND) == REIN_CHARGE_TRIPPED)
			__sync_fetch_and_add(&duel.tripped[round], 1);
		__sync_fetch_and_add(&duel.arrived, 1);
		while (REIN_LOAD(&duel.arrived) < 4 * round + 4)
			;
		duel.breaker.bucket.state = REIN_BREAKER_CLOSED;
	}
	return NULL;
}

Test(breaker, of_two_that_meet_one_trips_it, .timeout = 60)
{
	pthread_t threads[2];

	duel.breaker = breaker_of((struct declared){5, SECOND, 10, 0, 0});
	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, fight, NULL), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < ROUNDS; i++)
		cr_assert_eq(duel.tripped[i], 1, "round %d: %u", i, duel.tripped[i]);
	cr_assert_eq(duel.breaker.bucket.trips, ROUNDS);
}

Test(breaker, racing_threads_keep_the_total, .timeout = 60)
{
	struct rein_breaker breaker;

	cr_assert_eq(run_race((struct declared){100 * GIB, SECOND, 64, 3000, 0}, false, &breaker), 1);
	cr_assert_leq(breaker.bucket.used, 3000);
}

Test(breaker, no_rounding_is_in_favour_of_the_agent)
{
	for (int k = 0; k < 5000; k++) {
		struct declared declared = random_declared();
		struct rein_breaker breaker = breaker_of(declared);
		uint64_t n = 1 + below(declared.burst);
		wide exact = (wide)n * (wide)declared.period_ns;

		/* cost * units >= n * period, and tolerance is that of the burst rounded up to a nanosecond */
		cr_assert((wide)rein_limit_cost_ns(&breaker.limit, n) * (wide)declared.units >= exact);
		cr_assert_eq(breaker.limit.tolerance_ns, rein_limit_cost_ns(&breaker.limit, declared.burst));
	}
}

Test(breaker, what_the_arithmetic_cannot_hold_is_refused_with_the_line)
{
	static const struct {
		struct declared declared;
		const char *says;
	} cases[] = {
		{{1, 60 * SECOND, UINT64_MAX, 0, 0}, "p.yaml:7: breaker `b`: the burst would take more than 146 years"},
		{{1, 60 * SECOND, 1ULL << 33, 0, 0}, "p.yaml:7: breaker `b`: the burst would take more than 146 years"},
		{{UINT64_MAX, SECOND, 1, 0, 0}, "p.yaml:7: breaker `b`: the rate is too high"},
		{{0, SECOND, 1, 0, 0}, "p.yaml:7: breaker `b`: rate and burst must be positive"},
		{{1, 0, 1, 0, 0}, "p.yaml:7: breaker `b`: rate and burst must be positive"},
		{{1, SECOND, 0, 0, 0}, "p.yaml:7: breaker `b`: rate and burst must be positive"},
		{{1, UINT64_MAX, 2, 0, 0}, "p.yaml:7: breaker `b`: the burst would take more than 146 years"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rein_state state = {0}, untouched = {0};
		struct rein_error err = {0};

		cr_assert_eq(compile(&cases[i].declared, &state, &err), -ERANGE, "case %zu", i);
		cr_assert(strstr(err.text, cases[i].says), "case %zu says: %s", i, err.text);
		cr_assert_arr_eq(&state, &untouched, sizeof(state));
	}
}

/* What happened although it was refused is owed: nothing passes until the declared rate has paid for it. */
Test(breaker, a_debt_is_paid_at_the_declared_rate)
{
	for (int k = 0; k < 2000; k++) {
		struct declared declared = random_declared();
		struct rein_breaker breaker = breaker_of(declared);
		uint64_t n = 1 + below(20 * declared.burst), now = SECOND;
		wide paid =
			((wide)n * (wide)declared.period_ns) / (wide)declared.units - (wide)breaker.limit.tolerance_ns;

		if (paid < 0 || paid > (wide)1 << 61)
			continue;
		rein_bucket_owe(&breaker.limit, &breaker.bucket, n, now);
		cr_assert_eq(breaker.bucket.used, n);
		cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, 1, now + (uint64_t)paid),
			     REIN_CHARGE_TRIPPED);
		cr_assert_gt(rein_breaker_wait_ns(&breaker, 1, now), (uint64_t)paid);
		cr_assert_geq(rein_breaker_level(&breaker, now), n - n / 1000 - 1);
	}
}

Test(breaker, no_debt_is_too_large_to_hold)
{
	static const uint64_t amounts[] = {UINT64_MAX, 1ULL << 63, 1ULL << 62, 1ULL << 40};

	for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
		struct rein_breaker breaker = breaker_of((struct declared){1, 60 * SECOND, 1000, 0, 0});

		for (int k = 0; k < 3; k++)
			rein_bucket_owe(&breaker.limit, &breaker.bucket, amounts[i], SECOND);
		cr_assert_leq(breaker.bucket.tat_ns, SECOND + REIN_DEBT_MAX_NS);
		cr_assert_geq(breaker.bucket.tat_ns, REIN_DEBT_MAX_NS / 2);
		cr_assert_eq(rein_breaker_charge(&breaker.limit, &breaker.bucket, 1, 1000 * SECOND),
			     REIN_CHARGE_TRIPPED);
		rein_breaker_forgive(&breaker, 1000 * SECOND);
		cr_assert_eq(breaker.bucket.tat_ns, 1000 * SECOND + breaker.limit.tolerance_ns);
	}
}
