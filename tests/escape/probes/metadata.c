/* SPDX-License-Identifier: GPL-2.0 */
/* Changing what is not content: modes, owners, times, attributes, names. Landlock alone keeps few of these. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define VICTIM probe_path(scene->outside, "victim")
#define MADE probe_path(scene->outside, "made")

static int change_mode(const struct scene *scene)
{
	return probe_result(chmod(VICTIM, 04777));
}

static int change_mode_2(const struct scene *scene)
{
	return probe_result(syscall(SYS_fchmodat2, AT_FDCWD, VICTIM, 04777, 0));
}

static int change_mode_of_descriptor(const struct scene *scene)
{
	char path[64];
	int fd = open(VICTIM, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return probe_result(chmod(path, 04777));
}

static int change_owner(const struct scene *scene)
{
	return probe_result(chown(VICTIM, getuid(), getgid()));
}

static int change_times(const struct scene *scene)
{
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	return probe_result(utimensat(AT_FDCWD, VICTIM, times, 0));
}

static int set_attribute(const struct scene *scene)
{
	return probe_result(setxattr(VICTIM, "user.rein-probe", "x", 1, 0));
}

static int set_flags(const struct scene *scene)
{
	int fd = open(VICTIM, O_RDONLY | O_CLOEXEC), flags = FS_NODUMP_FL;

	return fd < 0 ? errno : probe_result(ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

static int remove_file(const struct scene *scene)
{
	return probe_result(unlink(VICTIM));
}

static int remove_folder(const struct scene *scene)
{
	return probe_result(rmdir(probe_path(scene->outside, "folder")));
}

static int make_folder(const struct scene *scene)
{
	return probe_result(mkdir(MADE, 0755));
}

static int make_symlink(const struct scene *scene)
{
	return probe_result(symlink("/", MADE));
}

static int make_fifo(const struct scene *scene)
{
	return probe_result(mknod(MADE, S_IFIFO | 0644, 0));
}

static int change_folder_mode(const struct scene *scene)
{
	return probe_result(chmod(scene->outside, 0700));
}

const struct probe probes_of_metadata[] = {
	{"change-mode", change_mode},
	{"change-mode-2", change_mode_2},
	{"change-mode-of-descriptor", change_mode_of_descriptor},
	{"change-owner", change_owner},
	{"change-times", change_times},
	{"set-attribute", set_attribute},
	{"set-flags", set_flags},
	{"remove-file", remove_file},
	{"remove-folder", remove_folder},
	{"make-folder", make_folder},
	{"make-symlink", make_symlink},
	{"make-fifo", make_fifo},
	{"change-folder-mode", change_folder_mode},
	{NULL, NULL},
};
