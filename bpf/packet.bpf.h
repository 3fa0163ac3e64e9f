/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PACKET_BPF_H
#define REIN_PACKET_BPF_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "policy.bpf.h"

/* Reading one packet: its two ends and what it weighs. */

#define IP_OFFSET_MASK 0x1fff

struct packet {
	struct endpoint source, destination;
	__u64 bytes;  /* IP payload on the wire: a super-packet weighs what its segments will */
	__u32 header; /* of IP */
	__u8 protocol;
	__u8 data; /* it carries more than a TCP header */
};

static __always_inline int packet_ports(struct __sk_buff *skb, struct packet *packet)
{
	__be16 ports[2];

	if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP)
		return 0;
	if (bpf_skb_load_bytes(skb, packet->header, ports, sizeof(ports)))
		return 0;
	packet->source.port = bpf_ntohs(ports[0]);
	packet->destination.port = bpf_ntohs(ports[1]);
	return 1;
}

/* A later fragment has no ports to judge by; the hooks see datagrams before they are cut and after they are mended. */
static __always_inline int packet_v4(struct __sk_buff *skb, struct packet *packet)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) || ip.ihl < 5 || (ip.frag_off & bpf_htons(IP_OFFSET_MASK)))
		return 0;
	packet->protocol = ip.protocol;
	packet->header = ip.ihl * 4;
	endpoint_v4(&packet->source, ip.saddr, 0, ip.protocol);
	endpoint_v4(&packet->destination, ip.daddr, 0, ip.protocol);
	return packet_ports(skb, packet);
}

/* Extension headers could hide what is behind them: only TCP or UDP directly after the header is read. */
static __always_inline int packet_v6(struct __sk_buff *skb, struct packet *packet)
{
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
		return 0;
	packet->protocol = ip.nexthdr;
	packet->header = sizeof(ip);
	endpoint_v6(&packet->source, (const __u32 *)&ip.saddr, 0, ip.nexthdr);
	endpoint_v6(&packet->destination, (const __u32 *)&ip.daddr, 0, ip.nexthdr);
	return packet_ports(skb, packet);
}

static __always_inline __u32 transport_header(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 offset = 0;

	if (packet->protocol == IPPROTO_UDP)
		return sizeof(struct udphdr);
	bpf_skb_load_bytes(skb, packet->header + 12, &offset, sizeof(offset));
	return (offset >> 4) * 4;
}

static __always_inline void packet_weigh(struct __sk_buff *skb, struct packet *packet)
{
	__u32 header = transport_header(skb, packet), length = skb->len - packet->header;
	__u32 segments = skb->gso_segs;

	packet->data = length > header;
	packet->bytes = length;
	if (segments > 1)
		packet->bytes += (__u64)(segments - 1) * header;
}

/* 0: not a packet that rein can judge. */
static __always_inline int packet_read(struct __sk_buff *skb, struct packet *packet)
{
	__u8 version;
	int known;

	if (bpf_skb_load_bytes(skb, 0, &version, sizeof(version)))
		return 0;
	if (version >> 4 == 4)
		known = packet_v4(skb, packet);
	else if (version >> 4 == 6)
		known = packet_v6(skb, packet);
	else
		return 0;
	if (known)
		packet_weigh(skb, packet);
	return known;
}

#endif
