/* SPDX-License-Identifier: GPL-2.0 */

/*
 * At which level of the real hierarchy does a cgroup stand? In a container its path does not tell. Run once by
 * BPF_PROG_TEST_RUN, by a process inside that cgroup, before the programs that need to know are loaded.
 */

#include "kernel.bpf.h"

#define LEVELS_MAX 64

SEC("raw_tp/sys_enter")
int rein_find_level(struct bpf_raw_tracepoint_args *ctx)
{
	for (int level = 0; level < LEVELS_MAX; level++)
		if (bpf_get_current_ancestor_cgroup_id(level) == ctx->args[0])
			return level;
	return 0;
}

char rein_license[] SEC("license") = "GPL";
