/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "agent/borrowed.h"
#include "agent/question.h"
#include "base/cleanup.h"

/* Looks at what a call is about to reach, so that what changes nothing is not charged. Every doubt is a charge. */

enum sight { DOUBT, ABSENT, PRESENT };

static int open_inside(int root, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | flags,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/*
 * Absent only if the folder was reached and lacks the name. Not so in /proc, where `self` is someone else for the
 * supervisor than for the agent.
 */
static enum sight look_for_absence(int root, char *path)
{
	char *slash = strrchr(path, '/');
	REIN_AUTO_FD int parent = -1;
	struct statfs fs;
	struct stat st;

	if (!slash || !slash[1])
		return DOUBT;
	*slash = '\0';
	parent = open_inside(root, *path ? path : "/", O_DIRECTORY);
	*slash = '/';
	if (parent < 0 || fstatfs(parent, &fs) || fs.f_type == PROC_SUPER_MAGIC)
		return DOUBT;
	return fstatat(parent, slash + 1, &st, AT_SYMLINK_NOFOLLOW) && errno == ENOENT ? ABSENT : DOUBT;
}

static enum sight look_at_path(const struct rein_question *q, const struct rein_watched_call *row, uint64_t flags,
			       struct stat *ret_st)
{
	char root_path[32], path[REIN_QUESTION_PATH_MAX];
	REIN_AUTO_FD int root = -1;
	REIN_AUTO_FD int fd = -1;

	snprintf(root_path, sizeof(root_path), "/proc/%d/root", q->tid);
	root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || rein_question_path(q, row->dir, row->path, path) || path[0] != '/')
		return DOUBT;
	fd = open_inside(root, path, flags);
	if (fd < 0)
		return errno == ENOENT ? look_for_absence(root, path) : DOUBT;
	return fstat(fd, ret_st) ? DOUBT : PRESENT;
}

static enum sight look_at_descriptor(const struct rein_question *q, int fd, struct stat *ret_st)
{
	return rein_borrowed_stat(q->tid, fd, ret_st) ? DOUBT : PRESENT;
}

static bool has_content(const struct rein_question *q, const struct rein_watched_call *row)
{
	struct stat st;
	enum sight sight = look_at_path(q, row, 0, &st);

	return sight == DOUBT || (sight == PRESENT && S_ISREG(st.st_mode) && st.st_size);
}

static bool is_file(const struct rein_question *q, const struct rein_watched_call *row)
{
	struct stat st;
	enum sight sight = look_at_path(q, row, 0, &st);

	return sight == DOUBT || (sight == PRESENT && S_ISREG(st.st_mode));
}

static bool is_absent(const struct rein_question *q, const struct rein_watched_call *row)
{
	struct stat st;

	return look_at_path(q, row, O_NOFOLLOW, &st) != PRESENT;
}

static bool is_present(const struct rein_question *q, const struct rein_watched_call *row)
{
	struct stat st;

	return look_at_path(q, row, O_NOFOLLOW, &st) != ABSENT;
}

static bool shrinks(const struct rein_question *q, const struct rein_watched_call *row)
{
	uint64_t length = q->args[(row->path < 0 ? row->dir : row->path) + 1];
	struct stat st;
	enum sight sight =
		row->path < 0 ? look_at_descriptor(q, (int)q->args[row->dir], &st) : look_at_path(q, row, 0, &st);

	return sight == DOUBT || (sight == PRESENT && S_ISREG(st.st_mode) && (uint64_t)st.st_size > length);
}

static bool has_peer(const struct rein_question *q, const struct rein_watched_call *row)
{
	union rein_address address;

	return rein_question_address(q, row->path, &address) ||
	       (address.any.sa_family != AF_UNIX && address.any.sa_family != AF_UNSPEC);
}

static bool makes_node(const struct rein_question *q, const struct rein_watched_call *row)
{
	union rein_address address;

	return rein_question_address(q, row->path, &address) ||
	       (address.any.sa_family == AF_UNIX && address.un.sun_path[0]);
}

static bool as_it_stands(const struct rein_question *q, const struct rein_watched_call *row)
{
	return true;
}

static bool (*const looks[])(const struct rein_question *q, const struct rein_watched_call *row) = {
	[REIN_LOOK_NONE] = as_it_stands, [REIN_LOOK_CONTENT] = has_content, [REIN_LOOK_FILE] = is_file,
	[REIN_LOOK_ABSENT] = is_absent,	 [REIN_LOOK_PRESENT] = is_present,  [REIN_LOOK_SHRINKS] = shrinks,
	[REIN_LOOK_PEER] = has_peer,	 [REIN_LOOK_NODE] = makes_node,
};

bool rein_question_counts(const struct rein_question *q, const struct rein_watched_call *row)
{
	return rein_watched_counts(row, q->args) && looks[row->look](q, row);
}
