/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_file.h"

#include "mech/bpf_file_hooks.h"
#include "mech/bpf_selftest.h"
#include "mech/bpf_slot.h"
#include "mech/labels.h"

/* Beside the slot, which the launch's `of` points to: one launch, one supervisor, one set of labels. */
static struct rein_labels held;

/* Whatever it is used for, it counts along: the totals of every meter stand in the record. */
static unsigned flags_of(const struct rein_plan *plan)
{
	return REIN_STATE_FILE | (plan->queues ? REIN_STATE_QUEUES : 0);
}

static void release(struct rein_launch *launch)
{
	rein_slot_leave(launch, REIN_MECH_BPF_FILE);
	rein_labels_free(&held);
}

/* Adds to *flags what the agent's labels need, if its policy denies anything. */
static int label(const struct rein_launch *launch, struct rein_slot *slot, unsigned *flags, struct rein_error *err)
{
	int map;

	if (!rein_labels_wanted(launch))
		return 0;
	map = rein_labels_make(launch, &held, err);
	if (map < 0)
		return map;
	*flags |= REIN_STATE_LABELS;
	return rein_slot_set(slot, REIN_MAP_LABELS, map, err);
}

static int prepare(struct rein_launch *launch, struct rein_error *err)
{
	unsigned flags = flags_of(launch->plan);
	struct rein_slot *slot = NULL;
	int r = rein_slot_enter(launch, REIN_MECH_BPF_FILE, &slot, err);

	if (r < 0)
		return r;
	if (slot->pins.facts.flavour == REIN_FILE_NONE) {
		release(launch);
		return rein_fail(err, EOPNOTSUPP, "bpf-file is not loaded any more; start again");
	}
	r = label(launch, slot, &flags, err);
	if (r < 0) {
		release(launch);
		return r;
	}
	/* The programs stay attached from load to unload: an agent needs only its state. */
	rein_slot_ready(slot, flags);
	return 0;
}

const struct rein_mech rein_mech_bpf_file = {
	.kind = REIN_MECH_BPF_FILE,
	.probe = rein_bpf_selftest_file,
	.prepare = prepare,
	.release = release,
};
