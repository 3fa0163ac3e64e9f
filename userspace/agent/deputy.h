/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_DEPUTY_H
#define REIN_AGENT_DEPUTY_H

#include "agent/verdict.h"

/*
 * Where the plan keeps addresses by the broker (rein_plan.by_broker), it connects and binds in the agent's place: it
 * takes a copy of the socket and of the address, judges the copies and uses them, so that nothing the agent rewrites
 * meanwhile changes what happens. The agent's own attempts are all refused by Landlock, which does not confine the
 * supervisor. So what is not of the internet may go on, as in any launch: whatever its memory turns into, it reaches no
 * other host.
 */

/* Whether the call is one of these. */
bool rein_deputy_acts(int nr);

/* Judges, charges and does it. Records what it refuses. */
struct rein_verdict_on_call rein_deputy_act(struct rein_agent *agent, const struct rein_filter *filter,
					    struct rein_question *q);

#endif
