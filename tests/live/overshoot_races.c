/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "harness/harness.h"
#include "harness/writers.h"
#include "mech/cgroup.h"

/*
 * Bytes between two hooks: what neither of two calls is charged for because each looks before the other has acted, and
 * what the kernel itself writes for a process. As in overshoot.c the judge counts what is in the files.
 */

#define PAGE 4096
#define SIZE (64 * PAGE)
#define ROUNDS 400
#define BURST (ROUNDS / 4 * SIZE)

static char root[64], folder[96];

static void make_folder(void)
{
	snprintf(root, sizeof(root), "/var/tmp/rein-races-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	snprintf(folder, sizeof(folder), "%s/folder", root);
	cr_assert_eq(mkdir(folder, 0700), 0);
}

static int file_number(int number)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/out%d", folder, number);
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

/* Runs `inside` in a cage whose burst of write.bytes is given; the bytes that came into the folder. */
static uint64_t bytes_of(int (*inside)(void *), void *argument, uint64_t burst, enum rein_on_trip on_trip)
{
	struct caged caged;
	uint64_t bytes;

	caged_open(&caged);
	caged_use_file(&caged);
	make_folder();
	caged_break(&caged, REIN_MECH_BPF_FILE, REIN_METER_WRITE_BYTES, CAGED_NEVER, burst, on_trip);
	caged_start(&caged, false, false);
	caged_run(&caged, inside, argument);
	rein_cgroup_kill(&caged.launch);
	cr_assert(caged_emptied(&caged));
	bytes = writers_judge(folder);
	caged_stop(&caged);
	OUTCOME gone = run_shell("rm -r %s", root);
	return bytes;
}

/* ---- one thread makes a file longer while another maps it ---- */

struct growth {
	pthread_barrier_t ready, done;
	int fd;
	bool (*grow)(int fd);
};

static bool grow_by_cut(int fd)
{
	return ftruncate(fd, SIZE) == 0;
}

static bool grow_by_write(int fd)
{
	return pwrite(fd, "x", 1, SIZE - 1) == 1;
}

static bool grow_by_reserve(int fd)
{
	return fallocate(fd, 0, SIZE - 1, 1) == 0;
}

static void *grow_on(void *argument)
{
	struct growth *growth = argument;

	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&growth->ready);
		growth->grow(growth->fd);
		pthread_barrier_wait(&growth->done);
	}
	return NULL;
}

/* Whoever maps nothing pays nothing; mremap asks no hook. Stores wait until the other is done. */
static char *map_a_page(int fd, int round)
{
	char *mapping;

	for (int i = 0; i < round % 16; i++) /* another moment in each round */
		sched_yield();
	mapping = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return mapping == MAP_FAILED ? NULL : mapping;
}

static void store_all(int fd, char *mapping)
{
	struct stat st;
	char *longer = mapping ? mremap(mapping, PAGE, SIZE, MREMAP_MAYMOVE) : MAP_FAILED;

	if (longer == MAP_FAILED)
		return;
	if (!fstat(fd, &st) && st.st_size == SIZE)
		memset(longer, 'x', SIZE);
	munmap(longer, SIZE);
}

static int map_while_it_grows(void *argument)
{
	struct growth growth = {.grow = *(bool (**)(int))argument};
	pthread_t thread;

	pthread_barrier_init(&growth.ready, NULL, 2);
	pthread_barrier_init(&growth.done, NULL, 2);
	pthread_create(&thread, NULL, grow_on, &growth);
	for (int i = 0; i < ROUNDS; i++) {
		char *mapping;

		growth.fd = file_number(i);
		pthread_barrier_wait(&growth.ready);
		mapping = map_a_page(growth.fd, i);
		pthread_barrier_wait(&growth.done);
		store_all(growth.fd, mapping);
		close(growth.fd);
	}
	return 0;
}

TestSuite(races, .timeout = 300);

Test(races, a_file_that_grows_while_it_is_mapped)
{
	static bool (*const ways[])(int) = {grow_by_cut, grow_by_write, grow_by_reserve};

	for (size_t i = 0; i < REIN_COUNT(ways); i++) {
		bool (*way)(int) = ways[i];
		uint64_t bytes = bytes_of(map_while_it_grows, &way, BURST, REIN_ON_TRIP_DENY);

		cr_expect_leq(bytes, BURST, "way %zu: overshoot of %llu bytes", i, (unsigned long long)(bytes - BURST));
		cr_expect_gt(bytes, 0, "way %zu: nothing was written", i);
	}
}

/* ---- what the kernel writes ---- */

/* Memory that a core dump would have in it, and no zero. */
static int dump_core(void *argument)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	char *memory = malloc(4 << 20);

	memset(memory, 'x', 4 << 20);
	if (chdir(folder) || setrlimit(RLIMIT_CORE, &unlimited) || !memory[4711])
		return 1;
	abort();
}

static void set_core_pattern(const char *text, char *ret_before, size_t size)
{
	REIN_AUTO_FD int fd = open("/proc/sys/kernel/core_pattern", O_RDWR | O_CLOEXEC);
	ssize_t n = read(fd, ret_before, size - 1);

	ret_before[n < 0 ? 0 : n] = '\0';
	if (pwrite(fd, text, strlen(text), 0) < 0)
		harness_skip("nobody may say here where core dumps go");
}

Test(races, a_core_dump_brings_no_byte_beyond_the_burst)
{
	char before[256], ignored[256];
	uint64_t bytes;

	if (!harness_root())
		harness_skip("core dumps are directed by root");
	set_core_pattern("out-core", before, sizeof(before));
	bytes = bytes_of(dump_core, NULL, PAGE, REIN_ON_TRIP_DENY);
	set_core_pattern(before, ignored, sizeof(ignored));
	cr_expect_leq(bytes, PAGE, "%llu bytes of memory in a file", (unsigned long long)bytes);
}

/* ---- a call that is stopped is made again: once ---- */

static int write_in_pieces(void *argument)
{
	static char piece[PAGE];
	int fd = file_number(0);

	memset(piece, 'x', sizeof(piece));
	for (int i = 0; i < 64; i++)
		if (write(fd, piece, PAGE) != PAGE)
			return 1;
	return 0;
}

/* A thaw that changes nothing: the breaker is still open. */
static bool thaw_in_vain(const struct caged *caged, pid_t child)
{
	int status;

	if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
		return false;
	__atomic_store_n(&caged->launch.state->latch, 0, __ATOMIC_SEQ_CST);
	return kill(child, SIGCONT) == 0;
}

/* With the burst back. */
static bool thaw(const struct caged *caged, pid_t child)
{
	struct rein_bucket *bucket = &caged->launch.state->breakers[0].bucket;
	int status;

	if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
		return false;
	__atomic_store_n(&bucket->tat_ns, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&bucket->state, REIN_BREAKER_CLOSED, __ATOMIC_SEQ_CST);
	__atomic_store_n(&caged->launch.state->latch, 0, __ATOMIC_SEQ_CST);
	return kill(child, SIGCONT) == 0;
}

/* 64 pages at 8 pages a burst: frozen seven times, and the writer never sees an error or writes a page twice. */
Test(races, a_frozen_write_happens_once_and_without_an_error)
{
	struct caged caged;
	pid_t child;

	caged_open(&caged);
	caged_use_file(&caged);
	make_folder();
	caged_break(&caged, REIN_MECH_BPF_FILE, REIN_METER_WRITE_BYTES, CAGED_NEVER, 8 * PAGE, REIN_ON_TRIP_FREEZE);
	caged_start(&caged, false, false);
	child = caged_fork(&caged);
	if (!child)
		_exit(write_in_pieces(NULL));
	for (int i = 0; i < 7; i++) {
		cr_expect(thaw_in_vain(&caged, child), "round %d", i);
		cr_expect(thaw(&caged, child), "round %d", i);
		cr_expect_eq(caged.launch.state->meters[REIN_METER_WRITE_BYTES], 8ULL * PAGE * (unsigned)(i + 1));
	}
	cr_expect_eq(caged_wait(child), 0);
	cr_expect_eq(writers_judge(folder), 64ULL * PAGE);
	cr_expect_eq(caged.launch.state->meters[REIN_METER_WRITE_BYTES], 64ULL * PAGE);
	caged_stop(&caged);
	OUTCOME gone = run_shell("rm -r %s", root);
}
