/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_TERMINAL_H
#define REIN_AGENT_TERMINAL_H

#include "agent/agent.h"

/*
 * The agent's own pseudo-terminal, relayed to the one that rein was started on. Made whenever standard input, output or
 * error is a terminal; those of the three that are not terminals are passed on as they are. The agent never holds the
 * outer terminal. The pair is made by the agent's init in the agent's own /dev/pts, so that ttyname() works there; the
 * supervisor is sent the master side.
 */

/*
 * Takes over `master_fd` (closed on error too), before the command starts: gives it the outer terminal's size and
 * modes, makes the outer terminal raw if rein is in its foreground, and lets bytes flow through agent->loop.
 */
int rein_terminal_start(struct rein_agent *agent, int master_fd, struct rein_error *err);
/* The agent was stopped because it reads from its terminal in the background: what is typed is for it from now on. */
void rein_terminal_listen(struct rein_agent *agent);
/* SIGWINCH arrived. */
void rein_terminal_resize(struct rein_agent *agent);
/* The agent's foreground job stopped (^Z): gives the outer terminal back; and takes it again after SIGCONT. */
void rein_terminal_suspend(struct rein_agent *agent);
void rein_terminal_resume(struct rein_agent *agent);
/* Drains what the agent wrote last, restores the outer terminal. Safe in any state. */
void rein_terminal_close(struct rein_agent *agent);

#endif
