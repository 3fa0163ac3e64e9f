/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_PREEMPT_H
#define REIN_MECH_BPF_PREEMPT_H

#include <stdbool.h>

/*
 * Does this kernel preempt itself? It runs a tracing program, fmod_ret among them, only where the same one is not
 * running already on that processor (__bpf_prog_enter_recur of 6.1 and 6.12). Programs run with migration off and, with
 * preemptible RCU, with preemption on: where a task can be preempted inside one, the next task's call goes by unjudged.
 * LSM programs are entered without that question (bpf_prog_check_recur), and tracepoints with preemption off.
 */

/* How PREEMPT_DYNAMIC is set, as the kernel counts; -1: not known. */
enum rein_preempt_mode {
	REIN_PREEMPT_UNKNOWN = -1,
	REIN_PREEMPT_NONE,
	REIN_PREEMPT_VOLUNTARY,
	REIN_PREEMPT_FULL,
	REIN_PREEMPT_LAZY, /* from 6.13 on; full at the next tick */
};

/* The word for a kernel that preempts itself, NULL for one that does not. `version`: as uname -v says it. Pure. */
const char *rein_preempt_word(const char *version, int mode);

/* The same of the running kernel; changes when somebody sets it. Needs CAP_BPF where it can be set. */
const char *rein_preempt_now(void);

#endif
