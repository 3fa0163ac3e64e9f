/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/address.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"

static struct rein_network parse(const char *text)
{
	struct rein_network network = {0};
	struct rein_error err = {0};

	cr_assert_eq(rein_network_parse(text, &network, &err), 0, "%s: %s", text, err.text);
	return network;
}

Test(address, networks)
{
	static const uint8_t ten[16] = {10}, one[16] = {[15] = 1};
	struct rein_network network = parse("10.0.0.0/8");

	cr_assert(network.family == REIN_NET_V4 && network.prefix_bits == 8 && !memcmp(network.address, ten, 16));
	network = parse("::1");
	cr_assert(network.family == REIN_NET_V6 && network.prefix_bits == 128 && !memcmp(network.address, one, 16));
	cr_assert_eq(parse("0.0.0.0/0").prefix_bits, 0);
	cr_assert_eq(parse("192.0.2.1").prefix_bits, 32);
}

Test(address, mapped_ones_are_IPv4)
{
	struct rein_network network = parse("::ffff:10.0.0.0/104"), same = parse("10.0.0.0/8");

	cr_assert_eq(memcmp(&network, &same, sizeof(same)), 0);
	network = parse("::ffff:0:0/96");
	cr_assert(network.family == REIN_NET_V4 && network.prefix_bits == 0);
	/* Wider than the mapped ones: an IPv6 network, which no IPv4 connection is judged by. */
	cr_assert_eq(parse("::/0").family, REIN_NET_V6);
}

Test(address, what_is_none)
{
	static const char *const bad[] = {
		"",
		"/8",
		"10/8",
		"10.0.0/8",
		"256.0.0.0/8",
		"10.0.0.0/-1",
		"10.0.0.0/08",
		"10.0.0.0/+8",
		"10.0.0.0/8 ",
		" 10.0.0.0/8",
		"10.0.0.0/8/8",
		"10.0.0.0/99999999999",
		"::1/129",
		"fe80::1%eth0/64",
		"1:2:3/64",
		"::ffff:10.0.0.1/104",
		"2001:db8::1/32",
		"0x0a.0.0.0/8",
		"10.0.0.1\n",
		"00000000000000000000000000000000000000000000000000000::1/128",
	};
	struct rein_network network;
	size_t i;

	for (i = 0; i < REIN_COUNT(bad); i++)
		cr_expect_lt(rein_network_parse(bad[i], &network, NULL), 0, "%s", bad[i]);
}

Test(address, contains)
{
	struct rein_network any = parse("0.0.0.0/0"), ten = parse("10.0.0.0/8"), low = parse("10.0.0.0/9"),
			    high = parse("10.128.0.0/9"), any6 = parse("::/0");

	cr_assert(rein_network_contains(&any, &ten) && rein_network_contains(&ten, &ten));
	cr_assert(rein_network_contains(&ten, &low) && rein_network_contains(&ten, &high));
	cr_assert(!rein_network_contains(&low, &ten) && !rein_network_contains(&low, &high));
	cr_assert(!rein_network_contains(&any6, &ten) && !rein_network_contains(&any, &any6));
}

Test(address, ports)
{
	static const char *const bad[] = {"",	 "0",	"-",   "1-",   "-1", "65536", "1-65536",
					  "2-1", "080", "1,2", "0-80", " 1", "http"};
	struct rein_port_range ports;
	size_t i;

	cr_assert(rein_ports_parse("443", &ports, NULL) == 0 && ports.low == 443 && ports.high == 443);
	cr_assert(rein_ports_parse("1-65535", &ports, NULL) == 0 && ports.low == 1 && ports.high == 65535);
	for (i = 0; i < REIN_COUNT(bad); i++)
		cr_expect_lt(rein_ports_parse(bad[i], &ports, NULL), 0, "%s", bad[i]);
}
