/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <rein/event.h>
#include <rein/label.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/labelled.h"

/* Ways to what labels deny that lead past a path: running, descriptors, sockets, other file systems; and what is told.
 */

static struct labelled labelled;

static const char *at(const char *path)
{
	return sandbox_path(&labelled.sandbox, path);
}

static void copy(const char *from, const char *to)
{
	char command[4400];

	snprintf(command, sizeof(command), "cp %s %s && chmod 755 %s", from, at(to), at(to));
	cr_assert_eq(system(command), 0);
}

static void open_labelled(void)
{
	labelled_open(&labelled, NULL);
	sandbox_file(&labelled.sandbox, "secret/key", "secret\n");
	sandbox_file(&labelled.sandbox, ".git/hooks/pre-commit", "#!/bin/sh\n");
	sandbox_folder(&labelled.sandbox, "scratch");
	sandbox_deny(&labelled.sandbox, REIN_ACCESS_READ, "secret");
	sandbox_deny(&labelled.sandbox, REIN_ACCESS_WRITE, ".git/hooks");
}

static void close_labelled(void)
{
	labelled_close(&labelled);
}

TestSuite(bpf_labels_ways, .init = open_labelled, .fini = close_labelled, .timeout = 120);

/* What becomes of a program: its status, 126 if it could not be started. */
static int run(char *const *argv)
{
	pid_t child = fork();
	int status;

	if (!child) {
		execv(argv[0], argv);
		_exit(errno == EACCES ? 126 : 125);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(...) run((char *const[]){__VA_ARGS__, NULL})

static int runs(void *unused)
{
	char program[128], script[128], borrowed[128], outside[128];

	snprintf(program, sizeof(program), "%s", at("tools/true"));
	snprintf(script, sizeof(script), "%s", at("tools/script"));
	snprintf(borrowed, sizeof(borrowed), "%s", at("borrowed"));
	snprintf(outside, sizeof(outside), "%s", at("true"));
	HOLDS(RUN(outside) == 0);
	HOLDS(RUN(program) == 126 && RUN(script) == 126 && RUN(borrowed) == 126);
	HOLDS(RUN("/lib64/ld-linux-x86-64.so.2", outside) == 0);
	HOLDS(RUN("/lib64/ld-linux-x86-64.so.2", program) == 127);
	HOLDS(REFUSED(rename(program, at("scratch/true"))) && REFUSED(link(program, at("scratch/true"))));
	HOLDS(REFUSED(syscall(SYS_renameat2, AT_FDCWD, outside, AT_FDCWD, program, 2U /* exchange */)));
	HOLDS(!rename(program, at("tools/other")) && opens(at("tools/other"), O_RDWR));
	return 0;
}

Test(bpf_labels_ways, deny_running_by_program_script_interpreter_and_linker)
{
	char line[256];

	sandbox_folder(&labelled.sandbox, "tools");
	copy("/usr/bin/true", "tools/true");
	copy("/usr/bin/true", "true");
	sandbox_file(&labelled.sandbox, "tools/script", "#!/bin/sh\n");
	snprintf(line, sizeof(line), "#!%s\n", at("tools/true"));
	sandbox_file(&labelled.sandbox, "borrowed", line);
	cr_assert(!chmod(at("tools/script"), 0755) && !chmod(at("borrowed"), 0755));
	sandbox_deny(&labelled.sandbox, REIN_ACCESS_EXECUTE, "tools");
	labelled_start(&labelled);
	labelled_expect(&labelled, runs);
}

static int maps(void *unused)
{
	int fd = open(at("code"), O_RDONLY | O_CLOEXEC);
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	HOLDS(fd >= 0 && page != MAP_FAILED);
	errno = 0;
	HOLDS(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EACCES);
	HOLDS(REFUSED(mprotect(page, 4096, PROT_READ | PROT_EXEC)));
	return 0;
}

Test(bpf_labels_ways, deny_mapping_to_run)
{
	sandbox_file(&labelled.sandbox, "code", "code\n");
	sandbox_deny(&labelled.sandbox, REIN_ACCESS_EXECUTE, "code");
	labelled_start(&labelled);
	labelled_expect(&labelled, maps);
}

static int pair[2];

static void hand_over(int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec data = {"x", 1};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	cr_assert_eq(sendmsg(pair[1], &message, 0), 1);
}

/* Whether a descriptor came. */
static bool takes(void)
{
	char byte, control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec data = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};

	return recvmsg(pair[0], &message, 0) == 1 && CMSG_FIRSTHDR(&message) &&
	       CMSG_FIRSTHDR(&message)->cmsg_len == CMSG_LEN(sizeof(int));
}

static int receives(void *unused)
{
	HOLDS(takes() && !takes() && !takes() && takes());
	return 0;
}

Test(bpf_labels_ways, deny_descriptors_that_are_handed_in)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	labelled_start(&labelled);
	hand_over(open("/dev/null", O_RDONLY));
	hand_over(open(at("secret/key"), O_RDONLY));
	hand_over(open(at(".git/hooks/pre-commit"), O_WRONLY));
	hand_over(open(at(".git/hooks/pre-commit"), O_RDONLY));
	labelled_expect(&labelled, receives);
}

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", at(path));
	return address;
}

static int listen_at(const char *path, int type)
{
	struct sockaddr_un to = address(path);
	int fd = socket(AF_UNIX, type, 0);

	cr_assert(fd >= 0 && !bind(fd, (struct sockaddr *)&to, sizeof(to)), "%m");
	cr_assert(type == SOCK_DGRAM || !listen(fd, 4));
	return fd;
}

static int connects(const char *path, int type)
{
	struct sockaddr_un to = address(path);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&to, sizeof(to));
}

static int talks(void *unused)
{
	HOLDS(!connects("open.stream", SOCK_STREAM) && !connects("open.datagram", SOCK_DGRAM));
	HOLDS(REFUSED(connects("secret/stream", SOCK_STREAM)) && REFUSED(connects("secret/datagram", SOCK_DGRAM)));
	return 0;
}

Test(bpf_labels_ways, deny_sockets_that_may_not_be_seen)
{
	listen_at("secret/stream", SOCK_STREAM);
	listen_at("secret/datagram", SOCK_DGRAM);
	listen_at("open.stream", SOCK_STREAM);
	listen_at("open.datagram", SOCK_DGRAM);
	labelled_start(&labelled);
	labelled_expect(&labelled, talks);
}

static int stacks(void *unused)
{
	char options[512];

	HOLDS(!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	HOLDS(!mount("x", at("scratch"), "tmpfs", 0, NULL) && !umount(at("scratch")));
	snprintf(options, sizeof(options), "lowerdir=%s:%s", at("secret"), at(".git"));
	HOLDS(REFUSED(mount("x", at("scratch"), "overlay", 0, options)));
	HOLDS(REFUSED(inotify_add_watch(inotify_init(), at("secret/key"), IN_ACCESS)));
	return 0;
}

static bool can_stack(void)
{
	char options[512];

	snprintf(options, sizeof(options), "lowerdir=%s:%s", at("secret"), at(".git"));
	return !mount("x", at("scratch"), "overlay", 0, options) && !umount(at("scratch"));
}

Test(bpf_labels_ways, deny_stacking_and_watching)
{
	if (!can_stack())
		cr_skip_test("no overlayfs here");
	labelled_start(&labelled);
	labelled_expect(&labelled, stacks);
}

static int fails_twice(void *unused)
{
	HOLDS(REFUSED(open(at("secret/key"), O_RDONLY)));
	HOLDS(REFUSED(mkdir(at(".git/hooks/x"), 0755)));
	HOLDS(REFUSED(rename(at(".git"), at("x"))));
	HOLDS(opens(at("scratch"), O_RDONLY));
	return 0;
}

static void expect_event(unsigned op, uint64_t wanted, const char *rule, const char *names, size_t size)
{
	struct rein_raw_event event = {0};

	cr_assert(caged_event(&labelled.caged, &event), "no event of %u", op);
	cr_expect_eq(event.kind, REIN_EVENT_DENY_FILE);
	cr_expect_eq(event.nr, op);
	cr_expect_eq(event.amount, wanted);
	cr_expect_eq(event.error, -EACCES);
	cr_expect(!memcmp(event.path, names, size), "%s", event.path);
	cr_assert_lt(event.rule, labelled.caged.policy.paths.count);
	cr_expect_str_eq(labelled.caged.policy.paths.items[event.rule].path, at(rule));
}

/* The exits of the calls are watched too, and tell of none of them again. */
Test(bpf_labels_ways, are_told_of_once)
{
	struct rein_raw_event event;

	labelled_start_traced(&labelled);
	labelled_expect(&labelled, fails_twice);
	expect_event(REIN_FILE_OP_OPEN, REIN_LABEL_READ, "secret", "key\0secret\0", 12);
	expect_event(REIN_FILE_OP_CREATE, REIN_LABEL_WRITE, ".git/hooks", "x\0hooks\0", 9);
	expect_event(REIN_FILE_OP_RENAME, REIN_LABEL_WRITE | REIN_EVENT_HELD, ".git/hooks", ".git\0", 6);
	cr_expect(!caged_event(&labelled.caged, &event), "kind %u", event.kind);
	cr_expect_eq(labelled.caged.launch.state->denials, 3);
}

static int writes_to_the_new_one(void *unused)
{
	HOLDS(REFUSED(open(at(".git/HEAD"), O_WRONLY)));
	return 0;
}

/* What stands at a place that labels know but is not what stood there is told to be so. */
Test(bpf_labels_ways, are_told_of_with_what_was_replaced)
{
	labelled_start(&labelled);
	cr_assert_eq(rename(at(".git"), at(".git.old")), 0);
	sandbox_file(&labelled.sandbox, ".git/HEAD", "new\n");
	labelled_expect(&labelled, writes_to_the_new_one);
	expect_event(REIN_FILE_OP_OPEN, REIN_LABEL_WRITE | REIN_EVENT_REPLACED, ".git/hooks", "HEAD\0.git\0", 10);
}

/* The same on other file systems than the one that /var/tmp happens to be on. */

static int holds_there(void *unused)
{
	HOLDS(REFUSED(open(at("secret/key"), O_RDONLY)) && REFUSED(open(at("other"), O_RDONLY)));
	HOLDS(REFUSED(open(at("secret/later"), O_RDONLY)) && REFUSED(open(at("late"), O_RDONLY)));
	HOLDS(REFUSED(open(at(".git/hooks/pre-commit"), O_WRONLY)) && opens(at(".git/hooks/pre-commit"), O_RDONLY));
	HOLDS(REFUSED(chmod(at(".git/hooks/pre-commit"), 0700)) && REFUSED(unlink(at(".git/hooks/pre-commit"))));
	HOLDS(REFUSED(rename(at(".git"), at("x"))) && REFUSED(link(at("secret/key"), at("x"))));
	HOLDS(opens(at("made"), O_RDWR | O_CREAT) && !rename(at("made"), at("moved")) && !unlink(at("moved")));
	return 0;
}

static void hold_on(const char *folder)
{
	struct sandbox *s = &labelled.sandbox;

	labelled_open(&labelled, folder);
	sandbox_file(s, "secret/key", "secret\n");
	sandbox_file(s, ".git/hooks/pre-commit", "#!/bin/sh\n");
	cr_assert_eq(link(at("secret/key"), at("other")), 0);
	sandbox_deny(s, REIN_ACCESS_READ, "secret");
	sandbox_deny(s, REIN_ACCESS_READ, "late");
	sandbox_deny(s, REIN_ACCESS_WRITE, ".git/hooks");
	labelled_start(&labelled);
	sandbox_file(s, "secret/later", "secret\n");
	sandbox_file(s, "late", "secret\n");
	labelled_expect(&labelled, holds_there);
	labelled_close(&labelled);
}

/* Makes `folder` with what `commands` put there, in which $F is the folder; skips where that cannot be done. */
static void on(const char *folder, const char *commands)
{
	char line[1024], after[256];

	snprintf(line, sizeof(line), "mkdir -p %s; F=%s; (%s) >/dev/null 2>&1", folder, folder, commands);
	snprintf(after, sizeof(after), "umount %s/m %s 2>/dev/null; rm -rf %s", folder, folder, folder);
	if (system(line))
		cr_skip_test("no such file system here");
	snprintf(line, sizeof(line), "%s/m", folder);
	hold_on(line);
	cr_assert_geq(system(after), 0);
}

TestSuite(bpf_labels_systems, .timeout = 120);

Test(bpf_labels_systems, hold_on_tmpfs)
{
	on("/var/tmp/rein-labels-tmpfs", "mkdir $F/m && mount -t tmpfs x $F/m");
}

Test(bpf_labels_systems, hold_on_ext4)
{
	on("/var/tmp/rein-labels-ext4",
	   "truncate -s 32M $F/image && mkfs.ext4 -q $F/image && mkdir $F/m && mount -o loop $F/image $F/m");
}

Test(bpf_labels_systems, hold_on_btrfs)
{
	on("/var/tmp/rein-labels-btrfs",
	   "truncate -s 128M $F/image && mkfs.btrfs -q $F/image && mkdir $F/m && mount -o loop $F/image $F/m");
}

Test(bpf_labels_systems, hold_on_overlayfs)
{
	on("/var/tmp/rein-labels-overlay", "mount -t tmpfs x $F && mkdir $F/l $F/u $F/w $F/m && "
					   "mount -t overlay -o lowerdir=$F/l,upperdir=$F/u,workdir=$F/w x $F/m");
}
