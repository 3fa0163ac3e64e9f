/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_LAUNCH_H
#define REIN_AGENT_LAUNCH_H

#include "agent/agent.h"
#include "agent/start.h"

/*
 * Clones the agent's init into its namespaces and cgroup and writes its id maps. Fills agent->init_pid, init_pidfd and
 * init_socket; the init then waits for REIN_MESSAGE_RUN, having said READY. All signals must be blocked. On error no
 * process is left.
 */
int rein_launch_clone(struct rein_agent *agent, struct rein_start *start, struct rein_error *err);

#endif
