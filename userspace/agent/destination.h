/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_DESTINATION_H
#define REIN_AGENT_DESTINATION_H

#include <netinet/in.h>
#include <sys/un.h>

#include "mech/mech.h"

/* Socket addresses in the terms of a policy. */

union rein_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
	struct sockaddr_storage storage;
};

struct rein_destination {
	enum rein_net_direction direction;
	enum rein_net_family family;
	uint8_t address[16];
	uint16_t port;
	uint8_t protocol;
};

/* False if it is no internet address. IPv4 in IPv6 clothes is IPv4. The protocol is TCP until somebody knows better. */
bool rein_destination_of(const union rein_address *address, struct rein_destination *ret_destination);

/* Whether it is the machine's, or the agent's own, loopback. */
bool rein_destination_loopback(const struct rein_destination *to);

/* "192.0.2.1:443", "[::1]:80", a path; "" if it is none of them. */
void rein_address_text(const union rein_address *address, char *ret_text, size_t size);

/* Whether the policy allows it; with `any_address` ports and protocol alone are compared. Pure. */
bool rein_policy_names(const struct rein_policy *policy, const struct rein_destination *to, bool any_address);

/* The same for a launch: the one judge of addresses where no BPF is. Pure. */
bool rein_destination_allowed(const struct rein_launch *launch, const struct rein_destination *to);

#endif
