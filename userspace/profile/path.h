/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_PATH_H
#define REIN_PROFILE_PATH_H

#include <stdbool.h>

#include "base/error.h"

/* Paths as text: absolute, without `.`, `..`, `//` and trailing `/`. */

/* Brings an absolute path into that form, in place. Refuses (EINVAL) what is relative, has `..` or control bytes; and
 * ENAMETOOLONG. */
int rein_path_clean(char *path, struct rein_error *err);

/* Whether `inner` is `outer` or below it. Both are clean. */
bool rein_path_contains(const char *outer, const char *inner);

/*
 * `path` with the symbolic links of all that exists of it resolved; the part that does not exist stays as it is. The
 * caller frees it. NULL without memory, or where it cannot be known (a loop, no permission).
 */
char *rein_path_real(const char *path);

#endif
