/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_FOLDER_H
#define REIN_AGENT_FOLDER_H

#include "base/error.h"

/* Folders of rein's own: made by the caller, of the caller's, closed to everybody else. */

/* Whether `path` is such a folder, and no symlink to one: 0, or -errno with what is wrong and what to do about it. */
int rein_folder_check(const char *path, struct rein_error *err);
/* Makes `path` and what is missing above it, mode 0700, and checks it. */
int rein_folder_make(const char *path, struct rein_error *err);
/* Removes the files in folder `name` of the folder `parent_fd`, and it; never descends, never follows. */
int rein_folder_remove(int parent_fd, const char *name);

#endif
