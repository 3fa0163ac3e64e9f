/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_SLOT_H
#define REIN_MECH_BPF_SLOT_H

#include <rein/state.h>

#include "mech/bpf_pins.h"
#include "mech/mech.h"

/*
 * One agent's place in the pinned maps. A slot belongs to whoever holds the lock on its byte of REIN_RUN_DIR/slots; the
 * kernel drops the lock with its holder, so a slot cannot leak. What a dead holder left in the maps refuses everything
 * until the next holder clears it.
 */

struct rein_slot {
	struct rein_pins pins;
	int lock_fd;
	int number;
	int users; /* mechanisms of one launch that share it */
	uint64_t cgroup_id;
	struct rein_state *state; /* mapped */
	int ring_fd;		  /* -1: what happens is counted as lost */
	unsigned inner;		  /* 1 << enum rein_pinned_map: where it has an inner map */
};

/* None: released, or not claimed yet. */
extern const struct rein_slot rein_slot_none;

/* Opens the file of locks. */
int rein_slots_open(struct rein_error *err);
/* How many slots are held by anybody; -errno. */
int rein_slots_held(int fd);

/*
 * Takes a free slot for the agent of `cgroup_id`. Its state knows no breakers and its abi is 0 until rein_slot_ready,
 * so that hooks refuse what is in the cgroup. Call with the pins' lock held; takes over `pins`. -EUSERS: all are held.
 */
int rein_slot_claim(struct rein_pins *pins, uint64_t cgroup_id, struct rein_slot *ret_slot, struct rein_error *err);
/* Hooks act on the state from here on. */
void rein_slot_ready(struct rein_slot *slot, uint32_t flags);
/* Puts an inner map of this agent into the pinned array `map`. Takes over `fd`, a map or -1 with errno set. */
int rein_slot_set(struct rein_slot *slot, enum rein_pinned_map map, int fd, struct rein_error *err);
/* Empties the slot and frees it. */
void rein_slot_release(struct rein_slot *slot);

/* The slot of a launch: claimed for the first mechanism that asks, and shared. Fills launch->state, slot and ring_fd.
 */
int rein_slot_enter(struct rein_launch *launch, enum rein_mechanism mechanism, struct rein_slot **ret_slot,
		    struct rein_error *err);
/* The counterpart. When the last one leaves, launch->state is again what it was, with the last numbers in it. */
void rein_slot_leave(struct rein_launch *launch, enum rein_mechanism mechanism);

/*
 * While a launch has a slot it holds the links of every program that looks at it, so that they stay attached though
 * somebody removes what is pinned. An update attaches others, which are held instead from here on. -EALREADY: it has no
 * slot.
 */
int rein_slot_follow(struct rein_launch *launch, struct rein_error *err);

#endif
