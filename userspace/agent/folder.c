/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/folder.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

static int check_owner(const char *path, const struct stat *st, struct rein_error *err)
{
	/* Root's folders may be looked into, but only root may write them. */
	mode_t forbidden = geteuid() == 0 ? 022 : 077;

	if (st->st_uid != geteuid())
		return rein_fail(err, EPERM,
				 "%s belongs to user %u and not to you: have it removed, or set XDG_RUNTIME_DIR "
				 "and XDG_STATE_HOME to folders of your own",
				 path, st->st_uid);
	if (st->st_mode & forbidden)
		return rein_fail(err, EPERM, "%s is open to others (mode %04o): chmod 700 it", path,
				 st->st_mode & 07777);
	return 0;
}

int rein_folder_check(const char *path, struct rein_error *err)
{
	REIN_AUTO_FD int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return rein_fail_errno(err, "cannot open %s", path);
	if (!S_ISDIR(st.st_mode))
		return rein_fail(err, ENOTDIR, "%s is not a folder: have it removed", path);
	return check_owner(path, &st, err);
}

/* Folders above: made if missing, but whose they are is not rein's business. */
static int make_above(const char *path, struct rein_error *err)
{
	char above[PATH_MAX];

	if (strlen(path) >= sizeof(above))
		return rein_fail(err, ENAMETOOLONG, "%s is too long a path", path);
	strcpy(above, path);
	for (char *slash = strchr(above + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(above, 0700) && errno != EEXIST)
			return rein_fail_errno(err, "cannot make the folder %s", above);
		*slash = '/';
	}
	return 0;
}

int rein_folder_make(const char *path, struct rein_error *err)
{
	int r;

	if (mkdir(path, 0700) && errno != EEXIST) {
		r = errno == ENOENT ? make_above(path, err) : 0;
		if (r < 0)
			return r;
		if (mkdir(path, 0700) && errno != EEXIST)
			return rein_fail_errno(err, "cannot make the folder %s", path);
	}
	return rein_folder_check(path, err);
}

int rein_folder_remove(int parent_fd, const char *name)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	REIN_AUTO_DIR DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!entries) {
		if (fd >= 0)
			close(fd);
		return -errno;
	}
	while ((entry = readdir(entries)))
		unlinkat(dirfd(entries), entry->d_name, 0);
	return unlinkat(parent_fd, name, AT_REMOVEDIR) ? -errno : 0;
}
