/* SPDX-License-Identifier: GPL-2.0 */

/*
 * How does this kernel preempt itself at present? Where that can be chosen, at boot or by debugfs, a variable of the
 * scheduler's says so. Run by BPF_PROG_TEST_RUN; a lockdown that hides debugfs lets programs read.
 */

#include "kernel.bpf.h"

extern const void preempt_dynamic_mode __ksym __weak;

/* -1: it cannot be told. */
SEC("raw_tp/sys_enter")
int rein_find_preemption(struct bpf_raw_tracepoint_args *ctx)
{
	int mode = -1;

	if (&preempt_dynamic_mode && bpf_probe_read_kernel(&mode, sizeof(mode), &preempt_dynamic_mode))
		return -1;
	return mode;
}

char rein_license[] SEC("license") = "GPL";
