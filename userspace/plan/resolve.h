/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PLAN_RESOLVE_H
#define REIN_PLAN_RESOLVE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/vec.h"

/* Where a path leads on this machine, link by link, and what stands in its way. */

/* A symbolic link that the path went through. Both strings are owned by the struct rein_resolved. */
struct rein_link {
	char *path; /* real but for its last component, which is the link */
	char *target;
};

enum rein_reach {
	REIN_REACH_EXISTS,
	REIN_REACH_MISSING, /* the folder above it, or above that, exists and can be searched */
	REIN_REACH_BLOCKED, /* `obstacle` is no folder, or one that the caller cannot search */
	REIN_REACH_PROCESS, /* in /proc/PID or /proc/self: a different thing for each process */
	REIN_REACH_LOOP,    /* nothing: more links than the kernel follows; all that it would look at are in `links` */
};

struct rein_resolved {
	enum rein_reach reach;
	char *path;	/* with every existing symlink resolved; also of what is missing; owned */
	char *above;	/* of what is missing: the deepest folder on the way that exists; owned; else NULL */
	char *obstacle; /* owned; NULL unless blocked */
	bool obstacle_directory;
	bool directory, regular, socket, device; /* of what exists */
	REIN_VEC(struct rein_link) links;
};

/*
 * Follows `path`, absolute and normal. The caller frees the result with rein_resolved_free. -EPERM for a link in a
 * folder where anyone may write, put there by a third user.
 */
int rein_resolve(const char *path, struct rein_resolved *ret_resolved, struct rein_error *err);
void rein_resolved_free(struct rein_resolved *resolved);

#endif
