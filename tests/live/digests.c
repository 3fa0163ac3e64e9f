/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "harness/harness.h"
#include "harness/sandbox.h"

/*
 * A file that is allowed with one content: only that content ever runs, whoever does what to the file meanwhile. The
 * content that is meant ends with 0, any other with 1, and -1 is what could not be run.
 */

#define MEANT "/usr/bin/true"
#define OTHER "/usr/bin/false"
#define TOOL "opt/bin/tool"

static struct sandbox sandbox;
static char digest[REIN_DIGEST_ROOM];

static void copy(const char *from, const char *to, int flags)
{
	REIN_AUTO_FD int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | flags | O_CLOEXEC, 0755);
	char bytes[8192];
	ssize_t n;

	cr_assert(in >= 0 && out >= 0, "%s %s", from, to);
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		cr_assert_eq(write(out, bytes, (size_t)n), n);
}

static void find_digest(const char *path, char ret_digest[REIN_DIGEST_ROOM])
{
	REIN_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	cr_assert(fd >= 0 && !fstat(fd, &st));
	cr_assert_eq(rein_digest_file(fd, -1, (uint64_t)st.st_size, ret_digest, NULL), 0);
}

static void open_sandbox(void)
{
	umask(022);
	sandbox_open(&sandbox);
	chmod(sandbox.scratch, 0755);
	sandbox_folder(&sandbox, "opt/bin");
	copy(MEANT, sandbox_path(&sandbox, TOOL), O_CREAT);
	find_digest(MEANT, digest);
}

static void close_sandbox(void)
{
	sandbox_close(&sandbox);
}

TestSuite(digests, .init = open_sandbox, .fini = close_sandbox, .timeout = 120);

static int run(const char *path)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execl(path, path, NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) == 127)
		return -1;
	return WEXITSTATUS(status);
}

/* ---- somebody outside, who acts when asked from inside ---- */

static int asked[2], answered[2];

static int replace_in_place(void)
{
	copy(OTHER, sandbox_path(&sandbox, TOOL), O_TRUNC);
	return 0;
}

static int rename_over(void)
{
	copy(OTHER, sandbox_path(&sandbox, "new"), O_CREAT);
	return rename(sandbox_path(&sandbox, "new"), sandbox_path(&sandbox, TOOL));
}

static int remove_and_make(void)
{
	if (unlink(sandbox_path(&sandbox, TOOL)))
		return -1;
	copy(OTHER, sandbox_path(&sandbox, TOOL), O_CREAT);
	return 0;
}

static int exchange_folder(void)
{
	if (rename(sandbox_path(&sandbox, "opt/bin"), sandbox_path(&sandbox, "opt/old")))
		return -1;
	sandbox_folder(&sandbox, "opt/bin");
	copy(OTHER, sandbox_path(&sandbox, TOOL), O_CREAT);
	return 0;
}

static void start_outsider(int (*act)(void))
{
	char byte;

	cr_assert(!pipe2(asked, O_CLOEXEC) && !pipe2(answered, O_CLOEXEC));
	if (fork())
		return;
	if (read(asked[0], &byte, 1) == 1 && !act())
		byte = 'y';
	_exit(write(answered[1], &byte, 1) != 1);
}

static bool ask_outsider(void)
{
	char answer = 0;

	return write(asked[1], "?", 1) == 1 && read(answered[0], &answer, 1) == 1 && answer == 'y';
}

static int goes_on_with_what_was_checked(const struct sandbox *s)
{
	HOLDS(run(sandbox_path(s, TOOL)) == 0);
	HOLDS(ask_outsider());
	HOLDS(run(sandbox_path(s, TOOL)) == 0);
	return 0;
}

static int runs_nothing_else(const struct sandbox *s)
{
	HOLDS(run(sandbox_path(s, TOOL)) == 0);
	HOLDS(ask_outsider());
	HOLDS(run(sandbox_path(s, TOOL)) != 1);
	return 0;
}

static void replace_meanwhile(enum rein_access around, int (*act)(void), int (*inside)(const struct sandbox *),
			      enum sandbox_with with)
{
	int r, status;

	sandbox_allow(&sandbox, around, "opt");
	sandbox_allow_digest(&sandbox, TOOL, digest);
	start_outsider(act);
	r = sandbox_run(&sandbox, with, inside);
	cr_assert_eq(r, 0, "returned %d (line of HOLDS, +1): %s", r, sandbox.text);
	cr_assert(wait(&status) > 0 && !status);
	cr_assert_eq(run(sandbox_path(&sandbox, TOOL)), 1, "nothing was replaced");
}

/* The folder around it is executable as a whole, so that whatever stands there could run; or it can be read, and only
 * this one file be run. */
static const struct replacement {
	enum rein_access around;
	int (*act)(void);
	int (*inside)(const struct sandbox *);
	enum sandbox_with with;
} replacements[] = {
	{REIN_ACCESS_EXECUTE, replace_in_place, goes_on_with_what_was_checked, SANDBOX_BOTH},
	{REIN_ACCESS_EXECUTE, rename_over, goes_on_with_what_was_checked, SANDBOX_BOTH},
	{REIN_ACCESS_EXECUTE, remove_and_make, goes_on_with_what_was_checked, SANDBOX_MOUNTS},
	{REIN_ACCESS_EXECUTE, exchange_folder, goes_on_with_what_was_checked, SANDBOX_BOTH},
	{REIN_ACCESS_READ, replace_in_place, goes_on_with_what_was_checked, SANDBOX_BOTH},
	{REIN_ACCESS_READ, rename_over, goes_on_with_what_was_checked, SANDBOX_MOUNTS},
	{REIN_ACCESS_READ, exchange_folder, runs_nothing_else, SANDBOX_BOTH},
};

Test(digests, whatever_replaces_it_meanwhile_does_not_run)
{
	for (size_t i = 0; i < REIN_COUNT(replacements); i++) {
		const struct replacement *one = &replacements[i];

		fprintf(stderr, "replacement %zu\n", i);
		replace_meanwhile(one->around, one->act, one->inside, one->with);
		close_sandbox();
		open_sandbox();
	}
}

static int goes_on_below_another_place(const struct sandbox *s)
{
	HOLDS(!access(sandbox_path(s, "opt/bin"), R_OK));
	return goes_on_with_what_was_checked(s);
}

Test(digests, in_an_executable_folder_below_another_place)
{
	sandbox_allow(&sandbox, REIN_ACCESS_READ, "opt/bin");
	replace_meanwhile(REIN_ACCESS_EXECUTE, rename_over, goes_on_below_another_place, SANDBOX_BOTH);
}

Test(digests, without_overlayfs_the_file_alone_runs_nothing_else)
{
	sandbox.machine.overlay = false;
	replace_meanwhile(REIN_ACCESS_READ, rename_over, runs_nothing_else, SANDBOX_MOUNTS);
}

/* ---- the agent itself ---- */

static int cannot_change_it(const struct sandbox *s)
{
	const char *tool = sandbox_path(s, TOOL), *mine = sandbox_path(s, "opt/mine");
	char self[64];
	int fd = open(tool, O_RDONLY);

	HOLDS(fd >= 0);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	HOLDS(open(tool, O_WRONLY) < 0 && open(tool, O_RDONLY | O_TRUNC) < 0 && truncate(tool, 0) < 0);
	HOLDS(open(self, O_WRONLY) < 0 && truncate(self, 0) < 0 && fchmod(fd, 0777) < 0);
	HOLDS(unlink(tool) < 0 && rename(tool, mine) < 0 && link(tool, mine) < 0);
	close(open(mine, O_WRONLY | O_CREAT | O_TRUNC, 0755));
	HOLDS(!access(mine, F_OK));
	HOLDS(rename(mine, tool) < 0 && renameat2(AT_FDCWD, mine, AT_FDCWD, tool, RENAME_EXCHANGE) < 0);
	HOLDS(rename(sandbox_path(s, "opt/bin"), sandbox_path(s, "opt/old")) < 0);
	HOLDS(run(tool) == 0);
	return 0;
}

Test(digests, the_agent_cannot_change_it_in_what_it_may_write)
{
	char after[REIN_DIGEST_ROOM];

	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "opt");
	sandbox_allow_digest(&sandbox, TOOL, digest);
	sandbox_expect(&sandbox, cannot_change_it);
	find_digest(sandbox_path(&sandbox, TOOL), after);
	cr_assert_str_eq(after, digest);
}

static struct stat host;

static int looks_like_the_original(const struct sandbox *s)
{
	char line[4096] = "";
	struct stat st;

	HOLDS(!stat(sandbox_path(s, TOOL), &st));
	HOLDS(st.st_size == host.st_size && st.st_mtim.tv_sec == host.st_mtim.tv_sec);
	HOLDS(st.st_mtim.tv_nsec == host.st_mtim.tv_nsec && st.st_uid == host.st_uid && st.st_gid == host.st_gid);
	HOLDS((st.st_mode & 07777) == 0755);
	HOLDS(readlink(sandbox_path(s, "opt/bin/link"), line, sizeof(line)) == 4 && run(sandbox_path(s, TOOL)) == 0);
	HOLDS(run(sandbox_path(s, "opt/bin/link")) == 0);
	return 0;
}

Test(digests, keeps_mode_owner_and_times_but_no_setuid)
{
	const char *tool = sandbox_path(&sandbox, TOOL);

	cr_assert(!chmod(tool, 06755) && !symlink("tool", sandbox_path(&sandbox, "opt/bin/link")));
	cr_assert(!utimensat(AT_FDCWD, tool, (struct timespec[]){{5, 6}, {7, 8}}, 0) && !stat(tool, &host));
	sandbox_allow(&sandbox, REIN_ACCESS_READ, "opt");
	sandbox_allow_digest(&sandbox, "opt/bin/link", digest);
	sandbox_expect(&sandbox, looks_like_the_original);
}

static int does_not_run(const struct sandbox *s)
{
	HOLDS(run(sandbox_path(s, TOOL)) == -1);
	return 0;
}

Test(digests, gives_no_right_that_the_mode_does_not)
{
	cr_assert(!chmod(sandbox_path(&sandbox, TOOL), 0644));
	sandbox_allow_digest(&sandbox, TOOL, digest);
	sandbox_expect(&sandbox, does_not_run);
}

static int runs_under_this_name_only(const struct sandbox *s)
{
	HOLDS(run(sandbox_path(s, TOOL)) == 0);
	HOLDS(run(sandbox_path(s, "opt/bin/same")) == -1);
	return 0;
}

Test(digests, other_names_are_other_lines)
{
	cr_assert(!link(sandbox_path(&sandbox, TOOL), sandbox_path(&sandbox, "opt/bin/same")));
	sandbox_allow(&sandbox, REIN_ACCESS_READ, "opt");
	sandbox_allow_digest(&sandbox, TOOL, digest);
	sandbox_expect(&sandbox, runs_under_this_name_only);
}

/* ---- fs-verity: on a file system of the test's own, where the kernel has it ---- */

static bool enable_verity(const char *path)
{
	const struct fsverity_enable_arg arg = {
		.version = 1, .hash_algorithm = FS_VERITY_HASH_ALG_SHA256, .block_size = 4096};
	REIN_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

	return !ioctl(fd, FS_IOC_ENABLE_VERITY, &arg);
}

/* Mounts an ext4 over opt/bin and puts the tool there. False where that cannot be. */
static bool mount_keeper(void)
{
	OUTCOME made = run_shell("cd %s && truncate -s 32M disk && mkfs.ext4 -q -O verity -b 4096 disk && "
				 "mount -o loop disk opt/bin",
				 sandbox.scratch);

	if (made.code)
		return false;
	copy(MEANT, sandbox_path(&sandbox, TOOL), O_CREAT);
	return enable_verity(sandbox_path(&sandbox, TOOL));
}

static int is_the_file_itself(const struct sandbox *s)
{
	struct stat st;

	HOLDS(!stat(sandbox_path(s, TOOL), &st) && st.st_dev == host.st_dev && st.st_ino == host.st_ino);
	HOLDS(run(sandbox_path(s, TOOL)) == 0);
	return 0;
}

Test(digests, under_fs_verity_is_no_copy)
{
	bool there = harness_root() && mount_keeper();

	if (there) {
		cr_expect(!stat(sandbox_path(&sandbox, TOOL), &host));
		cr_expect_lt(open(sandbox_path(&sandbox, TOOL), O_WRONLY | O_CLOEXEC), 0);
		sandbox_allow_digest(&sandbox, TOOL, digest);
		cr_expect_eq(sandbox_run(&sandbox, SANDBOX_BOTH, is_the_file_itself), 0, "%s", sandbox.text);
	}
	umount(sandbox_path(&sandbox, "opt/bin"));
	if (!there)
		harness_skip("no fs-verity here, or not root");
}

/* ---- what is refused before anything runs ---- */

static int never(const struct sandbox *s)
{
	(void)s;
	return 1;
}

static void expect_refusal(const char *part)
{
	cr_assert_eq(sandbox_run(&sandbox, SANDBOX_BOTH, never), -1);
	cr_assert_not_null(strstr(sandbox.text, part), "%s", sandbox.text);
}

Test(digests, other_content_does_not_start)
{
	char wanted[1024], found[REIN_DIGEST_ROOM];

	sandbox_allow_digest(&sandbox, TOOL, digest);
	replace_in_place();
	find_digest(OTHER, found);
	snprintf(wanted, sizeof(wanted), "trial.yaml:%zu: %s: %s " REIN_DIGEST_DIFFERS, sandbox.policy.paths.count,
		 sandbox_path(&sandbox, TOOL), sandbox_path(&sandbox, TOOL), digest, found);
	expect_refusal(wanted);
}

Test(digests, what_cannot_be_read_does_not_start)
{
	if (harness_root())
		harness_skip("root reads everything");
	cr_assert(!chmod(sandbox_path(&sandbox, TOOL), 0111));
	sandbox_allow_digest(&sandbox, TOOL, digest);
	/* In its own user namespace the owner reads it all the same. */
	sandbox_allow_digest(&sandbox, "/usr/bin/sudo", digest);
	if (!access("/usr/bin/sudo", F_OK) && access("/usr/bin/sudo", R_OK))
		expect_refusal("cannot be read, so its content cannot be checked: Permission denied");
}

Test(digests, what_has_no_content_of_its_own_does_not_start)
{
	sandbox_allow_digest(&sandbox, "/sys/devices/system/cpu/online", digest);
	expect_refusal("/sys/devices/system/cpu/online cannot be checked: it does not hold the 4096 bytes it says");
}
