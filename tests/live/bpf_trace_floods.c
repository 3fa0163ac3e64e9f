/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "harness/scratch.h"

/* bpf-trace against many writers at once: the bytes in the files when all have stopped. */

#define WRITERS_MAX 64
#define OP_MAX 65536
#define MIB (1024 * 1024)

/* One writer: its own file, and a way to write that changes from call to call. */
struct writer {
	pthread_t thread;
	int out, in, number;
	unsigned seed;
};

static void write_once(struct writer *writer, size_t size)
{
	static char data[OP_MAX];
	struct iovec vector[2] = {{data, size / 2}, {data, size - size / 2}};
	off_t zero = 0, end;
	loff_t from = 0;

	switch (rand_r(&writer->seed) % 5) {
	case 0:
		end = lseek(writer->out, 0, SEEK_END);
		if (pwrite(writer->out, data, size, end) < 0)
			return;
		break;
	case 1:
		if (writev(writer->out, vector, 2) < 0)
			return;
		break;
	case 2:
		sendfile(writer->out, writer->in, &zero, size);
		break;
	case 3:
		copy_file_range(writer->in, &from, writer->out, NULL, size, 0);
		break;
	default:
		if (write(writer->out, data, size) < 0)
			return;
	}
	lseek(writer->out, 0, SEEK_END);
}

static void *write_on(void *argument)
{
	struct writer *writer = argument;

	for (;;)
		write_once(writer, 1 + (size_t)rand_r(&writer->seed) % OP_MAX);
	return NULL;
}

static void open_writer(struct writer *writer, int number, unsigned seed)
{
	writer->number = number;
	writer->seed = seed * 100 + (unsigned)number;
	writer->out = open(scratch_path("out", number), O_RDWR | O_CREAT, 0600);
	writer->in = open(scratch_path("in", 0), O_RDONLY);
}

/* Half of the writers are threads of one process, half are processes. */
static int write_all(int writers, unsigned seed)
{
	static struct writer all[WRITERS_MAX];

	for (int i = 0; i < writers; i++) {
		open_writer(&all[i], i, seed);
		if (i % 2 && !fork())
			write_on(&all[i]);
		else if (i && i % 2 == 0)
			pthread_create(&all[i].thread, NULL, write_on, &all[i]);
	}
	write_on(&all[0]);
	return 0;
}

static void fill_source(void)
{
	static char data[OP_MAX];
	REIN_AUTO_FD int fd = open(scratch_path("in", 0), O_WRONLY | O_CREAT, 0600);

	cr_assert_eq(write(fd, data, sizeof(data)), OP_MAX);
}

/* What stopped the agent is the hook alone: there is no supervisor. */
static void flood(int writers, unsigned seed, uint64_t rate, uint64_t burst, enum rein_on_trip on_trip)
{
	struct caged caged;
	uint64_t begin, bytes, allowed;
	pid_t child;

	caged_open(&caged);
	scratch_make();
	fill_source();
	caged_break(&caged, REIN_MECH_BPF_TRACE, REIN_METER_WRITE_BYTES, rate, burst, on_trip);
	caged_start(&caged, false, true);
	begin = caged_now_ns();
	child = caged_fork(&caged);
	if (!child)
		_exit(write_all(writers, seed));
	if (on_trip == REIN_ON_TRIP_KILL)
		cr_assert_eq(caged_wait(child), 1000 + SIGKILL);
	else
		cr_assert_eq(waitpid(child, NULL, WUNTRACED), child);
	if (on_trip == REIN_ON_TRIP_KILL)
		cr_assert(caged_emptied(&caged));
	allowed = burst + rate * ((caged_now_ns() - begin) / 1000000 + 1) / 1000;
	bytes = scratch_bytes("out");
	cr_expect_leq(bytes, allowed + (uint64_t)writers * OP_MAX, "%d writers: %llu bytes, %llu allowed, %llu charged",
		      writers, (unsigned long long)bytes, (unsigned long long)allowed,
		      (unsigned long long)caged.launch.state->meters[REIN_METER_WRITE_BYTES]);
	/* A copy that the kernel cuts short is charged in full, so it is not all of the burst. */
	cr_expect_gt(bytes + (uint64_t)writers * OP_MAX, burst / 2, "%d writers: nothing much was written", writers);
	cr_expect_eq(caged.launch.state->latch, 1 + on_trip);
	cr_expect_eq(caged.launch.state->breakers[0].bucket.trips, 1);
	caged_stop(&caged);
	scratch_remove();
}

Test(bpf_trace_floods, kill_ends_every_mix_of_writers_within_one_operation_each, .timeout = 60)
{
	static const int mixes[] = {1, 2, 3, 8, 21, 64};

	for (size_t i = 0; i < REIN_COUNT(mixes); i++)
		flood(mixes[i], (unsigned)i, MIB, 3 * MIB + i, REIN_ON_TRIP_KILL);
}

Test(bpf_trace_floods, freeze_stops_writers_and_nothing_more_is_written, .timeout = 60)
{
	static const int mixes[] = {1, 5, 32};

	for (size_t i = 0; i < REIN_COUNT(mixes); i++)
		flood(mixes[i], 50 + (unsigned)i, MIB, 3 * MIB, REIN_ON_TRIP_FREEZE);
}

/* Which of the two threads may go on, and who writes. */
struct pair {
	int go[2];
	volatile pid_t writer; /* shared with the test */
};

static void *write_when_told(void *argument)
{
	struct pair *pair = argument;
	int fd = open(scratch_path("out", 0), O_WRONLY | O_CREAT | O_APPEND, 0600);
	char byte;

	pair->writer = gettid();
	if (read(pair->go[0], &byte, 1) == 1)
		while (write(fd, "x", 1) == 1)
			;
	return NULL;
}

/* The parent of a vfork takes no SIGSTOP before its child is done, which here is never. */
static int trip_by_vfork(struct pair *pair)
{
	pthread_t writer;

	if (!fork())
		_exit(0); /* the burst */
	if (pthread_create(&writer, NULL, write_when_told, pair))
		return 1;
	while (!pair->writer)
		sched_yield();
	if (!syscall(SYS_clone, CLONE_VFORK | SIGCHLD, NULL))
		pause();
	return 2;
}

static char state_of(pid_t thread)
{
	char path[64], line[256] = "";
	const char *behind;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", thread);
	file = fopen(path, "re");
	if (!file)
		return 'X';
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	behind = strrchr(line, ')');
	return behind && behind[1] ? behind[2] : 'X';
}

Test(bpf_trace_floods, freeze_stops_a_thread_whose_sibling_cannot_stop, .timeout = 60)
{
	struct pair *pair = mmap(NULL, sizeof(*pair), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct caged caged;
	pid_t child;

	caged_open(&caged);
	scratch_make();
	cr_assert_eq(pipe(pair->go), 0);
	caged_break(&caged, REIN_MECH_BPF_TRACE, REIN_METER_FORK_COUNT, CAGED_NEVER, 1, REIN_ON_TRIP_FREEZE);
	caged_start(&caged, false, true);
	child = caged_fork(&caged);
	if (!child)
		_exit(trip_by_vfork(pair));
	while (!REIN_LOAD(&caged.launch.state->latch))
		sched_yield();
	cr_assert_eq(write(pair->go[1], "g", 1), 1);
	while (state_of(pair->writer) != 'T' && scratch_bytes("out") < 100)
		sched_yield();
	cr_expect_leq(scratch_bytes("out"), 1, "it wrote on");
	caged_stop(&caged);
	scratch_remove();
}
