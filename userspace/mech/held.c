/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/held.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/cleanup.h"
#include "mech/mounts.h"
#include "plan/path.h"

/*
 * Another supervisor holds a lock alone for a few system calls only; an agent that took one for longer is no reason to
 * wait.
 */
#define TRIES 1000

/* A placeholder has the sticky bit from its birth on: nobody ever sees it without. On one's own folder it does nothing.
 */
#define PLACEHOLDER_MODE (S_ISVTX | 0755)

static bool marked(const struct stat *folder)
{
	return (folder->st_mode & (S_ISVTX | S_IWOTH)) == S_ISVTX;
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

/* Opens one->name and locks it, if it is still there then. Returns 1 where another supervisor was just removing it. */
static int lock(struct rein_held_one *one, struct rein_error *err)
{
	struct stat named, opened;

	rein_cleanup_fd(&one->fd);
	one->fd = openat(one->parent_fd, one->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (one->fd < 0)
		return errno == ENOENT ? 1 : rein_fail_errno(err, "cannot open it");
	if (flock(one->fd, LOCK_SH | LOCK_NB))
		return errno == EWOULDBLOCK ? 1 : rein_fail_errno(err, "cannot lock it");
	if (fstat(one->fd, &opened) || fstatat(one->parent_fd, one->name, &named, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 1 : rein_fail_errno(err, "cannot look at it");
	one->dev = opened.st_dev;
	one->ino = opened.st_ino;
	one->ours = marked(&opened);
	return opened.st_ino != named.st_ino || opened.st_dev != named.st_dev;
}

static int give_away(const struct rein_launch *launch, struct rein_held_one *one, struct rein_error *err)
{
	one->made = true;
	/* The agent must be able to use the folders above, and its user to remove what a killed supervisor left. */
	if (launch->privileged && fchown(one->fd, launch->who.uid, launch->who.gid))
		return rein_fail_errno(err, "cannot give the placeholder to the agent's user");
	return 0;
}

/*
 * A folder that could not be made for want of write permission, by a supervisor of the agent's own user: the agent can
 * make nothing there either, unless the folder above is its own and it changes the mode.
 */
static bool is_needless(const struct rein_launch *launch, int parent, int error)
{
	struct stat above;

	if (error == EROFS)
		return true;
	return error == EACCES && !launch->privileged && !fstat(parent, &above) && above.st_uid != launch->who.uid;
}

static int add_needless(struct rein_held *held, const char *path, size_t length, struct rein_error *err)
{
	char **slot = rein_vec_add(&held->needless);

	if (!slot || !(*slot = strndup(path, length)))
		return no_memory(err);
	return 1;
}

static void free_one(struct rein_held_one *one)
{
	rein_cleanup_fd(&one->fd);
	rein_cleanup_fd(&one->parent_fd);
	free(one->name);
}

/* A placeholder's parent that is no placeholder itself is not ours to watch. */
static bool stands_by_itself(const struct rein_held_one *one)
{
	struct stat what;

	return !fstatat(one->parent_fd, one->name, &what, AT_SYMLINK_NOFOLLOW) && !marked(&what);
}

/*
 * Makes one->name if it is missing and locks it. `last` is what is denied; those above are its parents. Returns 1 where
 * there is nothing to hold: `*ret_needless` says whether that is because nobody could make it.
 */
static int make(struct rein_held_one *one, const struct rein_launch *launch, bool last, bool *ret_needless,
		struct rein_error *err)
{
	for (int i = 0; i < TRIES; i++) {
		int error = mkdirat(one->parent_fd, one->name, PLACEHOLDER_MODE) ? errno : 0;
		int r;

		*ret_needless = error && error != EEXIST && is_needless(launch, one->parent_fd, error);
		if (*ret_needless || (error == EEXIST && !last && stands_by_itself(one)))
			return 1;
		if (error && error != EEXIST)
			return rein_fail(err, error, "cannot make a placeholder: %s", strerror(error));
		r = lock(one, err);
		if (r <= 0)
			return r < 0 || error ? r : give_away(launch, one, err);
		sched_yield();
	}
	return rein_fail(err, EBUSY, "some process has locked it");
}

/* Returns 1 where there is no need to go further down. */
static int hold(struct rein_held *held, const struct rein_launch *launch, const char *path, size_t length, bool last,
		struct rein_error *err)
{
	struct rein_held_one *one = rein_vec_add(&held->items);
	bool needless = false;
	const char *name;
	int r;

	if (!one)
		return no_memory(err);
	one->fd = -1;
	one->parent_fd = open_parent(path, length, &name);
	if (one->parent_fd < 0)
		return rein_fail(err, -one->parent_fd, "cannot open what is above it: %s", strerror(-one->parent_fd));
	one->name = strndup(name, length - (size_t)(name - path));
	if (!one->name)
		return no_memory(err);
	r = make(one, launch, last, &needless, err);
	if (r != 1)
		return r;
	free_one(one);
	held->items.count--;
	return needless ? add_needless(held, path, length, err) : 0;
}

static int hold_path(struct rein_held *held, const struct rein_launch *launch, const char *path, struct rein_error *err)
{
	size_t length;
	int r = 0;

	for (length = rein_path_next(path, 0); !r && path[length]; length = rein_path_next(path, length))
		r = hold(held, launch, path, length, false, err);
	if (!r)
		r = hold(held, launch, path, length, true, err);
	return r < 0 ? rein_context(err, "cannot hold %s", path) : 0;
}

/*
 * A folder that denies something and looks like a placeholder may be another agent's, and must not go away now; it may
 * just have gone.
 */
static bool may_be_placeholder(const struct rein_place *place)
{
	struct stat what;

	if (place->kind != REIN_PLACE_TREE || !place->taken || !place->directory || place->own)
		return false;
	return lstat(place->path, &what) ? errno == ENOENT : S_ISDIR(what.st_mode) && marked(&what);
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

/* Removes the placeholder if it is empty; what has become a person's or the agent's folder loses the mark. */
static void remove_one(const struct rein_held_one *one)
{
	struct stat what;

	if (fstatat(one->parent_fd, one->name, &what, AT_SYMLINK_NOFOLLOW) || what.st_dev != one->dev ||
	    what.st_ino != one->ino)
		return; /* it is another one by now */
	if (unlinkat(one->parent_fd, one->name, AT_REMOVEDIR) && one->made)
		(void)fchmod(one->fd, what.st_mode & 0777);
}

/*
 * The shared lock goes first: of several who end at once, each asks for the lock alone only after it gave up its share,
 * so the last one gets it, or somebody who removes the folder has it.
 */
static void let_go(struct rein_held_one *one)
{
	if (one->ours && one->fd >= 0 && !flock(one->fd, LOCK_UN) && !flock(one->fd, LOCK_EX | LOCK_NB))
		remove_one(one);
	free_one(one);
}

void rein_held_remove(struct rein_held *held)
{
	while (held->items.count)
		let_go(&held->items.items[--held->items.count]);
	rein_vec_free(&held->items);
	for (size_t i = 0; i < held->needless.count; i++)
		free(held->needless.items[i]);
	rein_vec_free(&held->needless);
}

bool rein_held_is_needless(const struct rein_held *held, const char *path)
{
	for (size_t i = 0; i < held->needless.count; i++)
		if (rein_path_within(path, held->needless.items[i]))
			return true;
	return false;
}
