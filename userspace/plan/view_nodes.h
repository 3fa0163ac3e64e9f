/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PLAN_VIEW_NODES_H
#define REIN_PLAN_VIEW_NODES_H

#include "plan/view.h"

/* From rules to nodes: everything the view must look at, by real path, each path once. Used by plan/view.c alone. */

/* What a path is to the view besides what rules say. The later one wins where two meet. */
enum rein_role {
	REIN_ROLE_PLAIN,
	REIN_ROLE_SOCKET,
	REIN_ROLE_LINK,
	REIN_ROLE_SYS,
	REIN_ROLE_PRIVATE,
	REIN_ROLE_TERMINALS,
	REIN_ROLE_DEVICES,
	REIN_ROLE_PROC,
	REIN_ROLE_COUNT,
};

struct rein_node {
	char *path;   /* owned */
	char *target; /* of a link; owned */
	enum rein_role role;
	unsigned allow, deny; /* enum rein_access, of the rules at this very path */
	const struct rein_path_rule *allowed_by, *written_by, *denied_by;
	const struct rein_path_rule *verified_by; /* names the one content that may run; NULL: any */
	bool exists, directory, device;
	bool guarded;
	bool program; /* rein's own: everybody may run it, and nobody change it */
	bool bare;    /* something that a rule allows is missing in it */
};

/* An allow rule's path went through a link, which the agent must not have made. */
struct rein_crossing {
	char *link; /* owned */
	char *end;  /* where the whole path leads; owned */
	const struct rein_origin *origin;
};

struct rein_nodes {
	REIN_VEC(struct rein_node) items; /* sorted by rein_path_compare, each path once */
	REIN_VEC(struct rein_crossing) crossings;
	REIN_VEC(struct rein_absence) absent;
};

/* The caller frees *ret_nodes with rein_nodes_free, also after an error. */
int rein_nodes_collect(const struct rein_policy *policy, const struct rein_view_own *own, struct rein_nodes *ret_nodes,
		       struct rein_error *err);
void rein_nodes_free(struct rein_nodes *nodes);

#endif
