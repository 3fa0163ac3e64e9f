/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_LABEL_TREE_H
#define REIN_MECH_LABEL_TREE_H

#include <rein/label.h>

#include "base/vec.h"
#include "plan/view.h"

/*
 * What the carve-outs of a view stand on: each thing that is denied and each folder above it, opened, so that neither
 * can be mistaken for another, nor its number given to another, as long as the tree lives.
 */

struct rein_label_node {
	size_t above; /* index of the folder that it is a name in; REIN_LABEL_NOWHERE: it is not found by its name */
	char *name;   /* in that folder; owned; NULL at the root and for what is not found by its name */
	int fd;	      /* O_PATH; -1: not there */
	unsigned deny, deny_below; /* enum rein_label_deny: of it, and of what is denied further down */
	uint32_t rule, rule_below; /* index of the path rule that says so */
	uint64_t inode;		   /* as the kernel keeps them; set by rein_label_tree_identify */
	uint32_t device;
};

#define REIN_LABEL_NOWHERE ((size_t)-1)

struct rein_label_tree {
	REIN_VEC(struct rein_label_node) nodes; /* parents before children */
};

/* Whether the view denies something that labels can keep. */
bool rein_label_tree_wanted(const struct rein_view *view);

/*
 * Opens what `view` denies here: things, names, folders above them, mounts beneath, and files beneath that have other
 * names, up to REIN_LABEL_LOOK_MAX entries of each. Descriptors are taken above the soft limit where the hard one
 * leaves room, so that they are in nobody's way. The caller frees the tree, also after an error, which names the line.
 */
int rein_label_tree_open(const struct rein_view *view, const struct rein_path_rule *rules,
			 struct rein_label_tree *ret_tree, struct rein_error *err);
/* Fills in inode and device of every node that is there. */
int rein_label_tree_identify(struct rein_label_tree *tree, struct rein_error *err);
void rein_label_tree_free(struct rein_label_tree *tree);

/* One more node outside the tree for what is open as `fd`, which it takes over. -ENOMEM, -E2BIG. */
int rein_label_tree_add(struct rein_label_tree *tree, int fd, unsigned deny, uint32_t rule);
/* What is denied of node `index` by itself and those above it; *ret_rule: by the lowest of them. */
unsigned rein_label_tree_denied(const struct rein_label_tree *tree, size_t index, uint32_t *ret_rule);
/* label_beneath.c: the mounts and the files with other names beneath the denied `place`, which is node `index`. */
int rein_label_tree_add_names(struct rein_label_tree *tree, size_t index, const char *path, struct rein_error *err);
int rein_label_tree_add_mounts(struct rein_label_tree *tree, const struct rein_view *view, const size_t *node_of,
			       struct rein_error *err);

#endif
