/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/gitdir.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "profile/path.h"

#define SMALL_FILE (64 * 1024)

/* DIR/NAME into ret_path; false where it does not fit. */
static bool join(char ret_path[PATH_MAX], const char *dir, const char *name)
{
	if (name[0] == '/')
		dir = "";
	return snprintf(ret_path, PATH_MAX, "%s%s%s", dir, *dir ? "/" : "", name) < PATH_MAX;
}

/* A small regular file as a string, or NULL. Nothing else is opened for reading: a FIFO would hang us. */
static char *read_small(const char *dir, const char *name)
{
	REIN_AUTO_FD int fd = -1;
	char path[PATH_MAX];
	struct stat st;
	char *text;
	ssize_t n;

	if (!join(path, dir, name))
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size >= SMALL_FILE)
		return NULL;
	text = calloc(1, SMALL_FILE);
	n = text ? read(fd, text, SMALL_FILE - 1) : -1;
	if (n >= 0)
		return text;
	free(text);
	return NULL;
}

static void trim(char *text)
{
	size_t length = strcspn(text, "\r\n");

	text[length] = '\0';
}

/* Whether DIR/NAME, or NAME if absolute, is really `real`. */
static bool leads_to(const char *dir, const char *name, const char *real)
{
	char path[PATH_MAX], resolved[PATH_MAX];

	return join(path, dir, name) && realpath(path, resolved) && strcmp(resolved, real) == 0;
}

/* The folder that the file WORKSPACE/.git names, real. */
static bool read_pointer(const char *workspace, char ret_folder[PATH_MAX])
{
	REIN_AUTO_FREE char *text = read_small(workspace, ".git");
	char path[PATH_MAX];

	if (!text || strncmp(text, "gitdir: ", 8) != 0)
		return false;
	trim(text);
	return join(path, workspace, text + 8) && realpath(path, ret_folder);
}

/* COMMON/worktrees/NAME/gitdir holds the path of the worktree's .git file. */
static bool worktree_points_back(const char *folder, const char *workspace)
{
	REIN_AUTO_FREE char *text = read_small(folder, "gitdir");
	char *slash;

	if (!text)
		return false;
	trim(text);
	slash = strrchr(text, '/');
	if (!slash || strcmp(slash, "/.git") != 0)
		return false;
	*slash = '\0';
	return leads_to(folder, *text ? text : "/", workspace);
}

/* core.worktree in a submodule's config, in the plain form that git itself writes. */
static bool submodule_points_back(const char *folder, const char *workspace)
{
	REIN_AUTO_FREE char *text = read_small(folder, "config");
	char *line, *rest = text;
	bool in_core = false;

	while (rest && (line = strsep(&rest, "\n"))) {
		line += strspn(line, " \t");
		if (line[0] == '[')
			in_core = strncmp(line, "[core]", 6) == 0;
		else if (in_core && strncmp(line, "worktree = ", 11) == 0)
			return leads_to(folder, line + 11, workspace);
	}
	return false;
}

/* Cuts /worktrees/NAME from the end of `folder`; false where it does not end so. */
static bool cut_worktree(char *folder)
{
	char *slash = strrchr(folder, '/');

	if (!slash)
		return false;
	*slash = '\0';
	slash = strrchr(folder, '/');
	if (!slash || slash == folder || strcmp(slash, "/worktrees") != 0)
		return false;
	*slash = '\0';
	return true;
}

static bool is_repository_of(const char *folder, const char *workspace)
{
	static const char *const parts[] = {"HEAD", "objects", "refs"};
	struct stat ours, theirs, part;
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < REIN_COUNT(parts); i++)
		if (!join(path, folder, parts[i]) || stat(path, &part) < 0)
			return false;
	return stat(workspace, &ours) == 0 && stat(folder, &theirs) == 0 && ours.st_uid == theirs.st_uid;
}

static bool find_far_end(const char *workspace, char ret_path[PATH_MAX])
{
	char folder[PATH_MAX], common[PATH_MAX];

	if (!read_pointer(workspace, folder))
		return false;
	strcpy(common, folder);
	if (worktree_points_back(folder, workspace)) {
		if (!cut_worktree(common))
			return false;
	} else if (!submodule_points_back(folder, workspace)) {
		return false;
	}
	if (!is_repository_of(common, workspace))
		return false;
	strcpy(ret_path, common);
	return true;
}

static int follow_link(const char *workspace, const char *path, char ret_path[PATH_MAX], struct rein_error *err)
{
	char resolved[PATH_MAX];

	if (!realpath(path, resolved) || !rein_path_contains(workspace, resolved))
		return rein_fail(
			err, EINVAL,
			"%s is a symbolic link that leads out of the workspace, which an agent may have made; put the "
			"repository there instead, or make the workspace a worktree of it",
			path);
	strcpy(ret_path, resolved);
	return 0;
}

int rein_git_common_dir(const char *workspace, char ret_path[PATH_MAX], struct rein_error *err)
{
	char path[PATH_MAX];
	struct stat st;

	if (!join(path, workspace, ".git"))
		return rein_fail(err, ENAMETOOLONG, "the path of the workspace is too long: %.200s", workspace);
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return follow_link(workspace, path, ret_path, err);
	if (!find_far_end(workspace, ret_path))
		strcpy(ret_path, path);
	return 0;
}

#define WORKTREES_MAX 1024

struct pointers {
	int (*add)(void *context, const char *path, struct rein_error *err);
	void *context;
	struct rein_error *err;
	bool private_configs; /* each worktree may have a config of its own, and git reads it where there is one */
};

static int add_existing(const struct pointers *pointers, const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	if (!join(path, dir, name) || lstat(path, &st) < 0)
		return 0;
	return pointers->add(pointers->context, path, pointers->err);
}

static int add_ways(const struct pointers *pointers, const char *folder)
{
	static const char *const names[] = {"commondir", "gitdir", "config.worktree"};
	size_t i;
	int r = 0;

	for (i = 0; i < REIN_COUNT(names) && r == 0; i++)
		r = add_existing(pointers, folder, names[i]);
	return r;
}

static int add_worktree(const struct pointers *pointers, const char *worktrees, const char *name, const char *own)
{
	char path[PATH_MAX];

	if (!join(path, worktrees, name))
		return 0;
	/* All of another's folder only where a new file in it could do harm: git gc works in there as well. */
	if (pointers->private_configs && strcmp(path, own) != 0)
		return add_existing(pointers, worktrees, name);
	return add_ways(pointers, path);
}

static int add_worktrees(const struct pointers *pointers, const char *worktrees, const char *own)
{
	REIN_AUTO_DIR DIR *dir = opendir(worktrees);
	struct dirent *entry;
	unsigned count = 0;
	int r = 0;

	while (dir && r == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (++count > WORKTREES_MAX)
			return rein_fail(
				pointers->err, E2BIG,
				"%.400s holds more than %d worktrees; git worktree prune removes those that are gone",
				worktrees, WORKTREES_MAX);
		r = add_worktree(pointers, worktrees, entry->d_name, own);
	}
	return r;
}

int rein_git_pointers(const char *workspace, const char *common,
		      int (*add)(void *context, const char *path, struct rein_error *err), void *context,
		      struct rein_error *err)
{
	REIN_AUTO_FREE char *config = read_small(common, "config");
	const struct pointers pointers = {add, context, err, !config || strcasestr(config, "worktreeConfig")};
	char path[PATH_MAX], own[PATH_MAX] = "";
	struct stat st;
	int r = 0;

	if (join(path, workspace, ".git") && lstat(path, &st) == 0 && S_ISREG(st.st_mode))
		r = add(context, path, err);
	if (r < 0 || !join(path, common, "worktrees"))
		return r;
	if (!read_pointer(workspace, own))
		own[0] = '\0';
	return add_worktrees(&pointers, path, own);
}
