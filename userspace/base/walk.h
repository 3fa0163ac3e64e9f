/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_BASE_WALK_H
#define REIN_BASE_WALK_H

#include "base/error.h"

/*
 * Opens the folder that holds the file `path` (O_PATH), so that nobody but root and the caller decides where that is: a
 * symbolic link on the way is followed only where nobody else could have put it, and not in `workspace`, a real folder
 * that an agent of the caller's own user writes to as well, or NULL. *ret_name is the file's own name, within `path`;
 * it is empty after a trailing slash and is not looked at. The error says only what is wrong with the folder: the
 * caller puts in front which file it is about. Returns the descriptor, which the caller closes, or -errno; ELOOP for a
 * link that is not followed.
 */
int rein_walk_to_folder(const char *path, const char *workspace, const char **ret_name, struct rein_error *err);

/* The path of an open file or folder as the kernel has it, without links; the caller frees. NULL if it has none. */
char *rein_walk_path(int fd);

#endif
