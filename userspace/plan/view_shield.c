/* SPDX-License-Identifier: GPL-2.0 */
#include <mntent.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan/path.h"
#include "plan/view_build.h"

/*
 * A mount over a name goes away when somebody outside replaces what has the name, even in another mount namespace, and
 * what was put there instead shows. That must not happen to a checked file in a folder from which other content could
 * run. Such a folder is shown through overlayfs: mounts then stand on overlayfs's own names, which nobody outside can
 * replace. The outermost executable folder around the file is taken, so that a folder in between cannot be exchanged
 * either; where nothing around it is executable, its own folder, so that the agent keeps the program. What may be
 * written stays as it is, since overlayfs would divert the writes.
 */

static bool is_host_folder(const struct rein_place *place)
{
	return place->kind == REIN_PLACE_TREE && place->directory && !place->own &&
	       !(place->access & REIN_ACCESS_WRITE) && strcmp(place->path, "/") != 0;
}

/* Overlayfs shows what a mount beneath hides. Whoever cannot tell says yes. */
static bool holds_mounts(const char *path)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *entry;
	bool found = !mounts;

	while (!found && (entry = getmntent(mounts)))
		found = strcmp(entry->mnt_dir, path) != 0 && rein_path_within(entry->mnt_dir, path);
	if (mounts)
		endmntent(mounts);
	return found;
}

/* How many of the open places, from the innermost, are folders of the host that cannot be written, one in another. */
static size_t count_folders(const struct rein_view *view, const struct rein_open_places *open)
{
	size_t n = 0;

	while (n < open->count && is_host_folder(&view->places.items[open->items[open->count - 1 - n]]))
		n++;
	return n;
}

static bool shield_executable(struct rein_view *view, const struct rein_open_places *open)
{
	size_t i = open->count - count_folders(view, open);
	struct rein_place *places = view->places.items;

	while (i < open->count && !(places[open->items[i]].access & REIN_ACCESS_EXECUTE))
		i++;
	if (i == open->count || holds_mounts(places[open->items[i]].path))
		return false;
	places[open->items[i]].shielded = true;
	while (++i < open->count)
		places[open->items[i]].sheltered = true;
	return true;
}

void rein_view_shield(struct rein_view *view, const struct rein_open_places *open, const char *path, size_t *ret_length)
{
	size_t length = (size_t)(strrchr(path, '/') - path);
	REIN_AUTO_FREE char *folder = strndup(path, length);
	struct rein_place *inner;

	*ret_length = 0;
	if (!length || !folder || !count_folders(view, open) || shield_executable(view, open) || holds_mounts(folder))
		return;
	inner = &view->places.items[open->items[open->count - 1]];
	if (!strcmp(inner->path, folder))
		inner->shielded = true;
	else
		*ret_length = length;
}
