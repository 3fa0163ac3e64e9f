/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_HARNESS_CALLERS_H
#define REIN_TESTS_HARNESS_CALLERS_H

#include "agent/control.h"
#include "harness/agents.h"

/* A control socket in a real loop, with callers in processes of their own. */

/* What a caller found out, in memory that both sides see. */
struct found {
	int r, code;
	char text[1024];
	char state[32];
};

extern struct rein_trial_agent trial;
extern struct found *found;

/* For a suite: an agent with the breaker `deletes`, and its socket in a folder of its own. */
void callers_begin(void);
void callers_end(void);
/* The folder that the socket is in. */
const char *callers_directory(void);
/* Serves until the caller, which runs `ask` in a process of its own, is done. */
void serve(void (*ask)(void));
/* In a caller: one order as the commands give it. */
void order(const char *op, const char *breaker, bool refill);
/* In a caller that does not behave: a connection by hand, what is heard on it. */
int dial(void);
void hear_nonce(int fd, char nonce[64]);
void hear_reply(int fd);

#define ORDER(name, op, breaker, refill)    \
	static void name(void)              \
	{                                   \
		order(op, breaker, refill); \
	}

#endif
