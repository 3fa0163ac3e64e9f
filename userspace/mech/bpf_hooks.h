/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_HOOKS_H
#define REIN_MECH_BPF_HOOKS_H

#include "mech/bpf_pins.h"

/*
 * The tracepoint programs' links. They cost every process of the host, so they are not pinned: every supervisor whose
 * agent needs one holds a descriptor of the same link, and the kernel detaches it with the last of them, however that
 * ends. REIN_RUN_DIR/hooks remembers the links' ids.
 */
struct rein_hooks {
	int links[REIN_TRACE_COUNT]; /* -1 where not needed */
};

#define REIN_HOOKS_NONE                     \
	{                                   \
		.links = { -1, -1, -1, -1 } \
	}

/* Joins the links that `flags` (enum rein_state_flag) need, or attaches them. With the pins' lock held. */
int rein_hooks_hold(const struct rein_pins *pins, unsigned flags, struct rein_hooks *ret_hooks, struct rein_error *err);
/* Harmless on hooks that are not held. */
void rein_hooks_drop(struct rein_hooks *hooks);

#endif
