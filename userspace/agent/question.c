/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/question.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/borrowed.h"
#include "base/cleanup.h"

#define PAGE 4096

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* younger than Debian 12's headers */
#endif

static int open_proc(const struct rein_question *q, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", q->tid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* A number of its status, on the line that begins with `name`; `otherwise` if it cannot be known. */
static int status_number(const struct rein_question *q, const char *name, int otherwise)
{
	REIN_AUTO_FD int fd = open_proc(q, "status");
	char text[1024];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *line;
	int number;

	if (n <= 0)
		return otherwise;
	text[n] = '\0';
	line = strstr(text, name);
	return line && sscanf(line + strlen(name), " %d", &number) == 1 ? number : otherwise;
}

pid_t rein_question_pid(const struct rein_question *q)
{
	return status_number(q, "\nTgid:", q->tid);
}

pid_t rein_question_parent(const struct rein_question *q)
{
	return status_number(q, "\nPPid:", 0);
}

void rein_question_comm(const struct rein_question *q, char ret_comm[16])
{
	REIN_AUTO_FD int fd = open_proc(q, "comm");
	ssize_t n = fd < 0 ? 0 : read(fd, ret_comm, 15);

	ret_comm[n > 0 ? n : 0] = '\0';
	ret_comm[strcspn(ret_comm, "\n")] = '\0';
}

static ssize_t read_memory(const struct rein_question *q, uint64_t from, void *to, size_t size)
{
	struct iovec local = {to, size}, remote = {(void *)(uintptr_t)from, size};
	ssize_t n = process_vm_readv(q->tid, &local, 1, &remote, 1, 0);

	return n < 0 ? -errno : n;
}

/* Page by page: the string may end just before memory that is not there. */
static int read_string(const struct rein_question *q, uint64_t from, char *to, size_t size)
{
	size_t used = 0;

	while (used < size) {
		size_t step = PAGE - (from + used) % PAGE;
		ssize_t n = read_memory(q, from + used, to + used, step < size - used ? step : size - used);

		if (n <= 0)
			return n < 0 ? (int)n : -EFAULT;
		if (memchr(to + used, '\0', (size_t)n))
			return 0;
		used += (size_t)n;
	}
	return -ENAMETOOLONG;
}

/* Where a relative path starts, or what a descriptor is, as the agent sees it. */
static int read_start(const struct rein_question *q, int dir, char *to, size_t size)
{
	int fd = dir < 0 ? AT_FDCWD : (int)q->args[dir];
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/cwd", q->tid);
	n = fd == AT_FDCWD ? readlink(link, to, size - 1) : rein_borrowed_link(q->tid, fd, to, size - 1);
	to[n > 0 ? n : 0] = '\0';
	return n < 0 ? -errno : 0;
}

int rein_question_path(const struct rein_question *q, int dir, int path, char ret_path[REIN_QUESTION_PATH_MAX])
{
	char name[PAGE + 1] = "";
	size_t used;
	int r;

	ret_path[0] = '\0';
	if (path < 0)
		return read_start(q, dir, ret_path, REIN_QUESTION_PATH_MAX);
	r = read_string(q, q->args[path], name, PAGE);
	if (r || name[0] == '/') {
		snprintf(ret_path, REIN_QUESTION_PATH_MAX, "%s", name);
		return r;
	}
	r = read_start(q, dir, ret_path, REIN_QUESTION_PATH_MAX - sizeof(name) - 1);
	used = strlen(ret_path);
	snprintf(ret_path + used, REIN_QUESTION_PATH_MAX - used, "%s%s", used ? "/" : "", name);
	return r;
}

int rein_question_address(const struct rein_question *q, int arg, union rein_address *ret_address)
{
	size_t length = (uint32_t)q->args[arg + 1];
	ssize_t n;

	memset(ret_address, 0, sizeof(*ret_address));
	if (length < sizeof(ret_address->any.sa_family) || length > sizeof(*ret_address))
		return -EINVAL;
	n = read_memory(q, q->args[arg], ret_address, length);
	return n < 0 ? (int)n : (size_t)n == length ? 0 : -EFAULT;
}

/* Linux 6.9 knows descriptors of threads; before, the process stands for all of its threads. */
static int open_thread(const struct rein_question *q)
{
	int pidfd = (int)syscall(SYS_pidfd_open, q->tid, PIDFD_THREAD);

	return pidfd >= 0 || errno != EINVAL ? pidfd : (int)syscall(SYS_pidfd_open, rein_question_pid(q), 0);
}

int rein_question_descriptor(const struct rein_question *q, int fd)
{
	REIN_AUTO_FD int pidfd = open_thread(q);
	int copy = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	return copy < 0 ? -errno : copy;
}
