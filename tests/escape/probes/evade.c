/* SPDX-License-Identifier: GPL-2.0 */
/* Destroying and writing much by each call that can, to see whether a breaker counts it. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define BLOCK 65536

/* ---- destroying FOLDER/fN ---- */

static void by_unlink(const char *path, const char *folder)
{
	unlink(path);
}

static void by_unlinkat(const char *path, const char *folder)
{
	unlinkat(AT_FDCWD, path, 0);
}

static void by_rename_over(const char *path, const char *folder)
{
	const char *empty = probe_path(folder, "empty");

	close(open(empty, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	rename(empty, path);
}

static void by_truncate(const char *path, const char *folder)
{
	truncate(path, 0);
}

static void by_ftruncate(const char *path, const char *folder)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (ftruncate(fd, 0) == 0)
		close(fd);
}

static void by_open_truncate(const char *path, const char *folder)
{
	close(open(path, O_WRONLY | O_TRUNC | O_CLOEXEC));
}

/* For a supervisor that looks, /proc/self is another process than for the one that opens it. */
static void by_truncating_through_proc(const char *path, const char *folder)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	close(open(link, O_WRONLY | O_TRUNC | O_CLOEXEC));
	close(fd);
}

static void by_creat(const char *path, const char *folder)
{
	close(creat(path, 0644));
}

static void by_punching_holes(const char *path, const char *folder)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
	close(fd);
}

static const struct {
	const char *name;
	void (*destroy)(const char *path, const char *folder);
} destroyers[] = {
	{"unlink", by_unlink},
	{"unlinkat", by_unlinkat},
	{"rename-over", by_rename_over},
	{"truncate", by_truncate},
	{"ftruncate", by_ftruncate},
	{"open-truncate", by_open_truncate},
	{"truncate-through-proc", by_truncating_through_proc},
	{"creat", by_creat},
	{"punching-holes", by_punching_holes},
};

/* destroy HOW FOLDER COUNT: f0 to fCOUNT-1, on regardless of refusals. */
static int destroy(int argc, char **argv)
{
	char path[4096];

	for (size_t i = 0; argc > 3 && i < sizeof(destroyers) / sizeof(destroyers[0]); i++) {
		if (strcmp(destroyers[i].name, argv[1]) != 0)
			continue;
		for (int n = 0; n < atoi(argv[3]); n++) {
			snprintf(path, sizeof(path), "%s/f%d", argv[2], n);
			destroyers[i].destroy(path, argv[2]);
		}
		return 0;
	}
	return EINVAL;
}

/* ---- writing ---- */

struct pour {
	int to, from, pipe[2];
	char *block;
	off_t at;
};

static ssize_t with_write(struct pour *pour)
{
	return write(pour->to, pour->block, BLOCK);
}

static ssize_t with_writev(struct pour *pour)
{
	struct iovec parts[4];

	for (int i = 0; i < 4; i++)
		parts[i] = (struct iovec){pour->block, BLOCK / 4};
	return writev(pour->to, parts, 4);
}

static ssize_t with_pwrite(struct pour *pour)
{
	return pwrite(pour->to, pour->block, BLOCK, pour->at);
}

static ssize_t with_pwritev2(struct pour *pour)
{
	struct iovec part = {pour->block, BLOCK};

	return pwritev2(pour->to, &part, 1, pour->at, 0);
}

static ssize_t with_sendfile(struct pour *pour)
{
	off_t from = 0;

	return sendfile(pour->to, pour->from, &from, BLOCK);
}

static ssize_t with_splice(struct pour *pour)
{
	off_t from = 0;
	ssize_t n = splice(pour->from, &from, pour->pipe[1], NULL, BLOCK, 0);

	return n <= 0 ? n : splice(pour->pipe[0], NULL, pour->to, NULL, (size_t)n, 0);
}

static ssize_t with_copy_file_range(struct pour *pour)
{
	off_t from = 0;

	return copy_file_range(pour->from, &from, pour->to, NULL, BLOCK, 0);
}

static ssize_t with_mapping(struct pour *pour)
{
	char *map;

	if (ftruncate(pour->to, pour->at + BLOCK))
		return -1;
	map = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, pour->to, pour->at);
	if (map == MAP_FAILED)
		return -1;
	memcpy(map, pour->block, BLOCK);
	munmap(map, BLOCK);
	return BLOCK;
}

static const struct {
	const char *name;
	ssize_t (*put)(struct pour *pour);
} writers[] = {
	{"write", with_write},
	{"writev", with_writev},
	{"pwrite", with_pwrite},
	{"pwritev2", with_pwritev2},
	{"sendfile", with_sendfile},
	{"splice", with_splice},
	{"copy-file-range", with_copy_file_range},
	{"mapping", with_mapping},
};

/* pour HOW FOLDER BLOCKS: that many blocks of 64 KiB of 'x' into FOLDER/out, from FOLDER/block where it is a copy. */
static int pour_blocks(int argc, char **argv)
{
	struct pour pour = {.block = malloc(BLOCK)};

	if (argc < 4 || pipe2(pour.pipe, O_CLOEXEC))
		return EINVAL;
	memset(pour.block, 'x', BLOCK);
	pour.to = open(probe_path(argv[2], "out"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	pour.from = open(probe_path(argv[2], "block"), O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
		for (int n = 0; strcmp(writers[i].name, argv[1]) == 0 && n < atoi(argv[3]); n++)
			if (writers[i].put(&pour) > 0)
				pour.at += BLOCK;
	return 0;
}

const struct work probe_evasions[] = {{"destroy", destroy}, {"pour", pour_blocks}, {NULL, NULL}};
