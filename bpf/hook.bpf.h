/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_HOOK_BPF_H
#define REIN_HOOK_BPF_H

#include "current.bpf.h"
#include "meter.bpf.h"
#include "told.bpf.h"

#include <bpf/bpf_tracing.h>

/*
 * How every program of bpf-file begins and ends. What decides returns 0 or a negative errno. It is never asked about
 * what another program refused before it: trampolines leave after the first result that is not 0
 * (BPF_TRAMP_MODIFY_RETURN, of LSM programs too), so the result so far, the last of a hook's arguments, is always 0.
 */

/*
 * Its outer part, for every process of the host, asks whose process it is and nothing else: `NAME_of_agent` is a
 * function of its own, so that no register and no stack is saved for it before.
 */
#define HOOK_OUTSIDE(name)                                                              \
	name(unsigned long long *ctx);                                                  \
	static __noinline int name##_of_agent(unsigned long long *ctx, long below);     \
	int name(unsigned long long *ctx)                                               \
	{                                                                               \
		long result = current_below(), below = result;                          \
                                                                                        \
		barrier_var(below); /* so that the result is that 0, not another one */ \
		if (below)                                                              \
			result = name##_of_agent(ctx, below);                           \
		return result;                                                          \
	}

/* Calls FUNCTION with what is in front of the program's arguments, its context and them. */
#define HOOK_CALL(call...)                                                                          \
	_Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wint-conversion\"") call; \
	_Pragma("GCC diagnostic pop")

/* A program that watches: written like BPF_PROG, and its body runs for agents' processes only. */
#define WATCH(name, args...)                                                       \
	HOOK_OUTSIDE(name)                                                         \
	static __always_inline void ____##name(unsigned long long *ctx, ##args);   \
	static __noinline int name##_of_agent(unsigned long long *ctx, long below) \
	{                                                                          \
		if (current_is_below(below)) {                                     \
			HOOK_CALL(____##name(___bpf_ctx_cast(args)))               \
		}                                                                  \
		return 0;                                                          \
	}                                                                          \
	static __always_inline void ____##name(unsigned long long *ctx, ##args)

/*
 * A program that decides: the same, and its body is asked for its result only where hook_enter leaves that open;
 * `state` is the agent's. `heeding`, an expression of the arguments: the call's enum heed.
 */
#define DECIDE_HEEDING(name, heeding, args...)                                                            \
	HOOK_OUTSIDE(name)                                                                                \
	static __always_inline int ____##name(struct rein_state *state, unsigned long long *ctx, ##args); \
	static __always_inline int name##_heeding(unsigned long long *ctx, ##args)                        \
	{                                                                                                 \
		return heeding;                                                                           \
	}                                                                                                 \
	static __noinline int name##_of_agent(unsigned long long *ctx, long below)                        \
	{                                                                                                 \
		struct rein_state *state;                                                                 \
		int result;                                                                               \
                                                                                                          \
		if (!current_is_below(below))                                                             \
			return 0;                                                                         \
		HOOK_CALL(result = hook_enter(name##_heeding(___bpf_ctx_cast(args)), &state))             \
		if (result || !state)                                                                     \
			return result;                                                                    \
		HOOK_CALL(return ____##name(state, ___bpf_ctx_cast(args)))                                \
	}                                                                                                 \
	static __always_inline int ____##name(struct rein_state *state, unsigned long long *ctx, ##args)

#define DECIDE(name, args...) DECIDE_HEEDING(name, HEED_LATCH, ##args)

/* Restarted by the kernel once the signal that comes with it is dealt with: nobody in user space ever sees it. */
#define ERESTARTNOINTR 513

/*
 * Two builds can be attached at once while one replaces the other: the turn says whose programs decide. A hook's two
 * programs run one after the other, the newer first, and the turn may change in between; so while `previous` is named
 * its programs decide too, unless the newer ones have already decided about this thread.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rein_turn);
} rein_turn SEC(".maps");

/* The change of turns in which the newer programs have decided about a thread. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} rein_turn_seen SEC(".maps");

static __noinline int previous_turn(struct rein_turn *turn)
{
	__u64 *seen = bpf_task_storage_get(&rein_turn_seen, bpf_get_current_task_btf(), NULL, 0);

	return REIN_LOAD(&turn->previous) == rein_build && !(seen && *seen == REIN_LOAD(&turn->change));
}

static __noinline int mark_turn(struct rein_turn *turn)
{
	__u64 *seen =
		bpf_task_storage_get(&rein_turn_seen, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (seen)
		*seen = REIN_LOAD(&turn->change);
	return 0;
}

static __always_inline int is_our_turn(void)
{
	__u32 zero = 0;
	struct rein_turn *turn = bpf_map_lookup_elem(&rein_turn, &zero);

	if (!turn)
		return 1;
	if (REIN_LOAD(&turn->build) != rein_build)
		return REIN_LOAD(&turn->previous) && previous_turn(turn);
	if (REIN_LOAD(&turn->previous))
		mark_turn(turn);
	return 1;
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

/* What a call heeds of the agent's latch. */
enum heed {
	HEED_LATCH,    /* it waits, or its process dies */
	HEED_KILL,     /* it cannot be made again, so it goes on to its end unless the agent is to die */
	HEED_NOTHING,  /* the same, and no death either: part of its work is done */
	HEED_NO_AGENT, /* no agent's call: the kernel makes it on its own account */
};

/* A program is being started: from some point on there is nothing to return to, and what fails kills. */
static __always_inline enum heed heed_in_exec(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return bpf_core_field_exists(task->in_execve) && BPF_CORE_READ_BITFIELD_PROBED(task, in_execve) ? HEED_KILL
													: HEED_LATCH;
}

static __always_inline int hook_latched(enum heed heed, struct rein_state *state)
{
	__u32 latched = REIN_LOAD(&state->latch);

	if (!latched || heed == HEED_NOTHING || (heed == HEED_KILL && latched != 1 + REIN_ON_TRIP_KILL))
		return 0;
	return hook_stop(latched - 1);
}

/*
 * Non-zero: that is the hook's result. Zero with *ret_state NULL: none of ours, let it pass. Whoever is in the agents'
 * subtree without a state that these programs know is refused.
 */
static __always_inline int hook_enter(enum heed heed, struct rein_state **ret_state)
{
	struct rein_state *state;

	*ret_state = NULL;
	if (heed == HEED_NO_AGENT || !is_our_turn())
		return 0;
	state = agent_of(bpf_get_current_ancestor_cgroup_id(rein_level));
	if (!state)
		return -EACCES;
	if (!(state->flags & (REIN_STATE_FILE | REIN_STATE_LABELS)) ||
	    state->init_tgid == bpf_get_current_pid_tgid() >> 32)
		return 0;
	*ret_state = state;
	return hook_latched(heed, state);
}

/* What is charged for, and told of if it is refused. */
struct hook_deed {
	struct rein_state *state;
	struct dentry *dentry; /* what it is about; may be NULL */
	__u64 n;
	__u32 meter;
	__u32 op; /* enum rein_file_op */
};

static __noinline int hook_tell(const struct hook_deed *deed, int charged)
{
	struct dentry *dentry = deed->dentry; /* a read relocated by CO-RE begins at a kernel's struct */
	struct rein_raw_event *event;

	event = event_begin(deed->state, charged & CHARGE_TRIPPED ? REIN_EVENT_TRIP : REIN_EVENT_DENY_BREAKER);
	if (!event)
		return 0;
	event->breaker = charged & CHARGE_BREAKER;
	event->meter = deed->meter;
	event->amount = deed->n;
	event->error = -EDQUOT;
	event_task(event);
	event->nr = deed->op;
	if (dentry)
		bpf_probe_read_kernel_str(event->path, sizeof(event->path), BPF_CORE_READ(dentry, d_name.name));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* What is larger than the burst never passes, so it fails: waiting would not help. What waits is told of once. */
static __noinline int hook_refuse(const struct hook_deed *deed, int charged)
{
	struct rein_state *state = deed->state;
	int never = deed->n > state->breakers[charged & CHARGE_BREAKER].limit.burst;
	__u32 on_trip = trip(state, charged);
	int result;

	if (charged & CHARGE_TRIPPED || on_trip == REIN_ON_TRIP_DENY || never)
		hook_tell(deed, charged);
	result = hook_stop(on_trip);
	return never && result == -ERESTARTNOINTR ? -EDQUOT : result;
}

/* Charges n units of `meter` before the act. Non-zero: refused, that is the hook's result. */
static __always_inline int hook_charge(struct rein_state *state, __u32 meter, __u64 n, __u32 op, struct dentry *dentry)
{
	struct hook_deed deed = {state, dentry, n, meter, op};
	int charged;

	if (!n || !(state->flags & REIN_STATE_FILE))
		return 0;
	charged = charge(state, meter, n);
	return charged == CHARGE_PASSED ? 0 : hook_refuse(&deed, charged);
}

/* Tells of the call `nr`, which neither a breaker nor a label refuses, and is its result. */
static __noinline int call_refuse(struct rein_state *state, __u32 kind, __u32 nr, struct dentry *dentry, int error)
{
	struct rein_raw_event *event;

	__sync_fetch_and_add(&state->denials, 1);
	event = event_begin(state, kind);
	if (!event)
		return error;
	event_task(event);
	event->nr = nr;
	event->error = error;
	if (dentry)
		bpf_probe_read_kernel_str(event->path, sizeof(event->path), BPF_CORE_READ(dentry, d_name.name));
	bpf_ringbuf_submit(event, 0);
	return error;
}

/* Refuses what these programs cannot follow: they neither know how much it does nor whether it is denied. */
static __noinline int hook_unknown(struct rein_state *state, struct dentry *dentry, int error)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 nr = task->flags & PF_IO_WORKER ? __NR_io_uring_enter : regs_nr((struct pt_regs *)bpf_task_pt_regs(task));

	told_mark();
	return call_refuse(state, REIN_EVENT_DENY_UNKNOWN, nr, dentry, error);
}

#endif
