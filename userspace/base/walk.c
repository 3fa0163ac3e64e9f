/* SPDX-License-Identifier: GPL-2.0 */
#include "base/walk.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* As many as the kernel follows. */
#define LINKS_MAX 40

struct walk {
	int fd;		     /* the folder reached */
	char rest[PATH_MAX]; /* what is still to go from there */
	int links;
	const char *workspace;
};

static int fail(struct rein_error *err, int code)
{
	return rein_fail(err, code, "%s", strerror(code));
}

char *rein_walk_path(int fd)
{
	char name[64], path[PATH_MAX];
	ssize_t length;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	length = readlink(name, path, sizeof(path));
	return length > 0 && length < (ssize_t)sizeof(path) ? strndup(path, (size_t)length) : NULL;
}

static bool is_ours(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

/* Whether only root and the caller can have put the link into the folder. An access list shows in the group's bits. */
static bool is_trusted(const struct stat *folder, const struct stat *link)
{
	if (!is_ours(folder->st_uid))
		return false;
	return !(folder->st_mode & 022) || ((folder->st_mode & S_ISVTX) && is_ours(link->st_uid));
}

/* Whether the link stands where an agent writes, of the caller's own user perhaps. */
static bool is_agents(const char *workspace, const char *link)
{
	size_t length = workspace ? strlen(workspace) : 0;

	return workspace && !strncmp(link, workspace, length) && link[length] == '/';
}

static int check_link(const struct walk *walk, int link, const struct stat *status, struct rein_error *err)
{
	REIN_AUTO_FREE char *path = NULL;
	struct stat folder;

	if (fstat(walk->fd, &folder))
		return fail(err, errno);
	path = rein_walk_path(link);
	if (path && is_trusted(&folder, status) && !is_agents(walk->workspace, path))
		return 0;
	return rein_fail(err, ELOOP,
			 "%s is a symbolic link that an agent or another user can turn elsewhere, so the file could "
			 "land anywhere; "
			 "give the path without it",
			 path ? path : "a part of it");
}

/* Where a walk begins: / or the current directory. */
static int move_to(struct walk *walk, const char *part, struct rein_error *err)
{
	int next = openat(walk->fd, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (next < 0)
		return fail(err, errno);
	if (walk->fd >= 0)
		close(walk->fd);
	walk->fd = next;
	return 0;
}

/* Puts what the link says in front of the rest. */
static int follow(struct walk *walk, int link, const struct stat *status, struct rein_error *err)
{
	char target[PATH_MAX], rest[PATH_MAX];
	int r = check_link(walk, link, status, err);
	ssize_t length;

	if (r < 0)
		return r;
	length = readlinkat(link, "", target, sizeof(target));
	if (length <= 0)
		return fail(err, length ? errno : ENOENT);
	if (++walk->links > LINKS_MAX)
		return fail(err, ELOOP);
	memcpy(rest, walk->rest, sizeof(rest));
	if (snprintf(walk->rest, sizeof(walk->rest), "%.*s/%s", (int)length, target, rest) >= (int)sizeof(walk->rest))
		return fail(err, ENAMETOOLONG);
	return *target == '/' ? move_to(walk, "/", err) : 0;
}

static int step(struct walk *walk, const char *part, struct rein_error *err)
{
	REIN_AUTO_FD int next = openat(walk->fd, part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (next < 0 || fstat(next, &status))
		return fail(err, errno);
	if (S_ISLNK(status.st_mode))
		return follow(walk, next, &status, err);
	if (!S_ISDIR(status.st_mode))
		return fail(err, ENOTDIR);
	close(walk->fd);
	walk->fd = rein_take_fd(&next);
	return 0;
}

/* Takes the next part off the rest; false at the end. */
static bool take_part(struct walk *walk, char ret_part[NAME_MAX + 2])
{
	const char *part = walk->rest + strspn(walk->rest, "/");
	size_t length = strcspn(part, "/");

	/* One that is too long stays too long when it is cut to one byte more than a name may have. */
	snprintf(ret_part, NAME_MAX + 2, "%.*s", (int)(length > NAME_MAX + 1 ? NAME_MAX + 1 : length), part);
	memmove(walk->rest, part + length, strlen(part + length) + 1);
	return length > 0;
}

int rein_walk_to_folder(const char *path, const char *workspace, const char **ret_name, struct rein_error *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	struct walk walk = {.fd = AT_FDCWD, .workspace = workspace};
	char part[NAME_MAX + 2];
	int r;

	if (snprintf(walk.rest, sizeof(walk.rest), "%.*s", (int)(name - path), path) >= (int)sizeof(walk.rest))
		return fail(err, ENAMETOOLONG);
	r = move_to(&walk, *path == '/' ? "/" : ".", err);
	while (!r && take_part(&walk, part))
		r = step(&walk, part, err);
	if (r < 0) {
		if (walk.fd >= 0)
			close(walk.fd);
		return r;
	}
	*ret_name = name;
	return walk.fd;
}
