/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_BPF_H
#define REIN_AGENT_BPF_H

#include <rein/state.h>

#include "kernel.bpf.h"

/*
 * Which agent? Agents' cgroups stand side by side under one parent; whoever is below one of them, in sub-cgroups too,
 * has that cgroup as its ancestor at one known level.
 */

const volatile __u64 rein_parent_id = 0; /* cgroup id of the parent; 0 is no cgroup's */
const volatile __u32 rein_level = 0;	 /* of the agents' cgroups */
const volatile __u64 rein_build = 0;	 /* of these programs: another's can be attached beside them */
const volatile __u8 rein_mechanism = 0;	 /* enum rein_mechanism of these programs: which breakers they charge */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, REIN_SLOTS);
	__type(key, __u32);
	__type(value, struct rein_state);
} rein_states SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, REIN_SLOTS);
	__type(key, __u64);   /* cgroup id */
	__type(value, __u32); /* slot */
} rein_slots SEC(".maps");

/* The state of the agent whose cgroup that is. NULL: it has none, or one that these programs do not understand. */
static __always_inline struct rein_state *agent_of(__u64 cgroup_id)
{
	struct rein_state *state;
	__u32 *slot;

	slot = bpf_map_lookup_elem(&rein_slots, &cgroup_id);
	if (!slot)
		return NULL;
	state = bpf_map_lookup_elem(&rein_states, slot);
	if (!state || state->abi != REIN_ABI || state->cgroup_id != cgroup_id)
		return NULL;
	return state;
}

#endif
