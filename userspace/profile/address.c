/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Decimal digits alone, at most `max`, no leading zero. Returns what follows, NULL if there is no such number. */
static const char *number_parse(const char *text, unsigned max, unsigned *ret_number)
{
	unsigned number = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		number = number * 10 + (unsigned)(*p - '0');
		if (number > max)
			return NULL;
	}
	if (p == text || (*text == '0' && p - text > 1))
		return NULL;
	*ret_number = number;
	return p;
}

static bool address_parse(const char *text, struct rein_network *ret_network)
{
	memset(ret_network, 0, sizeof(*ret_network));
	ret_network->family = strchr(text, ':') ? REIN_NET_V6 : REIN_NET_V4;
	ret_network->prefix_bits = ret_network->family == REIN_NET_V6 ? 128 : 32;
	return inet_pton(ret_network->family == REIN_NET_V6 ? AF_INET6 : AF_INET, text, ret_network->address) == 1;
}

void rein_address_mask(uint8_t address[16], unsigned bits)
{
	unsigned byte = bits / 8;

	if (bits >= 128)
		return;
	address[byte] &= (uint8_t) ~(0xff >> bits % 8);
	memset(address + byte + 1, 0, 15 - byte);
}

static int check_host_bits(const char *text, const struct rein_network *network, struct rein_error *err)
{
	int family = network->family == REIN_NET_V6 ? AF_INET6 : AF_INET;
	char whole[INET6_ADDRSTRLEN], one[INET6_ADDRSTRLEN];
	uint8_t masked[16];

	memcpy(masked, network->address, sizeof(masked));
	rein_address_mask(masked, network->prefix_bits);
	if (memcmp(masked, network->address, sizeof(masked)) == 0)
		return 0;
	inet_ntop(family, masked, whole, sizeof(whole));
	inet_ntop(family, network->address, one, sizeof(one));
	return rein_fail(
		err, EINVAL,
		"\"%.64s\" has bits set past its prefix; write %s/%u for the network or %s/%d for the one address",
		text, whole, network->prefix_bits, one, family == AF_INET6 ? 128 : 32);
}

/* An agent that connects to ::ffff:192.0.2.1 talks IPv4, so only IPv4 rules may decide about it. */
static void unmap(struct rein_network *network)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (network->family != REIN_NET_V6 || network->prefix_bits < 96 ||
	    memcmp(network->address, mapped, sizeof(mapped)) != 0)
		return;
	network->family = REIN_NET_V4;
	network->prefix_bits -= 96;
	memmove(network->address, network->address + 12, 4);
	memset(network->address + 4, 0, 12);
}

int rein_network_parse(const char *text, struct rein_network *ret_network, struct rein_error *err)
{
	const char *slash = strchr(text, '/'), *end = "";
	struct rein_network network;
	char address[INET6_ADDRSTRLEN + 1];
	unsigned bits;
	int r;

	snprintf(address, sizeof(address), "%.*s", slash ? (int)(slash - text) : (int)sizeof(address), text);
	if (!address_parse(address, &network) || (slash && slash - text >= (int)sizeof(address)))
		return rein_fail(err, EINVAL, "\"%.64s\" is not a network such as 10.0.0.0/8 or ::1/128", text);
	bits = network.prefix_bits;
	if (slash)
		end = number_parse(slash + 1, network.prefix_bits, &bits);
	if (!end || *end)
		return rein_fail(err, EINVAL, "\"%.64s\" has no prefix length between 0 and %u", text,
				 network.prefix_bits);
	network.prefix_bits = (uint8_t)bits;
	r = check_host_bits(text, &network, err);
	if (r < 0)
		return r;
	unmap(&network);
	*ret_network = network;
	return 0;
}

bool rein_network_contains(const struct rein_network *outer, const struct rein_network *inner)
{
	uint8_t masked[16];

	if (outer->family != inner->family || outer->prefix_bits > inner->prefix_bits)
		return false;
	memcpy(masked, inner->address, sizeof(masked));
	rein_address_mask(masked, outer->prefix_bits);
	return memcmp(masked, outer->address, sizeof(masked)) == 0;
}

int rein_ports_parse(const char *text, struct rein_port_range *ret_ports, struct rein_error *err)
{
	unsigned low = 0, high = 0;
	const char *end = number_parse(text, 65535, &low);

	high = low;
	if (end && *end == '-')
		end = number_parse(end + 1, 65535, &high);
	if (!end || *end || !low || !high)
		return rein_fail(err, EINVAL, "\"%.64s\" is not a port such as 443, or a range such as 3000-3999",
				 text);
	if (low > high)
		return rein_fail(err, EINVAL, "the range \"%.64s\" ends before it begins", text);
	ret_ports->low = (uint16_t)low;
	ret_ports->high = (uint16_t)high;
	return 0;
}
