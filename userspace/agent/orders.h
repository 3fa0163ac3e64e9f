/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_ORDERS_H
#define REIN_AGENT_ORDERS_H

#include "agent/agent.h"
#include "agent/peer.h"

/* What people may ask of an agent through its control socket. */

/*
 * Carries out one admitted request and returns the reply, which the caller owns; NULL without memory. A reply has "ok";
 * where that is false, "error" (a sentence) and "errno". Every order that was carried out is in the audit.
 *   {"op": "status"}
 *   {"op": "trip" | "reset", "breaker": NAME or null, "refill": bool}
 *   {"op": "freeze" | "thaw" | "kill"}
 */
json_t *rein_orders_take(struct rein_agent *agent, const struct rein_peer *peer, const json_t *request);
/* The reply to what was refused. */
json_t *rein_orders_error(const struct rein_error *err);

/* What the agent is and how it stands; the caller owns it. */
json_t *rein_agent_status(const struct rein_agent *agent);

#endif
