/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_PROVOKE_H
#define REIN_AGENT_PROVOKE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Watches what an agent prints for anything that a terminal may answer. An answer arrives as if it had been typed, so
 * one that comes after rein has left would be typed into the shell. Knows what is surely harmless (text, colours,
 * cursor movements, titles) and takes all else for a question. Also remembers what it has switched on and not off
 * again, such as the alternate screen, since one that is stopped or killed does not clean up. Pure.
 */
struct rein_provoke {
	int state;	      /* of the parser; 0 at first */
	unsigned char before; /* last byte */
	bool asked;	      /* since it was last cleared by the caller */
	bool dressed;	      /* a sequence was seen, so colours may be on */
	unsigned changed;     /* private modes that are not as they normally are, a bit each */
	unsigned numbers[8];  /* of the sequence that is being read */
	unsigned nr_numbers;
};

void rein_provoke_see(struct rein_provoke *provoke, const char *bytes, size_t count);
#define REIN_PROVOKE_TEXT 256

/* What makes the screen as it normally is: ends a sequence that was cut off, plain text, modes back. "" if it is. */
void rein_provoke_undo(const struct rein_provoke *provoke, char ret_text[REIN_PROVOKE_TEXT]);
/* What brings the agent's modes on again after an undo. */
void rein_provoke_redo(const struct rein_provoke *provoke, char ret_text[REIN_PROVOKE_TEXT]);
/* Makes bytes harmless for good: whatever could begin a sequence becomes a question mark. */
void rein_provoke_blunt(char *bytes, size_t count);

#endif
