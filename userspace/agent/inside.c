/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/inside.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/address.h"

static const struct rein_network inside[] = {
	{REIN_NET_V4, {0}, 8},
	{REIN_NET_V4, {10}, 8},
	{REIN_NET_V4, {100, 64}, 10}, /* shared by carriers */
	{REIN_NET_V4, {127}, 8},
	{REIN_NET_V4, {169, 254}, 16},
	{REIN_NET_V4, {172, 16}, 12},
	{REIN_NET_V4, {192, 0, 0}, 24},
	{REIN_NET_V4, {192, 168}, 16},
	{REIN_NET_V4, {198, 18}, 15}, /* for benchmarks */
	{REIN_NET_V4, {224}, 3},      /* multicast, reserved, broadcast */
	{REIN_NET_V6, {0}, 64},	      /* ::, ::1, mapped and compatible IPv4 */
	{REIN_NET_V6, {0, 0x64, 0xff, 0x9b, 0, 1}, 48},
	{REIN_NET_V6, {0x20, 0x01, 0}, 32}, /* Teredo */
	{REIN_NET_V6, {0xfc}, 7},
	{REIN_NET_V6, {0xfe, 0x80}, 9}, /* link-local, site-local */
	{REIN_NET_V6, {0xff}, 8},
};

/* IPv4 that is carried in IPv6, and where in it. */
static const struct {
	struct rein_network network;
	size_t at;
} carriers[] = {
	{{REIN_NET_V6, {0, 0x64, 0xff, 0x9b}, 96}, 12}, /* NAT64 */
	{{REIN_NET_V6, {0x20, 0x02}, 16}, 2},		/* 6to4 */
};

static struct rein_network network_of(const struct rein_ip *ip)
{
	struct rein_network network = {.family = ip->family, .prefix_bits = ip->family == REIN_NET_V4 ? 32 : 128};

	memcpy(network.address, ip->address, sizeof(network.address));
	return network;
}

static struct rein_ip carried(const struct rein_ip *ip)
{
	struct rein_network whole = network_of(ip);
	struct rein_ip inner = {.family = REIN_NET_V4};

	for (size_t i = 0; i < REIN_COUNT(carriers); i++)
		if (rein_network_contains(&carriers[i].network, &whole)) {
			memcpy(inner.address, ip->address + carriers[i].at, 4);
			return inner;
		}
	return *ip;
}

static bool is_same(const struct sockaddr *address, const struct rein_ip *ip)
{
	if (!address)
		return false;
	if (address->sa_family == AF_INET && ip->family == REIN_NET_V4)
		return !memcmp(&((const struct sockaddr_in *)address)->sin_addr, ip->address, 4);
	return address->sa_family == AF_INET6 && ip->family == REIN_NET_V6 &&
	       !memcmp(&((const struct sockaddr_in6 *)address)->sin6_addr, ip->address, 16);
}

/* Where the interfaces cannot be listed, every address may be ours. */
static bool is_own(const struct rein_ip *ip)
{
	struct ifaddrs *all;
	bool own = false;

	if (getifaddrs(&all))
		return true;
	for (const struct ifaddrs *one = all; one && !own; one = one->ifa_next)
		own = is_same(one->ifa_addr, ip);
	freeifaddrs(all);
	return own;
}

bool rein_ip_is_inside(const struct rein_ip *ip)
{
	struct rein_ip real = carried(ip);
	struct rein_network one = network_of(&real);

	for (size_t i = 0; i < REIN_COUNT(inside); i++)
		if (rein_network_contains(&inside[i], &one))
			return true;
	return is_own(&real);
}

bool rein_ip_is_declared(const struct rein_policy *policy, const struct rein_ip *ip)
{
	struct rein_network inner = network_of(ip);

	for (size_t i = 0; i < policy->net.count; i++) {
		const struct rein_net_rule *rule = &policy->net.items[i];
		struct rein_network outer = {.family = rule->family, .prefix_bits = rule->prefix_bits};

		memcpy(outer.address, rule->address, sizeof(outer.address));
		if (rule->verdict == REIN_VERDICT_ALLOW && rule->direction == REIN_NET_CONNECT &&
		    rein_network_contains(&outer, &inner))
			return true;
	}
	return false;
}
