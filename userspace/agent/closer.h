/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_CLOSER_H
#define REIN_AGENT_CLOSER_H

#include "base/error.h"

/*
 * Copies of the agent's descriptors are closed by a thread of its own: the last close of a file can take as long as the
 * agent likes, of a socket by SO_LINGER, and the loop waits for nobody. One for each process.
 */

/* Starts the thread; a second start without a stop is an error of the caller. */
int rein_closer_start(struct rein_error *err);
/* Lets the thread go, which still closes what it was given. Does nothing if it was not started. */
void rein_closer_stop(void);

/* Takes over `copy`, which is closed soon. Where the thread has fallen behind it stays open: of files that may be open
 * there is a limit, past which there are no more copies and the calls that need one are refused. */
void rein_closer_take(int copy);

static inline void rein_cleanup_copy(const int *copy)
{
	if (*copy >= 0)
		rein_closer_take(*copy);
}

/* As REIN_AUTO_FD, for copies. */
#define REIN_AUTO_COPY __attribute__((cleanup(rein_cleanup_copy)))

#endif
