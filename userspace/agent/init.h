/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_INIT_H
#define REIN_AGENT_INIT_H

#include "agent/start.h"

/*
 * The agent's PID 1: sets up what the agent will see, gives up every privilege, starts the command, reaps, stops and
 * resumes, and dies with its supervisor, which kills every process of the PID namespace. Entered by the child of the
 * clone with all signals blocked.
 */
_Noreturn void rein_init_main(const struct rein_start *start);

#endif
