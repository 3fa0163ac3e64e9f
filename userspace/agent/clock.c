/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/supervisor.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "agent/notes.h"
#include "base/cleanup.h"

static void take_expiry(int fd)
{
	uint64_t times;
	ssize_t ignored = read(fd, &times, sizeof(times));

	(void)ignored; /* level-triggered: to read is to acknowledge, the number does not matter */
}

static int flush_due(struct rein_watch *watch, uint32_t events)
{
	struct rein_supervisor *supervisor = watch->data;
	struct rein_agent *agent = &supervisor->agent;
	static const struct itimerspec again = {.it_value = {.tv_sec = 1}};
	int r;

	take_expiry(watch->fd);
	rein_record_lost(supervisor);
	agent->owes_flush = false;
	rein_notes_flush(agent);
	r = agent->sink.flush ? agent->sink.flush(agent->sink.context, NULL) : 0;
	if (!r)
		r = rein_agent_release(agent, REIN_HOLD_AUDIT, NULL);
	if (r < 0) {
		agent->owes_flush = true;
		timerfd_settime(watch->fd, 0, &again, NULL);
	}
	return 0;
}

static int wall_time_over(struct rein_watch *watch, uint32_t events)
{
	struct rein_supervisor *supervisor = watch->data;
	const struct rein_limit_rule *limit = &supervisor->run->launch->policy->limits[REIN_LIMIT_WALL_TIME];
	struct rein_event event = {
		.kind = REIN_KIND_STATE,
		.verdict = REIN_VERDICT_DENY,
		.op = "kill",
		.rule = &limit->origin,
		.mechanism = REIN_MECH_SUPERVISOR,
		.why = "The agent has used up its wall_time, so all of it was ended.",
	};

	take_expiry(watch->fd);
	rein_agent_emit(&supervisor->agent, &event);
	rein_agent_kill(&supervisor->agent, REIN_END_WALL_TIME);
	return 0;
}

static int open_timer(struct rein_supervisor *supervisor, struct rein_watch *watch,
		      int (*ready)(struct rein_watch *, uint32_t), struct rein_error *err)
{
	watch->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (watch->fd < 0)
		return rein_fail_errno(err, "cannot make a timer");
	watch->ready = ready;
	watch->data = supervisor;
	return rein_loop_add(&supervisor->agent.loop, watch, EPOLLIN, err);
}

int rein_clock_open(struct rein_supervisor *supervisor, struct rein_error *err)
{
	const struct rein_limit_rule *limit = &supervisor->run->launch->policy->limits[REIN_LIMIT_WALL_TIME];
	struct itimerspec when = {
		.it_value = {(time_t)(limit->value / 1000000000ULL), (long)(limit->value % 1000000000ULL)},
	};
	int r = open_timer(supervisor, &supervisor->tick, flush_due, err);

	if (r < 0)
		return r;
	supervisor->agent.tick_fd = supervisor->tick.fd;
	if (!limit->origin.file)
		return 0;
	r = open_timer(supervisor, &supervisor->wall_time, wall_time_over, err);
	if (!r && timerfd_settime(supervisor->wall_time.fd, 0, &when, NULL))
		r = rein_fail_errno(err, "cannot arm the wall_time limit");
	return r;
}

static void close_timer(struct rein_watch *watch)
{
	rein_loop_remove(watch);
	if (watch->fd >= 0)
		close(rein_take_fd(&watch->fd));
}

void rein_clock_close(struct rein_supervisor *supervisor)
{
	close_timer(&supervisor->tick);
	close_timer(&supervisor->wall_time);
	supervisor->agent.tick_fd = -1;
}
