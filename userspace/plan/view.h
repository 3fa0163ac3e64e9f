/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PLAN_VIEW_H
#define REIN_PLAN_VIEW_H

#include "profile/policy.h"

/*
 * The view: what an agent sees of the file system, as an ordered list of places. What is not in it is not there for the
 * agent (or stands there as an empty name that nobody can open). Computed from the path rules and this machine's
 * folders before the start; the mount namespace is built from it and Landlock's rules are made from it, so that both
 * mechanisms keep the same picture.
 *
 * Effective access at a path is the union of the allow rules at or above it without the deny rules at or above it. A
 * place stands wherever that differs from what the place above gives. What may be executed can be read as well, since
 * the kernel opens a program for reading to run it; folders with nothing but execute cannot be listed. Two borders cut
 * the inheritance:
 *   - /tmp, /run, /dev/shm, $TMPDIR, /dev, /dev/pts and /proc are always the agent's own. A rule at or above them says
 *     what the agent may do with its own; the host's are reached only by rules beneath them, and such a host tree has
 *     just the access of the rules at it or beneath.
 *   - a write rule above /sys does not reach into it, and no rule may name /sys for writing.
 */

enum rein_place_kind {
	REIN_PLACE_TREE,    /* a file or folder of the host, with `access` */
	REIN_PLACE_PRIVATE, /* an empty file system of the agent's own: /tmp, /run, /dev/shm, $TMPDIR */
	REIN_PLACE_HIDDEN,  /* denied for reading: an empty thing nobody can open stands over it */
	REIN_PLACE_HELD,  /* denied and missing: a placeholder is made on the host, kept as `access` says, removed later
			   */
	REIN_PLACE_HINGE, /* a folder between a writable place and one below it, bound onto itself: it cannot be moved
			   */
	REIN_PLACE_LINK, /* a symbolic link to `target` that a rule's path went through and that no tree brings along */
	REIN_PLACE_PIN,	 /* a symbolic link in a writable tree that a denied path goes through: it stays as it is */
	REIN_PLACE_BARE, /* an undeclared folder in which a rule's path is missing: that it is missing can be seen */
	REIN_PLACE_PROC, /* /proc of the agent's PID namespace */
	REIN_PLACE_DEVICES,   /* /dev with null, zero, full, random, urandom, tty, ptmx */
	REIN_PLACE_TERMINALS, /* /dev/pts of the agent's own */
	REIN_PLACE_DEVICE,    /* something below the host's /dev that a rule names */
	REIN_PLACE_SOCKET,    /* a UNIX socket it may connect to, and nothing else */
};

struct rein_place {
	enum rein_place_kind kind;
	char *path;	 /* real: symlinks resolved; owned */
	char *target;	 /* of a link: its text; owned */
	unsigned access; /* enum rein_access, effective from here down */
	unsigned taken;	 /* of what the place above gives; Landlock cannot take it, only mounts can */
	bool directory;
	bool own;				  /* nothing of it is the host's */
	const struct rein_path_rule *rule;	  /* that decided; NULL for what rein adds */
	const struct rein_path_rule *verified_by; /* of a file: names the one content that may stand here */
	bool shielded;				  /* of a folder: see plan/view_shield.c */
	bool sheltered;				  /* stands in a shielded one and shows what that shows */
};

/* A rule whose path does not exist here and that therefore does nothing; the plan lists it. One of the two is set. */
struct rein_absence {
	const struct rein_path_rule *rule;
	const struct rein_unix_rule *socket;
};

struct rein_view {
	REIN_VEC(struct rein_place) places; /* sorted as rein_path_compare does: parents before children */
	REIN_VEC(struct rein_absence) absent;
};

/* What of the file system is rein's own. All may be NULL. */
struct rein_view_own {
	const char *const *guarded; /* folders and files that no agent may write (an error that names the rule) or read
				       (hidden); NULL-terminated */
	const char *program; /* that no agent may write either, but read and run, for `rein note`, unless a rule denies
				that */
};

/*
 * Computes the view. An allow rule whose path goes through a symbolic link that the agent could have
 * made is an error too: the agent would choose what it is allowed. The caller frees the view and keeps the policy
 * meanwhile.
 */
int rein_view_compute(const struct rein_policy *policy, const struct rein_view_own *own, struct rein_view *ret_view,
		      struct rein_error *err);
void rein_view_free(struct rein_view *view);

/* The place that decides about the absolute real path `path`; NULL where none does, so it is refused. */
const struct rein_place *rein_view_find(const struct rein_view *view, const char *path);

/* Whether the view needs mounts: whether a place takes away what the one above gives, or stands for one content. */
bool rein_view_has_carve_outs(const struct rein_view *view);

#endif
