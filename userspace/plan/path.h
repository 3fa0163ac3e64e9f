/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PLAN_PATH_H
#define REIN_PLAN_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Absolute paths without `.`, `..`, `//` and trailing `/`, compared component by component. */

/* Orders paths so that everything beneath a path follows it directly: `/a`, `/a/b`, `/a-b`. As strcmp otherwise. */
int rein_path_compare(const char *a, const char *b);

/* Whether `path` is `above` or beneath it. */
bool rein_path_within(const char *path, const char *above);

/* Length of the first part of `path` that is one component longer than its first `from` bytes; for "/" pass 0. */
size_t rein_path_next(const char *path, size_t from);

#endif
