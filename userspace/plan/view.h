/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PLAN_VIEW_H
#define REIN_PLAN_VIEW_H

#include "profile/policy.h"

/*
 * The view: what an agent sees of the file system, as an ordered list of places. What is not in it is not there for the
 * agent (or stands there as an empty name that nobody can open). Computed from the path rules and this machine's
 * folders before the start; the mount namespace is built from it and Landlock's rules are made from it, so that both
 * mechanisms keep the same picture.
 */

enum rein_place_kind {
	REIN_PLACE_TREE,    /* a file or folder of the host, with `access` */
	REIN_PLACE_PRIVATE, /* an empty file system of the agent's own: /tmp, /run, /dev/shm, $TMPDIR */
	REIN_PLACE_HIDDEN,  /* denied for reading: an empty thing nobody can open stands over it */
	REIN_PLACE_HELD, /* denied and missing: a placeholder is made on the host, kept read-only, removed afterwards */
	REIN_PLACE_HINGE, /* a folder between a writable place and a carve-out, bound onto itself: it cannot be moved */
};

struct rein_place {
	enum rein_place_kind kind;
	char *path;	 /* real: symlinks resolved; owned */
	unsigned access; /* enum rein_access, effective from here down */
	bool directory;
	const struct rein_path_rule *rule; /* that decided; NULL for what rein adds */
};

/* A rule whose path does not exist here and that therefore does nothing; the plan lists it. */
struct rein_absence {
	const struct rein_path_rule *rule;
};

struct rein_view {
	REIN_VEC(struct rein_place) places; /* parents before children */
	REIN_VEC(struct rein_absence) absent;
};

/* Computes the view. `guarded` is a NULL-terminated list of rein's own folders that no agent may write (an error) or
 * read (hidden). The caller frees the view. */
int rein_view_compute(const struct rein_policy *policy, const char *const *guarded, struct rein_view *ret_view,
		      struct rein_error *err);
void rein_view_free(struct rein_view *view);

/* The place that decides about the absolute real path `path`; NULL where none does, so it is refused. */
const struct rein_place *rein_view_find(const struct rein_view *view, const char *path);

#endif
