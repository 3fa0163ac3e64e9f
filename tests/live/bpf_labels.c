/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "harness/labelled.h"

/* What bpf-file's labels deny, they deny by whatever way it is reached. */

static struct labelled labelled;

static const char *at(const char *path)
{
	return sandbox_path(&labelled.sandbox, path);
}

/* Longer than what is read of a name at a time. */
#define LONG_NAME "a-name-of-more-than-two-times-sixteen-bytes"

static void open_labelled(void)
{
	const struct sandbox *s = &labelled.sandbox;

	labelled_open(&labelled, NULL);
	sandbox_file(s, "readme", "open\n");
	sandbox_file(s, "secret/key", "secret\n");
	sandbox_file(s, "secret/below/key", "secret\n");
	sandbox_file(s, ".git/hooks/pre-commit", "#!/bin/sh\n");
	sandbox_file(s, ".git/HEAD", "main\n");
	sandbox_folder(s, "scratch");
	sandbox_deny(&labelled.sandbox, REIN_ACCESS_READ, "secret");
	sandbox_deny(&labelled.sandbox, REIN_ACCESS_WRITE, ".git/hooks");
	sandbox_deny(&labelled.sandbox, REIN_ACCESS_READ, "late");
	sandbox_deny(&labelled.sandbox, REIN_ACCESS_READ, LONG_NAME);
}

static void close_labelled(void)
{
	labelled_close(&labelled);
}

TestSuite(bpf_labels, .init = open_labelled, .fini = close_labelled, .timeout = 120);

static int reads(void *unused)
{
	struct stat what;

	HOLDS(REFUSED(open(at("secret/key"), O_RDONLY)));
	HOLDS(REFUSED(open(at("secret/key"), O_WRONLY)));
	HOLDS(REFUSED(open(at("secret/below/key"), O_RDONLY)));
	HOLDS(REFUSED(open(at("secret"), O_RDONLY | O_DIRECTORY)));
	HOLDS(opens(at("readme"), O_RDWR) && opens(at("scratch"), O_RDONLY | O_DIRECTORY));
	HOLDS(!stat(at("secret"), &what));
	HOLDS(opens(at("scratch/new"), O_WRONLY | O_CREAT | O_EXCL) && !unlink(at("scratch/new")));
	return 0;
}

Test(bpf_labels, deny_reading)
{
	labelled_start(&labelled);
	labelled_expect(&labelled, reads);
}

static int writes(void *unused)
{
	char hook[128];
	const struct timespec times[2] = {{1, 0}, {1, 0}};

	snprintf(hook, sizeof(hook), "%s", at(".git/hooks/pre-commit"));
	HOLDS(opens(hook, O_RDONLY) && opens(at(".git/hooks"), O_RDONLY | O_DIRECTORY));
	HOLDS(REFUSED(open(hook, O_WRONLY)) && REFUSED(open(hook, O_RDWR)) && REFUSED(open(hook, O_RDONLY | O_TRUNC)));
	HOLDS(REFUSED(open(at(".git/hooks/new"), O_WRONLY | O_CREAT, 0755)));
	HOLDS(REFUSED(open(at(".git/hooks"), O_RDWR | O_TMPFILE, 0755)));
	HOLDS(REFUSED(truncate(hook, 0)) && REFUSED(unlink(hook)) && REFUSED(chmod(hook, 0777)));
	HOLDS(REFUSED(chown(hook, 1, 1)) && REFUSED(utimensat(AT_FDCWD, hook, times, 0)));
	HOLDS(REFUSED(setxattr(hook, "user.test", "1", 1, 0)) || errno == EOPNOTSUPP);
	HOLDS(REFUSED(mkdir(at(".git/hooks/d"), 0755)) && REFUSED(symlink("x", at(".git/hooks/l"))));
	HOLDS(REFUSED(mknod(at(".git/hooks/n"), S_IFIFO | 0644, 0)));
	HOLDS(REFUSED(rename(hook, at("taken"))) && REFUSED(rename(at("readme"), hook)));
	HOLDS(REFUSED(rename(at("readme"), at(".git/hooks/other"))));
	HOLDS(REFUSED(syscall(SYS_renameat2, AT_FDCWD, at("readme"), AT_FDCWD, hook, 2U /* exchange */)));
	HOLDS(REFUSED(link(hook, at("taken"))) && REFUSED(link(at("readme"), at(".git/hooks/other"))));
	HOLDS(opens(at(".git/HEAD"), O_RDWR) && opens(at(".git/new"), O_WRONLY | O_CREAT));
	return 0;
}

Test(bpf_labels, deny_writing_and_all_that_changes)
{
	labelled_start(&labelled);
	labelled_expect(&labelled, writes);
	cr_assert(sandbox_holds(&labelled.sandbox, ".git/hooks/pre-commit", "#!/bin/sh\n"));
}

static int moves(void *unused)
{
	HOLDS(REFUSED(rename(at(".git"), at("x"))) && REFUSED(rename(at(".git/hooks"), at(".git/x"))));
	HOLDS(REFUSED(rename(at(""), "/var/tmp/elsewhere")) && REFUSED(rename(at("secret"), at("public"))));
	HOLDS(REFUSED(syscall(SYS_renameat2, AT_FDCWD, at("scratch"), AT_FDCWD, at(".git"), 2U)));
	HOLDS(REFUSED(rmdir(at(".git"))) && REFUSED(rmdir(at(".git/hooks"))));
	HOLDS(REFUSED(mkdir(at("late"), 0755)) && REFUSED(open(at("late"), O_WRONLY | O_CREAT, 0644)));
	HOLDS(REFUSED(rename(at("scratch"), at("late"))) && REFUSED(symlink("scratch", at("late"))));
	HOLDS(REFUSED(link(at("readme"), at("late"))) && REFUSED(mkdir(at(LONG_NAME), 0755)));
	HOLDS(!mkdir(at(LONG_NAME "-too"), 0755));
	HOLDS(!rename(at("scratch"), at("scratch2")));
	return 0;
}

Test(bpf_labels, hold_the_folders_above_and_names_that_are_missing)
{
	labelled_start(&labelled);
	labelled_expect(&labelled, moves);
}

static int links(void *unused)
{
	char path[64];
	int fd = open(at("secret/key"), O_PATH | O_CLOEXEC);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	HOLDS(fd >= 0 && REFUSED(open(path, O_RDONLY)));
	HOLDS(REFUSED(linkat(AT_FDCWD, path, AT_FDCWD, at("name"), AT_SYMLINK_FOLLOW)));
	HOLDS(REFUSED(linkat(fd, "", AT_FDCWD, at("name"), AT_EMPTY_PATH)));
	HOLDS(REFUSED(link(at("secret/key"), at("name"))));
	HOLDS(REFUSED(open(at("public"), O_RDONLY)) && REFUSED(open(at("public-below"), O_RDONLY)));
	HOLDS(!symlink("secret/key", at("pointer")) && REFUSED(open(at("pointer"), O_RDONLY)));
	HOLDS(REFUSED(open(at("scratch/../secret/key"), O_RDONLY)));
	return 0;
}

Test(bpf_labels, know_a_file_by_its_other_names)
{
	cr_assert_eq(link(at("secret/key"), at("public")), 0);
	cr_assert_eq(link(at("secret/below/key"), at("public-below")), 0);
	labelled_start(&labelled);
	labelled_expect(&labelled, links);
}

static int elsewhere(const char *from, const char *path)
{
	char below[4200];

	snprintf(below, sizeof(below), "%s/%s", at("scratch"), path);
	HOLDS(!mount(from, at("scratch"), NULL, MS_BIND | MS_REC, NULL));
	HOLDS(REFUSED(open(below, O_RDONLY)));
	HOLDS(!umount2(at("scratch"), MNT_DETACH));
	return 0;
}

static int own_mounts(void *unused)
{
	HOLDS(!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	HOLDS(!elsewhere(at("secret"), "key") && !elsewhere(at("secret/below"), "key"));
	HOLDS(!elsewhere(at(""), "secret/key") && !elsewhere("/", at("secret/key") + 1));
	HOLDS(!elsewhere(at(""), "secret/below/key"));
	return 0;
}

Test(bpf_labels, see_through_bind_mounts)
{
	labelled_start(&labelled);
	labelled_expect(&labelled, own_mounts);
}

static int own_users(void *unused)
{
	HOLDS(!unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWCGROUP));
	HOLDS(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	HOLDS(REFUSED(open(at("secret/key"), O_RDONLY)));
	return elsewhere(at("secret"), "key");
}

Test(bpf_labels, hold_in_other_user_and_mount_namespaces)
{
	labelled_start(&labelled);
	labelled_expect(&labelled, own_users);
}

static int other_roots(void *unused)
{
	char path[4200];

	snprintf(path, sizeof(path), "/proc/self/root%s", at("secret/key"));
	HOLDS(REFUSED(open(path, O_RDONLY)));
	HOLDS(!chdir(at("secret")) && REFUSED(open("key", O_RDONLY)));
	HOLDS(REFUSED(open("/proc/self/cwd/key", O_RDONLY)) && REFUSED(open(".", O_RDONLY)));
	HOLDS(!chroot(at("")) && REFUSED(open("/secret/key", O_RDONLY)) && opens("/readme", O_RDONLY));
	HOLDS(!chdir("/") && !chroot("secret/below") && REFUSED(open("/key", O_RDONLY)));
	return 0;
}

Test(bpf_labels, hold_from_other_roots_and_working_folders)
{
	labelled_start(&labelled);
	labelled_expect(&labelled, other_roots);
}

static int finds_what_came_later(void *unused)
{
	HOLDS(REFUSED(open(at("late/file"), O_RDONLY)) && REFUSED(open(at("late"), O_RDONLY)));
	HOLDS(REFUSED(open(at("secret/new"), O_RDONLY)));
	HOLDS(REFUSED(open(at(".git/hooks/new"), O_WRONLY)) && opens(at(".git/hooks/new"), O_RDONLY));
	HOLDS(REFUSED(open(at("secret/scratch/file"), O_RDONLY)));
	return 0;
}

Test(bpf_labels, hold_what_somebody_else_makes_or_moves_later)
{
	labelled_start(&labelled);
	sandbox_file(&labelled.sandbox, "late/file", "late\n");
	sandbox_file(&labelled.sandbox, "secret/new", "late\n");
	sandbox_file(&labelled.sandbox, ".git/hooks/new", "late\n");
	sandbox_file(&labelled.sandbox, "scratch/file", "late\n");
	cr_assert_eq(rename(at("scratch"), at("secret/scratch")), 0);
	labelled_expect(&labelled, finds_what_came_later);
}

static int finds_what_was_replaced(void *unused)
{
	HOLDS(REFUSED(open(at("secret/key"), O_RDONLY)) && REFUSED(open(at("old"), O_RDONLY)));
	HOLDS(REFUSED(open(at(".git/hooks/pre-commit"), O_WRONLY)));
	HOLDS(REFUSED(open(at(".git/hooks/other"), O_WRONLY | O_CREAT, 0755)));
	HOLDS(REFUSED(open(at(".git.old/hooks/pre-commit"), O_WRONLY)));
	HOLDS(REFUSED(rename(at(".git"), at("x"))) && opens(at(".git/hooks/pre-commit"), O_RDONLY));
	HOLDS(REFUSED(rmdir(at("bin"))) && REFUSED(rename(at("bin"), at("x"))) &&
	      REFUSED(rename(at("bin.old"), at("x"))));
	return 0;
}

/* Of .git even writing is denied below whatever has its name; bin is held for its name alone, and as what it was. */
Test(bpf_labels, hold_a_folder_that_somebody_replaced)
{
	sandbox_file(&labelled.sandbox, "bin/tool", "old\n");
	sandbox_deny(&labelled.sandbox, REIN_ACCESS_EXECUTE, "bin/tool");
	labelled_start(&labelled);
	cr_assert_eq(rename(at("bin"), at("bin.old")), 0);
	sandbox_folder(&labelled.sandbox, "bin");
	cr_assert_eq(rename(at(".git"), at(".git.old")), 0);
	cr_assert_eq(rename(at("secret"), at("old")), 0);
	sandbox_file(&labelled.sandbox, ".git/hooks/pre-commit", "new\n");
	sandbox_file(&labelled.sandbox, "secret/key", "new\n");
	labelled_expect(&labelled, finds_what_was_replaced);
	cr_assert(sandbox_holds(&labelled.sandbox, ".git/hooks/pre-commit", "new\n"));
}

/* Enters `depth` folders `d`, made on the way. */
static int descend(int depth)
{
	for (int i = 0; i < depth; i++)
		if ((mkdir("d", 0755) && errno != EEXIST) || chdir("d"))
			return i;
	return depth;
}

static int goes_deep(void *unused)
{
	int depth;

	HOLDS(!chdir(at("scratch")) && descend(100) == 100 && opens("file", O_RDONLY | O_CREAT));
	errno = 0;
	depth = descend(600);
	HOLDS(depth > 300 && depth < 500 && errno == EACCES);
	return 0;
}

static int opens_deep(void *unused)
{
	HOLDS(!chdir(at("scratch")) && descend(600) == 600);
	HOLDS(REFUSED(open("file", O_RDONLY)));
	return 0;
}

Test(bpf_labels, refuse_what_lies_too_deep_to_know)
{
	cr_assert_eq(chdir(at("scratch")), 0);
	cr_assert_eq(descend(600), 600);
	cr_assert(opens("file", O_WRONLY | O_CREAT));
	cr_assert_eq(chdir("/"), 0);
	labelled_start(&labelled);
	labelled_expect(&labelled, opens_deep);
	sandbox_folder(&labelled.sandbox, "scratch");
	cr_assert_eq(rename(at("scratch"), at("deep")), 0);
	sandbox_folder(&labelled.sandbox, "scratch");
	labelled_expect(&labelled, goes_deep);
}

static int pinned_links(void *unused)
{
	HOLDS(REFUSED(unlink(at("way"))) && REFUSED(rename(at("way"), at("x"))));
	HOLDS(REFUSED(rename(at("readme"), at("way"))) && REFUSED(open(at("way/x"), O_WRONLY | O_CREAT, 0644)));
	HOLDS(REFUSED(open(at("scratch/x"), O_WRONLY | O_CREAT, 0644)));
	return 0;
}

Test(bpf_labels, pin_the_links_on_the_way)
{
	cr_assert_eq(symlink("scratch", at("way")), 0);
	sandbox_deny(&labelled.sandbox, REIN_ACCESS_WRITE, "way/x");
	labelled_start(&labelled);
	labelled_expect(&labelled, pinned_links);
}
