/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_ADDRESSED_H
#define REIN_AGENT_ADDRESSED_H

#include "agent/verdict.h"

/* Calls about addresses, where no BPF sees them. */

/* An address in the terms of a policy. */
struct rein_destination {
	enum rein_net_direction direction;
	enum rein_net_family family;
	uint8_t address[16];
	uint16_t port;
	uint8_t protocol;
};

/* Whether the policy allows it; with `any_address` ports and protocol alone are compared. Pure. */
bool rein_policy_names(const struct rein_policy *policy, const struct rein_destination *to, bool any_address);

/* False for a connect() or bind() to an address that the policy does not name, which is then recorded. True for
 * everything else: Landlock or an empty network decide, on the memory that the kernel itself reads. */
bool rein_addressed_allows(struct rein_agent *agent, const struct rein_question *q);

/*
 * listen() where Landlock alone confines the network: it checks bind(), but a TCP socket that was never bound listens
 * on a port of the kernel's choice, on every address. The broker listens on its own copy of the socket, which it has
 * looked at, so that nothing can be put in its place. PASS for other calls.
 */
struct rein_verdict_on_call rein_addressed_listen(struct rein_agent *agent, const struct rein_question *q);

/* The address in argument `arg` for people: "192.0.2.1:443", "[::1]:80", a path; "" if it cannot be read. */
void rein_addressed_text(const struct rein_question *q, int arg, char *ret_text, size_t size);

#endif
