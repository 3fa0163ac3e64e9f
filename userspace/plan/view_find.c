/* SPDX-License-Identifier: GPL-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan/path.h"
#include "plan/view.h"

void rein_view_free(struct rein_view *view)
{
	for (size_t i = 0; i < view->places.count; i++) {
		free(view->places.items[i].path);
		free(view->places.items[i].target);
	}
	rein_vec_free(&view->places);
	rein_vec_free(&view->absent);
}

/* The place at exactly the first `length` bytes of `path`. */
static const struct rein_place *find_exact(const struct rein_view *view, char *path, size_t length)
{
	size_t low = 0, high = view->places.count;
	const struct rein_place *found = NULL;
	char saved = path[length];

	path[length] = 0;
	while (low < high && !found) {
		size_t middle = low + (high - low) / 2;
		int order = rein_path_compare(view->places.items[middle].path, path);

		if (!order)
			found = &view->places.items[middle];
		else if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	path[length] = saved;
	return found;
}

static bool decides(const struct rein_place *place)
{
	return place && place->kind != REIN_PLACE_LINK && place->kind != REIN_PLACE_BARE;
}

const struct rein_place *rein_view_find(const struct rein_view *view, const char *path)
{
	REIN_AUTO_FREE char *copy = strdup(path);
	const struct rein_place *place = NULL;
	size_t length = strlen(path);

	if (!copy)
		return NULL; /* nobody decides: refused */
	while (length && !decides(place)) {
		place = find_exact(view, copy, length);
		while (length && copy[--length] != '/')
			;
	}
	if (!decides(place))
		place = find_exact(view, (char[]){"/"}, 1);
	return decides(place) ? place : NULL;
}

bool rein_view_has_carve_outs(const struct rein_view *view)
{
	for (size_t i = 0; i < view->places.count; i++)
		if ((view->places.items[i].taken || view->places.items[i].verified_by) &&
		    view->places.items[i].kind != REIN_PLACE_LINK)
			return true;
	return false;
}
