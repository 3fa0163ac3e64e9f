/* SPDX-License-Identifier: GPL-2.0 */
#include "plan/resolve.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define LINKS_MAX 40 /* as the kernel's */

struct walk {
	char *done;	   /* real so far; "" is the root */
	char *todo;	   /* what is left, each component with a `/` in front */
	struct stat above; /* of `done` */
	struct rein_resolved *result;
};

static int no_memory(struct rein_error *err)
{
	return rein_fail(err, ENOMEM, "out of memory");
}

/* Sets *place to `a` followed by `b`; the old string is freed last, so that it may be part of either. */
static int join(char **place, const char *a, const char *b, struct rein_error *err)
{
	size_t left = strlen(a), right = strlen(b);
	char *joined = malloc(left + right + 1);

	if (!joined)
		return no_memory(err);
	memcpy(joined, a, left);
	memcpy(joined + left, b, right + 1);
	free(*place);
	*place = joined;
	return 0;
}

static int step_up(struct walk *walk, struct rein_error *err)
{
	char *slash = strrchr(walk->done, '/');

	if (slash)
		*slash = 0;
	return lstat(*walk->done ? walk->done : "/", &walk->above) ? rein_fail_errno(err, "%s", walk->done) : 0;
}

/* Takes the next component off `todo` into *ret_name, "" at the end. The caller frees it. */
static int take(struct walk *walk, char **ret_name, struct rein_error *err)
{
	const char *start = walk->todo + strspn(walk->todo, "/");
	size_t length = strcspn(start, "/");
	char *name = strndup(start, length);

	if (!name)
		return no_memory(err);
	memmove(walk->todo, start + length, strlen(start + length) + 1);
	*ret_name = name;
	return 0;
}

static int finish(struct walk *walk, enum rein_reach reach, struct rein_error *err)
{
	/* What is missing has no links to follow; a `..` in it came from a link's text and takes one back. */
	for (;;) {
		REIN_AUTO_FREE char *name = NULL;
		int r = take(walk, &name, err);
		char *slash;

		if (r < 0)
			return r;
		if (!*name)
			break;
		if (!strcmp(name, "."))
			continue;
		slash = strrchr(walk->done, '/');
		if (!strcmp(name, "..")) {
			if (slash)
				*slash = 0;
			continue;
		}
		r = join(&walk->done, walk->done, "/", err);
		if (!r)
			r = join(&walk->done, walk->done, name, err);
		if (r < 0)
			return r;
	}
	walk->result->reach = reach;
	walk->result->path = *walk->done ? rein_take_pointer(&walk->done) : strdup("/");
	return walk->result->path ? 1 : no_memory(err);
}

/* Something stands in the way of what is left to do. */
static int block(struct walk *walk, const char *obstacle, bool directory, struct rein_error *err)
{
	walk->result->obstacle = strdup(*obstacle ? obstacle : "/");
	if (!walk->result->obstacle)
		return no_memory(err);
	walk->result->obstacle_directory = directory;
	return finish(walk, REIN_REACH_BLOCKED, err);
}

/*
 * The kernel's protected_symlinks, which does not see readlink: in a sticky folder that anyone may write, a link counts
 * only if it is the caller's or the folder's owner's.
 */
static bool planted(const struct walk *walk, const struct stat *link)
{
	return (walk->above.st_mode & (S_ISVTX | S_IWOTH)) == (S_ISVTX | S_IWOTH) && link->st_uid != geteuid() &&
	       link->st_uid != walk->above.st_uid;
}

static int follow(struct walk *walk, const char *path, const struct stat *link, struct rein_error *err)
{
	char text[PATH_MAX];
	ssize_t length = readlink(path, text, sizeof(text) - 1);
	struct rein_link *seen;
	int r;

	if (length < 0)
		return rein_fail_errno(err, "cannot read the link %s", path);
	text[length] = 0;
	if (planted(walk, link))
		return rein_fail(
			err, EPERM,
			"%s is a link that another user put where anyone may write; name what it should lead to", path);
	seen = rein_vec_add(&walk->result->links);
	if (!seen || !(seen->path = strdup(path)) || !(seen->target = strdup(text)))
		return no_memory(err);
	/* With the one too many: with something else in its place the way would end. */
	if (walk->result->links.count > LINKS_MAX)
		return finish(walk, REIN_REACH_LOOP, err);
	r = join(&walk->todo, "/", walk->todo, err);
	if (!r)
		r = join(&walk->todo, text, walk->todo, err);
	if (r || text[0] != '/')
		return r;
	walk->done[0] = 0;
	return lstat("/", &walk->above) ? rein_fail_errno(err, "/") : 0;
}

static bool names_process(const struct walk *walk, const char *name)
{
	return !strcmp(walk->done, "/proc") && (!strcmp(name, "self") || !strcmp(name, "thread-self") ||
						(*name && strspn(name, "0123456789") == strlen(name)));
}

static int enter(struct walk *walk, char **path, const struct stat *what, struct rein_error *err)
{
	bool more = walk->todo[strspn(walk->todo, "/")];

	free(walk->done);
	walk->done = rein_take_pointer(path);
	if (more && !S_ISDIR(what->st_mode))
		return block(walk, walk->done, false, err);
	walk->above = *what;
	walk->result->directory = S_ISDIR(what->st_mode);
	walk->result->regular = S_ISREG(what->st_mode);
	walk->result->socket = S_ISSOCK(what->st_mode);
	walk->result->device = S_ISCHR(what->st_mode) || S_ISBLK(what->st_mode);
	return 0;
}

/* The component does not answer to lstat; errno says why. */
static int stop(struct walk *walk, const char *name, struct rein_error *err)
{
	int r, code = errno;

	r = join(&walk->todo, "/", walk->todo, err);
	if (!r)
		r = join(&walk->todo, name, walk->todo, err);
	if (r < 0)
		return r;
	if (code == EACCES)
		return block(walk, walk->done, true, err);
	if (code != ENOENT)
		return rein_fail(err, code, "%s/%s: %s", walk->done, name, strerror(code));
	walk->result->above = strdup(*walk->done ? walk->done : "/");
	return walk->result->above ? finish(walk, REIN_REACH_MISSING, err) : no_memory(err);
}

/* One component further. Returns 1 at the end. */
static int step(struct walk *walk, struct rein_error *err)
{
	REIN_AUTO_FREE char *name = NULL, *path = NULL;
	struct stat what;
	int r = take(walk, &name, err);

	if (r < 0)
		return r;
	if (!*name)
		return finish(walk, REIN_REACH_EXISTS, err);
	if (!strcmp(name, "."))
		return 0;
	if (!strcmp(name, ".."))
		return step_up(walk, err);
	r = join(&path, walk->done, "/", err);
	if (!r)
		r = join(&path, path, name, err);
	if (r < 0)
		return r;
	if (names_process(walk, name)) {
		free(walk->done);
		walk->done = rein_take_pointer(&path);
		return finish(walk, REIN_REACH_PROCESS, err);
	}
	if (lstat(path, &what))
		return stop(walk, name, err);
	if (S_ISLNK(what.st_mode))
		return follow(walk, path, &what, err);
	return enter(walk, &path, &what, err);
}

int rein_resolve(const char *path, struct rein_resolved *ret_resolved, struct rein_error *err)
{
	struct rein_resolved result = {.directory = true};
	struct walk walk = {.done = strdup(""), .todo = strdup(path), .result = &result};
	int r = 0;

	if (!walk.done || !walk.todo)
		r = no_memory(err);
	else if (lstat("/", &walk.above))
		r = rein_fail_errno(err, "/");
	while (!r)
		r = step(&walk, err);
	free(walk.done);
	free(walk.todo);
	if (r < 0) {
		rein_resolved_free(&result);
		return r;
	}
	*ret_resolved = result;
	return 0;
}

void rein_resolved_free(struct rein_resolved *resolved)
{
	for (size_t i = 0; i < resolved->links.count; i++) {
		free(resolved->links.items[i].path);
		free(resolved->links.items[i].target);
	}
	rein_vec_free(&resolved->links);
	free(resolved->path);
	free(resolved->above);
	free(resolved->obstacle);
	resolved->path = resolved->above = resolved->obstacle = NULL;
}
