/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PLAN_VIEW_BUILD_H
#define REIN_PLAN_VIEW_BUILD_H

#include "plan/view.h"

/* A view in the making: shared by view.c and view_shield.c, of no use to others. */

/* The places that stand at and above the current path, as indexes into view->places; outermost first. */
REIN_VEC_TYPE(rein_open_places, size_t);

/*
 * Shields the folder of the file `path`, which is to stand over what its folder shows: sets rein_place.shielded and
 * .sheltered. *ret_length: 0, or so much of `path` as names a folder that needs a shielded place of its own.
 */
void rein_view_shield(struct rein_view *view, const struct rein_open_places *open, const char *path,
		      size_t *ret_length);

#endif
