/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_NET_H
#define REIN_NET_H

#include <linux/types.h>

/*
 * Network policy as the kernel sees it: one LPM trie per agent, whose entries
 * are precomputed by userspace so that the longest match alone decides. An
 * address that is in no prefix is refused; so is a port outside the entry.
 */

enum rein_net_direction {
	REIN_NET_CONNECT, /* the far end of what the agent opens */
	REIN_NET_LISTEN,  /* the near end of what the agent binds */
};

enum rein_net_family {
	REIN_NET_V4 = 4, /* also IPv4 addresses in their IPv6-mapped form */
	REIN_NET_V6 = 6,
};

/* prefix_bits counts from `direction` on: REIN_NET_KEY_BASE_BITS + the prefix length of the address. */
struct rein_net_key {
	__u32 prefix_bits;
	__u8 direction; /* enum rein_net_direction */
	__u8 family;	/* enum rein_net_family */
	__u8 protocol;	/* IPPROTO_TCP or IPPROTO_UDP */
	__u8 zero;
	__u8 address[16]; /* network order; IPv4 in the first four bytes, the rest zero */
};

#define REIN_NET_KEY_BASE_BITS 32
#define REIN_NET_RANGES 7

struct rein_port_range {
	__u16 low, high; /* host order, both inclusive */
};

/* Up to REIN_NET_RANGES ranges stand here; more become a bitmap of all ports in the agent's port map. */
struct rein_net_entry {
	__u32 nr_ranges; /* REIN_NET_USE_BITMAP: `bitmap` is the key of a struct rein_port_bitmap */
	__u32 bitmap;
	struct rein_port_range ranges[REIN_NET_RANGES];
};

#define REIN_NET_USE_BITMAP 0xffffffffU

struct rein_port_bitmap {
	__u64 words[65536 / 64];
};

/*
 * Addresses that names brought, in a hash of the agent's own, beside the trie: ports, each until its own time. A new
 * connection is judged by the clock; the packets of one that was made go on.
 */
struct rein_named_key {
	__u8 family;   /* enum rein_net_family */
	__u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 zero[2];
	__u8 address[16]; /* as in rein_net_key */
};

#define REIN_NAMED_RANGES 8
#define REIN_NAMED_MAX 8192 /* addresses of one agent */

struct rein_named_range {
	struct rein_port_range ports;
	__u32 zero;
	__u64 until_ns; /* CLOCK_MONOTONIC; 0: no range */
};

struct rein_named_entry {
	struct rein_named_range ranges[REIN_NAMED_RANGES];
};

_Static_assert(sizeof(struct rein_named_key) == 20, "shared with the kernel");
_Static_assert(sizeof(struct rein_named_entry) == 128, "shared with the kernel");
_Static_assert(sizeof(struct rein_net_key) == 24, "shared with the kernel");
_Static_assert(sizeof(struct rein_net_entry) == 36, "shared with the kernel");
_Static_assert(sizeof(struct rein_port_bitmap) == 8192, "shared with the kernel");

#endif
