/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_NAMED_BPF_H
#define REIN_NAMED_BPF_H

#include "agent.bpf.h"
#include "endpoint.bpf.h"

/*
 * Names. What the agent sends to port 53 of anybody goes to its supervisor, which answers on loopback; and addresses
 * that the answers brought may be connected to for a time.
 */

#define DNS_PORT 53
#define LOOPBACK_V4 0x7f000001

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, REIN_SLOTS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_HASH);
			__uint(map_flags, BPF_F_NO_PREALLOC);
			__uint(max_entries, 1);
			__uint(key_size, sizeof(struct rein_named_key));
			__uint(value_size, sizeof(struct rein_named_entry));
		});
} rein_net_names SEC(".maps");

/* Whom a socket thinks it asks: answers come back under that address. The kernel forgets the oldest. */
struct asked {
	__u32 address[4]; /* IPv4 in its mapped form */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* cookie of the socket */
	__type(value, struct asked);
} rein_net_asked SEC(".maps");

/* Whether a name has brought the address for that port: `now_ns` is when, 0 asks whether it ever has. */
static __noinline int named(struct rein_state *state, const struct endpoint *end, __u64 now_ns)
{
	struct rein_named_key key = {.family = end->key.family, .protocol = end->key.protocol};
	struct rein_named_entry *entry;
	__u32 slot = state->slot;
	void *names;

	if (!state->name_port)
		return 0;
	names = bpf_map_lookup_elem(&rein_net_names, &slot);
	if (!names)
		return 0;
	__builtin_memcpy(key.address, end->key.address, sizeof(key.address));
	entry = bpf_map_lookup_elem(names, &key);
	for (int i = 0; entry && i < REIN_NAMED_RANGES; i++) {
		const struct rein_named_range *range = &entry->ranges[i];

		if (range->until_ns && now_ns <= range->until_ns && end->port >= range->ports.low &&
		    end->port <= range->ports.high)
			return 1;
	}
	return 0;
}

/* The supervisor's own end on loopback. */
static __always_inline int is_name_server(const struct rein_state *state, const struct endpoint *end)
{
	const __u32 *address = (const __u32 *)end->key.address;

	if (!state->name_port || end->port != state->name_port)
		return 0;
	if (end->key.family == REIN_NET_V4)
		return address[0] == bpf_htonl(LOOPBACK_V4);
	return !address[0] && !address[1] && !address[2] && address[3] == bpf_htonl(1);
}

static __always_inline void asked_remember(struct bpf_sock_addr *ctx, __u32 a, __u32 b, __u32 c, __u32 d)
{
	struct asked asked = {{a, b, c, d}};
	__u64 cookie = bpf_get_socket_cookie(ctx);

	bpf_map_update_elem(&rein_net_asked, &cookie, &asked, BPF_ANY);
}

static __always_inline void redirect_v4(struct bpf_sock_addr *ctx, const struct rein_state *state)
{
	asked_remember(ctx, 0, 0, bpf_htonl(0xffff), ctx->user_ip4);
	ctx->user_ip4 = bpf_htonl(LOOPBACK_V4);
	ctx->user_port = bpf_htons((__u16)state->name_port);
}

/* A mapped address stays one: the socket talks IPv4. */
static __always_inline void redirect_v6(struct bpf_sock_addr *ctx, const struct rein_state *state)
{
	int mapped = !ctx->user_ip6[0] && !ctx->user_ip6[1] && ctx->user_ip6[2] == bpf_htonl(0xffff);

	asked_remember(ctx, ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]);
	ctx->user_ip6[0] = 0;
	ctx->user_ip6[1] = 0;
	ctx->user_ip6[2] = mapped ? bpf_htonl(0xffff) : 0;
	ctx->user_ip6[3] = mapped ? bpf_htonl(LOOPBACK_V4) : bpf_htonl(1);
	ctx->user_port = bpf_htons((__u16)state->name_port);
}

/* NULL: the socket has asked nobody. */
static __always_inline struct asked *asked_of(struct bpf_sock_addr *ctx)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);

	return bpf_map_lookup_elem(&rein_net_asked, &cookie);
}

#endif
