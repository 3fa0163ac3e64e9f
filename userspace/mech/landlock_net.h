/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_LANDLOCK_NET_H
#define REIN_MECH_LANDLOCK_NET_H

#include "base/landlock_abi.h"
#include "plan/plan.h"

/*
 * Ports, which is all that Landlock knows of the network. On the host's network without bpf-net it alone keeps them, so
 * it allows what the policy allows for every address of both families. In a network namespace of the agent's own it
 * allows the ports of all rules, and beside bpf-net, which knows addresses too, it does so for TCP connections only.
 */

struct rein_landlock_ports {
	uint64_t handled;      /* enum rein_landlock_net: what the ruleset is to refuse but for the ports below */
	uint8_t rights[65536]; /* by port: enum rein_landlock_net */
};

/* Works out the ports of a plan for what the kernel can handle. Pure. */
void rein_landlock_ports_compute(const struct rein_plan *plan, uint64_t can_handle,
				 struct rein_landlock_ports *ret_ports);

/* Adds them to a ruleset that was made with ports->handled. */
int rein_landlock_ports_add(int ruleset_fd, const struct rein_landlock_ports *ports, struct rein_error *err);

#endif
