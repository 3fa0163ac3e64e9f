/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_CONTROL_H
#define REIN_AGENT_CONTROL_H

#include "agent/agent.h"
#include "agent/registry.h"

/*
 * The control socket of an agent: `control` in its folder of the registry (agent/registry.h), SOCK_SEQPACKET, one JSON
 * greeting, one request that quotes its nonce, one reply (agent/orders.h says what they hold). The peer must be the
 * user who started the agent, or root, and must not be inside any agent: its PID namespace must be the supervisor's
 * own.
 */
int rein_control_open(struct rein_agent *agent, const char *directory, uid_t starter, struct rein_error *err);
void rein_control_close(struct rein_agent *agent);

/* Client side. Finds the running agent whose id is `id` or, alone, begins with it. -ESRCH: none, -EINVAL: several. */
int rein_control_find(const char *id, struct rein_registered *ret_agent, struct rein_error *err);
/* Sends `request` (borrowed) to that agent; the caller owns *ret_reply. -EPERM: not for this caller; other errors as
 * the supervisor reported them. */
int rein_control_ask(const struct rein_registered *agent, const json_t *request, json_t **ret_reply,
		     struct rein_error *err);

#endif
