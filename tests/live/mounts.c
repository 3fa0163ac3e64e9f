/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/sandbox.h"

/* Mounts alone and mounts with Landlock: what is refused, and that nothing of it reached the disk. */

static bool fails(long result, int error)
{
	return result < 0 && errno == error;
}

static bool fails_any(long result)
{
	return result < 0;
}

static struct sandbox sandbox;

static void open_sandbox(void)
{
	sandbox_open(&sandbox);
}

static void close_sandbox(void)
{
	sandbox_close(&sandbox);
}

TestSuite(mounts, .init = open_sandbox, .fini = close_sandbox, .timeout = 60);

static int reads_only_what_is_declared(const struct sandbox *s)
{
	char text[8] = "";
	int fd = open(sandbox_path(s, "ro/file"), O_RDONLY);

	HOLDS(fd >= 0 && read(fd, text, 3) == 3 && !strcmp(text, "old"));
	HOLDS(fails(open(sandbox_path(s, "secret/file"), O_RDONLY), EACCES));
	HOLDS(fails(open(sandbox_path(s, "beside"), O_RDONLY), EACCES));
	HOLDS(fails(open(sandbox_path(s, ""), O_RDONLY | O_DIRECTORY), EACCES));
	HOLDS(fails(open("/etc/shadow", O_RDONLY), EACCES));
	HOLDS(access("/root/.ssh/id_rsa", F_OK) < 0);
	HOLDS(access("/usr/bin/true", X_OK) == 0);
	HOLDS(access("/bin/true", X_OK) == 0);
	return 0;
}

Test(mounts, reads_only_what_is_declared)
{
	sandbox_file(&sandbox, "ro/file", "old");
	sandbox_file(&sandbox, "secret/file", "old");
	sandbox_file(&sandbox, "beside", "old");
	sandbox_allow(&sandbox, REIN_ACCESS_READ, "ro");
	sandbox_expect(&sandbox, reads_only_what_is_declared);
}

static int changes_nothing_outside_write(const struct sandbox *s)
{
	const char *file = sandbox_path(s, "ro/file"), *folder = sandbox_path(s, "ro");
	struct timespec times[2] = {{1, 0}, {1, 0}};
	int fd;

	HOLDS(fails_any(open(file, O_WRONLY)));
	HOLDS(fails_any(open(file, O_RDONLY | O_TRUNC)));
	HOLDS(fails_any(truncate(file, 0)));
	HOLDS(fails(chmod(file, 04777), EROFS));
	HOLDS(fails(chown(file, getuid(), getgid()), EROFS));
	HOLDS(fails(utimensat(AT_FDCWD, file, times, 0), EROFS));
	HOLDS(fails_any(syscall(SYS_setxattr, file, "user.x", "y", 1, 0)));
	HOLDS(fails_any(unlink(file)));
	HOLDS(fails_any(rename(file, sandbox_path(s, "rw/moved"))));
	HOLDS(fails_any(link(file, sandbox_path(s, "rw/linked"))));
	HOLDS(fails_any(mkdir(sandbox_path(s, "ro/new"), 0700)));
	HOLDS(fails_any(symlink("x", sandbox_path(s, "ro/new"))));
	HOLDS(fails_any(mknod(sandbox_path(s, "ro/new"), S_IFIFO | 0600, 0)));
	HOLDS(fails(chmod(folder, 0777), EROFS));
	fd = open(sandbox_path(s, "rw/file"), O_RDWR | O_CREAT, 0600);
	HOLDS(fd >= 0 && write(fd, "new", 3) == 3);
	HOLDS(!ftruncate(fd, 5) && !ftruncate(fd, 3));
	HOLDS(!rename(sandbox_path(s, "rw/file"), sandbox_path(s, "rw/again")));
	HOLDS(fails_any(link(sandbox_path(s, "rw/again"), sandbox_path(s, "ro/linked"))));
	HOLDS(fails_any(rename(sandbox_path(s, "rw/again"), sandbox_path(s, "ro/linked"))));
	return 0;
}

Test(mounts, changes_nothing_outside_write)
{
	struct stat what;

	sandbox_file(&sandbox, "ro/file", "old");
	sandbox_folder(&sandbox, "rw");
	sandbox_allow(&sandbox, REIN_ACCESS_READ, "ro");
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "rw");
	sandbox_expect(&sandbox, changes_nothing_outside_write);
	cr_assert(sandbox_holds(&sandbox, "ro/file", "old"));
	cr_assert(sandbox_holds(&sandbox, "rw/again", "new"));
	cr_assert(!stat(sandbox_path(&sandbox, "ro/file"), &what) && (what.st_mode & 07777) == 0644);
}

static int keeps_carve_outs(const struct sandbox *s)
{
	const char *hook = sandbox_path(s, "ws/.git/hooks/pre-commit");

	HOLDS(fails_any(open(hook, O_WRONLY | O_CREAT, 0700)));
	HOLDS(fails(rename(sandbox_path(s, "ws/.git/hooks"), sandbox_path(s, "ws/.git/x")), EBUSY));
	HOLDS(fails(rename(sandbox_path(s, "ws/.git"), sandbox_path(s, "ws/x")), EBUSY));
	HOLDS(fails_any(rmdir(sandbox_path(s, "ws/.git/hooks"))));
	HOLDS(fails_any(unlink(sandbox_path(s, "ws/.git/config"))));
	HOLDS(fails_any(rename(sandbox_path(s, "ws/.git/other"), sandbox_path(s, "ws/.git/config"))));
	HOLDS(fails_any(rename(sandbox_path(s, "ws"), sandbox_path(s, "gone"))));
	HOLDS(fails_any(syscall(SYS_renameat2, AT_FDCWD, sandbox_path(s, "ws/.git"), AT_FDCWD, sandbox_path(s, "ws/d"),
				RENAME_EXCHANGE)));
	/* denied and missing: held */
	HOLDS(fails_any(open(sandbox_path(s, "ws/.envrc"), O_WRONLY | O_CREAT, 0600)));
	HOLDS(fails_any(rmdir(sandbox_path(s, "ws/.envrc"))));
	HOLDS(fails_any(rename(sandbox_path(s, "ws/.envrc"), sandbox_path(s, "ws/y"))));
	HOLDS(fails_any(open(sandbox_path(s, "ws/.a/b/c/d"), O_WRONLY | O_CREAT, 0600)));
	HOLDS(fails(rename(sandbox_path(s, "ws/.a"), sandbox_path(s, "ws/z")), EBUSY));
	/* hidden */
	HOLDS(fails(open(sandbox_path(s, "ws/keys/id"), O_RDONLY), EACCES));
	HOLDS(fails(open(sandbox_path(s, "ws/keys"), O_RDONLY | O_DIRECTORY), EACCES));
	HOLDS(fails(open(sandbox_path(s, "ws/token"), O_RDONLY), EACCES));
	HOLDS(fails(chmod(sandbox_path(s, "ws/token"), 0777), EROFS));
	/* around them all works */
	HOLDS(open(sandbox_path(s, "ws/.git/index"), O_WRONLY | O_CREAT, 0600) >= 0);
	HOLDS(open(sandbox_path(s, "ws/.a/b/mine"), O_WRONLY | O_CREAT, 0600) >= 0);
	HOLDS(!unlink(sandbox_path(s, "ws/.a/b/mine")));
	return 0;
}

Test(mounts, keeps_carve_outs)
{
	sandbox_folder(&sandbox, "ws/.git/hooks");
	sandbox_folder(&sandbox, "ws/d");
	sandbox_file(&sandbox, "ws/.git/config", "old");
	sandbox_file(&sandbox, "ws/.git/other", "evil");
	sandbox_file(&sandbox, "ws/keys/id", "secret");
	sandbox_file(&sandbox, "ws/token", "secret");
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "ws");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "ws/.git/hooks");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "ws/.git/config");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "ws/.envrc");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "ws/.a/b/c");
	sandbox_deny(&sandbox, REIN_ACCESS_READ, "ws/keys");
	sandbox_deny(&sandbox, REIN_ACCESS_READ, "ws/token");
	sandbox_expect(&sandbox, keeps_carve_outs);
	cr_assert(sandbox_holds(&sandbox, "ws/.git/config", "old"));
	cr_assert(access(sandbox_path(&sandbox, "ws/.git/hooks"), F_OK) == 0);
	cr_assert(access(sandbox_path(&sandbox, "ws/.git/index"), F_OK) == 0);
	/* placeholders went with the agent */
	cr_assert(access(sandbox_path(&sandbox, "ws/.envrc"), F_OK) < 0);
	cr_assert(access(sandbox_path(&sandbox, "ws/.a"), F_OK) < 0);
}

static int has_its_own(const struct sandbox *s)
{
	struct stat what;
	int fd;

	HOLDS(access("/tmp", F_OK) == 0 && access("/run", F_OK) == 0 && access("/dev/shm", F_OK) == 0);
	HOLDS(!stat("/tmp", &what) && (what.st_mode & 07777) == 01777);
	HOLDS(open("/tmp/mine", O_WRONLY | O_CREAT | O_EXCL, 0600) >= 0);
	HOLDS(fails_any(open("/run/mine", O_WRONLY | O_CREAT, 0600)));
	HOLDS(open("/dev/null", O_RDWR) >= 0 && open("/dev/urandom", O_RDONLY) >= 0);
	HOLDS(fails_any(open("/dev/mine", O_WRONLY | O_CREAT, 0600)));
	HOLDS(access("/dev/vda", F_OK) < 0 && access("/dev/kmsg", F_OK) < 0 && access("/dev/mem", F_OK) < 0);
	fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	HOLDS(fd >= 0 && !unlockpt(fd) && !strcmp(ptsname(fd), "/dev/pts/0"));
	HOLDS(open("/dev/pts/0", O_RDWR | O_NOCTTY) >= 0);
	HOLDS(access("/proc/1/comm", F_OK) == 0 && access("/proc/2", F_OK) < 0);
	HOLDS(open("/proc/self/status", O_RDONLY) >= 0 && open("/proc/cpuinfo", O_RDONLY) >= 0);
	HOLDS(fails_any(open("/proc/sys/kernel/core_pattern", O_WRONLY)));
	HOLDS(fails_any(open("/proc/sysrq-trigger", O_WRONLY)));
	HOLDS(fails_any(open("/proc/kcore", O_RDONLY)));
	HOLDS(access("/sys/fs/cgroup/cgroup.procs", F_OK) < 0);
	return 0;
}

Test(mounts, has_its_own)
{
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "/tmp");
	sandbox_expect(&sandbox, has_its_own);
	cr_assert(access("/tmp/mine", F_OK) < 0);
}

static int cannot_rearrange(const struct sandbox *s)
{
	HOLDS(fails_any(umount2("/proc/sys", MNT_DETACH)));
	HOLDS(fails_any(umount2(sandbox_path(s, "ws/.git"), MNT_DETACH)));
	HOLDS(fails_any(mount("none", "/tmp", "tmpfs", 0, NULL)));
	HOLDS(fails_any(mount(NULL, sandbox_path(s, "ro"), NULL, MS_REMOUNT | MS_BIND, NULL)));
	HOLDS(fails_any(syscall(SYS_pivot_root, "/tmp", "/tmp")));
	HOLDS(fails_any(chroot("/tmp")));
	HOLDS(fails_any(open("/proc/1/root/etc/shadow", O_RDONLY)));
	HOLDS(fails_any(open("/proc/self/root/etc/shadow", O_RDONLY)));
	HOLDS(fails_any(open("/../../etc/shadow", O_RDONLY)));
	HOLDS(fails_any(chmod("/", 0777)));
	HOLDS(fails_any(mkdir("/new", 0777)));
	return 0;
}

Test(mounts, cannot_rearrange)
{
	sandbox_folder(&sandbox, "ws/.git/hooks");
	sandbox_folder(&sandbox, "ro");
	sandbox_allow(&sandbox, REIN_ACCESS_READ, "ro");
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "ws");
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "/tmp");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "ws/.git/hooks");
	sandbox_expect(&sandbox, cannot_rearrange);
}
