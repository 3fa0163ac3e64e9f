/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CURRENT_BPF_H
#define REIN_CURRENT_BPF_H

#include "emit.bpf.h"

/* The task that a hook runs for: whether an agent's, what is told of it, and how it is stopped. */

#define SIGKILL 9
#define SIGSTOP 19

/* In the agents' subtree; what is not leaves each hook here. */
static __always_inline int current_is_agent(void)
{
	return bpf_get_current_ancestor_cgroup_id(rein_level - 1) == rein_parent_id;
}

/* Only the current process can be reached from here; the others meet the latch at their next call. */
static __always_inline void stop_current(__u32 on_trip)
{
	bpf_send_signal(on_trip == REIN_ON_TRIP_KILL ? SIGKILL : SIGSTOP);
}

static __always_inline void event_task(struct rein_raw_event *event)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->ppid = BPF_CORE_READ(task, real_parent, tgid);
	bpf_get_current_comm(event->comm, sizeof(event->comm));
}

#endif
