/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/caged.h"

/* What must not happen beside the point: to those who are no agents, and to those who were in the middle of a call. */

#define KIB 1024UL

TestSuite(bpf_file_still, .timeout = 180);

static void open_caged(struct caged *caged, enum rein_meter meter, uint64_t burst, enum rein_on_trip on_trip)
{
	caged_open(caged);
	caged_use_file(caged);
	caged_break(caged, REIN_MECH_BPF_FILE, meter, CAGED_NEVER, burst, on_trip);
	caged_start(caged, false, false);
}

static bool makes_ring(void)
{
	struct io_uring_params parameters = {0};
	int fd = (int)syscall(SYS_io_uring_setup, 4, &parameters);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno == ENOSYS || errno == EPERM;
}

static bool watches_faults(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno == ENOSYS;
}

Test(bpf_file_still, whoever_is_no_agent_makes_what_he_likes)
{
	struct caged caged;

	open_caged(&caged, REIN_METER_WRITE_BYTES, 1, REIN_ON_TRIP_DENY);
	cr_expect(makes_ring(), "%m");
	cr_expect(watches_faults(), "%m");
	caged_stop(&caged);
}

/* Descriptors that come with a message while everything stands still are there after the thaw. */
static int receive(int end)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};

	if (recvmsg(end, &message, 0) != 1)
		return 1;
	return message.msg_flags & MSG_CTRUNC || !CMSG_FIRSTHDR(&message) ? 2 : 0;
}

static void give(int end, int fd)
{
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	cr_assert_eq(sendmsg(end, &message, 0), 1);
}

/* Until the process waits in that call. */
static void await_call(pid_t pid, long number)
{
	char name[64], line[32] = "";

	snprintf(name, sizeof(name), "/proc/%d/syscall", pid);
	while (strtol(line, NULL, 10) != number) {
		REIN_AUTO_FILE FILE *file = fopen(name, "re");

		cr_assert(file && fgets(line, sizeof(line), file), "%s: %m", name);
	}
}

Test(bpf_file_still, a_descriptor_that_comes_meanwhile_is_not_lost)
{
	struct caged caged;
	int ends[2], status;
	pid_t child;

	open_caged(&caged, REIN_METER_WRITE_BYTES, 1, REIN_ON_TRIP_FREEZE);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	child = caged_fork(&caged);
	if (!child)
		_exit(receive(ends[1]));
	await_call(child, SYS_recvmsg);
	caged.launch.state->latch = 1 + REIN_ON_TRIP_FREEZE;
	give(ends[0], ends[0]);
	/* It stops on its way back, or has ended before it came to where it would. */
	cr_assert_eq(waitpid(child, &status, WUNTRACED), child);
	caged.launch.state->latch = 0;
	if (WIFSTOPPED(status)) {
		kill(child, SIGCONT);
		cr_assert_eq(waitpid(child, &status, 0), child);
	}
	cr_expect(WIFEXITED(status) && !WEXITSTATUS(status), "status %#x", (unsigned)status);
	caged_stop(&caged);
}

/* Programs that are being started when everything stands still are started afterwards. */
static int start_programs(int count)
{
	for (int i = 0; i < count; i++) {
		pid_t child = fork();
		int status;

		if (!child) {
			execl("/bin/true", "true", NULL);
			_exit(99);
		}
		if (child < 0 || waitpid(child, &status, 0) != child)
			return 101;
		if (WIFSIGNALED(status))
			return 200 + WTERMSIG(status);
		if (WEXITSTATUS(status))
			return WEXITSTATUS(status);
	}
	return 0;
}

Test(bpf_file_still, a_program_that_is_being_started_is_not_killed)
{
	struct caged caged;
	pid_t child;
	int status;

	open_caged(&caged, REIN_METER_WRITE_BYTES, 1, REIN_ON_TRIP_FREEZE);
	child = caged_fork(&caged);
	if (!child) {
		setpgid(0, 0);
		_exit(start_programs(40));
	}
	setpgid(child, child);
	while (!waitpid(child, &status, WNOHANG)) {
		caged.launch.state->latch = 1 + REIN_ON_TRIP_FREEZE;
		usleep(15000);
		caged.launch.state->latch = 0;
		kill(-child, SIGCONT);
		usleep(5000 + (unsigned)rand() % 20000);
	}
	cr_expect(WIFEXITED(status) && !WEXITSTATUS(status), "status %d, code %d", status, WEXITSTATUS(status));
	caged_stop(&caged);
}

/* A file that only ever grows at its end, by whatever says so, grows where it is mapped too. */
static ssize_t append_by_flag(const char *path, const void *data, size_t bytes)
{
	REIN_AUTO_FD int fd = open(path, O_WRONLY | O_APPEND);

	return write(fd, data, bytes);
}

static ssize_t append_by_call(const char *path, const void *data, size_t bytes)
{
	struct iovec part = {(void *)data, bytes};
	REIN_AUTO_FD int fd = open(path, O_WRONLY);

	return pwritev2(fd, &part, 1, 0, 0x10 /* RWF_APPEND */);
}

static int append_mapped(void *argument)
{
	ssize_t (*append)(const char *, const void *, size_t) = argument;
	char path[] = "/tmp/rein-append-XXXXXX";
	static char data[64 * KIB];
	REIN_AUTO_FD int fd = mkstemp(path);
	void *at = mmap(NULL, KIB * KIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int code = 0;

	if (fd < 0 || at == MAP_FAILED)
		return 1;
	for (int i = 0; !code && i < 4; i++)
		if (append(path, data, sizeof(data)) != sizeof(data))
			code = 2;
	if (!code)
		memset(at, 'x', 4 * sizeof(data));
	unlink(path);
	return code;
}

Test(bpf_file_still, what_is_appended_to_a_mapped_file_counts_twice)
{
	void *const ways[] = {append_by_flag, append_by_call};

	for (size_t i = 0; i < REIN_COUNT(ways); i++) {
		struct caged caged;

		open_caged(&caged, REIN_METER_WRITE_BYTES, KIB * KIB, REIN_ON_TRIP_DENY);
		cr_expect_eq(caged_run(&caged, append_mapped, ways[i]), 0);
		cr_expect_eq(caged.launch.state->meters[REIN_METER_WRITE_BYTES], 512 * KIB, "%zu: %llu", i,
			     (unsigned long long)caged.launch.state->meters[REIN_METER_WRITE_BYTES]);
		caged_stop(&caged);
	}
}

/* However often processes take turns on a processor, none passes a hook meanwhile. */
static int change_modes(_Atomic unsigned *passed, int fd)
{
	for (int i = 0; i < 20000; i++)
		if (!fchmod(fd, 0600))
			++*passed;
	return 0;
}

Test(bpf_file_still, nobody_slips_by_while_another_is_at_the_hook)
{
	_Atomic unsigned *passed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[] = "/tmp/rein-modes-XXXXXX";
	REIN_AUTO_FD int fd = mkstemp(path);
	struct caged caged;
	pid_t children[8];

	open_caged(&caged, REIN_METER_CHMOD_FILES, 10, REIN_ON_TRIP_DENY);
	for (size_t i = 0; i < REIN_COUNT(children); i++) {
		children[i] = caged_fork(&caged);
		if (!children[i])
			_exit(change_modes(passed, fd));
	}
	for (size_t i = 0; i < REIN_COUNT(children); i++)
		cr_expect_eq(caged_wait(children[i]), 0);
	cr_expect_leq(*passed, 10U, "%u passed", *passed);
	unlink(path);
	caged_stop(&caged);
}
