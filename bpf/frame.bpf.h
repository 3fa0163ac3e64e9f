/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_FRAME_BPF_H
#define REIN_FRAME_BPF_H

#include "calls.bpf.h"
#include "current.bpf.h"
#include "files.bpf.h"
#include "meter.bpf.h"

/* One call of one agent's process: who, what, and what a refused charge does to them. */

struct call_frame {
	struct pt_regs *regs;
	const struct call *call;
	struct rein_state *state;
	__u32 nr;
	__s64 result;
};

/* The agent that the current task belongs to, if these programs meter it. */
static __always_inline struct rein_state *traced_agent(__u32 wanted)
{
	struct rein_state *state;

	if (!current_is_agent())
		return NULL;
	state = agent_of(bpf_get_current_ancestor_cgroup_id(rein_level));
	if (!state || state->tracer != rein_build || !(state->flags & wanted) ||
	    state->init_tgid == bpf_get_current_pid_tgid() >> 32)
		return NULL;
	return state;
}

static __always_inline void event_path(struct rein_raw_event *event, const struct call_frame *frame)
{
	long length;

	event->nr = frame->nr;
	if (!frame->call->path)
		return;
	length = bpf_probe_read_user_str(event->path, sizeof(event->path),
					 (const void *)regs_arg(frame->regs, frame->call->path - 1));
	event->truncated = length == sizeof(event->path);
	event->dirfd = frame->call->dirfd ? regs_arg(frame->regs, frame->call->dirfd - 1) : AT_FDCWD;
}

/*
 * A tracepoint cannot fail a call: what it refuses happens all the same, unless the process is killed, and is owed.
 * Each thread can do that once before it is stopped.
 */
__attribute__((noinline)) int owe(struct rein_breaker *breaker, __u64 n)
{
	if (breaker && breaker->on_trip != REIN_ON_TRIP_KILL)
		rein_bucket_owe(&breaker->limit, &breaker->bucket, n, bpf_ktime_get_ns());
	return 0;
}

/* Charges and, where a breaker refuses, stops who did it. */
static __noinline int charge_current(const struct call_frame *frame, __u32 meter, __u64 n)
{
	struct rein_state *state = frame->state;
	struct rein_raw_event *event;
	int charged;

	if (!n)
		return 0;
	charged = charge(state, meter, n);
	if (charged == CHARGE_PASSED)
		return 0;
	owe(&state->breakers[charged & CHARGE_BREAKER], n);
	if (state->breakers[charged & CHARGE_BREAKER].on_trip != REIN_ON_TRIP_KILL)
		__sync_fetch_and_add(&state->meters[meter & 15], n); /* it happens */
	stop_current(trip(state, charged));
	/* Nothing between an event's making and its test: before 6.2 the verifier forgets that one of the two is dead.
	 */
	event = trip_event(state, charged, meter, n);
	if (!event)
		return 0;
	event_task(event);
	if (frame->call)
		event_path(event, frame);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

#endif
