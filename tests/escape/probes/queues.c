/* SPDX-License-Identifier: GPL-2.0 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Work by io_uring and aio, by their system calls alone: one operation at a time, in a worker thread of the kernel's.
 */

struct ring {
	int fd;
	struct io_uring_params params;
	char *queue; /* both rings */
	struct io_uring_sqe *entries;
};

static unsigned *field(const struct ring *ring, unsigned offset)
{
	return (unsigned *)(void *)(ring->queue + offset);
}

static int ring_open(struct ring *ring)
{
	size_t size;

	memset(ring, 0, sizeof(*ring));
	ring->fd = (int)syscall(SYS_io_uring_setup, 4, &ring->params);
	if (ring->fd < 0)
		return errno;
	size = ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe);
	ring->queue = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->entries =
		mmap(NULL, 4 * sizeof(*ring->entries), PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	return ring->queue == MAP_FAILED || ring->entries == MAP_FAILED ? errno : 0;
}

/* The operation's result: negative errno. */
static int ring_do(struct ring *ring, const struct io_uring_sqe *entry)
{
	unsigned *tail = field(ring, ring->params.sq_off.tail), at = *tail & 3;
	unsigned *head = field(ring, ring->params.cq_off.head);
	const struct io_uring_cqe *done = (void *)(ring->queue + ring->params.cq_off.cqes);
	int result;

	ring->entries[at] = *entry;
	ring->entries[at].flags |= IOSQE_ASYNC;
	field(ring, ring->params.sq_off.array)[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	while (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		if (errno != EINTR)
			return -errno;
	result = done[*head & (ring->params.cq_entries - 1)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

static int say(const char *what, int error)
{
	printf("%s: %s\n", what, error ? strerror(error) : "done");
	return error ? 1 : 0;
}

/* ring-write FILE SIZE COUNT */
static int ring_write(int argc, char **argv)
{
	size_t size = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	int fd = size ? open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1, error;
	struct ring ring;

	error = fd < 0 ? EINVAL : ring_open(&ring);
	for (int i = 0; !error && i < atoi(argv[3]); i++) {
		int result = ring_do(&ring, &(struct io_uring_sqe){.opcode = IORING_OP_WRITE,
								   .fd = fd,
								   .addr = (uintptr_t)calloc(1, size),
								   .len = (unsigned)size});

		error = result < 0 ? -result : 0;
	}
	return say("ring-write", error);
}

/* ring-socket FAMILY TYPE PROTOCOL */
static int ring_socket(int argc, char **argv)
{
	struct ring ring;
	int error = argc == 4 ? ring_open(&ring) : EINVAL, result;

	if (error)
		return say("ring-socket", error);
	result = ring_do(&ring, &(struct io_uring_sqe){.opcode = IORING_OP_SOCKET,
						       .fd = atoi(argv[1]),
						       .off = (unsigned)atoi(argv[2]),
						       .len = (unsigned)atoi(argv[3])});
	return say("ring-socket", result < 0 ? -result : 0);
}

/* ring-make FILE MODE FLAGS */
static int ring_make(int argc, char **argv)
{
	struct ring ring;
	int error = argc == 4 ? ring_open(&ring) : EINVAL, result;

	if (error)
		return say("ring-make", error);
	result = ring_do(&ring, &(struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
						       .fd = AT_FDCWD,
						       .addr = (uintptr_t)argv[1],
						       .len = (unsigned)strtoul(argv[2], NULL, 8),
						       .open_flags = (unsigned)strtoul(argv[3], NULL, 8)});
	return say("ring-make", result < 0 ? -result : 0);
}

/* aio-write FILE SIZE COUNT */
static int aio_write(int argc, char **argv)
{
	size_t size = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	int fd = size ? open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1, error;
	struct iocb block = {.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_nbytes = size}, *blocks = &block;
	aio_context_t context = 0;
	struct io_event done;

	block.aio_fildes = (unsigned)fd;
	block.aio_buf = (uintptr_t)calloc(1, size + 1);
	error = fd < 0 ? EINVAL : probe_result(syscall(SYS_io_setup, 4, &context));
	for (int i = 0; !error && i < atoi(argv[3]); i++) {
		error = probe_result(syscall(SYS_io_submit, context, 1, &blocks));
		if (!error)
			error = probe_result(syscall(SYS_io_getevents, context, 1, 1, &done, NULL));
		if (!error && done.res < 0)
			error = (int)-done.res;
	}
	return say("aio-write", error);
}

const struct work probe_queues[] = {
	{"ring-write", ring_write},
	{"ring-socket", ring_socket},
	{"ring-make", ring_make},
	{"aio-write", aio_write},
	{0},
};
