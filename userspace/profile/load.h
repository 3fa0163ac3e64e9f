/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_LOAD_H
#define REIN_PROFILE_LOAD_H

#include "profile/policy.h"

/* Finding and reading profile files. */

/* The file of profile `name`: a path if it holds a `/`, relative to `from` (NULL: the current folder), else searched
 * for. The caller frees *ret_path. -ENOENT: none of that name. */
int rein_profile_find(const char *name, const char *from, const struct rein_profile_context *context, char **ret_path,
		      struct rein_error *err);

/*
 * Adds the file at `path` and all that it extends to the policy, the extended first, each file once. Fills neither the
 * name nor the ceiling in.
 */
int rein_profile_load(const char *path, const struct rein_profile_context *context, struct rein_policy *policy,
		      struct rein_error *err);

#endif
