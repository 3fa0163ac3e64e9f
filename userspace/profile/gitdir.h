/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_GITDIR_H
#define REIN_PROFILE_GITDIR_H

#include <limits.h>

#include "base/error.h"

/*
 * What $GIT_COMMON_DIR stands for: the folder with the objects and refs of the repository whose checkout `workspace`
 * (absolute, real) is. It is WORKSPACE/.git, unless that is the file of a linked worktree or of a submodule.
 *
 * The agent can write that file, and what it names becomes writable at the next start. So it counts only if the far
 * end, which an agent in this workspace cannot write, points back here, is a repository, and belongs to the workspace's
 * owner; else the value is WORKSPACE/.git, which gives nothing that the workspace does not give. A symbolic link that
 * leads out of the workspace has no far end to ask, and is an error.
 */
int rein_git_common_dir(const char *workspace, char ret_path[PATH_MAX], struct rein_error *err);

/*
 * What of the checkout and of `common` (from rein_git_common_dir) decides which repository, and so which config with
 * its commands, git uses here and in other checkouts: the .git file, the ways back and forth of linked worktrees, and
 * their own configs. Calls add for each path that exists; ends with its first error.
 */
int rein_git_pointers(const char *workspace, const char *common,
		      int (*add)(void *context, const char *path, struct rein_error *err), void *context,
		      struct rein_error *err);

#endif
