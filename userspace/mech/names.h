/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_NAMES_H
#define REIN_MECH_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <rein/net.h>

#include "profile/policy.h"

/*
 * Which addresses did a name bring? The one table of it: the supervisor enters what it answers before it answers, and
 * whoever judges a connection asks. Where bpf-net judges, what is entered stands in the agent's map in the kernel too.
 */

struct rein_names;

#define REIN_NAMES_FOR_EVER UINT64_MAX

/* An address as the tables have it: IPv4 in the first four bytes, the rest zero. */
struct rein_ip {
	enum rein_net_family family;
	uint8_t address[16];
};

/* `map_fd` is the agent's map, -1 without bpf-net; borrowed, as the policy is. NULL without memory. */
struct rein_names *rein_names_new(const struct rein_policy *policy, int map_fd);
void rein_names_free(struct rein_names *names);

/*
 * The address was found under `name`, in lower case: opens the ports that the policy's hosts allow to that name,
 * without what they or a cidr line deny, until `until_ns`. -EACCES: that is no port at all; -ENOSPC: nothing that has
 * expired makes room for it; else -errno of the map.
 */
int rein_names_bring(struct rein_names *names, const char *name, const struct rein_ip *ip, uint64_t until_ns,
		     uint64_t now_ns);

/* Whether a name has brought the address for that port, and `now_ns` is within its time; 0 asks whether it ever was. */
bool rein_names_brought(const struct rein_names *names, const struct rein_ip *ip, uint8_t protocol, uint16_t port,
			uint64_t now_ns);

/* The rule that decides about a name: one that denies it at every port that others allow; else one that allows it;
 * NULL: none does. */
const struct rein_host_rule *rein_names_rule(const struct rein_policy *policy, const char *name);

#endif
