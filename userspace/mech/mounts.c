/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/mounts.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

static int open_inside(int root_fd, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	/* EAGAIN: something was renamed or mounted meanwhile and the kernel could not be sure. */
	do {
		fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return fd < 0 ? -errno : fd;
}

int rein_mounts_open(int root_fd, const char *path)
{
	return open_inside(root_fd, path, O_PATH);
}

int rein_mounts_open_file(int root_fd, const char *path)
{
	return open_inside(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

int rein_mounts_copy(int fd)
{
	int tree = open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);

	return tree < 0 ? -errno : tree;
}

int rein_mounts_restrict(int fd, uint64_t attributes, bool deep)
{
	struct mount_attr attr = {.attr_set = attributes};

	if (mount_setattr(fd, "", AT_EMPTY_PATH | (deep ? AT_RECURSIVE : 0), &attr, sizeof(attr)))
		return -errno;
	return 0;
}

int rein_mounts_attach(int tree_fd, int target_fd)
{
	if (move_mount(tree_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
		return -errno;
	return 0;
}

int rein_mounts_seal(int fd)
{
	REIN_AUTO_FD int picked = fspick(fd, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);

	if (picked < 0 || fsconfig(picked, FSCONFIG_SET_FLAG, "ro", NULL, 0) ||
	    fsconfig(picked, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0))
		return -errno;
	return 0;
}

static int configure(int fd, const struct rein_mounts_option *options)
{
	for (; options && options->key; options++) {
		unsigned how = options->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;

		if (fsconfig(fd, how, options->key, options->value, 0))
			return -errno;
	}
	return fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) ? -errno : 0;
}

int rein_mounts_make(const char *type, const struct rein_mounts_option *options, uint64_t attributes)
{
	REIN_AUTO_FD int fd = fsopen(type, FSOPEN_CLOEXEC);
	int r, mount;

	if (fd < 0)
		return -errno;
	r = configure(fd, options);
	if (r < 0)
		return r;
	mount = fsmount(fd, FSMOUNT_CLOEXEC, (unsigned)attributes);
	return mount < 0 ? -errno : mount;
}

int rein_mounts_overlay(const char *lower, const char *empty, uint64_t attributes)
{
	char layers[128];

	/* Without a folder for changes it takes two layers. */
	if (snprintf(layers, sizeof(layers), "%s:%s", lower, empty) >= (int)sizeof(layers))
		return -ENAMETOOLONG;
	return rein_mounts_make(
		"overlay",
		(struct rein_mounts_option[]){{"lowerdir", layers}, {"redirect_dir", "nofollow"}, {NULL, NULL}},
		attributes);
}
