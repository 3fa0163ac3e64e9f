/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/held.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/cleanup.h"
#include "mech/mounts.h"
#include "plan/path.h"

/* The modification time of a placeholder, which its agent, having it read-only, cannot set. */
static const struct timespec mark = {.tv_sec = 1, .tv_nsec = 0};

static bool marked(const struct stat *folder)
{
	return folder->st_mtim.tv_sec == mark.tv_sec && folder->st_mtim.tv_nsec == mark.tv_nsec;
}

static int no_memory(struct rein_error *err)
{
	return rein_fail(err, ENOMEM, "out of memory");
}

/* The folder that holds the last component of the first `length` bytes of `path`. */
static int open_parent(const char *path, size_t length, const char **ret_name)
{
	REIN_AUTO_FD int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	REIN_AUTO_FREE char *parent = NULL;

	while (path[length - 1] != '/')
		length--;
	*ret_name = path + length;
	parent = strndup(path, length);
	return !parent || root < 0 ? -ENOMEM : rein_mounts_open(root, parent);
}

static int mark_made(const struct rein_launch *launch, int fd, struct rein_error *err)
{
	const struct timespec times[] = {mark, mark};

	/* The agent must be able to use the folders above, and its user to remove what a killed supervisor left. */
	if (launch->privileged && fchown(fd, launch->who.uid, launch->who.gid))
		return rein_fail_errno(err, "cannot give the placeholder to the agent's user");
	return futimens(fd, times) ? rein_fail_errno(err, "cannot mark the placeholder") : 0;
}

/* Opens and locks one.name; `made`: it was just made by this launch. */
static int take(struct rein_held_one *one, const struct rein_launch *launch, bool made, struct rein_error *err)
{
	struct stat what;
	int r = 0;

	one->fd = openat(one->parent_fd, one->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (one->fd < 0)
		return rein_fail_errno(err, "cannot open it");
	if (flock(one->fd, LOCK_SH | LOCK_NB))
		return rein_fail_errno(err,
				       "it is being removed by another rein, or an agent has locked it; try again");
	if (made)
		r = mark_made(launch, one->fd, err);
	if (r < 0)
		return r;
	if (fstat(one->fd, &what))
		return rein_fail_errno(err, "cannot look at it");
	one->dev = what.st_dev;
	one->ino = what.st_ino;
	one->ours = made || marked(&what);
	return 0;
}

/* One folder of a held path: makes it if it is missing. `last` is what is denied; those above are its parents. */
static int hold(struct rein_held *held, const struct rein_launch *launch, const char *path, size_t length, bool last,
		struct rein_error *err)
{
	struct rein_held_one *one;
	const char *name;
	int parent = open_parent(path, length, &name);
	bool made;

	if (parent < 0)
		return rein_fail(err, -parent, "cannot open what is above it: %s", strerror(-parent));
	one = rein_vec_add(&held->items);
	if (!one || !(one->name = strndup(name, length - (size_t)(name - path)))) {
		close(parent);
		if (one)
			held->items.count--;
		return no_memory(err);
	}
	one->parent_fd = parent;
	one->fd = -1;
	made = !mkdirat(parent, one->name, 0755);
	if (!made && errno != EEXIST)
		return rein_fail_errno(err, "cannot make a placeholder");
	if (!made && !last) {
		held->items.count--; /* there already: not ours to watch */
		free(one->name);
		close(parent);
		return 0;
	}
	return take(one, launch, made, err);
}

static int hold_path(struct rein_held *held, const struct rein_launch *launch, const char *path, struct rein_error *err)
{
	int r = 0;
	size_t length;

	for (length = rein_path_next(path, 0); !r && path[length]; length = rein_path_next(path, length))
		r = hold(held, launch, path, length, false, err);
	if (!r)
		r = hold(held, launch, path, length, true, err);
	return r < 0 ? rein_context(err, "cannot hold %s", path) : 0;
}

/* A folder that denies something and stands empty may be another agent's placeholder, which must not go away now. */
static bool may_be_placeholder(const struct rein_place *place)
{
	struct stat what;

	return place->kind == REIN_PLACE_TREE && place->taken && place->directory && !place->own &&
	       !lstat(place->path, &what) && S_ISDIR(what.st_mode) && marked(&what);
}

int rein_held_make(const struct rein_launch *launch, struct rein_held *ret_held, struct rein_error *err)
{
	const struct rein_view *view = &launch->plan->view;
	int r = 0;

	memset(ret_held, 0, sizeof(*ret_held));
	for (size_t i = 0; !r && i < view->places.count; i++) {
		const struct rein_place *place = &view->places.items[i];

		if ((place->kind == REIN_PLACE_HELD && !place->own) || may_be_placeholder(place))
			r = hold_path(ret_held, launch, place->path, err);
	}
	if (r < 0)
		rein_held_remove(ret_held);
	return r;
}

static void let_go(struct rein_held_one *one)
{
	struct stat what;

	/* Alone with it, and it is still the one: rmdir refuses if anything is in it. */
	if (one->ours && one->fd >= 0 && !flock(one->fd, LOCK_EX | LOCK_NB) &&
	    !fstatat(one->parent_fd, one->name, &what, AT_SYMLINK_NOFOLLOW) && what.st_dev == one->dev &&
	    what.st_ino == one->ino)
		(void)unlinkat(one->parent_fd, one->name, AT_REMOVEDIR);
	if (one->fd >= 0)
		close(one->fd);
	close(one->parent_fd);
	free(one->name);
}

void rein_held_remove(struct rein_held *held)
{
	while (held->items.count)
		let_go(&held->items.items[--held->items.count]);
	rein_vec_free(&held->items);
}
