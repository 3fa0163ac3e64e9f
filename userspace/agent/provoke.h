/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_PROVOKE_H
#define REIN_AGENT_PROVOKE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Watches what an agent prints for anything that a terminal may answer. An answer arrives as if it had been typed, so
 * one that comes after rein has left would be typed into the shell. Knows what is surely harmless (text, colours,
 * cursor movements, titles) and takes all else for a question. Pure.
 */
struct rein_provoke {
	int state;	      /* of the parser; 0 at first */
	unsigned char before; /* last byte */
	bool asked;	      /* since it was last cleared by the caller */
};

void rein_provoke_see(struct rein_provoke *provoke, const char *bytes, size_t count);
/* Makes bytes harmless for good: whatever could begin a sequence becomes a question mark. */
void rein_provoke_blunt(char *bytes, size_t count);

#endif
