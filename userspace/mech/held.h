/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_HELD_H
#define REIN_MECH_HELD_H

#include <sys/stat.h>

#include "base/vec.h"
#include "mech/mech.h"

/*
 * What is denied and missing is held by an empty folder that the supervisor makes on the host for as long as an agent
 * needs it. Several agents can hold the same one: each has a shared lock on it, and who gets it alone at the end
 * removes it. A placeholder is known by its sticky bit, so that one left behind by a supervisor that was killed goes
 * away with the next agent.
 */

struct rein_held_one {
	int parent_fd;
	char *name; /* in it; owned */
	int fd;	    /* of the folder, with a shared lock */
	dev_t dev;
	ino_t ino;
	bool ours; /* a placeholder: removed in the end if it is empty and nobody else's */
	bool made; /* by this launch */
};

struct rein_held {
	REIN_VEC(struct rein_held_one) items; /* parents before children */
	REIN_VEC(char *) needless;	      /* paths that cannot be made by the agent's user either; owned */
};

/* Makes what is missing and locks every empty folder that denies something. On error it has undone its work. */
int rein_held_make(const struct rein_launch *launch, struct rein_held *ret_held, struct rein_error *err);
/* Removes placeholders that are still empty and that nobody else holds; closes and frees. */
void rein_held_remove(struct rein_held *held);

/* Whether nothing was made at `path` since the agent cannot make anything there. */
bool rein_held_is_needless(const struct rein_held *held, const char *path);

#endif
