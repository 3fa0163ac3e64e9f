/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_TERMINAL_H
#define REIN_AGENT_TERMINAL_H

#include "agent/agent.h"

/*
 * The agent's own pseudo-terminal, relayed to the one that rein was started on. Made whenever standard input, output or
 * error is a terminal; those of the three that are not terminals are passed on as they are. The agent never holds the
 * outer terminal.
 */

/* Before the clone: opens the pair, copies size and modes. *ret_slave_fd becomes the agent's terminal; the caller
 * closes it after the clone. ret_slave_fd is -1 and the terminal NULL where no standard descriptor is a terminal. */
int rein_terminal_open(struct rein_agent *agent, int *ret_slave_fd, struct rein_error *err);
/* After the clone: the outer terminal goes raw, bytes flow, window size follows. */
int rein_terminal_start(struct rein_agent *agent, struct rein_error *err);
/* SIGWINCH arrived. */
void rein_terminal_resize(struct rein_agent *agent);
/* The agent's foreground job stopped (^Z): gives the outer terminal back; and takes it again after SIGCONT. */
void rein_terminal_suspend(struct rein_agent *agent);
void rein_terminal_resume(struct rein_agent *agent);
/* Drains what the agent wrote last, restores the outer terminal. Safe in any state. */
void rein_terminal_close(struct rein_agent *agent);

#endif
