/* SPDX-License-Identifier: GPL-2.0 */

/*
 * bpf-file: what an agent's processes do to files, decided and counted before it happens. Each program here is one hook
 * of the kernel's; what they decide stands in the headers. Written as LSM programs; where `bpf` is not in lsm= the same
 * programs are attached as fmod_ret to the functions that call the hooks.
 */

#include "hook.bpf.h"
#include "label.bpf.h"

#include <bpf/bpf_tracing.h>

/* Threads are no forks. */
SEC("lsm/task_alloc")
int BPF_PROG(rein_task_alloc, struct task_struct *task, unsigned long clone_flags, int before)
{
	struct rein_state *state;
	int result = hook_enter(before, &state);

	if (result || !state || clone_flags & CLONE_THREAD)
		return result;
	return hook_charge(state, REIN_METER_FORK_COUNT, 1, REIN_FILE_OP_FORK, NULL);
}

SEC("lsm/path_mkdir")
int BPF_PROG(rein_path_mkdir, const struct path *dir, struct dentry *dentry, __u16 mode, int before)
{
	struct rein_state *state;
	int result = hook_enter(before, &state);

	if (result || !state)
		return result;
	return hook_charge(state, REIN_METER_CREATE_FILES, 1, REIN_FILE_OP_CREATE, dentry);
}

char rein_license[] SEC("license") = "GPL";
