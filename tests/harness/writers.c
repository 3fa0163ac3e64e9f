/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/writers.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define PIPE_SIZE (1 << 20)
#define PAGE 4096

size_t writer_ways(void)
{
	return nr_writer_calls + nr_writer_maps + nr_writer_queues;
}

const struct writer_way *writer_way(size_t index)
{
	if (index < nr_writer_calls)
		return &writer_calls[index];
	index -= nr_writer_calls;
	return index < nr_writer_maps ? &writer_maps[index] : &writer_queues[index - nr_writer_maps];
}

static int file_in(const char *folder, const char *name, int number, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s%d", folder, name, number);
	return open(path, flags | O_CLOEXEC, 0600);
}

/* Shared by threads and children, and never written again. What lies behind it cannot be read. */
static const char *data(void)
{
	static char *bytes;
	char *made;

	if (bytes)
		return bytes;
	made = mmap(NULL, WRITER_OP_MAX + PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (made == MAP_FAILED || mprotect(made + WRITER_OP_MAX, PAGE, PROT_NONE))
		return NULL;
	for (size_t i = 0; i < WRITER_OP_MAX; i++)
		made[i] = (char)(1 + i % 251);
	return bytes = made;
}

bool writer_source(const char *folder)
{
	REIN_AUTO_FD int fd = file_in(folder, "../source", 0, O_WRONLY | O_CREAT | O_TRUNC);

	return data() && write(fd, data(), WRITER_OP_MAX) == WRITER_OP_MAX && !fsync(fd);
}

bool writer_victim(const char *folder, int number)
{
	REIN_AUTO_FD int fd = file_in(folder, "out-victim-", number, O_WRONLY | O_CREAT);

	return ftruncate(fd, WRITER_VICTIM) == 0;
}

void writer_new_pipe(struct writer *writer)
{
	if (writer->pipe[0] >= 0) {
		close(writer->pipe[0]);
		close(writer->pipe[1]);
	}
	if (pipe2(writer->pipe, O_CLOEXEC) < 0)
		writer->pipe[0] = writer->pipe[1] = -1;
	else
		fcntl(writer->pipe[0], F_SETPIPE_SZ, PIPE_SIZE);
}

bool writer_open(struct writer *writer, const char *folder, int number, unsigned seed)
{
	*writer = (struct writer){
		.folder = folder,
		.number = number,
		.seed = seed,
		.out = file_in(folder, "out-", number, O_RDWR | O_CREAT),
		.append_end = file_in(folder, "out-append-", number, O_WRONLY | O_CREAT | O_APPEND),
		.reserve = file_in(folder, "reserve-", number, O_RDWR | O_CREAT),
		.victim = file_in(folder, "out-victim-", number, O_RDWR),
		.source = file_in(folder, "../source", 0, O_RDONLY),
		.pipe = {-1, -1},
		.data = data(),
	};
	writer->sync = file_in(folder, "out-", number, O_WRONLY | O_SYNC);
	writer->direct = file_in(folder, "out-", number, O_WRONLY | O_DIRECT);
	writer->append = file_in(folder, "out-", number, O_WRONLY | O_APPEND);
	writer_new_pipe(writer);
	return writer->out >= 0 && writer->source >= 0 && writer->data;
}

off_t writer_place(struct writer *writer, size_t n, size_t align)
{
	off_t at = (writer->end + (off_t)align - 1) / (off_t)align * (off_t)align;

	writer->end = at + (off_t)n;
	return at;
}

off_t writer_victim_place(struct writer *writer, size_t n)
{
	off_t whole = (off_t)((n + PAGE - 1) / PAGE * PAGE);

	if (writer->victim < 0 || writer->taken + whole > WRITER_VICTIM)
		return -1;
	writer->taken += whole;
	return WRITER_VICTIM - writer->taken;
}

int writer_new_file(struct writer *writer, int flags)
{
	char name[64];

	if (flags & O_TMPFILE)
		return open(writer->folder, flags | O_CLOEXEC, 0600);
	snprintf(name, sizeof(name), "out-%d-", writer->number);
	return file_in(writer->folder, name, writer->made++, flags | O_CREAT);
}

static uint64_t marks(const char *at, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += at[i] != 0;
	return sum;
}

static uint64_t marks_in(int fd)
{
	static char buffer[1 << 18];
	off_t from = 0, to;
	uint64_t sum = 0;

	while ((from = lseek(fd, from, SEEK_DATA)) >= 0 && (to = lseek(fd, from, SEEK_HOLE)) > from) {
		while (from < to) {
			size_t want = (size_t)(to - from) < sizeof(buffer) ? (size_t)(to - from) : sizeof(buffer);
			ssize_t n = pread(fd, buffer, want, from);

			if (n <= 0)
				return sum;
			sum += marks(buffer, (size_t)n);
			from += n;
		}
	}
	return sum;
}

/* st_blocks has the file system's own blocks in it; a map of the extents has not. */
static uint64_t allocated_in(int fd)
{
	enum { EXTENTS = 512 };
	struct fiemap *map = calloc(1, sizeof(*map) + EXTENTS * sizeof(struct fiemap_extent));
	struct stat st;
	uint64_t sum = 0;

	map->fm_length = FIEMAP_MAX_OFFSET;
	map->fm_extent_count = EXTENTS;
	if (ioctl(fd, FS_IOC_FIEMAP, map) < 0) {
		sum = fstat(fd, &st) ? 0 : (uint64_t)st.st_blocks * 512;
		map->fm_mapped_extents = 0;
	}
	for (unsigned i = 0; i < map->fm_mapped_extents; i++)
		sum += map->fm_extents[i].fe_length;
	free(map);
	return sum;
}

uint64_t writers_judge(const char *folder)
{
	REIN_AUTO_DIR DIR *dir = opendir(folder);
	struct dirent *entry;
	uint64_t sum = 0;

	while (dir && (entry = readdir(dir))) {
		REIN_AUTO_FD int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);

		if (!strncmp(entry->d_name, "out", 3))
			sum += marks_in(fd);
		else if (!strncmp(entry->d_name, "reserve", 7))
			sum += allocated_in(fd);
	}
	return sum;
}
