/* SPDX-License-Identifier: GPL-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "mech/mounts.h"
#include "mech/root.h"

/*
 * In a folder of which only parts are declared, the host's other entries stand as empty things of mode 0: that they
 * exist is no secret from an agent of the same user, and a denial shows as a denial (EACCES) rather than as ENOENT.
 * Symbolic links are repeated, since rules follow them. Nothing here gives access: what fails is left out.
 */

#define SIBLINGS_MAX 4096 /* a folder; beyond, names are simply not there */

static void repeat_link(int from, int to, const char *name)
{
	char text[PATH_MAX];
	ssize_t length = readlinkat(from, name, text, sizeof(text) - 1);

	if (length < 0)
		return;
	text[length] = 0;
	if (symlinkat(text, to, name))
		return; /* the name is taken by a place */
}

/* Asks the entry itself only where the folder does not say: it may be a mount point whose server is gone. */
static int type_of(int from, const struct dirent *entry)
{
	struct stat what;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type;
	return fstatat(from, entry->d_name, &what, AT_SYMLINK_NOFOLLOW) ? DT_UNKNOWN : IFTODT(what.st_mode);
}

static void repeat(int from, int to, const struct dirent *entry)
{
	int type = type_of(from, entry);

	if (type == DT_UNKNOWN)
		return;
	if (type == DT_LNK)
		repeat_link(from, to, entry->d_name);
	else if (type == DT_DIR ? mkdirat(to, entry->d_name, 0) : mknodat(to, entry->d_name, S_IFREG, 0))
		return; /* as above */
}

static void repeat_all(int from, int to)
{
	int readable = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	REIN_AUTO_DIR DIR *dir = readable < 0 ? NULL : fdopendir(readable);
	const struct dirent *entry;
	int count = 0;

	if (!dir) {
		rein_cleanup_fd(&readable);
		return; /* the caller may not list it either */
	}
	while (count < SIBLINGS_MAX && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		repeat(from, to, entry);
		count++;
	}
}

static void put_beside(struct rein_root *root, const char *path)
{
	REIN_AUTO_FD int from = rein_mounts_open(root->host, path), to = rein_mounts_open(root->top, path);

	if (from >= 0 && to >= 0)
		repeat_all(from, to);
}

int rein_root_put_siblings(struct rein_root *root, struct rein_error *err)
{
	if (!rein_view_find(&root->launch->plan->view, "/"))
		put_beside(root, "/");
	for (size_t i = 0; i < root->bare.count; i++)
		put_beside(root, root->bare.items[i]);
	return 0;
}
