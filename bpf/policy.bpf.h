/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_POLICY_BPF_H
#define REIN_POLICY_BPF_H

#include "agent.bpf.h"
#include "endpoint.bpf.h"

/* May this agent talk to, or listen on, that address and port? One longest-prefix match in a trie of the agent's own.
 */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, REIN_SLOTS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_LPM_TRIE);
			__uint(map_flags, BPF_F_NO_PREALLOC);
			__uint(max_entries, 1);
			__uint(key_size, sizeof(struct rein_net_key));
			__uint(value_size, sizeof(struct rein_net_entry));
		});
} rein_net_tries SEC(".maps");

/* F_INNER_MAP: each agent's has as many bitmaps as its policy needs (from 5.10 on). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, REIN_SLOTS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(map_flags, BPF_F_INNER_MAP);
			__uint(max_entries, 1);
			__uint(key_size, sizeof(__u32));
			__uint(value_size, sizeof(struct rein_port_bitmap));
		});
} rein_net_ports SEC(".maps");

static __always_inline int port_in_bitmap(__u32 slot, __u32 index, __u16 port)
{
	struct rein_port_bitmap *bitmap;
	void *ports;

	ports = bpf_map_lookup_elem(&rein_net_ports, &slot);
	if (!ports)
		return 0;
	bitmap = bpf_map_lookup_elem(ports, &index);
	if (!bitmap)
		return 0;
	return (bitmap->words[port >> 6] >> (port & 63)) & 1;
}

static __always_inline int port_in_entry(__u32 slot, const struct rein_net_entry *entry, __u16 port)
{
	if (entry->nr_ranges == REIN_NET_USE_BITMAP)
		return port_in_bitmap(slot, entry->bitmap, port);
	for (__u32 i = 0; i < REIN_NET_RANGES && i < entry->nr_ranges; i++)
		if (port >= entry->ranges[i].low && port <= entry->ranges[i].high)
			return 1;
	return 0;
}

static __noinline int allowed(struct rein_state *state, const struct endpoint *end, __u8 direction)
{
	struct rein_net_key key = end->key;
	struct rein_net_entry *entry;
	__u32 slot = state->slot;
	void *trie;

	key.direction = direction;
	trie = bpf_map_lookup_elem(&rein_net_tries, &slot);
	if (!trie)
		return 0;
	entry = bpf_map_lookup_elem(trie, &key);
	return entry && port_in_entry(slot, entry, end->port);
}

#endif
