/* SPDX-License-Identifier: GPL-2.0 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/writers.h"

/* The ways by queues: aio and io_uring, by their system calls alone. Each waits for its own completion. */

#define PAGE 4096UL
#define ENTRIES 4

struct writer_ring {
	int fd;
	bool polled; /* by a thread of the kernel's */
	bool fixed;  /* the data is registered as buffer 0 */
	struct io_uring_params params;
	char *queue; /* both rings */
	struct io_uring_sqe *entries;
};

static unsigned *field(const struct writer_ring *ring, unsigned offset)
{
	return (unsigned *)(void *)(ring->queue + offset);
}

static bool ring_map(struct writer_ring *ring)
{
	const struct io_uring_params *params = &ring->params;
	size_t size = params->sq_off.array + params->sq_entries * sizeof(unsigned);
	size_t other = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);

	if (!(params->features & IORING_FEAT_SINGLE_MMAP))
		return false;
	ring->queue = mmap(NULL, size > other ? size : other, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			   ring->fd, IORING_OFF_SQ_RING);
	ring->entries = mmap(NULL, params->sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
	return ring->queue != MAP_FAILED && ring->entries != MAP_FAILED;
}

static struct writer_ring *ring_open(const struct writer *writer, bool polled)
{
	struct iovec buffer = {(void *)writer->data, WRITER_OP_MAX};
	struct writer_ring *ring = calloc(1, sizeof(*ring));

	ring->polled = polled;
	ring->params.flags = polled ? IORING_SETUP_SQPOLL : 0;
	ring->params.sq_thread_idle = 1;
	ring->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &ring->params);
	if (ring->fd < 0 || !ring_map(ring)) {
		free(ring);
		return NULL;
	}
	ring->fixed = !syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_BUFFERS, &buffer, 1);
	return ring;
}

static struct writer_ring *ring_of(struct writer *writer, bool polled)
{
	if (!writer->rings[polled])
		writer->rings[polled] = ring_open(writer, polled);
	return writer->rings[polled];
}

static void ring_put(struct writer_ring *ring, struct io_uring_sqe entry)
{
	unsigned *tail = field(ring, ring->params.sq_off.tail), at = *tail & (ring->params.sq_entries - 1);

	ring->entries[at] = entry;
	field(ring, ring->params.sq_off.array)[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
}

/* Waits for `count` completions; the sum of what they say, errors as 0. */
static int ring_wait(struct writer_ring *ring, unsigned count)
{
	unsigned *head = field(ring, ring->params.cq_off.head), *tail = field(ring, ring->params.cq_off.tail);
	const struct io_uring_cqe *done = (void *)(ring->queue + ring->params.cq_off.cqes);
	int sum = 0;

	for (unsigned seen = 0; seen < count;) {
		unsigned flags = IORING_ENTER_GETEVENTS | (ring->polled ? IORING_ENTER_SQ_WAKEUP : 0);

		if (__atomic_load_n(tail, __ATOMIC_ACQUIRE) == *head) {
			if (syscall(SYS_io_uring_enter, ring->fd, ring->polled ? 0 : count - seen, 1, flags, NULL, 0) <
			    0)
				return sum;
			continue;
		}
		sum += done[*head & (ring->params.cq_entries - 1)].res > 0
			       ? done[*head & (ring->params.cq_entries - 1)].res
			       : 0;
		__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
		seen++;
	}
	return sum;
}

static struct io_uring_sqe entry_write(struct writer *writer, size_t n)
{
	return (struct io_uring_sqe){
		.opcode = IORING_OP_WRITE,
		.fd = writer->out,
		.addr = (uintptr_t)writer->data,
		.len = (unsigned)n,
		.off = (__u64)writer_place(writer, n, 1),
	};
}

static void ring_one(struct writer *writer, bool polled, struct io_uring_sqe entry)
{
	struct writer_ring *ring = ring_of(writer, polled);

	if (!ring)
		return;
	ring_put(ring, entry);
	ring_wait(ring, 1);
}

static void ring_write(struct writer *writer, size_t n)
{
	ring_one(writer, false, entry_write(writer, n));
}

static void ring_polled(struct writer *writer, size_t n)
{
	ring_one(writer, true, entry_write(writer, n));
}

/* By a worker thread of the kernel's. */
static void ring_async(struct writer *writer, size_t n)
{
	struct io_uring_sqe entry = entry_write(writer, n);

	entry.flags = IOSQE_ASYNC;
	ring_one(writer, rand_r(&writer->seed) % 2, entry);
}

static void ring_vector(struct writer *writer, size_t n)
{
	struct iovec vector[2] = {{(void *)writer->data, n / 2}, {(void *)(writer->data + n / 2), n - n / 2}};
	struct io_uring_sqe entry = entry_write(writer, n);

	entry.opcode = IORING_OP_WRITEV;
	entry.addr = (uintptr_t)vector;
	entry.len = 2;
	ring_one(writer, rand_r(&writer->seed) % 2, entry);
}

static void ring_fixed(struct writer *writer, size_t n)
{
	bool polled = rand_r(&writer->seed) % 2;
	struct writer_ring *ring = ring_of(writer, polled);
	struct io_uring_sqe entry = entry_write(writer, n);

	entry.opcode = IORING_OP_WRITE_FIXED;
	if (ring && ring->fixed)
		ring_one(writer, polled, entry);
}

static void ring_direct(struct writer *writer, size_t n)
{
	struct io_uring_sqe entry;

	n = n < PAGE ? PAGE : n / PAGE * PAGE;
	entry = entry_write(writer, n);
	entry.fd = writer->direct;
	entry.off = (__u64)writer_place(writer, n, PAGE);
	entry.rw_flags = rand_r(&writer->seed) % 2 ? RWF_DSYNC : 0;
	if (writer->direct >= 0)
		ring_one(writer, rand_r(&writer->seed) % 2, entry);
}

/* Under credentials that were registered before: another person, the same agent. */
static void ring_personality(struct writer *writer, size_t n)
{
	struct writer_ring *ring = ring_of(writer, false);
	struct io_uring_sqe entry = entry_write(writer, n);
	long who;

	if (!ring)
		return;
	who = syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_PERSONALITY, NULL, 0);
	if (who <= 0)
		return;
	entry.personality = (__u16)who;
	entry.flags = IOSQE_ASYNC;
	ring_one(writer, false, entry);
	syscall(SYS_io_uring_register, ring->fd, IORING_UNREGISTER_PERSONALITY, NULL, who);
}

/* Several at once, each of which may run beside the others, or one after the other. */
static void ring_batch(struct writer *writer, size_t n)
{
	struct writer_ring *ring = ring_of(writer, rand_r(&writer->seed) % 2);
	__u8 flags = rand_r(&writer->seed) % 2 ? IOSQE_IO_LINK : IOSQE_ASYNC;

	if (!ring || n < ENTRIES)
		return;
	for (int i = 0; i < ENTRIES; i++) {
		struct io_uring_sqe entry = entry_write(writer, n / ENTRIES);

		entry.flags = i < ENTRIES - 1 || flags == IOSQE_ASYNC ? flags : 0;
		ring_put(ring, entry);
	}
	ring_wait(ring, ENTRIES);
}

static void ring_splice(struct writer *writer, size_t n)
{
	ssize_t in = write(writer->pipe[1], writer->data, n < 65536 ? n : 65536);
	struct writer_ring *ring = ring_of(writer, rand_r(&writer->seed) % 2);

	if (ring && in > 0)
		ring_put(ring, (struct io_uring_sqe){.opcode = IORING_OP_SPLICE,
						     .fd = writer->out,
						     .off = (__u64)writer_place(writer, (size_t)in, 1),
						     .splice_fd_in = writer->pipe[0],
						     .splice_off_in = ~0ULL,
						     .len = (unsigned)in});
	if (ring && in > 0 && ring_wait(ring, 1) < in)
		writer_new_pipe(writer);
	else if (!ring)
		writer_new_pipe(writer);
}

static void ring_reserve(struct writer *writer, size_t n)
{
	n = n < PAGE ? PAGE : n / PAGE * PAGE;
	ring_one(writer, rand_r(&writer->seed) % 2,
		 (struct io_uring_sqe){.opcode = IORING_OP_FALLOCATE,
				       .fd = writer->reserve,
				       .off = (__u64)writer->reserved,
				       .addr = n,
				       .len = 0});
	writer->reserved += (off_t)n;
}

static void aio(struct writer *writer, struct iocb *control)
{
	aio_context_t *context = &writer->aio;
	struct io_event event;

	if (!*context && syscall(SYS_io_setup, ENTRIES, context))
		return;
	if (syscall(SYS_io_submit, *context, 1, &control) == 1)
		syscall(SYS_io_getevents, *context, 1, 1, &event, NULL);
}

static void aio_write(struct writer *writer, size_t n)
{
	aio(writer, &(struct iocb){.aio_lio_opcode = IOCB_CMD_PWRITE,
				   .aio_fildes = (__u32)writer->out,
				   .aio_buf = (uintptr_t)writer->data,
				   .aio_nbytes = n,
				   .aio_offset = writer_place(writer, n, 1)});
}

static void aio_vector(struct writer *writer, size_t n)
{
	struct iovec vector[2] = {{(void *)writer->data, n / 2}, {(void *)(writer->data + n / 2), n - n / 2}};

	aio(writer, &(struct iocb){.aio_lio_opcode = IOCB_CMD_PWRITEV,
				   .aio_fildes = (__u32)writer->out,
				   .aio_buf = (uintptr_t)vector,
				   .aio_nbytes = 2,
				   .aio_offset = writer_place(writer, n, 1)});
}

static void aio_direct(struct writer *writer, size_t n)
{
	n = n < PAGE ? PAGE : n / PAGE * PAGE;
	if (writer->direct < 0)
		return;
	aio(writer, &(struct iocb){.aio_lio_opcode = IOCB_CMD_PWRITE,
				   .aio_fildes = (__u32)writer->direct,
				   .aio_buf = (uintptr_t)writer->data,
				   .aio_nbytes = n,
				   .aio_offset = writer_place(writer, n, PAGE)});
}

const struct writer_way writer_queues[] = {
	{"io_uring", ring_write},
	{"io_uring SQPOLL", ring_polled},
	{"io_uring IOSQE_ASYNC", ring_async},
	{"io_uring WRITEV", ring_vector},
	{"io_uring registered buffers", ring_fixed},
	{"io_uring O_DIRECT", ring_direct},
	{"io_uring personality", ring_personality},
	{"io_uring batches", ring_batch},
	{"io_uring SPLICE", ring_splice},
	{"io_uring FALLOCATE", ring_reserve},
	{"aio", aio_write},
	{"aio PWRITEV", aio_vector},
	{"aio O_DIRECT", aio_direct},
};
const size_t nr_writer_queues = REIN_COUNT(writer_queues);
