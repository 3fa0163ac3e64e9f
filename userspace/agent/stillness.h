/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_STILLNESS_H
#define REIN_AGENT_STILLNESS_H

#include "agent/agent.h"

/*
 * Sees to it that an agent that was stopped by signals stands still. A process can have SIGCONT sent to itself, by a
 * timer or a sibling, and SIGSTOP is not asked again; only the cgroup freezer has no such way round. So while such a
 * stop lasts, the kernel's own count of when each task ran is looked at: what moves is stopped again, and an agent of
 * which something keeps moving is ended after about a tenth of a second, since a freeze that does not hold is none.
 */

/* Starts looking, at an agent that has just been told to stop. */
int rein_stillness_begin(struct rein_agent *agent, struct rein_error *err);
/* Ends looking: it may move again, or is gone. Harmless where nothing began. */
void rein_stillness_end(struct rein_agent *agent);

#endif
