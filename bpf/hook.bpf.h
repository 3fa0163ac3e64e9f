/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_HOOK_BPF_H
#define REIN_HOOK_BPF_H

#include "current.bpf.h"
#include "meter.bpf.h"

/*
 * How every decision hook of bpf-file begins and ends. A hook returns 0 or a negative errno, and what another program
 * refused before stays refused.
 */

/* Restarted by the kernel once the signal that comes with it is dealt with: nobody in user space ever sees it. */
#define ERESTARTNOINTR 513

/*
 * Two builds can be attached at once while one replaces the other: the turn says whose programs decide.
 */
const volatile __u64 rein_build = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64); /* build */
} rein_turn SEC(".maps");

static __always_inline int is_our_turn(void)
{
	__u32 zero = 0;
	__u64 *turn = bpf_map_lookup_elem(&rein_turn, &zero);

	return turn && *turn == rein_build;
}

/*
 * What becomes of an operation that was refused: it fails, its process dies of it, or it waits: the thread stops, and
 * when it goes on, the kernel makes the same call again, which is judged anew.
 */
static __always_inline int hook_stop(__u32 on_trip)
{
	switch (on_trip) {
	case REIN_ON_TRIP_DENY:
		return -EDQUOT;
	case REIN_ON_TRIP_THROTTLE:
	case REIN_ON_TRIP_FREEZE:
		bpf_send_signal_thread(SIGSTOP);
		return -ERESTARTNOINTR;
	}
	bpf_send_signal(SIGKILL);
	return -EPERM;
}

/*
 * The start of a hook. Non-zero: that is the hook's result. Zero with *state NULL: none of ours, let it pass. Whoever
 * is in the agents' subtree without a state that these programs know is refused.
 */
static __always_inline int hook_enter(int before, struct rein_state **state)
{
	struct rein_state *agent;
	__u32 latched;

	*state = NULL;
	if (before || !current_is_agent() || !is_our_turn())
		return before;
	agent = agent_of(bpf_get_current_ancestor_cgroup_id(rein_level));
	if (!agent)
		return -EACCES;
	if (!(agent->flags & (REIN_STATE_FILE | REIN_STATE_LABELS)) ||
	    agent->init_tgid == bpf_get_current_pid_tgid() >> 32)
		return 0;
	latched = REIN_LOAD(&agent->latch);
	if (latched)
		return hook_stop(latched - 1);
	*state = agent;
	return 0;
}

/* Tells of a trip; `dentry`, which may be NULL, is what it was about. */
static __noinline int hook_tell_trip(struct rein_state *state, int charged, __u32 meter, __u64 n, __u32 op,
				     struct dentry *dentry)
{
	struct rein_raw_event *event = trip_event(state, charged, meter, n);

	if (!event)
		return 0;
	event_task(event);
	event->nr = op;
	if (dentry)
		bpf_probe_read_kernel_str(event->path, sizeof(event->path), BPF_CORE_READ(dentry, d_name.name));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Charges n units of `meter` before the act. Non-zero: refused, that is the hook's result. */
static __always_inline int hook_charge(struct rein_state *state, __u32 meter, __u64 n, __u32 op, struct dentry *dentry)
{
	int charged;

	if (!n || !(state->flags & REIN_STATE_FILE))
		return 0;
	charged = charge(state, meter, n);
	if (charged == CHARGE_PASSED)
		return 0;
	hook_tell_trip(state, charged, meter, n, op, dentry);
	return hook_stop(trip(state, charged));
}

#endif
