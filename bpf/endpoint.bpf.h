/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_ENDPOINT_BPF_H
#define REIN_ENDPOINT_BPF_H

#include <rein/net.h>

#include "kernel.bpf.h"

/* Addresses, in the form that policies are kept in. */

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

/* One end of a conversation. The key's direction and prefix are for whoever looks it up. */
struct endpoint {
	struct rein_net_key key;
	__u16 port; /* host order */
};

static __always_inline void endpoint_v4(struct endpoint *end, __u32 address, __u16 port, __u8 protocol)
{
	__builtin_memset(end, 0, sizeof(*end));
	end->key.family = REIN_NET_V4;
	end->key.prefix_bits = REIN_NET_KEY_BASE_BITS + 32;
	end->key.protocol = protocol;
	__builtin_memcpy(end->key.address, &address, sizeof(address));
	end->port = port;
}

/* IPv4 in its IPv6 clothes is IPv4. */
static __always_inline void endpoint_v6(struct endpoint *end, const __u32 *address, __u16 port, __u8 protocol)
{
	if (!address[0] && !address[1] && address[2] == bpf_htonl(0xffff)) {
		endpoint_v4(end, address[3], port, protocol);
		return;
	}
	__builtin_memset(end, 0, sizeof(*end));
	end->key.family = REIN_NET_V6;
	end->key.prefix_bits = REIN_NET_KEY_BASE_BITS + 128;
	end->key.protocol = protocol;
	__builtin_memcpy(end->key.address, address, 16);
	end->port = port;
}

#endif
