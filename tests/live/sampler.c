/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/sources.h"

Test(sources, a_dip_of_one_look_is_counted_once)
{
	struct rein_monotone m = {0};

	cr_assert_eq(rein_monotone_add(&m, 100), 100);
	cr_assert_eq(rein_monotone_add(&m, 40), 0, "a child is on its way to its parent");
	cr_assert_eq(rein_monotone_add(&m, 120), 20);
}

Test(sources, a_lasting_loss_does_not_hide_what_follows)
{
	struct rein_monotone m = {0};
	uint64_t counted = rein_monotone_add(&m, 1000);

	for (uint64_t sum = 10; sum <= 500; sum += 10)
		counted += rein_monotone_add(&m, sum);
	cr_assert_eq(counted, 1000 + 490);
}

static int open_proc(void)
{
	int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	return fd;
}

static void write_mebibytes(const char *path, int n)
{
	static char block[1 << 20];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	memset(block, 'x', sizeof(block));
	for (int i = 0; i < n; i++)
		if (write(fd, block, sizeof(block)) != sizeof(block))
			_exit(1);
	fsync(fd);
	close(fd);
}

/* Writes of a child are seen while it lives, and stay when it has been waited for. */
Test(sources, written_bytes_outlive_the_writer, .timeout = 60)
{
	char path[] = "/var/tmp/rein-sampler-XXXXXX";
	struct statfs fs;
	int proc = open_proc(), fd = mkstemp(path), status, ends[2];
	struct rein_written before = {0}, during = {0}, after = {0};
	char byte;
	pid_t child;

	if (fd < 0)
		cr_skip_test("needs /var/tmp");
	if (fstatfs(fd, &fs) || fs.f_type == 0x01021994) {
		unlink(path);
		cr_skip_test("needs a folder on a disk");
	}
	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(rein_source_written(proc, &before), 0);
	child = fork();
	if (!child) {
		write_mebibytes(path, 8);
		_exit(write(ends[1], "x", 1) != 1 || pause());
	}
	cr_assert_eq(read(ends[0], &byte, 1), 1);
	cr_assert_eq(rein_source_written(proc, &during), 0);
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(rein_source_written(proc, &after), 0);
	unlink(path);
	cr_assert_geq(during.bytes - before.bytes, 8 << 20);
	cr_assert_geq(after.bytes - before.bytes, 8 << 20);
}

/* Runs `check` as a user who may not look into others, in a PID namespace that ends with it; its status. */
static int unprivileged(void (*check)(void))
{
	int status = -1;
	pid_t child;

	if (geteuid() || unshare(CLONE_NEWNS | CLONE_NEWPID))
		cr_skip_test("needs root, for namespaces");
	child = fork();
	if (!child) {
		if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", "/proc", "proc", 0, NULL) ||
		    setgid(65534) || setuid(65534) || prctl(PR_SET_DUMPABLE, 1))
			_exit(99);
		check();
		_exit(0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	return status;
}

static bool is_hidden(const struct rein_written *written, pid_t pid)
{
	for (size_t i = 0; i < written->nr_hidden; i++)
		if (written->hidden[i] == pid)
			return true;
	return false;
}

static void hide_and_seek(void)
{
	struct rein_written written = {.began = true};
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), ends[2];
	pid_t open_one, closed_one;
	char bytes[2];

	if (pipe(ends) || rein_source_written(proc, &written))
		_exit(1);
	closed_one = fork();
	if (!closed_one)
		_exit(prctl(PR_SET_DUMPABLE, 0) || write(ends[1], "x", 1) != 1 || pause());
	open_one = fork();
	if (!open_one)
		_exit(write(ends[1], "x", 1) != 1 || pause());
	if (read(ends[0], bytes, 1) != 1 || read(ends[0], bytes, 1) != 1 || rein_source_written(proc, &written))
		_exit(2);
	if (!is_hidden(&written, closed_one) || is_hidden(&written, open_one))
		_exit(3);
	if (rein_source_written(proc, &written) || !written.hidden_again)
		_exit(4);
	kill(open_one, SIGKILL);
	kill(closed_one, SIGKILL);
	waitid(P_PID, (id_t)closed_one, NULL, WEXITED | WNOWAIT);
	if (rein_source_written(proc, &written) || is_hidden(&written, closed_one))
		_exit(5);
}

/* Who lives and cannot be looked into is told; zombies and those of whom io is shown are not. */
Test(sources, closed_processes_are_told, .timeout = 20)
{
	cr_assert_eq(unprivileged(hide_and_seek), 0);
}

#define LARGE (256UL << 20)

/* Looks at a child with much memory until it has ended; taking that memory back lasts for many looks. */
static void watch_the_end(void)
{
	struct rein_written written = {.began = true};
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	siginfo_t ended = {0};
	pid_t child = fork();

	if (!child) {
		memset(malloc(LARGE), 1, LARGE);
		_exit(0);
	}
	while (!ended.si_pid) {
		if (rein_source_written(proc, &written) || is_hidden(&written, child))
			_exit(1);
		waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT);
	}
}

Test(sources, an_ending_process_is_not_told, .timeout = 20)
{
	cr_assert_eq(unprivileged(watch_the_end), 0);
}

static void *say_and_wait(void *fd)
{
	ssize_t said = write(*(int *)fd, "x", 1);

	return said == 1 ? (void *)(intptr_t)pause() : NULL;
}

/* Its first thread ends, the second one could still write. */
static void hide_behind_the_first(void)
{
	struct rein_written written = {.began = true};
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), ends[2];
	char byte, path[64], stat[256] = "";
	pthread_t other;
	pid_t child;

	if (pipe(ends))
		_exit(1);
	child = fork();
	if (!child) {
		prctl(PR_SET_DUMPABLE, 0);
		pthread_create(&other, NULL, say_and_wait, &ends[1]);
		syscall(SYS_exit, 0);
	}
	if (read(ends[0], &byte, 1) != 1)
		_exit(2);
	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	while (!strstr(stat, ") Z")) {
		FILE *file = fopen(path, "re");

		if (!file || !fgets(stat, sizeof(stat), file) || fclose(file))
			_exit(3);
	}
	if (rein_source_written(proc, &written) || !is_hidden(&written, child))
		_exit(4);
	kill(child, SIGKILL);
}

Test(sources, a_thread_does_not_hide_behind_an_ended_one, .timeout = 20)
{
	cr_assert_eq(unprivileged(hide_behind_the_first), 0);
}

Test(sources, usage_is_of_this_machine)
{
	uint64_t processes = 0, memory = 0;

	cr_assert_eq(rein_source_usage(open_proc(), &processes, &memory), 0);
	cr_assert_gt(processes, 1);
	cr_assert_gt(memory, 1 << 20);
}

Test(sources, octets_grow_with_traffic)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int proc = open_proc(), fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t in = 0, out = 0, in_after = 0, out_after = 0;
	char block[1000] = {0};

	cr_assert_eq(rein_source_octets(proc, &in, &out), 0);
	for (int i = 0; i < 100; i++)
		sendto(fd, block, sizeof(block), 0, (struct sockaddr *)&to, sizeof(to));
	cr_assert_eq(rein_source_octets(proc, &in_after, &out_after), 0);
	cr_assert_geq(in_after - in, 100000);
	cr_assert_geq(out_after - out, 100000);
}

/* Private file systems, each counted once however many places are on it. */
Test(sources, private_bytes_count_each_file_system_once)
{
	struct rein_view view = {0};
	uint64_t once = 0, twice = 0, after = 0;

	int root = rein_source_root(open_proc());

	cr_assert_geq(root, 0);
	*rein_vec_add(&view.places) = (struct rein_place){.kind = REIN_PLACE_PRIVATE, .path = (char *)"/dev/shm"};
	*rein_vec_add(&view.places) = (struct rein_place){.kind = REIN_PLACE_PRIVATE, .path = (char *)"/dev/shm"};
	*rein_vec_add(&view.places) = (struct rein_place){.kind = REIN_PLACE_TREE, .path = (char *)"/"};
	/* Others use it meanwhile: what counts is a look between two that saw the same. */
	do {
		view.places.count = 1;
		cr_assert_eq(rein_source_private(root, &view, &once), 0);
		view.places.count = 3;
		cr_assert_eq(rein_source_private(root, &view, &twice), 0);
		view.places.count = 1;
		cr_assert_eq(rein_source_private(root, &view, &after), 0);
	} while (once != after);
	view.places.count = 3;
	cr_assert_eq(once, twice);
	rein_vec_free(&view.places);
}
