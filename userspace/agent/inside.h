/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_INSIDE_H
#define REIN_AGENT_INSIDE_H

#include "mech/names.h"

/*
 * Whether an address is of this machine or of networks that are nobody's on the Internet: loopback, private,
 * link-local, multicast and the like, and every address of this host's interfaces now. No name may lead there unless a
 * cidr line declares the address. IPv4 inside of IPv6 (NAT64, 6to4) counts as what it is.
 */
bool rein_ip_is_inside(const struct rein_ip *ip);

/* Whether a cidr line of network.connect allows some port of the address. */
bool rein_ip_is_declared(const struct rein_policy *policy, const struct rein_ip *ip);

#endif
