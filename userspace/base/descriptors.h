/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_BASE_DESCRIPTORS_H
#define REIN_BASE_DESCRIPTORS_H

#include <stddef.h>

#include "base/error.h"

/* Closes every descriptor from 3 on that is not among the `count` in `keep` (which may hold -1, and at most 16). */
int rein_descriptors_close_except(const int *keep, size_t count, struct rein_error *err);

#endif
