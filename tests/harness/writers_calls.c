/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/writers.h"

/* The ways that are system calls of their own. Results are of no interest: the judge looks at the files. */

#define PAGE 4096
#define REFUSED(call)              \
	do {                       \
		if ((call) < 0)    \
			errno = 0; \
	} while (0)

static void call_write(struct writer *writer, size_t n)
{
	lseek(writer->out, writer_place(writer, n, 1), SEEK_SET);
	REFUSED(write(writer->out, writer->data, n));
}

static void call_pwrite(struct writer *writer, size_t n)
{
	REFUSED(pwrite(writer->out, writer->data, n, writer_place(writer, n, 1)));
}

/* Many small pieces, of which some are empty. */
static int pieces(struct writer *writer, size_t n, struct iovec *ret_vector, int max)
{
	size_t at = 0;
	int count = 0;

	for (; count < max - 1 && at < n; count++) {
		size_t piece = (size_t)rand_r(&writer->seed) % (n - at + 1);

		ret_vector[count] = (struct iovec){(void *)(writer->data + at), piece};
		at += piece;
	}
	ret_vector[count++] = (struct iovec){(void *)(writer->data + at), n - at};
	return count;
}

static void call_writev(struct writer *writer, size_t n)
{
	struct iovec vector[16];
	int count = pieces(writer, n, vector, 16);

	lseek(writer->out, writer_place(writer, n, 1), SEEK_SET);
	REFUSED(writev(writer->out, vector, count));
}

static void call_pwritev(struct writer *writer, size_t n)
{
	struct iovec vector[16];
	int count = pieces(writer, n, vector, 16);

	REFUSED(pwritev(writer->out, vector, count, writer_place(writer, n, 1)));
}

static void call_pwritev2(struct writer *writer, size_t n)
{
	static const int flags[] = {0, RWF_DSYNC, RWF_SYNC, RWF_HIPRI, RWF_NOWAIT, RWF_DSYNC | RWF_HIPRI};
	struct iovec vector[16];
	int count = pieces(writer, n, vector, 16);
	int flag = flags[(size_t)rand_r(&writer->seed) % REIN_COUNT(flags)];

	REFUSED(pwritev2(writer->out, vector, count, writer_place(writer, n, 1), flag));
}

/* RWF_APPEND makes the place that was asked for meaningless. */
static void call_pwritev2_append(struct writer *writer, size_t n)
{
	struct iovec vector = {(void *)writer->data, n};

	REFUSED(pwritev2(writer->append_end, &vector, 1, 0, RWF_APPEND));
}

static void call_append(struct writer *writer, size_t n)
{
	REFUSED(write(writer->append_end, writer->data, n));
}

static void call_append_own(struct writer *writer, size_t n)
{
	writer_place(writer, n, 1);
	if (ftruncate(writer->out, writer->end - (off_t)n) == 0)
		REFUSED(write(writer->append, writer->data, n));
}

static void call_sync(struct writer *writer, size_t n)
{
	REFUSED(pwrite(writer->sync, writer->data, n, writer_place(writer, n, 1)));
}

static void call_direct(struct writer *writer, size_t n)
{
	n = n < PAGE ? PAGE : n / PAGE * PAGE;
	REFUSED(pwrite(writer->direct, writer->data, n, writer_place(writer, n, PAGE)));
}

static void call_sendfile(struct writer *writer, size_t n)
{
	off_t from = 0;

	lseek(writer->out, writer_place(writer, n, 1), SEEK_SET);
	REFUSED(sendfile(writer->out, writer->source, &from, n));
}

static void call_copy_file_range(struct writer *writer, size_t n)
{
	loff_t from = 0, to = writer_place(writer, n, rand_r(&writer->seed) % 2 ? 1 : PAGE);

	REFUSED(copy_file_range(writer->source, &from, writer->out, &to, n, 0));
}

static ssize_t fill_by_write(struct writer *writer, size_t n)
{
	return write(writer->pipe[1], writer->data, n < 65536 ? n : 65536);
}

static ssize_t fill_by_vmsplice(struct writer *writer, size_t n)
{
	struct iovec vector = {(void *)writer->data, n < 65536 ? n : 65536};

	return vmsplice(writer->pipe[1], &vector, 1, 0);
}

static ssize_t fill_by_splice(struct writer *writer, size_t n)
{
	loff_t from = 0;

	return splice(writer->source, &from, writer->pipe[1], NULL, n < 65536 ? n : 65536, 0);
}

static void through_pipe(struct writer *writer, size_t n, ssize_t (*fill)(struct writer *, size_t))
{
	loff_t to = writer_place(writer, n, 1);

	for (ssize_t in; n > 0; n -= (size_t)in) {
		in = fill(writer, n);
		for (ssize_t left = in, moved; left > 0; left -= moved) {
			moved = splice(writer->pipe[0], NULL, writer->out, &to, (size_t)left, SPLICE_F_MOVE);
			if (moved <= 0) {
				writer_new_pipe(writer);
				return;
			}
		}
		if (in <= 0)
			return;
	}
}

static void call_splice(struct writer *writer, size_t n)
{
	through_pipe(writer, n, fill_by_write);
}

static void call_vmsplice(struct writer *writer, size_t n)
{
	through_pipe(writer, n, fill_by_vmsplice);
}

static void call_splice_twice(struct writer *writer, size_t n)
{
	through_pipe(writer, n, fill_by_splice);
}

/* A pipe holds what one splice of any claimed length moves. */
static void call_splice_all(struct writer *writer, size_t n)
{
	ssize_t in = fill_by_write(writer, n);
	loff_t to = writer_place(writer, in > 0 ? (size_t)in : 0, 1);

	if (in > 0 && splice(writer->pipe[0], NULL, writer->out, &to, n, 0) < in)
		writer_new_pipe(writer);
}

static void call_reserve(struct writer *writer, size_t n)
{
	static const int modes[] = {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
				    FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE};
	size_t mode = (size_t)rand_r(&writer->seed) % REIN_COUNT(modes);

	n = n < PAGE ? PAGE : n / PAGE * PAGE;
	REFUSED(fallocate(writer->reserve, modes[mode], writer->reserved, (off_t)n));
	writer->reserved += (off_t)n;
}

static void call_clone_range(struct writer *writer, size_t n)
{
	struct file_clone_range range = {.src_fd = writer->source};

	n = n < PAGE ? PAGE : n / PAGE * PAGE;
	range.src_length = n;
	range.dest_offset = (__u64)writer_place(writer, n, PAGE);
	REFUSED(ioctl(writer->out, FICLONERANGE, &range));
}

static void call_clone(struct writer *writer, size_t n)
{
	int fd = writer_new_file(writer, O_RDWR);

	if (fd < 0)
		return;
	REFUSED(ioctl(fd, FICLONE, writer->source));
	close(fd);
}

/* Same content already: the effect is on extents alone. */
static void call_dedupe(struct writer *writer, size_t n)
{
	union {
		struct file_dedupe_range range;
		char room[sizeof(struct file_dedupe_range) + sizeof(struct file_dedupe_range_info)];
	} ask = {.range = {.dest_count = 1}};

	n = n < PAGE ? PAGE : n / PAGE * PAGE;
	ask.range.src_length = n;
	ask.range.info[0].dest_fd = writer->out;
	ask.range.info[0].dest_offset = (__u64)writer_place(writer, n, PAGE);
	if (pwrite(writer->out, writer->data, n, (off_t)ask.range.info[0].dest_offset) == (ssize_t)n)
		REFUSED(ioctl(writer->source, FIDEDUPERANGE, &ask));
}

/* Without a name until it is full. */
static void call_unnamed(struct writer *writer, size_t n)
{
	char from[64], to[256];
	int fd = writer_new_file(writer, O_TMPFILE | O_WRONLY);

	if (fd < 0)
		return;
	REFUSED(write(fd, writer->data, n));
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	snprintf(to, sizeof(to), "%s/out-%d-unnamed-%d", writer->folder, writer->number, writer->made++);
	REFUSED(linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW));
	close(fd);
}

/* Lengths that no buffer has: the kernel cuts them, and reads as far as it can: n bytes. */
static void call_absurd(struct writer *writer, size_t n)
{
	static const size_t lengths[] = {0, SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 2 + 1, 1UL << 32, (1UL << 32) + 1};
	size_t length = lengths[(size_t)rand_r(&writer->seed) % REIN_COUNT(lengths)];

	REFUSED(pwrite(writer->out, writer->data + WRITER_OP_MAX - n, length, writer_place(writer, n, 1)));
}

const struct writer_way writer_calls[] = {
	{"write", call_write},
	{"pwrite", call_pwrite},
	{"writev", call_writev},
	{"pwritev", call_pwritev},
	{"pwritev2", call_pwritev2},
	{"pwritev2 RWF_APPEND", call_pwritev2_append},
	{"O_APPEND", call_append},
	{"ftruncate and O_APPEND", call_append_own},
	{"O_SYNC", call_sync},
	{"O_DIRECT", call_direct},
	{"sendfile", call_sendfile},
	{"copy_file_range", call_copy_file_range},
	{"splice", call_splice},
	{"vmsplice", call_vmsplice},
	{"splice from a file", call_splice_twice},
	{"splice of more than there is", call_splice_all},
	{"fallocate", call_reserve},
	{"FICLONERANGE", call_clone_range},
	{"FICLONE", call_clone},
	{"FIDEDUPERANGE", call_dedupe},
	{"O_TMPFILE", call_unnamed},
	{"absurd lengths", call_absurd},
};
const size_t nr_writer_calls = REIN_COUNT(writer_calls);
