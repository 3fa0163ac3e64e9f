/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_ROOT_H
#define REIN_MECH_ROOT_H

#include "base/vec.h"
#include "mech/mech.h"

/* The agent's root while it is being built. All descriptors are O_PATH and closed before anything of the agent runs. */

/* A mount that must stay writable until everything is in it. */
struct rein_unfinished {
	int fd;
	uint64_t attributes; /* that it gets in the end */
};

struct rein_root {
	const struct rein_launch *launch;
	int host;  /* the host's root */
	int base;  /* scratch file system: templates, and the bare folders of the root; / meanwhile */
	int store; /* file system of the agent's own places, limited in size */
	int vault; /* file system of the copies that were checked, made with the first; -1 until then */
	int top;   /* the agent's root */
	int blank_file, blank_folder; /* what nobody can open */
	unsigned stored;	      /* folders made in the store */
	unsigned copied;	      /* files made in the vault */
	unsigned shields;	      /* folders shown through overlayfs */
	REIN_VEC(struct rein_unfinished) unfinished;
	REIN_VEC(char *) bare; /* folders of the root that hold places and are no place; owned */
};

/* MOUNT_ATTR_* for something of the given enum rein_access. */
uint64_t rein_root_attributes(unsigned access);

/* Leaves the host's root for a scratch one and opens all descriptors. The mount namespace must be the agent's own. */
int rein_root_open(struct rein_root *root, const struct rein_launch *launch, struct rein_error *err);
/* Puts every place of the view in, then names nobody can open for what else the host has beside them. */
int rein_root_fill(struct rein_root *root, struct rein_error *err);
/* Makes it read-only, makes it the root of this process, and lets the host's go. */
int rein_root_enter(struct rein_root *root, struct rein_error *err);
/* Closes and frees. Safe on a struct whose descriptors are all -1. */
void rein_root_close(struct rein_root *root);

/* Makes the folders above `path` and an empty file or folder there, if missing; for what is the agent's own. */
int rein_root_make(struct rein_root *root, const char *path, bool directory, struct rein_error *err);
/* Copies what `source_fd` is, with `attributes` all the way down, onto `path` in the agent's root. */
int rein_root_bind(struct rein_root *root, int source_fd, const char *path, uint64_t attributes,
		   struct rein_error *err);
/* Puts the detached `tree_fd` onto `path` in the agent's root. */
int rein_root_attach(struct rein_root *root, int tree_fd, const char *path, struct rein_error *err);
/* Remembers to restrict the mount `fd` in the end; takes the descriptor. */
int rein_root_finish_later(struct rein_root *root, int fd, uint64_t attributes, struct rein_error *err);

/* mech/kernel_fs.c: /proc, /dev and /dev/pts of the agent's own. */
int rein_root_put_proc(struct rein_root *root, const struct rein_place *place, struct rein_error *err);
int rein_root_put_devices(struct rein_root *root, const struct rein_place *place, struct rein_error *err);
int rein_root_put_terminals(struct rein_root *root, const struct rein_place *place, struct rein_error *err);

/* mech/verified.c: a file whose content is checked first and cannot change afterwards; see rein_path_rule.sha256. */
int rein_root_put_verified(struct rein_root *root, const struct rein_place *place, struct rein_error *err);
/* When all files are in: nobody writes the copies any more, whatever else is wrong. */
int rein_root_seal_vault(struct rein_root *root, struct rein_error *err);

/* mech/shield.c: a folder of the host that stays as it is under what stands on it; see plan/view_shield.c. */
int rein_root_put_shielded(struct rein_root *root, const struct rein_place *place, struct rein_error *err);

/* mech/siblings.c: names beside the places. */
int rein_root_put_siblings(struct rein_root *root, struct rein_error *err);

#endif
