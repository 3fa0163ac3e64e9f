/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/agents.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "agent/breakers.h"

static void keep(char *into, size_t size, const char *text)
{
	snprintf(into, size, "%s", text ? text : "");
}

static int take(void *context, const struct rein_event *event, struct rein_error *err)
{
	struct rein_trial_agent *trial = context;
	struct rein_told *told;

	cr_assert_lt(trial->nr_told, sizeof(trial->told) / sizeof(trial->told[0]), "too many events");
	told = &trial->told[trial->nr_told++];
	*told = (struct rein_told){
		.kind = event->kind,
		.verdict = event->verdict,
		.used = event->meter_used,
		.limit = event->meter_limit,
		.note = event->note,
		.error = event->error,
		.line = event->rule ? event->rule->line : 0,
	};
	keep(told->op, sizeof(told->op), event->op);
	keep(told->object, sizeof(told->object), event->object);
	keep(told->why, sizeof(told->why), event->why);
	keep(told->meter, sizeof(told->meter), event->meter);
	return 0;
}

void rein_trial_agent_init(struct rein_trial_agent *trial)
{
	int pair[2];

	memset(trial, 0, sizeof(*trial));
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	trial->init_end = pair[1];
	trial->policy.name = "coding-agent";
	trial->plan.policy = &trial->policy;
	trial->plan.machine = &trial->machine;
	trial->plan.breakers.items = trial->planned;
	trial->launch = (struct rein_launch){
		.id = "coding-agent-7f3a",
		.policy = &trial->policy,
		.plan = &trial->plan,
		.machine = &trial->machine,
		.state = &trial->state,
		.slot = -1,
		.cgroup_fd = -1,
		.ring_fd = -1,
		.notify_fd = -1,
		.host_cgroup_parent_fd = -1,
		.directory = "/",
		.who = {.name = "nobody"},
	};
	trial->agent = (struct rein_agent){
		.launch = &trial->launch,
		.sink = {.emit = take, .context = trial},
		.init_pid = -1,
		.init_pidfd = -1,
		.init_socket = pair[0],
		.proc_fd = -1,
		.tick_fd = -1,
		.started_ns = rein_now_ns(),
	};
	cr_assert_eq(rein_loop_open(&trial->agent.loop, NULL), 0);
}

struct rein_breaker_rule *rein_trial_agent_breaker(struct rein_trial_agent *trial, const char *name,
						   enum rein_on_trip on_trip)
{
	size_t i = trial->plan.breakers.count++;

	trial->rules[i] = (struct rein_breaker_rule){
		.origin = {.file = "p.yaml", .line = 10 + (int)i},
		.name = name,
		.meter = REIN_METER_DELETE_FILES,
		.rate_units = 1,
		.rate_period_ns = 60000000000ULL,
		.burst = 10,
		.probe = 2,
		.on_trip = on_trip,
	};
	trial->planned[i] = (struct rein_plan_breaker){
		.rule = &trial->rules[i], .by = REIN_MECH_BROKER, .exactness = REIN_EXACTNESS_EXACT};
	return &trial->rules[i];
}

void rein_trial_agent_start(struct rein_trial_agent *trial, bool ci)
{
	struct rein_error err = {0};

	trial->agent.ci = ci;
	cr_assert_eq(rein_breakers_compile(&trial->plan, ci, &trial->state, &err), 0, "%s", err.text);
	cr_assert_eq(rein_breakers_open(&trial->agent, &err), 0, "%s", err.text);
	trial->agent.life = REIN_LIFE_RUNNING;
}

struct awaited {
	struct rein_trial_agent *trial;
	struct rein_watch deadline;
	bool late;
};

static int too_late(struct rein_watch *watch, uint32_t events)
{
	((struct awaited *)watch->data)->late = true;
	rein_loop_stop(watch->loop);
	return 0;
}

static const struct rein_told *find(const struct rein_trial_agent *trial, size_t from, enum rein_kind kind,
				    const char *op)
{
	for (size_t i = from; i < trial->nr_told; i++)
		if (trial->told[i].kind == kind && !strcmp(trial->told[i].op, op))
			return &trial->told[i];
	return NULL;
}

/* Lets the test look every millisecond at what was told. */
static int stop(struct rein_watch *watch, uint32_t events)
{
	uint64_t expirations;

	cr_assert_eq(read(watch->fd, &expirations, sizeof(expirations)), (ssize_t)sizeof(expirations));
	rein_loop_stop(watch->loop);
	return 0;
}

const struct rein_told *rein_trial_agent_await(struct rein_trial_agent *trial, enum rein_kind kind, const char *op)
{
	static const struct itimerspec at_most = {.it_value = {.tv_sec = 5}};
	struct awaited awaited = {.trial = trial};
	struct rein_watch turn = {.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), .ready = stop};
	static const struct itimerspec often = {.it_interval = {.tv_nsec = 1000000}, .it_value = {.tv_nsec = 1}};
	size_t from = trial->nr_told;
	const struct rein_told *told;

	awaited.deadline = (struct rein_watch){
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), .ready = too_late, .data = &awaited};
	timerfd_settime(awaited.deadline.fd, 0, &at_most, NULL);
	timerfd_settime(turn.fd, 0, &often, NULL);
	cr_assert_eq(rein_loop_add(&trial->agent.loop, &awaited.deadline, EPOLLIN, NULL), 0);
	cr_assert_eq(rein_loop_add(&trial->agent.loop, &turn, EPOLLIN, NULL), 0);
	while (!(told = find(trial, from, kind, op)) && !awaited.late)
		cr_assert_geq(rein_loop_run(&trial->agent.loop), 0);
	rein_loop_remove(&awaited.deadline);
	rein_loop_remove(&turn);
	close(awaited.deadline.fd);
	close(turn.fd);
	cr_assert_not_null(told, "nobody told of `%s`", op);
	return told;
}

const struct rein_told *rein_trial_agent_last(const struct rein_trial_agent *trial, enum rein_kind kind)
{
	for (size_t i = trial->nr_told; i-- > 0;)
		if (trial->told[i].kind == kind)
			return &trial->told[i];
	return NULL;
}

size_t rein_trial_agent_count(const struct rein_trial_agent *trial, enum rein_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < trial->nr_told; i++)
		count += trial->told[i].kind == kind;
	return count;
}

void rein_trial_agent_free(struct rein_trial_agent *trial)
{
	rein_breakers_close(&trial->agent);
	rein_loop_close(&trial->agent.loop);
	close(trial->agent.init_socket);
	close(trial->init_end);
}
