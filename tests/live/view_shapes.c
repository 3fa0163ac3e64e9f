/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/sandbox.h"
#include "mech/namespaces.h"

/* Views of odd shapes, built for real: what a workspace, a home or a rule can be. */

static struct sandbox sandbox;
static char path[PATH_MAX]; /* of the test, seen inside too */

static void open_sandbox(void)
{
	sandbox_open(&sandbox);
}

static void close_sandbox(void)
{
	sandbox_close(&sandbox);
}

TestSuite(shapes, .init = open_sandbox, .fini = close_sandbox, .timeout = 60);

static void expect_refusal(const char *part)
{
	int r = sandbox_run(&sandbox, SANDBOX_BOTH, NULL);

	cr_assert_eq(r, -1);
	cr_assert_not_null(strstr(sandbox.text, part), "%s", sandbox.text);
}

static const char *in_path(const char *name)
{
	static char full[PATH_MAX + 64];

	snprintf(full, sizeof(full), "%s/%s", path, name);
	return full;
}

static int works_below_tmp(const struct sandbox *s)
{
	HOLDS(can_write(in_path("ws/file")));
	HOLDS(can_write("/tmp/mine"));
	HOLDS(!can_read(in_path("beside")));
	HOLDS(access(in_path("beside"), F_OK) < 0 && errno == ENOENT); /* of the host's /tmp nothing is seen */
	HOLDS(!can_write(in_path("ws/.git/hooks/x")));
	HOLDS(rename(path, "/tmp/moved") < 0 && errno == EBUSY);
	return 0;
}

Test(shapes, workspace_below_tmp)
{
	char command[128];

	strcpy(path, "/tmp/rein-shape-XXXXXX");
	cr_assert_not_null(mkdtemp(path));
	sandbox_folder(&sandbox, in_path("ws/.git/hooks"));
	sandbox_file(&sandbox, in_path("beside"), "old");
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "/tmp");
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, in_path("ws"));
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, in_path("ws/.git/hooks"));
	sandbox_expect(&sandbox, works_below_tmp);
	cr_assert(sandbox_holds(&sandbox, in_path("ws/file"), "new"));
	cr_assert(access("/tmp/mine", F_OK) < 0);
	snprintf(command, sizeof(command), "rm -r %.64s", path);
	cr_assert(!system(command));
}

static int has_a_private_tmpdir(const struct sandbox *s)
{
	HOLDS(can_write(sandbox_path(s, "home/tmp/mine")));
	HOLDS(!can_read(sandbox_path(s, "home/tmp/old")));
	HOLDS(can_read(sandbox_path(s, "home/file")));
	HOLDS(can_write(sandbox_path(s, "home/tmp/ws/file")));
	return 0;
}

Test(shapes, private_tmpdir_in_a_tree_and_a_workspace_in_it)
{
	sandbox_file(&sandbox, "home/tmp/old", "old");
	sandbox_file(&sandbox, "home/file", "old");
	sandbox_folder(&sandbox, "home/tmp/ws");
	sandbox.policy.tmpdir = strdup(sandbox_path(&sandbox, "home/tmp"));
	sandbox_allow(&sandbox, REIN_ACCESS_READ, "home");
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "home/tmp");
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "home/tmp/ws");
	sandbox_expect(&sandbox, has_a_private_tmpdir);
	cr_assert(access(sandbox_path(&sandbox, "home/tmp/mine"), F_OK) < 0);
	cr_assert(sandbox_holds(&sandbox, "home/tmp/ws/file", "new"));
	free((char *)sandbox.policy.tmpdir);
}

static int reads_all_of_the_root(const struct sandbox *s)
{
	HOLDS(can_read("/etc/passwd"));
	HOLDS(can_read(sandbox_path(s, "file")));
	HOLDS(!can_write(sandbox_path(s, "file")));
	HOLDS(!can_write("/etc/rein-was-here"));
	HOLDS(!can_read(sandbox_path(s, "secret/x")));
	HOLDS(!can_write("/proc/sys/kernel/core_pattern"));
	HOLDS(!can_write("/sys/fs/cgroup/cgroup.procs") && !can_write("/sys/fs/cgroup/unified/cgroup.procs"));
	HOLDS(chmod("/etc", 0755) < 0);
	HOLDS(access("/proc/2", F_OK) < 0);
	HOLDS(open("/dev/null", O_RDWR) >= 0 && access("/dev/mem", F_OK) < 0);
	return 0;
}

Test(shapes, read_rule_for_the_root)
{
	sandbox_file(&sandbox, "file", "old");
	sandbox_file(&sandbox, "secret/x", "old");
	sandbox_allow(&sandbox, REIN_ACCESS_READ, "/");
	sandbox_deny(&sandbox, REIN_ACCESS_READ, "secret");
	sandbox_expect(&sandbox, reads_all_of_the_root);
	cr_assert(sandbox_holds(&sandbox, "file", "old"));
}

static int writes_nearly_all_of_the_root(const struct sandbox *s)
{
	HOLDS(can_write(sandbox_path(s, "file")));
	HOLDS(!can_write(sandbox_path(s, "no/file")));
	HOLDS(rename(sandbox_path(s, "no"), sandbox_path(s, "yes")) < 0 && errno == EBUSY);
	HOLDS(rename("/var/tmp", "/var/tmp-2") < 0);
	HOLDS(!can_write("/proc/sys/kernel/core_pattern"));
	HOLDS(!can_write("/sys/fs/cgroup/cgroup.procs") && !can_write("/sys/fs/cgroup/unified/cgroup.procs"));
	HOLDS(!can_write("/sys/kernel/uevent_helper"));
	HOLDS(can_write("/tmp/mine"));
	return 0;
}

Test(shapes, write_rule_for_the_root)
{
	sandbox_folder(&sandbox, "no");
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "/");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "no");
	sandbox_expect(&sandbox, writes_nearly_all_of_the_root);
	cr_assert(access(sandbox_path(&sandbox, "no/file"), F_OK) < 0);
	cr_assert(access("/tmp/mine", F_OK) < 0);
}

static int sees_names_beside(const struct sandbox *s)
{
	struct stat what;
	char text[16] = "";

	HOLDS(!stat(sandbox_path(s, "home/.ssh"), &what) && S_ISDIR(what.st_mode) && !(what.st_mode & 0777));
	HOLDS(access(sandbox_path(s, "home/.ssh/id"), F_OK) < 0 && errno == EACCES);
	HOLDS(chmod(sandbox_path(s, "home/.ssh"), 0777) < 0);
	HOLDS(open(sandbox_path(s, "home/.netrc"), O_RDONLY) < 0 && errno == EACCES);
	HOLDS(open(sandbox_path(s, "home/never"), O_RDONLY) < 0 && errno == ENOENT);
	HOLDS(readlink(sandbox_path(s, "home/link"), text, sizeof(text)) == 2 && !memcmp(text, "ws", 2));
	HOLDS(can_read(sandbox_path(s, "home/link/file")));
	HOLDS(!can_write(sandbox_path(s, "home/new")));
	HOLDS(can_read(sandbox_path(s, "home/.gitconfig")));
	HOLDS(access(sandbox_path(s, "home/.config/git/config"), F_OK) < 0 && errno == ENOENT);
	HOLDS(open(sandbox_path(s, "home/.config/gh/token"), O_RDONLY) < 0 && errno == EACCES);
	return 0;
}

Test(shapes, home_of_which_parts_are_declared)
{
	sandbox_file(&sandbox, "home/ws/file", "old");
	sandbox_file(&sandbox, "home/.ssh/id", "secret");
	sandbox_file(&sandbox, "home/.netrc", "secret");
	sandbox_file(&sandbox, "home/.gitconfig", "");
	sandbox_file(&sandbox, "home/.config/gh/token", "secret");
	cr_assert(!symlink("ws", sandbox_path(&sandbox, "home/link")));
	sandbox_allow(&sandbox, REIN_ACCESS_READ, "home/.config/git/config");
	sandbox_allow(&sandbox, REIN_ACCESS_READ, "home/ws");
	sandbox_allow(&sandbox, REIN_ACCESS_READ, "home/.gitconfig");
	sandbox_expect(&sandbox, sees_names_beside);
}

static int cannot_write_below(const struct sandbox *s)
{
	HOLDS(can_read(sandbox_path(s, "ro/mnt/file")));
	HOLDS(!can_write(sandbox_path(s, "ro/mnt/file")));
	HOLDS(chmod(sandbox_path(s, "ro/mnt/file"), 0777) < 0 && errno == EROFS);
	HOLDS(umount2(sandbox_path(s, "ro/mnt"), MNT_DETACH) < 0);
	return 0;
}

Test(shapes, mounts_below_what_is_only_read)
{
	const char *where = sandbox_path(&sandbox, "ro/mnt");

	if (!sandbox.machine.privileged) {
		close_sandbox(); /* skipping skips the end as well */
		cr_skip_test("mounting takes root");
	}
	sandbox_folder(&sandbox, "ro/mnt");
	cr_assert(!mount("none", where, "tmpfs", 0, "size=1m"));
	sandbox_file(&sandbox, "ro/mnt/file", "old");
	sandbox_allow(&sandbox, REIN_ACCESS_READ, "ro");
	sandbox_expect(&sandbox, cannot_write_below);
	cr_assert(!umount(where));
}

static int looks_around(const struct sandbox *s)
{
	HOLDS(can_read("/usr/bin/env"));
	HOLDS(!can_write("/usr/.envrc") && !can_write("/usr/a/b"));
	return 0;
}

Test(shapes, workspace_that_is_not_the_users)
{
	if (!geteuid()) {
		close_sandbox();
		cr_skip_test("root can write everywhere");
	}
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "/usr");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "/usr/.envrc");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "/usr/a/b/c");
	sandbox_expect(&sandbox, looks_around);
}

static int stays_in_directory(const struct sandbox *s)
{
	char here[PATH_MAX];

	HOLDS(getcwd(here, sizeof(here)) && !strcmp(here, s->launch.directory));
	return 0;
}

Test(shapes, working_directory)
{
	sandbox_folder(&sandbox, "ws/sub");
	sandbox_folder(&sandbox, "other");
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "ws");
	sandbox.launch.directory = sandbox_path(&sandbox, "ws/sub");
	sandbox_expect(&sandbox, stays_in_directory);
	sandbox.launch.directory = sandbox_path(&sandbox, "other");
	expect_refusal("filesystem.read");
	sandbox.launch.directory = "/nowhere";
	expect_refusal("/nowhere");
}

static int run_program(const char *program, const char *argument)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		execl(program, program, argument, (char *)NULL);
		_exit(errno == EACCES ? 201 : 202);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int keeps_execution(const struct sandbox *s)
{
	const char *program = sandbox_path(s, "ws/true");
	REIN_AUTO_FD int fd = open(program, O_RDONLY | O_CLOEXEC);

	HOLDS(run_program(program, NULL) == 201);
	HOLDS(run_program("/lib64/ld-linux-x86-64.so.2", program) > 0);
	HOLDS(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED);
	HOLDS(run_program(sandbox_path(s, "ws/bin/true"), NULL) == 0);
	HOLDS(run_program("/lib64/ld-linux-x86-64.so.2", sandbox_path(s, "ws/bin/true")) == 0);
	return 0;
}

Test(shapes, execution_and_the_loader)
{
	char command[256];

	if (access("/lib64/ld-linux-x86-64.so.2", X_OK))
		cr_skip_test("another architecture's loader");
	sandbox_folder(&sandbox, "ws/bin");
	snprintf(command, sizeof(command), "cp /usr/bin/true %.64s/ws/true && cp /usr/bin/true %.64s/ws/bin/true",
		 sandbox.scratch, sandbox.scratch);
	cr_assert(!system(command));
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "ws");
	sandbox_allow(&sandbox, REIN_ACCESS_EXECUTE, "ws/bin");
	sandbox_expect(&sandbox, keeps_execution);
}

static long connect_to(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	REIN_AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static int connects_only_where_declared(const struct sandbox *s)
{
	HOLDS(!connect_to(sandbox_path(s, "run/allowed")));
	HOLDS(connect_to(sandbox_path(s, "run/other")) < 0 && errno == EACCES);
	HOLDS(!can_write(sandbox_path(s, "run/new")));
	return 0;
}

static int listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", sandbox_path(&sandbox, name));
	cr_assert(!bind(fd, (struct sockaddr *)&address, sizeof(address)) && !listen(fd, 8));
	return fd;
}

Test(shapes, sockets_by_path)
{
	struct rein_unix_rule *rule = rein_vec_add(&sandbox.policy.sockets);
	REIN_AUTO_FD int allowed = -1, other = -1;

	sandbox_folder(&sandbox, "run");
	allowed = listen_at("run/allowed");
	other = listen_at("run/other");
	*rule = (struct rein_unix_rule){.origin = {"trial.yaml", 99, 1, "network.unix"},
					.verdict = REIN_VERDICT_ALLOW,
					.path = strdup(sandbox_path(&sandbox, "run/allowed"))};
	sandbox_expect(&sandbox, connects_only_where_declared);
	free((char *)rule->path);
	rein_vec_free(&sandbox.policy.sockets);
}

static int keeps_denials_in_its_own(const struct sandbox *s)
{
	HOLDS(can_write("/tmp/yes"));
	HOLDS(!can_write("/tmp/no/file") && !can_write("/tmp/a/b/no"));
	HOLDS(open("/tmp/hidden", O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES);
	HOLDS(rename("/tmp/a", "/tmp/c") < 0 && rmdir("/tmp/no") < 0);
	HOLDS(can_write("/tmp/a/file"));
	HOLDS(!can_read("/proc/version") && can_read("/proc/cpuinfo"));
	HOLDS(open("/dev/full", O_RDONLY) < 0 && open("/dev/null", O_RDWR) >= 0);
	return 0;
}

Test(shapes, denials_in_ones_own_places)
{
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "/tmp");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "/tmp/no");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "/tmp/a/b");
	sandbox_deny(&sandbox, REIN_ACCESS_READ, "/tmp/hidden");
	sandbox_deny(&sandbox, REIN_ACCESS_READ, "/proc/version");
	sandbox_deny(&sandbox, REIN_ACCESS_READ, "/dev/full");
	sandbox_expect(&sandbox, keeps_denials_in_its_own);
}

static int keeps_handles(const struct sandbox *s)
{
	struct {
		struct file_handle head;
		char bytes[128];
	} handle = {.head.handle_bytes = sizeof(handle.bytes)};
	REIN_AUTO_FD int mount_fd = open(sandbox_path(s, "ws"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int id;

	/* A handle of the folder's own works as a key to anything of the same file system; without privileges to none.
	 */
	if (!name_to_handle_at(AT_FDCWD, sandbox_path(s, "ws"), &handle.head, &id, 0))
		HOLDS(open_by_handle_at(mount_fd, &handle.head, O_RDONLY) < 0);
	HOLDS(unshare(CLONE_NEWNS) < 0);
	HOLDS(syscall(SYS_open_tree, mount_fd, "", 0x1000 /* AT_EMPTY_PATH */ | 1 /* OPEN_TREE_CLONE */) < 0);
	return 0;
}

Test(shapes, handles_and_mounts_of_ones_own)
{
	sandbox_folder(&sandbox, "ws");
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "ws");
	sandbox_expect(&sandbox, keeps_handles);
}

static int cannot_swap(const struct sandbox *s)
{
	const char *ws = sandbox_path(s, "ws"), *evil = sandbox_path(s, "tree/evil");

	HOLDS(!mkdir(evil, 0755));
	HOLDS(rename(ws, sandbox_path(s, "tree/old")) < 0);
	HOLDS(rename(evil, ws) < 0);
	HOLDS(syscall(SYS_renameat2, AT_FDCWD, ws, AT_FDCWD, evil, 2 /* RENAME_EXCHANGE */) < 0);
	HOLDS(rmdir(ws) < 0);
	HOLDS(rename(sandbox_path(s, "tree/a/b"), sandbox_path(s, "tree/x")) < 0);
	HOLDS(rename(sandbox_path(s, "tree/a"), sandbox_path(s, "tree/x")) < 0 && errno == EBUSY);
	HOLDS(rmdir(evil) == 0);
	return 0;
}

Test(shapes, swapping_roots)
{
	sandbox_folder(&sandbox, "ws");
	sandbox_folder(&sandbox, "tree/a/b/ro");
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "ws");
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "tree");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "tree/a/b/ro");
	sandbox_expect(&sandbox, cannot_swap);
}

static int fills_no_more_than_a_quarter(const struct sandbox *s)
{
	struct stat what;

	HOLDS(can_write("/tmp/file"));
	HOLDS(truncate("/tmp/file", 1L << 50) == 0 || errno == EFBIG || errno == EINVAL);
	HOLDS(!stat("/tmp", &what) && what.st_dev);
	HOLDS(fallocate(open("/tmp/big", O_RDWR | O_CREAT, 0600), 0, 0, 1L << 45) < 0 && errno == ENOSPC);
	return 0;
}

Test(shapes, own_places_are_bounded)
{
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "/tmp");
	sandbox_expect(&sandbox, fills_no_more_than_a_quarter);
}
