/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_OUTER_H
#define REIN_AGENT_OUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "agent/relay.h"
#include "base/error.h"

/* The terminal that rein was started on, which it shares with a shell and must leave as it found it. */
struct rein_outer {
	int fd;	      /* -1: gone */
	bool blocks;  /* reading and writing wait: in a hurry only */
	bool input;   /* it can be read from at all, and rein has a claim to what is typed */
	bool reads;   /* what is typed there is for the agent */
	bool lines;   /* it stays in line mode: rein's output goes elsewhere, or it is a part of a pipeline */
	bool signals; /* ^C and ^Z stay signals: others in a pipeline must get them too */
	bool raw;     /* its modes are rein's now */
	bool in_front;
	struct termios saved;
};

/* Finds it among the standard descriptors, one of which must be a terminal. */
int rein_outer_open(struct rein_outer *ret_outer, struct rein_error *err);
/* What is typed is for the agent from now on. */
void rein_outer_listen(struct rein_outer *outer);
/* Whether rein's job is in its foreground now. */
void rein_outer_look(struct rein_outer *outer);
/* The modes that the agent's terminal should begin with. */
void rein_outer_modes(const struct rein_outer *outer, struct termios *ret_modes);
/* Passes every byte through from now on, if rein is in the foreground and not in line mode. */
void rein_outer_enter(struct rein_outer *outer);
/*
 * As rein_relay_fill and rein_relay_drain, from and to this terminal; never waits, although others may read and write
 * it at the same time.
 */
long rein_outer_fill(const struct rein_outer *outer, struct rein_relay *relay, char **ret_bytes);
int rein_outer_drain(const struct rein_outer *outer, struct rein_relay *relay);
/* Writes a few bytes of rein's own. */
void rein_outer_say(const struct rein_outer *outer, const char *text);
/*
 * Gives it back as it was. What has been typed is forgotten; if the agent `asked` the terminal something, waits for the
 * answers (not long), so that they do not arrive as input of the shell.
 */
void rein_outer_leave(struct rein_outer *outer, bool asked);
bool rein_outer_hung_up(const struct rein_outer *outer);
void rein_outer_lose(struct rein_outer *outer);

#endif
