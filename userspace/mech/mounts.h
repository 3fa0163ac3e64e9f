/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_MOUNTS_H
#define REIN_MECH_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* The mount API that works on descriptors (kernel 5.12 for attributes that reach down a tree). */

/*
 * Opens `path`, absolute or not, inside the folder `root_fd` as O_PATH, following no symbolic link and never leaving
 * it. Returns the descriptor or -errno.
 */
int rein_mounts_open(int root_fd, const char *path);

/* The same for reading, without waiting for anybody who would write a pipe. */
int rein_mounts_open_file(int root_fd, const char *path);

/* A detached copy of the tree at `fd` with everything mounted beneath. Returns a descriptor or -errno. */
int rein_mounts_copy(int fd);

/* Adds MOUNT_ATTR_* to the mount whose root is `fd`, or with `deep` to all mounts beneath it too. */
int rein_mounts_restrict(int fd, uint64_t attributes, bool deep);

/* Puts a detached tree onto the file or folder `target_fd`. */
int rein_mounts_attach(int tree_fd, int target_fd);

/* Makes the whole file system that is mounted at `fd` read-only, through whichever mount it is reached. */
int rein_mounts_seal(int fd);

/*
 * The folder `lower` shown through overlayfs, whose names nobody outside can replace. `lower` and `empty`, a folder
 * with nothing in it, are paths without `:`, `,` and `\\`. Returns a detached mount or -errno.
 */
int rein_mounts_overlay(const char *lower, const char *empty, uint64_t attributes);

struct rein_mounts_option {
	const char *key, *value; /* value NULL: a flag */
};

/* A new file system, detached. `options` ends with a NULL key and may be NULL. Returns a descriptor or -errno. */
int rein_mounts_make(const char *type, const struct rein_mounts_option *options, uint64_t attributes);

#endif
