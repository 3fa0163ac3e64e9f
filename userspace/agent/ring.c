/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/supervisor.h"

#include <bpf/libbpf.h>
#include <sys/epoll.h>

#include "agent/explain.h"

/* In one turn of the loop, so that a flood of one kind does not keep the supervisor from everything else. */
#define EVENTS_PER_TURN 2048

static int take(void *context, void *data, size_t size)
{
	struct rein_supervisor *supervisor = context;

	rein_explain_raw(&supervisor->agent, data, size);
	return --supervisor->ring_budget > 0 ? 0 : -EAGAIN; /* this one counts as consumed before libbpf stops */
}

static int ready(struct rein_watch *watch, uint32_t events)
{
	rein_ring_drain(watch->data);
	return 0;
}

void rein_ring_drain(struct rein_supervisor *supervisor)
{
	supervisor->ring_budget = EVENTS_PER_TURN;
	if (supervisor->ring)
		ring_buffer__consume(supervisor->ring);
}

int rein_ring_open(struct rein_supervisor *supervisor, struct rein_error *err)
{
	struct rein_watch *watch = &supervisor->ring_watch;

	if (supervisor->run->launch->ring_fd < 0)
		return 0;
	supervisor->ring = ring_buffer__new(supervisor->run->launch->ring_fd, take, supervisor, NULL);
	if (!supervisor->ring)
		return rein_fail_errno(err, "cannot read the agent's ring buffer");
	watch->fd = ring_buffer__epoll_fd(supervisor->ring);
	watch->ready = ready;
	watch->data = supervisor;
	return rein_loop_add(&supervisor->agent.loop, watch, EPOLLIN, err);
}

void rein_ring_close(struct rein_supervisor *supervisor)
{
	rein_loop_remove(&supervisor->ring_watch);
	if (supervisor->ring)
		ring_buffer__free(supervisor->ring);
	supervisor->ring = NULL;
}
