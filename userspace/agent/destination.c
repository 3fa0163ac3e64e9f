/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/destination.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool rein_destination_of(const union rein_address *address, struct rein_destination *ret_destination)
{
	*ret_destination = (struct rein_destination){.protocol = IPPROTO_TCP};
	if (address->any.sa_family == AF_INET) {
		ret_destination->family = REIN_NET_V4;
		memcpy(ret_destination->address, &address->v4.sin_addr, 4);
		ret_destination->port = ntohs(address->v4.sin_port);
		return true;
	}
	if (address->any.sa_family != AF_INET6)
		return false;
	ret_destination->port = ntohs(address->v6.sin6_port);
	ret_destination->family = IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr) ? REIN_NET_V4 : REIN_NET_V6;
	if (ret_destination->family == REIN_NET_V4)
		memcpy(ret_destination->address, address->v6.sin6_addr.s6_addr + 12, 4);
	else
		memcpy(ret_destination->address, &address->v6.sin6_addr, 16);
	return true;
}

static bool covers(const uint8_t *prefix, unsigned bits, const uint8_t *address)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(prefix, address, whole))
		return false;
	return !rest || !((prefix[whole] ^ address[whole]) >> (8 - rest));
}

bool rein_policy_names(const struct rein_policy *policy, const struct rein_destination *to, bool any_address)
{
	bool allowed = false;

	for (size_t i = 0; i < policy->net.count; i++) {
		const struct rein_net_rule *rule = &policy->net.items[i];

		if (rule->direction != to->direction || rule->protocol != to->protocol || to->port < rule->port_low ||
		    to->port > rule->port_high)
			continue;
		if (!any_address &&
		    (rule->family != to->family || !covers(rule->address, rule->prefix_bits, to->address)))
			continue;
		if (rule->verdict != REIN_VERDICT_ALLOW)
			return false;
		allowed = true;
	}
	return allowed;
}

bool rein_destination_loopback(const struct rein_destination *to)
{
	static const uint8_t v6[16] = {[15] = 1};

	return to->family == REIN_NET_V4 ? to->address[0] == 127 : !memcmp(to->address, v6, sizeof(v6));
}

void rein_address_text(const union rein_address *address, char *ret_text, size_t size)
{
	struct rein_destination to;
	char text[INET6_ADDRSTRLEN] = "";

	ret_text[0] = '\0';
	if (address->any.sa_family == AF_UNIX)
		snprintf(ret_text, size, "%s%.107s", address->un.sun_path[0] ? "" : "@",
			 address->un.sun_path + !address->un.sun_path[0]);
	if (!rein_destination_of(address, &to))
		return;
	inet_ntop(to.family == REIN_NET_V4 ? AF_INET : AF_INET6, to.address, text, sizeof(text));
	snprintf(ret_text, size, to.family == REIN_NET_V4 ? "%s:%u" : "[%s]:%u", text, to.port);
}

/*
 * A network of its own reaches nobody: there the policy is what Landlock makes of it, ports of TCP whatever the
 * address, and nothing where Landlock knows no ports (below ABI 4).
 */
bool rein_destination_allowed(const struct rein_launch *launch, const struct rein_destination *to)
{
	const struct rein_plan *plan = launch->plan;
	bool own = !plan->host_network && (to->direction == REIN_NET_LISTEN || rein_destination_loopback(to));

	if (own && (to->protocol != IPPROTO_TCP || !plan->use[REIN_MECH_LANDLOCK] || launch->machine->landlock_abi < 4))
		return true;
	return rein_policy_names(launch->policy, to, own);
}
