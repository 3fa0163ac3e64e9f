/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_EMIT_BPF_H
#define REIN_EMIT_BPF_H

#include <rein/event.h>

#include "agent.bpf.h"

/* Telling the agent's supervisor, through a ring of the agent's own: no neighbour can fill it. */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, REIN_SLOTS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_RINGBUF);
			__uint(max_entries, 256 * 1024);
		});
} rein_rings SEC(".maps");

/* What is no refusal leaves half of the ring to those that are. */
static __always_inline int ring_has_room(void *ring, __u32 kind)
{
	if (kind != REIN_EVENT_EXEC)
		return 1;
	return bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) < bpf_ringbuf_query(ring, BPF_RB_RING_SIZE) / 2;
}

static __always_inline void event_lost(struct rein_state *state, __u32 kind)
{
	__sync_fetch_and_add(&state->lost, 1);
	if (kind != REIN_EVENT_EXEC)
		__sync_fetch_and_add(&state->lost_denials, 1);
}

/*
 * An event to fill and hand to bpf_ringbuf_submit, all zero but for time, kind and breaker; NULL: counted as lost. Of
 * `size` bytes, a constant: what is more than the event itself is room for the writer, and nobody reads it.
 */
static __always_inline struct rein_raw_event *event_begin_sized(struct rein_state *state, __u32 kind, __u64 size)
{
	struct rein_raw_event *event = NULL;
	__u32 slot = state->slot;
	void *ring;

	ring = bpf_map_lookup_elem(&rein_rings, &slot);
	if (ring && ring_has_room(ring, kind))
		event = bpf_ringbuf_reserve(ring, size, 0);
	if (!event) {
		event_lost(state, kind);
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_ns();
	event->kind = kind;
	event->breaker = 0xff;
	return event;
}

static __always_inline struct rein_raw_event *event_begin(struct rein_state *state, __u32 kind)
{
	return event_begin_sized(state, kind, sizeof(struct rein_raw_event));
}

#endif
