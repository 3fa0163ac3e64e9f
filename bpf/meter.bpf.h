/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_METER_BPF_H
#define REIN_METER_BPF_H

#include "emit.bpf.h"

/* Counting, and the breakers that count along. */

/* What a charge came to: -1 passed; else the breaker that refused, with CHARGE_TRIPPED if this very charge opened it.
 */
#define CHARGE_PASSED (-1)
#define CHARGE_TRIPPED 0x100
#define CHARGE_BREAKER 0xf

/* Global, so that the verifier looks at its loop once and not once for each breaker and caller. */
__attribute__((noinline)) int charge_breaker(struct rein_breaker *breaker, __u64 n, __u64 now_ns)
{
	if (!breaker)
		return REIN_CHARGE_REFUSED;
	return rein_breaker_charge(&breaker->limit, &breaker->bucket, n, now_ns);
}

/* Charges the breakers of `meter` that are these programs' to keep, until one refuses. */
static __noinline int charge(struct rein_state *state, __u32 meter, __u64 n)
{
	__u32 mask = state->breakers_of[meter & 0xf];
	__u64 now = bpf_ktime_get_ns();

	for (int i = 0; mask && i < REIN_BREAKERS_MAX; i++, mask >>= 1) {
		int result;

		if (!(mask & 1) || state->breakers[i].mechanism != rein_mechanism)
			continue;
		result = charge_breaker(&state->breakers[i], n, now);
		if (result == REIN_CHARGE_TRIPPED)
			return i | CHARGE_TRIPPED;
		if (result != REIN_CHARGE_PASSED)
			return i;
	}
	__sync_fetch_and_add(&state->meters[meter & 0xf], n);
	return CHARGE_PASSED;
}

/* Stops the agent everywhere: a stricter latch replaces a milder one, never the other way round. */
static __always_inline void latch(struct rein_state *state, __u32 on_trip)
{
	__u32 wanted = 1 + on_trip, seen = REIN_LOAD(&state->latch);

	for (int i = 0; i < 1 + REIN_ON_TRIP_COUNT && seen < wanted; i++) {
		__u32 was = __sync_val_compare_and_swap(&state->latch, seen, wanted);

		if (was == seen)
			return;
		seen = was;
	}
}

/* After a refused charge: latches if the breaker wants the agent stopped, and returns its enum rein_on_trip. Where the
 * breaker was open already, whoever tripped it has latched. */
static __always_inline __u32 trip(struct rein_state *state, int charged)
{
	__u32 on_trip = state->breakers[charged & CHARGE_BREAKER].on_trip;

	__sync_fetch_and_add(&state->denials, 1);
	if ((charged & CHARGE_TRIPPED) && on_trip != REIN_ON_TRIP_DENY)
		latch(state, on_trip);
	return on_trip;
}

/* The event of a trip; NULL where another charge has opened the breaker and told of it. */
static __always_inline struct rein_raw_event *trip_event(struct rein_state *state, int charged, __u32 meter, __u64 n)
{
	struct rein_raw_event *event;

	if (!(charged & CHARGE_TRIPPED))
		return NULL;
	event = event_begin(state, REIN_EVENT_TRIP);
	if (!event)
		return NULL;
	event->breaker = charged & CHARGE_BREAKER;
	event->meter = meter;
	event->amount = n;
	return event;
}

#endif
