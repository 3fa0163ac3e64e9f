/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CMD_TMPDIR_H
#define REIN_CMD_TMPDIR_H

#include "base/error.h"
#include "mech/mech.h"

/*
 * $TMPDIR, which the agent has empty and of its own, over what is there: so it is never the workspace, a part of the
 * system or the user's home. `given` is what the caller set, or NULL; where it is not set, or not there, it is /tmp.
 * *ret_tmpdir is the real path, which the caller frees.
 */
int rein_tmpdir_find(const char *given, const char *workspace, const struct rein_identity *who, char **ret_tmpdir,
		     struct rein_error *err);

#endif
