/* SPDX-License-Identifier: GPL-2.0 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/writers.h"

/*
 * The ways by stores through shared mappings: no system call knows their sizes. Stores stay inside the file, since a
 * SIGBUS would end the writer and every way after this one.
 */

#define PAGE 4096UL
#define SHARED_RW(writer, n, at) mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, (writer)->out, at)

static size_t pages(size_t n)
{
	return (n + PAGE - 1) / PAGE * PAGE;
}

/* How many of the n bytes at `at` the file has: no more can be stored. */
static size_t inside(const struct writer *writer, off_t at, size_t n)
{
	struct stat st;

	if (fstat(writer->out, &st) || st.st_size <= at)
		return 0;
	return (size_t)(st.st_size - at) < n ? (size_t)(st.st_size - at) : n;
}

static void store(const struct writer *writer, char *mapping, off_t at, size_t n)
{
	memcpy(mapping, writer->data, inside(writer, at, n));
}

/* A place with room for n bytes that nobody wrote. False: refused. */
static bool grown(struct writer *writer, size_t n, off_t *ret_at)
{
	*ret_at = writer_place(writer, n, PAGE);
	return ftruncate(writer->out, *ret_at + (off_t)n) == 0;
}

static void map_store(struct writer *writer, size_t n)
{
	off_t at;
	char *mapping;

	if (!grown(writer, n, &at))
		return;
	mapping = SHARED_RW(writer, n, at);
	if (mapping == MAP_FAILED)
		return;
	store(writer, mapping, at, n);
	munmap(mapping, n);
}

/* Writable only afterwards. */
static void map_protect(struct writer *writer, size_t n)
{
	off_t at;
	char *mapping;

	if (!grown(writer, n, &at))
		return;
	mapping = mmap(NULL, n, PROT_NONE, MAP_SHARED, writer->out, at);
	if (mapping == MAP_FAILED)
		return;
	if (!mprotect(mapping, n, PROT_READ | PROT_WRITE))
		store(writer, mapping, at, n);
	munmap(mapping, n);
}

/* One page first, the rest by mremap, which asks no hook. */
static void map_stretch(struct writer *writer, size_t n)
{
	off_t at;
	char *mapping, *longer;

	if (!grown(writer, n, &at))
		return;
	mapping = SHARED_RW(writer, PAGE, at);
	if (mapping == MAP_FAILED)
		return;
	store(writer, mapping, at, n < PAGE ? n : PAGE);
	longer = mremap(mapping, PAGE, pages(n), MREMAP_MAYMOVE);
	if (longer == MAP_FAILED) {
		munmap(mapping, PAGE);
		return;
	}
	store(writer, longer, at, n);
	munmap(longer, pages(n));
}

/* One page that is moved along the file. */
static void map_slide(struct writer *writer, size_t n)
{
	off_t at;
	char *mapping;

	if (!grown(writer, n, &at))
		return;
	mapping = SHARED_RW(writer, PAGE, at);
	if (mapping == MAP_FAILED)
		return;
	for (size_t done = 0; done + PAGE <= n; done += PAGE) {
		if (syscall(SYS_remap_file_pages, mapping, PAGE, 0, ((size_t)at + done) / PAGE, 0))
			break;
		store(writer, mapping, at + (off_t)done, PAGE);
	}
	munmap(mapping, PAGE);
}

/* Mapped while there is nothing to map; the file grows into it, by its size alone. */
static void map_before_growth(struct writer *writer, size_t n)
{
	off_t at = writer_place(writer, n, PAGE);
	char *mapping = SHARED_RW(writer, n, at);

	if (mapping == MAP_FAILED)
		return;
	if (!ftruncate(writer->out, at + (off_t)n))
		store(writer, mapping, at, n);
	munmap(mapping, n);
}

/* The same, but one byte at the end of a hole is all that is written. */
static void map_before_hole(struct writer *writer, size_t n)
{
	off_t at = writer_place(writer, n, PAGE);
	char *mapping = SHARED_RW(writer, PAGE, at), *longer;

	if (mapping == MAP_FAILED)
		return;
	if (pwrite(writer->out, writer->data, 1, at + (off_t)n - 1) != 1) {
		munmap(mapping, PAGE);
		return;
	}
	longer = mremap(mapping, PAGE, pages(n), MREMAP_MAYMOVE);
	store(writer, longer == MAP_FAILED ? mapping : longer, at, longer == MAP_FAILED && n > PAGE ? PAGE : n);
	munmap(longer == MAP_FAILED ? mapping : longer, longer == MAP_FAILED ? PAGE : pages(n));
}

/* Two views of one mapping; the first is gone when the stores come. */
static void map_twice(struct writer *writer, size_t n)
{
	off_t at;
	char *mapping, *second;

	if (!grown(writer, n, &at))
		return;
	mapping = SHARED_RW(writer, n, at);
	if (mapping == MAP_FAILED)
		return;
	second = mremap(mapping, 0, pages(n), MREMAP_MAYMOVE);
	munmap(mapping, n);
	if (second == MAP_FAILED)
		return;
	store(writer, second, at, n);
	munmap(second, pages(n));
}

static char *mapped(struct writer *writer, size_t n, int protection, size_t *ret_n)
{
	char *mapping;
	off_t at;

	if (!grown(writer, n, &at))
		return NULL;
	mapping = mmap(NULL, n, protection, MAP_SHARED, writer->out, at);
	if (mapping == MAP_FAILED)
		return NULL;
	*ret_n = inside(writer, at, n);
	return mapping;
}

/* Through the thread's own memory, whose protection the kernel passes over. */
static void store_by_memory_file(struct writer *writer, size_t n, int protection)
{
	size_t room;
	char *mapping = mapped(writer, n, protection, &room);
	REIN_AUTO_FD int fd = open("/proc/thread-self/mem", O_RDWR | O_CLOEXEC);

	if (!mapping)
		return;
	if (pwrite(fd, writer->data, room, (off_t)(uintptr_t)mapping) < 0)
		mprotect(mapping, n, PROT_NONE);
	munmap(mapping, n);
}

static void map_own_memory_file(struct writer *writer, size_t n)
{
	store_by_memory_file(writer, n, PROT_READ);
}

static void map_writable_memory_file(struct writer *writer, size_t n)
{
	store_by_memory_file(writer, n, PROT_READ | PROT_WRITE);
}

static void map_vm_writev(struct writer *writer, size_t n)
{
	size_t room;
	char *mapping = mapped(writer, n, PROT_READ | PROT_WRITE, &room);
	struct iovec from = {(void *)writer->data, room}, to = {mapping, room};

	if (!mapping)
		return;
	process_vm_writev(getpid(), &from, 1, &to, 1, 0);
	munmap(mapping, n);
}

/* The kernel itself stores, by a read. */
static void map_read_into(struct writer *writer, size_t n)
{
	size_t room;
	char *mapping = mapped(writer, n, PROT_READ | PROT_WRITE, &room);

	if (!mapping)
		return;
	if (pread(writer->source, mapping, room, 0) < 0)
		mprotect(mapping, n, PROT_NONE);
	munmap(mapping, n);
}

static int fault_handler(char *mapping, size_t n)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register ask = {.range = {(uintptr_t)mapping, n}, .mode = UFFDIO_REGISTER_MODE_MISSING};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd >= 0 && (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &ask))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Fills a tmpfs file through a mapping that may only be read: UFFDIO_COPY asks for VM_MAYWRITE, not VM_WRITE. */
static void map_userfault(struct writer *writer, size_t n)
{
	size_t room;
	char *mapping = mapped(writer, pages(n), PROT_READ, &room);
	REIN_AUTO_FD int fd = mapping ? fault_handler(mapping, pages(n)) : -1;
	struct uffdio_copy copy = {
		.dst = (uintptr_t)mapping, .src = (uintptr_t)writer->data, .len = room / PAGE * PAGE};

	if (fd >= 0 && copy.len && ioctl(fd, UFFDIO_COPY, &copy))
		mprotect(mapping, n, PROT_NONE);
	if (mapping)
		munmap(mapping, pages(n));
}

/* A child has the mapping from its parent and no descriptor. */
static void map_inherited(struct writer *writer, size_t n)
{
	size_t room;
	char *mapping = mapped(writer, n, PROT_READ | PROT_WRITE, &room);
	int status;
	pid_t child;

	if (!mapping)
		return;
	child = (pid_t)syscall(SYS_fork);
	if (!child) {
		close(writer->out);
		memcpy(mapping, writer->data, room);
		_exit(0);
	}
	if (child > 0)
		syscall(SYS_wait4, child, &status, 0, NULL);
	munmap(mapping, n);
}

/* Into what was there already: no growth tells of it. */
static void map_victim(struct writer *writer, size_t n)
{
	off_t at = writer_victim_place(writer, n);
	char *mapping = at < 0 ? MAP_FAILED : mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, writer->victim, at);

	if (mapping == MAP_FAILED)
		return;
	memcpy(mapping, writer->data, n);
	munmap(mapping, n);
}

/*
 * One page at the end, paid for; then pages before it, each behind a look at a mapping that may only be read: if where
 * that one began is remembered for too long, the next costs nothing.
 */
static void map_slide_back(struct writer *writer, size_t n)
{
	off_t at = writer_victim_place(writer, n < PAGE ? PAGE : n);
	char *mapping = at < 0 ? MAP_FAILED
			       : mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, writer->victim,
				      WRITER_VICTIM - (off_t)PAGE);

	if (mapping == MAP_FAILED)
		return;
	for (size_t done = 0; done + PAGE <= n; done += PAGE) {
		void *look = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, writer->victim, WRITER_VICTIM);

		if (look != MAP_FAILED)
			munmap(look, PAGE);
		if (syscall(SYS_remap_file_pages, mapping, PAGE, 0, ((size_t)at + done) / PAGE, 0))
			break;
		memcpy(mapping, writer->data, PAGE);
	}
	munmap(mapping, PAGE);
}

const struct writer_way writer_maps[] = {
	{"stores", map_store},
	{"stores after mprotect", map_protect},
	{"stores after mremap", map_stretch},
	{"stores through remap_file_pages", map_slide},
	{"stores where the file grew", map_before_growth},
	{"stores into a hole", map_before_hole},
	{"stores through a second view", map_twice},
	{"/proc/self/mem onto what may be read", map_own_memory_file},
	{"/proc/self/mem", map_writable_memory_file},
	{"process_vm_writev", map_vm_writev},
	{"read into a mapping", map_read_into},
	{"userfaultfd", map_userfault},
	{"stores by a child", map_inherited},
	{"stores into what was there", map_victim},
	{"stores through remap_file_pages backwards", map_slide_back},
};
const size_t nr_writer_maps = REIN_COUNT(writer_maps);
