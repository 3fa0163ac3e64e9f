/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_START_H
#define REIN_AGENT_START_H

#include <signal.h>
#include <stdbool.h>

#include "mech/mech.h"

/* What the agent's own processes need to know before the command runs; filled before the clone and copied by it. */
struct rein_start {
	struct rein_launch *launch;
	char *const *argv;
	char *const *envp;
	sigset_t mask;	  /* signals that were blocked when rein was started: the command's */
	bool terminal[3]; /* which of standard input, output and error were a terminal: they become the agent's own */
	int socket;	  /* the init's end, see agent/message.h */
};

/*
 * The last steps of the process that becomes the command; runs as the agent's user, without privileges. `status_fd` is
 * closed by a successful exec and gets one byte before a failed one ends; `terminal_fd` is the agent's terminal, or -1.
 */
_Noreturn void rein_start_command(const struct rein_start *start, int status_fd, int terminal_fd);

#endif
