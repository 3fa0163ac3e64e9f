/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_SEND_BPF_H
#define REIN_SEND_BPF_H

#include "endpoint.bpf.h"
#include "hook.bpf.h"

/*
 * bpf-net counts packets, and dropping one only makes a TCP stream wait. So that data fails while its breaker denies,
 * the call that hands it over is asked as well.
 */

#define SEND_PASSES (-1)

/* One of the kernel's own, such as NFS's, that an agent's call may drive and that others share. */
static __always_inline int is_kernels_own(struct socket *socket)
{
	struct sock *sk = BPF_CORE_READ(socket, sk);

	return sk && BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock);
}

static __always_inline int is_inet(struct socket *socket)
{
	__u16 family = BPF_CORE_READ(socket, sk, __sk_common.skc_family);

	return family == AF_INET || family == AF_INET6;
}

/* The breaker that denies sending now, whoever charges it. */
static __noinline int send_denied_by(struct rein_state *state)
{
	__u32 mask = state->breakers_of[REIN_METER_NET_TX_BYTES];

	for (int i = 0; mask && i < REIN_BREAKERS_MAX; i++, mask >>= 1)
		if (mask & 1 && state->breakers[i].on_trip == REIN_ON_TRIP_DENY &&
		    REIN_LOAD(&state->breakers[i].bucket.state) == REIN_BREAKER_OPEN)
			return i;
	return SEND_PASSES;
}

static __noinline int send_refuse(struct rein_state *state, int breaker)
{
	struct rein_raw_event *event;

	__sync_fetch_and_add(&state->denials, 1);
	event = event_begin(state, REIN_EVENT_DENY_BREAKER);
	if (!event)
		return -EPERM;
	event->breaker = breaker;
	event->meter = REIN_METER_NET_TX_BYTES;
	event->nr = REIN_FILE_OP_SEND;
	event->error = -EPERM;
	event_task(event);
	bpf_ringbuf_submit(event, 0);
	return -EPERM;
}

static __always_inline int send_judge(struct rein_state *state, struct socket *socket)
{
	int breaker;

	if (!state->breakers_of[REIN_METER_NET_TX_BYTES] || !is_inet(socket))
		return 0;
	breaker = send_denied_by(state);
	return breaker == SEND_PASSES ? 0 : send_refuse(state, breaker);
}

#endif
