/* SPDX-License-Identifier: GPL-2.0 */
/* Leaving, entering and rearranging namespaces, roots and mounts. Each ends with what it was for: an undeclared file.
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET probe_path(scene->outside, "secret")
#define VICTIM probe_path(scene->outside, "victim")

static int touch(const struct scene *scene)
{
	probe_show(open(SECRET, O_RDONLY | O_CLOEXEC));
	return probe_put(open(VICTIM, O_WRONLY | O_CLOEXEC), PROBE_TOUCHED);
}

/* A namespace of users in which one is root: an unknown namespace must not count as allowed. */
static int unshare_user_and_pid(const struct scene *scene)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWPID))
		return errno;
	umount2(scene->outside, MNT_DETACH);
	touch(scene);
	return 0;
}

static int unshare_user_and_mount(const struct scene *scene)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return errno;
	mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL);
	touch(scene);
	return 0;
}

static int unshare_network(const struct scene *scene)
{
	return probe_result(unshare(CLONE_NEWUSER | CLONE_NEWNET));
}

static int unshare_cgroup(const struct scene *scene)
{
	return probe_result(unshare(CLONE_NEWCGROUP));
}

static int clone_user(const struct scene *scene)
{
	struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_NEWNS, .exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	int error = errno;

	if (pid == 0)
		_exit(touch(scene));
	if (pid < 0 && error == ENOSYS) {
		pid = syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, NULL);
		error = errno;
		if (pid == 0)
			_exit(touch(scene));
	}
	if (pid < 0)
		return error;
	waitpid((pid_t)pid, NULL, 0);
	return 0;
}

static int enter(pid_t pid, const char *kind, const struct scene *scene)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, 0))
		return errno;
	return touch(scene);
}

static int enter_mount_of_init(const struct scene *scene)
{
	return enter(1, "mnt", scene);
}

static int enter_user_of_bystander(const struct scene *scene)
{
	return enter(scene->bystander, "user", scene);
}

static int enter_by_pidfd(const struct scene *scene)
{
	int fd = (int)syscall(SYS_pidfd_open, 1, 0);

	if (fd < 0 || setns(fd, CLONE_NEWNS | CLONE_NEWUSER))
		return errno;
	return touch(scene);
}

/* Changes what path strings look like: rules about paths must not be judged by them. */
static int change_root(const struct scene *scene)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (chroot(scene->workspace))
		return errno;
	touch(scene);
	return fchdir(root) || chroot(".") ? errno : touch(scene);
}

static int bind_mount(const struct scene *scene)
{
	const char *own = probe_path(scene->workspace, "own");

	mkdir(own, 0755);
	if (mount(scene->outside, own, NULL, MS_BIND, NULL))
		return errno;
	return probe_put(open(probe_path(own, "victim"), O_WRONLY | O_CLOEXEC), PROBE_TOUCHED);
}

static int remount_writable(const struct scene *scene)
{
	if (mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL))
		return errno;
	return touch(scene);
}

static int unmount_carve_out(const struct scene *scene)
{
	if (umount2(probe_path(scene->workspace, ".git/hooks"), MNT_DETACH))
		return errno;
	return probe_put(open(probe_path(scene->workspace, ".git/hooks/pre-commit"), O_WRONLY | O_CREAT, 0755),
			 PROBE_TOUCHED);
}

static int mount_attributes(const struct scene *scene)
{
	struct mount_attr attributes = {.attr_clr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC};

	if (syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &attributes, sizeof(attributes)))
		return errno;
	return touch(scene);
}

static int open_tree_clone(const struct scene *scene)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | AT_RECURSIVE);

	return fd < 0 ? errno : 0;
}

static int new_file_system(const struct scene *scene)
{
	return probe_result(syscall(SYS_fsopen, "proc", 0));
}

static int mount_proc(const struct scene *scene)
{
	const char *own = probe_path(scene->workspace, "own");

	mkdir(own, 0755);
	return probe_result(mount("proc", own, "proc", 0, NULL));
}

static int pivot(const struct scene *scene)
{
	return probe_result(syscall(SYS_pivot_root, scene->workspace, scene->workspace));
}

static int host_name(const struct scene *scene)
{
	return probe_result(sethostname("rein-probe", 10));
}

static int domain_name(const struct scene *scene)
{
	return probe_result(setdomainname("rein-probe", 10));
}

const struct probe probes_of_namespaces[] = {
	{"unshare-user-and-pid", unshare_user_and_pid},
	{"unshare-user-and-mount", unshare_user_and_mount},
	{"unshare-network", unshare_network},
	{"unshare-cgroup", unshare_cgroup},
	{"clone-user", clone_user},
	{"enter-mount-of-init", enter_mount_of_init},
	{"enter-user-of-bystander", enter_user_of_bystander},
	{"enter-by-pidfd", enter_by_pidfd},
	{"change-root", change_root},
	{"bind-mount", bind_mount},
	{"remount-writable", remount_writable},
	{"unmount-carve-out", unmount_carve_out},
	{"mount-attributes", mount_attributes},
	{"open-tree-clone", open_tree_clone},
	{"new-file-system", new_file_system},
	{"mount-proc", mount_proc},
	{"pivot", pivot},
	{"host-name", host_name},
	{"domain-name", domain_name},
	{NULL, NULL},
};
