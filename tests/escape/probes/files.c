/* SPDX-License-Identifier: GPL-2.0 */
/* Reading and writing what is not declared, by every road to a file that the kernel has. */
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define VICTIM probe_path(scene->outside, "victim")
#define SECRET probe_path(scene->outside, "secret")
#define MADE probe_path(scene->outside, "made")
#define OWN probe_path(scene->workspace, "own")

static int make_own(const struct scene *scene)
{
	return probe_put(open(OWN, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), PROBE_TOUCHED);
}

static int open_read(const struct scene *scene)
{
	return probe_show(open(SECRET, O_RDONLY | O_CLOEXEC));
}

static int open_write(const struct scene *scene)
{
	return probe_put(open(VICTIM, O_WRONLY | O_CLOEXEC), PROBE_TOUCHED);
}

static int open_truncate(const struct scene *scene)
{
	return probe_result(open(VICTIM, O_RDONLY | O_TRUNC | O_CLOEXEC));
}

static int truncate_path(const struct scene *scene)
{
	return probe_result(truncate(VICTIM, 0));
}

static int open_create(const struct scene *scene)
{
	return probe_put(open(MADE, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), PROBE_TOUCHED);
}

static int open_unnamed(const struct scene *scene)
{
	char path[64];
	int fd = open(scene->outside, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);

	if (fd < 0)
		return errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return probe_result(linkat(AT_FDCWD, path, AT_FDCWD, MADE, AT_SYMLINK_FOLLOW));
}

static int open_by_openat2(const struct scene *scene)
{
	struct open_how how = {.flags = O_WRONLY | O_CLOEXEC};

	return probe_put((int)syscall(SYS_openat2, AT_FDCWD, VICTIM, &how, sizeof(how)), PROBE_TOUCHED);
}

/* A descriptor that only names the file, opened again through /proc for writing. */
static int reopen_path_descriptor(const struct scene *scene)
{
	char path[64];
	int fd = open(VICTIM, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return probe_put(open(path, O_WRONLY | O_CLOEXEC), PROBE_TOUCHED);
}

static int hard_link_in_and_read(const struct scene *scene)
{
	if (link(SECRET, OWN))
		return errno;
	return probe_show(open(OWN, O_RDONLY | O_CLOEXEC));
}

static int hard_link_in_and_write(const struct scene *scene)
{
	if (link(VICTIM, OWN))
		return errno;
	return probe_put(open(OWN, O_WRONLY | O_CLOEXEC), PROBE_TOUCHED);
}

static int hard_link_out(const struct scene *scene)
{
	return make_own(scene) ?: probe_result(link(OWN, MADE));
}

static int rename_out(const struct scene *scene)
{
	return make_own(scene) ?: probe_result(rename(OWN, MADE));
}

static int rename_over(const struct scene *scene)
{
	return make_own(scene) ?: probe_result(rename(OWN, VICTIM));
}

static int rename_in(const struct scene *scene)
{
	return probe_result(rename(VICTIM, OWN));
}

static int rename_exchange(const struct scene *scene)
{
	return make_own(scene) ?: probe_result(renameat2(AT_FDCWD, OWN, AT_FDCWD, VICTIM, RENAME_EXCHANGE));
}

static int symlink_read(const struct scene *scene)
{
	if (symlink(SECRET, OWN))
		return errno;
	return probe_show(open(OWN, O_RDONLY | O_CLOEXEC));
}

static int symlink_write(const struct scene *scene)
{
	if (symlink(VICTIM, OWN))
		return errno;
	return probe_put(open(OWN, O_WRONLY | O_CLOEXEC), PROBE_TOUCHED);
}

static int symlink_folder(const struct scene *scene)
{
	if (symlink(scene->outside, OWN))
		return errno;
	return probe_put(open(probe_path(OWN, "victim"), O_WRONLY | O_CLOEXEC), PROBE_TOUCHED);
}

static int through(const char *prefix, const struct scene *scene)
{
	char path[8192];

	snprintf(path, sizeof(path), "%s%s", prefix, SECRET);
	return probe_show(open(path, O_RDONLY | O_CLOEXEC));
}

static int proc_self_root(const struct scene *scene)
{
	return through("/proc/self/root", scene);
}

static int proc_init_root(const struct scene *scene)
{
	return through("/proc/1/root", scene);
}

static int proc_bystander_root(const struct scene *scene)
{
	char prefix[64];

	snprintf(prefix, sizeof(prefix), "/proc/%d/root", scene->bystander);
	return through(prefix, scene);
}

static int proc_any_root(const struct scene *scene)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	int error = proc ? EACCES : errno;

	while (proc && error && (entry = readdir(proc))) {
		char prefix[300];

		if (atoi(entry->d_name) <= 0)
			continue;
		snprintf(prefix, sizeof(prefix), "/proc/%s/root", entry->d_name);
		error = through(prefix, scene);
	}
	return error;
}

static int dot_dot(const struct scene *scene)
{
	if (chdir(scene->workspace))
		return errno;
	return probe_show(open("../outside/secret", O_RDONLY | O_CLOEXEC));
}

static int dot_dot_of_descriptor(const struct scene *scene)
{
	int folder = open(scene->workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC), up;

	if (folder < 0)
		return errno;
	up = openat(folder, "..", O_PATH | O_CLOEXEC);
	return up < 0 ? errno : probe_show(openat(up, "outside/secret", O_RDONLY | O_CLOEXEC));
}

static int chdir_then_open(const struct scene *scene)
{
	if (chdir(scene->outside))
		return errno;
	return probe_put(open("victim", O_WRONLY | O_CLOEXEC), PROBE_TOUCHED);
}

/* An ext4 handle holds type 1, inode and generation; a generation of 0 is never checked. */
static int open_by_handle(const struct scene *scene)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = {.handle.handle_bytes = MAX_HANDLE_SZ};
	uint32_t ext4[2] = {(uint32_t)scene->inode, 0};
	int mount_id, folder = open(scene->workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (name_to_handle_at(AT_FDCWD, SECRET, &u.handle, &mount_id, 0)) {
		u.handle.handle_bytes = sizeof(ext4);
		u.handle.handle_type = 1;
		memcpy(u.handle.f_handle, ext4, sizeof(ext4));
	}
	return probe_show(open_by_handle_at(folder, &u.handle, O_RDONLY | O_CLOEXEC));
}

/* The disk below the files. */
static int make_disk_node(const struct scene *scene)
{
	struct stat status;
	char block[512];
	int fd;

	if (stat(scene->workspace, &status) || mknod(OWN, S_IFBLK | 0600, status.st_dev))
		return errno;
	fd = open(OWN, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? errno : probe_result(read(fd, block, sizeof(block)));
}

static int make_memory_node(const struct scene *scene)
{
	if (mknod(OWN, S_IFCHR | 0600, makedev(1, 1)))
		return errno;
	return probe_result(open(OWN, O_RDONLY | O_CLOEXEC));
}

static int open_devices(const struct scene *scene)
{
	static const char *const devices[] = {"/dev/mem",     "/dev/kmsg",	  "/dev/vda", "/dev/sda",
					      "/dev/nvme0n1", "/dev/port",	  "/dev/kvm", "/dev/net/tun",
					      "/dev/fuse",    "/dev/loop-control"};
	int error = EACCES;

	for (size_t i = 0; error && i < sizeof(devices) / sizeof(devices[0]); i++)
		error = probe_result(open(devices[i], O_RDWR | O_CLOEXEC));
	return error;
}

static int map_and_store(const struct scene *scene)
{
	int fd = open(VICTIM, O_RDWR | O_CLOEXEC);
	char *map = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return errno;
	memcpy(map, PROBE_TOUCHED, 5);
	return 0;
}

static int write_home(const struct scene *scene)
{
	const char *home = getenv("HOME");
	char name[128];

	snprintf(name, sizeof(name), ".rein-probe-%s", scene->token);
	return probe_put(open(probe_path(home ? home : "/root", name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644),
			 PROBE_TOUCHED);
}

static int in_shared_folder(const char *folder, const struct scene *scene)
{
	char name[128];

	snprintf(name, sizeof(name), "rein-probe-%s", scene->token);
	return probe_put(open(probe_path(folder, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644), PROBE_TOUCHED);
}

static int write_tmp(const struct scene *scene)
{
	return in_shared_folder("/tmp", scene);
}

static int write_var_tmp(const struct scene *scene)
{
	return in_shared_folder("/var/tmp", scene);
}

static int write_dev_shm(const struct scene *scene)
{
	return in_shared_folder("/dev/shm", scene);
}

const struct probe probes_of_files[] = {
	{"open-read", open_read},
	{"open-write", open_write},
	{"open-truncate", open_truncate},
	{"truncate-path", truncate_path},
	{"open-create", open_create},
	{"open-unnamed", open_unnamed},
	{"open-by-openat2", open_by_openat2},
	{"reopen-path-descriptor", reopen_path_descriptor},
	{"hard-link-in-and-read", hard_link_in_and_read},
	{"hard-link-in-and-write", hard_link_in_and_write},
	{"hard-link-out", hard_link_out},
	{"rename-out", rename_out},
	{"rename-over", rename_over},
	{"rename-in", rename_in},
	{"rename-exchange", rename_exchange},
	{"symlink-read", symlink_read},
	{"symlink-write", symlink_write},
	{"symlink-folder", symlink_folder},
	{"proc-self-root", proc_self_root},
	{"proc-init-root", proc_init_root},
	{"proc-bystander-root", proc_bystander_root},
	{"proc-any-root", proc_any_root},
	{"dot-dot", dot_dot},
	{"dot-dot-of-descriptor", dot_dot_of_descriptor},
	{"chdir-then-open", chdir_then_open},
	{"open-by-handle", open_by_handle},
	{"make-disk-node", make_disk_node},
	{"make-memory-node", make_memory_node},
	{"open-devices", open_devices},
	{"map-and-store", map_and_store},
	{"write-home", write_home},
	{"write-tmp", write_tmp},
	{"write-var-tmp", write_var_tmp},
	{"write-dev-shm", write_dev_shm},
	{NULL, NULL},
};
