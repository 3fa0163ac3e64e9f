/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CURRENT_BPF_H
#define REIN_CURRENT_BPF_H

#include "emit.bpf.h"

/* The task that a hook runs for: whether an agent's, what is told of it, and how it is stopped. */

#define SIGKILL 9
#define SIGSTOP 19

/* The parent of all agents' cgroups, set before anything is attached. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} rein_parent SEC(".maps");

/*
 * In the agents' subtree? 0: no, and the hook is left at once; nobody else pays more for rein than this one call, which
 * is the shortest way that 6.1 has. Negative: the kernel cannot say, and current_is_below asks in another way.
 */
static __always_inline long current_below(void)
{
	return bpf_current_task_under_cgroup(&rein_parent, 0);
}

static __always_inline int current_is_below(long below)
{
	return below > 0 || bpf_get_current_ancestor_cgroup_id(rein_level - 1) == rein_parent_id;
}

static __always_inline int current_is_agent(void)
{
	long below = current_below();

	return below && current_is_below(below);
}

/*
 * Only the current process can be reached from here; the others meet the latch at their next call. SIGKILL reaches
 * every thread of it. SIGSTOP is this very thread's, which then stops the others: one that waits for the whole process
 * makes the next one nothing, so that a thread that cannot take it yet (in vfork, or without a processor) would spare
 * the rest.
 */
static __always_inline void stop_current(__u32 on_trip)
{
	if (on_trip == REIN_ON_TRIP_KILL)
		bpf_send_signal(SIGKILL);
	else
		bpf_send_signal_thread(SIGSTOP);
}

static __always_inline void event_task(struct rein_raw_event *event)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->ppid = BPF_CORE_READ(task, real_parent, tgid);
	bpf_get_current_comm(event->comm, sizeof(event->comm));
}

#endif
