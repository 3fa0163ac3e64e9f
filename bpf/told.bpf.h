/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TOLD_BPF_H
#define REIN_TOLD_BPF_H

#include "kernel.bpf.h"

/*
 * Whether a refusal of the call that this thread is in was told of already: by the hook of bpf-file that refused. The
 * exit of the call would tell of it again, and knows less. Asked at every exit, so that no mark outlives its call.
 */

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} rein_told SEC(".maps");

static __always_inline void told_mark(void)
{
	__u32 *told =
		bpf_task_storage_get(&rein_told, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (told)
		*told = 1;
}

static __always_inline __u32 told_take(void)
{
	__u32 *told = bpf_task_storage_get(&rein_told, bpf_get_current_task_btf(), NULL, 0), was = 0;

	if (told) {
		was = *told;
		*told = 0;
	}
	return was;
}

#endif
