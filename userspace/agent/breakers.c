/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/breakers.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

#include "agent/course.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "profile/words.h"

/*
 * The course of each breaker over time. Hooks in the kernel open breakers whenever they like; all other transitions
 * are made here, by the supervisor's one thread.
 */

/* A cool-down doubles with each trip on probation, up to this (or to what was declared, if that is longer). */
#define WAIT_MAX_NS (3600ULL * 1000000000)
/* A ring that is full may lose the news of a trip; a look this often finds it, the second time it sees it: the first
 * time the news, which tell more, may only be late. */
#define LOOK_NS (100ULL * 1000000)
/* An agent on a throttle is paused many times a second: that is told once in this time. */
#define TELL_NS (10000ULL * 1000000)
/* A throttled agent goes on when this much time's worth of units has come back, so that it runs in turns of a tenth
 * of a second and not of one operation. */
#define TURN_NS (100ULL * 1000000)

static struct rein_state *state_of(const struct rein_agent *agent)
{
	return agent->launch->state;
}

static uint32_t bucket_state(const struct rein_breaker *breaker)
{
	return REIN_LOAD(&breaker->bucket.state);
}

static bool by_hooks(const struct rein_breaker *breaker)
{
	return breaker->mechanism == REIN_MECH_BPF_TRACE || breaker->mechanism == REIN_MECH_BPF_NET ||
	       breaker->mechanism == REIN_MECH_BPF_FILE;
}

/* The earliest of what is to come. */
static void arm(struct rein_breakers *breakers, uint64_t now_ns)
{
	uint64_t next = breakers->in_kernel ? now_ns + LOOK_NS : 0;
	struct itimerspec when = {0};

	for (int i = 0; i < REIN_BREAKERS_MAX; i++) {
		uint64_t deadline = breakers->courses[i].deadline_ns;

		if (deadline && (!next || deadline < next))
			next = deadline;
	}
	when.it_value.tv_sec = (time_t)(next / 1000000000);
	when.it_value.tv_nsec = (long)(next % 1000000000);
	timerfd_settime(breakers->timer.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void rein_course_emit(struct rein_agent *agent, int index, const char *op, const char *why)
{
	const struct rein_breaker_rule *rule = rein_breakers_rule(agent, index);
	const struct rein_breaker *breaker = &state_of(agent)->breakers[index];
	struct rein_event event = {
		.kind = REIN_KIND_STATE,
		.verdict = REIN_VERDICT_ALLOW,
		.op = op,
		.object = rule->name,
		.rule = &rule->origin,
		.mechanism = (enum rein_mechanism)breaker->mechanism,
		.why = why,
		.meter = rein_meter_name(rule->meter),
		.meter_used = rein_breaker_level(breaker, rein_now_ns()),
		.meter_limit = rule->burst,
	};

	rein_agent_emit(agent, &event);
}

static void emit_trip(struct rein_agent *agent, const struct rein_trip *trip)
{
	const struct rein_breaker_rule *rule = rein_breakers_rule(agent, trip->index);
	const struct rein_breaker *breaker = &state_of(agent)->breakers[trip->index];
	bool total = trip->spent;
	char why[1024];
	struct rein_event event = {
		.kind = REIN_KIND_TRIP,
		.verdict = REIN_VERDICT_TRIP,
		.pid = trip->pid,
		.comm = trip->comm,
		.op = rein_on_trip_name(trip->action),
		.object = rule->name,
		.rule = &rule->origin,
		.mechanism = (enum rein_mechanism)breaker->mechanism,
		.why = why,
		.meter = rein_meter_name(rule->meter),
		.meter_used = (total ? breaker->bucket.used : rein_breaker_level(breaker, trip->now_ns)),
		.meter_limit = total ? rule->total : rule->burst,
		.error = rein_trip_errno(agent, trip),
	};

	rein_trip_why(agent, trip, why, sizeof(why));
	rein_agent_emit(agent, &event);
}

/* An agent that cannot be stopped is ended. */
static void stop(struct rein_agent *agent, struct rein_course *course, struct rein_trip *trip, enum rein_hold hold)
{
	course->hold = hold;
	if (rein_agent_hold(agent, hold, NULL) == 0)
		return;
	trip->action = REIN_ON_TRIP_KILL;
	rein_agent_kill(agent, REIN_END_BREAKER);
}

/* Only what was charged comes back with time. */
static bool by_meter(const struct rein_trip *trip)
{
	return !trip->by && !trip->hidden;
}

static void act_throttle(struct rein_agent *agent, struct rein_course *course, struct rein_trip *trip)
{
	struct rein_breaker *breaker = &state_of(agent)->breakers[trip->index];
	uint64_t need = TURN_NS;

	if (by_meter(trip)) {
		if (need > breaker->limit.tolerance_ns / 10)
			need = breaker->limit.tolerance_ns / 10;
		if (trip->amount <= breaker->limit.burst && need < rein_limit_cost_ns(&breaker->limit, trip->amount))
			need = rein_limit_cost_ns(&breaker->limit, trip->amount);
		trip->wait_ns = rein_breaker_wait_ns(breaker, need, trip->now_ns);
		course->deadline_ns = trip->now_ns + trip->wait_ns + 1;
	}
	stop(agent, course, trip, REIN_HOLD_THROTTLE);
}

static void act_deny(struct rein_agent *agent, struct rein_course *course, struct rein_trip *trip)
{
	uint64_t declared = rein_breakers_rule(agent, trip->index)->cool_down_ns;
	uint64_t most = declared > WAIT_MAX_NS ? declared : WAIT_MAX_NS;

	if (!declared || trip->spent)
		return;
	course->wait_ns = trip->from_half_open ? course->wait_ns * 2 : declared;
	if (course->wait_ns > most)
		course->wait_ns = most;
	trip->wait_ns = course->wait_ns;
	course->deadline_ns = trip->now_ns + course->wait_ns;
}

static void act_freeze(struct rein_agent *agent, struct rein_course *course, struct rein_trip *trip)
{
	stop(agent, course, trip, REIN_HOLD_BREAKER);
}

static void act_kill(struct rein_agent *agent, struct rein_course *course, struct rein_trip *trip)
{
	rein_agent_kill(agent, REIN_END_BREAKER);
}

static void (*const acts[REIN_ON_TRIP_COUNT])(struct rein_agent *agent, struct rein_course *course,
					      struct rein_trip *trip) = {
	[REIN_ON_TRIP_THROTTLE] = act_throttle,
	[REIN_ON_TRIP_DENY] = act_deny,
	[REIN_ON_TRIP_FREEZE] = act_freeze,
	[REIN_ON_TRIP_KILL] = act_kill,
};

/* No waiting brings a total back: what would pause until the rate allows stays frozen. */
static enum rein_on_trip action_of(const struct rein_agent *agent, const struct rein_trip *trip)
{
	uint8_t action = state_of(agent)->breakers[trip->index].on_trip;

	if (action >= REIN_ON_TRIP_COUNT)
		return REIN_ON_TRIP_KILL;
	if (action == REIN_ON_TRIP_THROTTLE && trip->spent)
		return agent->ci ? REIN_ON_TRIP_KILL : REIN_ON_TRIP_FREEZE;
	return (enum rein_on_trip)action;
}

/* Pauses by a throttle are many, and all the same; how many is in the breaker's count of trips. */
static bool worth_telling(struct rein_course *course, const struct rein_trip *trip)
{
	bool told = course->told_ns && trip->now_ns - course->told_ns < TELL_NS;

	if (trip->action == REIN_ON_TRIP_THROTTLE && by_meter(trip) && told)
		return false;
	course->told_ns = trip->now_ns;
	course->told = course->seen;
	return true;
}

void rein_course_opened(struct rein_agent *agent, struct rein_trip *trip)
{
	struct rein_breakers *breakers = agent->breakers;
	struct rein_course *course = &breakers->courses[trip->index];
	const struct rein_breaker *breaker = &state_of(agent)->breakers[trip->index];

	trip->now_ns = rein_now_ns();
	trip->from_half_open = course->half_open;
	trip->spent = by_meter(trip) && rein_breaker_spent(breaker, trip->amount ? trip->amount : 1);
	trip->action = action_of(agent, trip);
	course->seen = REIN_LOAD(&breaker->bucket.trips);
	course->half_open = false;
	course->deadline_ns = 0;
	acts[trip->action](agent, course, trip);
	if (worth_telling(course, trip))
		emit_trip(agent, trip);
	arm(breakers, trip->now_ns);
}

static bool news(const struct rein_agent *agent, int index)
{
	return REIN_LOAD(&state_of(agent)->breakers[index].bucket.trips) != agent->breakers->courses[index].seen;
}

void rein_breakers_tripped(struct rein_agent *agent, int index, uint64_t amount, pid_t pid, const char *comm)
{
	struct rein_trip trip = {.index = index, .amount = amount, .pid = pid, .comm = comm};

	if (!agent->breakers || index < 0 || (uint32_t)index >= state_of(agent)->nr_breakers || !news(agent, index))
		return;
	rein_course_opened(agent, &trip);
}

void rein_course_trip(struct rein_agent *agent, struct rein_trip *trip)
{
	struct rein_bucket *bucket = &state_of(agent)->breakers[trip->index].bucket;
	uint32_t from = REIN_LOAD(&bucket->state);

	if (from != REIN_BREAKER_OPEN && rein_bucket_trip(bucket, from) == REIN_CHARGE_TRIPPED)
		rein_course_opened(agent, trip);
}

void rein_breakers_blind(struct rein_agent *agent, enum rein_meter meter, pid_t pid)
{
	const struct rein_state *state = state_of(agent);

	for (uint32_t i = 0; agent->breakers && i < state->nr_breakers; i++) {
		struct rein_trip trip = {.index = (int)i, .hidden = pid};

		if (state->breakers_of[meter] & 1U << i && state->breakers[i].mechanism == REIN_MECH_SUPERVISOR)
			rein_course_trip(agent, &trip);
	}
}

void rein_course_look(struct rein_agent *agent)
{
	for (uint32_t i = 0; i < state_of(agent)->nr_breakers; i++)
		if (news(agent, (int)i))
			rein_breakers_tripped(agent, (int)i, 0, 0, NULL);
}

/* As rein_course_look, but waits for news that may only be late. */
static void look_again(struct rein_agent *agent, uint64_t now_ns)
{
	for (uint32_t i = 0; i < state_of(agent)->nr_breakers; i++) {
		struct rein_course *course = &agent->breakers->courses[i];

		if (!news(agent, (int)i))
			course->noticed_ns = 0;
		else if (!course->noticed_ns)
			course->noticed_ns = now_ns;
		else if (now_ns - course->noticed_ns >= LOOK_NS)
			rein_breakers_tripped(agent, (int)i, 0, 0, NULL);
	}
}

/* What hooks set when they stop the agent; the strictest wins. */
static void set_latch(struct rein_state *state, enum rein_on_trip action)
{
	uint32_t wanted = 1U + action, latch;

	do {
		latch = REIN_LOAD(&state->latch);
		if (latch >= wanted)
			return;
	} while (__sync_val_compare_and_swap(&state->latch, latch, wanted) != latch);
}

static bool still_stops(const struct rein_breaker *breaker)
{
	return by_hooks(breaker) && breaker->on_trip != REIN_ON_TRIP_DENY && bucket_state(breaker) == REIN_BREAKER_OPEN;
}

/*
 * Lets the agent go on as far as nothing else stops it. First the latch, then a look at who is open: a hook opens its
 * breaker before it sets the latch, so that whatever trips meanwhile either is seen here or sets the latch afterwards.
 */
int rein_course_settle(struct rein_agent *agent, struct rein_error *err)
{
	struct rein_breakers *breakers = agent->breakers;
	unsigned held = 0;
	int r = 0;

	__sync_lock_test_and_set(&state_of(agent)->latch, 0);
	for (uint32_t i = 0; i < state_of(agent)->nr_breakers; i++) {
		const struct rein_breaker *breaker = &state_of(agent)->breakers[i];

		held |= breakers->courses[i].hold;
		if (still_stops(breaker))
			set_latch(state_of(agent), (enum rein_on_trip)breaker->on_trip);
	}
	if (!(held & REIN_HOLD_BREAKER) && agent->holds & REIN_HOLD_BREAKER)
		r = rein_agent_release(agent, REIN_HOLD_BREAKER, err);
	if (r == 0 && !(held & REIN_HOLD_THROTTLE) && agent->holds & REIN_HOLD_THROTTLE)
		r = rein_agent_release(agent, REIN_HOLD_THROTTLE, err);
	arm(breakers, rein_now_ns());
	return r;
}

static void move(struct rein_breaker *breaker, uint32_t to)
{
	uint32_t from;

	do
		from = bucket_state(breaker);
	while (from != to && __sync_val_compare_and_swap(&breaker->bucket.state, from, to) != from);
}

void rein_course_shut(struct rein_agent *agent, int index)
{
	struct rein_course *course = &agent->breakers->courses[index];

	course->deadline_ns = 0;
	course->half_open = false;
	course->hold = 0;
	move(&state_of(agent)->breakers[index], REIN_BREAKER_CLOSED);
}

static void resume_throttled(struct rein_agent *agent, int index)
{
	struct rein_error err = {0};
	char why[1200];

	rein_course_shut(agent, index);
	if (rein_course_settle(agent, &err) == 0) {
		rein_course_emit(agent, index, "resume",
				 "its rate allows more: the breaker is closed and the agent goes on");
		return;
	}
	snprintf(why, sizeof(why), "its rate allows more, but the agent cannot be let go on: %s", err.text);
	rein_course_emit(agent, index, "resume", why);
}

static void half_open(struct rein_agent *agent, int index)
{
	struct rein_course *course = &agent->breakers->courses[index];
	struct rein_breaker *breaker = &state_of(agent)->breakers[index];
	const struct rein_breaker_rule *rule = rein_breakers_rule(agent, index);
	char why[256], probe[REIN_UNITS_MAX];

	__sync_lock_test_and_set(&breaker->bucket.probe_used, 0);
	course->half_open = true;
	course->deadline_ns = rein_now_ns() + rule->cool_down_ns;
	__sync_val_compare_and_swap(&breaker->bucket.state, REIN_BREAKER_OPEN, REIN_BREAKER_HALF_OPEN);
	snprintf(why, sizeof(why),
		 "it has cooled down: %s may pass on probation, and it closes if it does not trip again",
		 rein_meter_amount(rule->meter, breaker->limit.probe, probe));
	rein_course_emit(agent, index, "half-open", why);
}

static void end_probation(struct rein_agent *agent, int index)
{
	struct rein_course *course = &agent->breakers->courses[index];
	struct rein_bucket *bucket = &state_of(agent)->breakers[index].bucket;

	course->deadline_ns = 0;
	if (__sync_val_compare_and_swap(&bucket->state, REIN_BREAKER_HALF_OPEN, REIN_BREAKER_CLOSED) !=
	    REIN_BREAKER_HALF_OPEN)
		return; /* tripped this instant: the look that follows acts on it */
	course->half_open = false;
	rein_course_emit(agent, index, "close", "it did not trip again on probation: the breaker is closed");
}

static void advance(struct rein_agent *agent, int index)
{
	if (agent->breakers->courses[index].hold)
		resume_throttled(agent, index);
	else if (agent->breakers->courses[index].half_open)
		end_probation(agent, index);
	else
		half_open(agent, index);
}

static int on_timer(struct rein_watch *watch, uint32_t events)
{
	struct rein_agent *agent = watch->data;
	struct rein_breakers *breakers = agent->breakers;
	uint64_t expirations, now_ns = rein_now_ns();

	if (read(watch->fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		return -errno;
	look_again(agent, now_ns);
	for (int i = 0; i < REIN_BREAKERS_MAX; i++)
		if (breakers->courses[i].deadline_ns && breakers->courses[i].deadline_ns <= now_ns)
			advance(agent, i);
	arm(breakers, rein_now_ns());
	return 0;
}

int rein_breakers_open(struct rein_agent *agent, struct rein_error *err)
{
	REIN_AUTO_FREE struct rein_breakers *breakers = calloc(1, sizeof(*breakers));
	REIN_AUTO_FD int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int r;

	if (!breakers)
		return rein_fail(err, ENOMEM, "no memory for breakers");
	if (fd < 0)
		return rein_fail_errno(err, "cannot make a timer for breakers");
	*breakers = (struct rein_breakers){
		.agent = agent,
		.timer = {.fd = fd, .ready = on_timer, .data = agent},
	};
	for (uint32_t i = 0; i < state_of(agent)->nr_breakers; i++)
		breakers->in_kernel |= by_hooks(&state_of(agent)->breakers[i]);
	r = rein_loop_add(&agent->loop, &breakers->timer, EPOLLIN, err);
	if (r < 0)
		return r;
	rein_take_fd(&fd);
	agent->breakers = rein_take_pointer(&breakers);
	arm(agent->breakers, rein_now_ns());
	return 0;
}

void rein_breakers_close(struct rein_agent *agent)
{
	struct rein_breakers *breakers = agent->breakers;

	if (!breakers)
		return;
	rein_loop_remove(&breakers->timer);
	close(breakers->timer.fd);
	free(breakers);
	agent->breakers = NULL;
}
