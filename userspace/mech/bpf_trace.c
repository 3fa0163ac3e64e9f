/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_trace.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "mech/bpf_hooks.h"
#include "mech/bpf_selftest.h"
#include "mech/bpf_slot.h"

/* Beside the slot, which the launch's `of` points to: one launch, one supervisor, one set of links. */
static struct rein_hooks held = REIN_HOOKS_NONE;

static unsigned flags_of(const struct rein_plan *plan)
{
	unsigned flags = plan->trace_denials ? REIN_STATE_REPORT : 0;

	for (size_t i = 0; i < plan->breakers.count; i++)
		if (plan->breakers.items[i].by == REIN_MECH_BPF_TRACE)
			flags |= REIN_STATE_TRACE;
	return flags;
}

static void release(struct rein_launch *launch)
{
	rein_hooks_drop(&held);
	rein_slot_leave(launch, REIN_MECH_BPF_TRACE);
}

static int hold(const struct rein_slot *slot, unsigned flags, struct rein_error *err)
{
	REIN_AUTO_FD int lock = rein_pins_lock(err);

	return lock < 0 ? lock : rein_hooks_hold(&slot->pins, flags, &held, err);
}

static int prepare(struct rein_launch *launch, struct rein_error *err)
{
	unsigned flags = flags_of(launch->plan);
	struct rein_slot *slot = NULL;
	int r = rein_slot_enter(launch, REIN_MECH_BPF_TRACE, &slot, err);

	if (r < 0)
		return r;
	r = hold(slot, flags, err);
	if (r < 0) {
		release(launch);
		return r;
	}
	rein_slot_ready(slot, flags);
	return 0;
}

const struct rein_mech rein_mech_bpf_trace = {
	.kind = REIN_MECH_BPF_TRACE,
	.probe = rein_bpf_selftest_trace,
	.prepare = prepare,
	.release = release,
};
