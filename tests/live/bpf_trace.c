/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <rein/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "harness/scratch.h"
#include "mech/cgroup.h"
#include "mech/cgroup_tree.h"

/* bpf-trace by its effects: the bytes in the files, the files that are left, the processes that stopped. */

#define OP_MAX 65536
#define MIB (1024 * 1024)

static int write_plainly(void *argument)
{
	static char data[OP_MAX];
	int fd = open(scratch_path("out", 0), O_WRONLY | O_CREAT, 0600);

	for (;;)
		if (write(fd, data, sizeof(data)) != OP_MAX)
			return 1;
	return 0;
}

/* The kernel gives up a buffered write at whose beginning a fatal signal is pending. */
Test(bpf_trace, the_write_that_trips_kill_leaves_no_byte)
{
	struct caged caged;

	caged_open(&caged);
	scratch_make();
	caged_break(&caged, REIN_MECH_BPF_TRACE, REIN_METER_WRITE_BYTES, CAGED_NEVER, 10 * OP_MAX + 1,
		    REIN_ON_TRIP_KILL);
	caged_start(&caged, false, true);
	cr_expect_eq(caged_run(&caged, write_plainly, NULL), 1000 + SIGKILL);
	cr_expect_eq(scratch_bytes("out"), 10 * OP_MAX);
	caged_stop(&caged);
	scratch_remove();
}

static int delete_all(void *argument)
{
	for (int i = 0; i < 200; i++)
		unlink(scratch_path("", i));
	return 0;
}

Test(bpf_trace, deletes_stop_at_the_burst)
{
	struct caged caged;

	caged_open(&caged);
	scratch_make();
	for (int i = 0; i < 200; i++)
		close(open(scratch_path("", i), O_CREAT | O_WRONLY, 0600));
	caged_break(&caged, REIN_MECH_BPF_TRACE, REIN_METER_DELETE_FILES, CAGED_NEVER, 20, REIN_ON_TRIP_KILL);
	caged_start(&caged, false, true);
	cr_expect_eq(caged_run(&caged, delete_all, NULL), 1000 + SIGKILL);
	/* One more than the burst: its signal was pending when it was already done. */
	cr_expect_eq(scratch_files(), 200 - 21);
	caged_stop(&caged);
	scratch_remove();
}

static int do_one_of_each(void *argument)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = open(scratch_path("a", 0), O_RDWR | O_CREAT, 0600),
	    dir = open(scratch_folder(), O_RDONLY | O_DIRECTORY);
	int status, memory = memfd_create("m", 0), sock = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(name.sun_path, sizeof(name.sun_path), "%s/s", scratch_folder());
	if (fd < 0 || write(fd, "12345", 5) != 5 || write(memory, "12345", 5) != 5)
		return 1;
	if (mkdirat(dir, "d", 0700) || symlinkat("a", dir, "l") || bind(sock, (void *)&name, sizeof(name)))
		return 2;
	if (fchmod(fd, 0640) || futimens(fd, NULL) || renameat(dir, "a0", dir, "b") || ftruncate(fd, 9))
		return 3;
	if (ftruncate(fd, 2) || unlinkat(dir, "l", 0) || unlinkat(dir, "d", AT_REMOVEDIR) || unlinkat(dir, "s", 0))
		return 4;
	if (openat(dir, "b", O_WRONLY) < 0 || openat(dir, "b", O_RDONLY) < 0 || unlinkat(dir, "none", 0) != -1)
		return 5;
	if (!fork())
		execl("/bin/true", "true", NULL);
	wait(&status);
	return status;
}

Test(bpf_trace, counts_what_happened_and_no_more)
{
	static const uint64_t expected[REIN_METER_COUNT] = {
		[REIN_METER_WRITE_BYTES] = 5,  /* memfd's are memory */
		[REIN_METER_WRITE_FILES] = 1,  /* b, once for writing */
		[REIN_METER_CREATE_FILES] = 4, /* a, d, l, s */
		[REIN_METER_DELETE_FILES] = 5, /* cut to 2, l, d, s, and what a rename may have replaced */
		[REIN_METER_RENAME_FILES] = 1, [REIN_METER_CHMOD_FILES] = 2,
		[REIN_METER_EXEC_COUNT] = 1,   [REIN_METER_FORK_COUNT] = 1,
	};
	struct caged caged;

	caged_open(&caged);
	scratch_make();
	caged_break(&caged, REIN_MECH_BPF_TRACE, REIN_METER_WRITE_BYTES, 1000000, 1000000, REIN_ON_TRIP_KILL);
	caged_start(&caged, false, true);
	cr_assert_eq(caged_run(&caged, do_one_of_each, NULL), 0);
	for (int i = 0; i < REIN_METER_COUNT; i++)
		cr_expect_eq(caged.launch.state->meters[i], expected[i], "meter %d: %llu", i,
			     (unsigned long long)caged.launch.state->meters[i]);
	caged_stop(&caged);
	scratch_remove();
}

static int map_shared(void *argument)
{
	int fd = open(scratch_path("out", 0), O_RDWR | O_CREAT, 0600);
	char *at;

	if (ftruncate(fd, 8 * MIB))
		return 1;
	at = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return 2;
	memset(at, 1, 8 * MIB);
	return 3;
}

static int map_then_protect(void *argument)
{
	int fd = open(scratch_path("out", 0), O_RDWR | O_CREAT, 0600);

	if (ftruncate(fd, 8 * MIB))
		return 1;
	return mmap(NULL, 8 * MIB, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? 2 : 3;
}

static int map_and_grow(void *argument)
{
	int fd = open(scratch_path("out", 0), O_RDWR | O_CREAT, 0600);
	char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return mremap(at, 4096, 8 * MIB, MREMAP_MAYMOVE) == MAP_FAILED ? 2 : 3;
}

static int write_gathered(void *argument)
{
	static char data[OP_MAX];
	struct iovec vector[1024];
	int fd = open(scratch_path("out", 0), O_WRONLY | O_CREAT, 0600);

	for (int i = 0; i < 1024; i++)
		vector[i] = (struct iovec){data, sizeof(data)};
	return writev(fd, vector, 1024) > 0 ? 3 : 2;
}

static int allocate(void *argument)
{
	int fd = open(scratch_path("out", 0), O_WRONLY | O_CREAT, 0600);

	return fallocate(fd, 0, 0, 8 * MIB) ? 2 : 3;
}

/* A whole file by one splice out of a pipe, which is charged as it turns out. */
static int splice_through(void *argument)
{
	static char data[OP_MAX];
	int fd = open(scratch_path("out", 0), O_WRONLY | O_CREAT, 0600), ends[2];

	if (pipe(ends))
		return 1;
	for (;;)
		if (write(ends[1], data, OP_MAX) != OP_MAX || splice(ends[0], NULL, fd, NULL, 1 << 30, 0) <= 0)
			return 2;
	return 3;
}

Test(bpf_trace, every_way_for_bytes_into_a_file_is_stopped, .timeout = 30)
{
	static int (*const ways[])(void *) = {map_shared,     map_then_protect, map_and_grow,
					      write_gathered, allocate,		splice_through};

	for (size_t i = 0; i < REIN_COUNT(ways); i++) {
		struct caged caged;

		caged_open(&caged);
		scratch_make();
		caged_break(&caged, REIN_MECH_BPF_TRACE, REIN_METER_WRITE_BYTES, CAGED_NEVER, 2 * MIB,
			    REIN_ON_TRIP_KILL);
		caged_start(&caged, false, true);
		cr_expect_eq(caged_run(&caged, ways[i], NULL), 1000 + SIGKILL, "way %zu", i);
		caged_stop(&caged);
		scratch_remove();
	}
}

static int write_a_little(void *argument)
{
	int fd = open(scratch_path("out", 0), O_WRONLY | O_CREAT, 0600);
	char go;

	if (read(*(int *)argument, &go, 1) != 1)
		return 1;
	return write(fd, "12345678", 8) == 8 ? 0 : 2;
}

/* A neighbour of the same parent goes on; so does who is in no agent at all. */
Test(bpf_trace, a_trip_is_one_agents_own)
{
	struct caged first, second;
	int go[2];
	pid_t child;

	caged_open(&first);
	caged_open(&second);
	scratch_make();
	cr_assert_eq(pipe(go), 0);
	caged_break(&first, REIN_MECH_BPF_TRACE, REIN_METER_WRITE_BYTES, CAGED_NEVER, 4, REIN_ON_TRIP_KILL);
	caged_break(&second, REIN_MECH_BPF_TRACE, REIN_METER_WRITE_BYTES, CAGED_NEVER, 100, REIN_ON_TRIP_KILL);
	caged_start(&first, false, true);
	caged_start(&second, false, true);
	child = caged_fork(&second);
	if (!child)
		_exit(write_a_little(&go[0]));
	cr_expect_eq(caged_run(&first, write_plainly, NULL), 1000 + SIGKILL);
	cr_assert_eq(write(go[1], "g", 1), 1);
	cr_expect_eq(caged_wait(child), 0);
	cr_expect_eq(second.launch.state->latch, 0);
	caged_stop(&first);
	caged_stop(&second);
	scratch_remove();
}

static int exec_missing_rights(void *argument)
{
	open("/proc/self/root/../proc/1/mem/x", O_RDONLY);
	open("/sys/kernel/notes-of-nobody", O_WRONLY | O_CREAT, 0600);
	execl("/bin/true", "true", NULL);
	return 1;
}

/* sysfs lets nobody make a file: EACCES, by the kernel and not by rein, but a refusal like any. */
Test(bpf_trace, tells_of_programs_and_of_refusals)
{
	struct rein_raw_event event;
	struct caged caged;

	caged_open(&caged);
	caged_start(&caged, false, true);
	cr_assert_eq(caged_run(&caged, exec_missing_rights, NULL), 0);
	cr_assert(caged_event(&caged, &event));
	cr_expect_eq(event.kind, REIN_EVENT_DENY_SYSCALL);
	cr_expect_str_eq(event.path, "/sys/kernel/notes-of-nobody");
	cr_expect_eq(event.error, -EACCES, "%d", event.error);
	cr_expect_eq(event.amount, REIN_EVENT_HAS_FLAGS | (O_WRONLY | O_CREAT));
	cr_assert(caged_event(&caged, &event));
	cr_expect_eq(event.kind, REIN_EVENT_EXEC);
	cr_expect_str_eq(event.path, "/bin/true");
	cr_expect_not(caged_event(&caged, &event));
	caged_stop(&caged);
}

static int fork_on(void *argument)
{
	for (;;)
		if (!fork())
			pause();
	return 0;
}

Test(bpf_trace, a_fork_bomb_is_ended)
{
	struct caged caged;

	caged_open(&caged);
	caged_break(&caged, REIN_MECH_BPF_TRACE, REIN_METER_FORK_COUNT, CAGED_NEVER, 50, REIN_ON_TRIP_KILL);
	caged_start(&caged, false, true);
	cr_expect_eq(caged_run(&caged, fork_on, NULL), 1000 + SIGKILL);
	cr_expect_leq(caged.launch.state->meters[REIN_METER_FORK_COUNT], 52);
	rein_cgroup_kill(&caged.launch);
	cr_expect(caged_emptied(&caged));
	caged_stop(&caged);
}

/* A sub-cgroup is no way out: the ancestor decides. */
Test(bpf_trace, a_sub_cgroup_is_metered_too)
{
	struct caged caged;
	char pid[16];
	int go[2], sub;
	pid_t child;

	caged_open(&caged);
	scratch_make();
	cr_assert_eq(pipe(go), 0);
	caged_break(&caged, REIN_MECH_BPF_TRACE, REIN_METER_WRITE_BYTES, CAGED_NEVER, 4, REIN_ON_TRIP_KILL);
	caged_start(&caged, false, true);
	child = caged_fork(&caged);
	if (!child)
		_exit(write_a_little(&go[0]));
	cr_assert_eq(mkdirat(caged.launch.cgroup_fd, "sub", 0755), 0);
	sub = openat(caged.launch.cgroup_fd, "sub", O_RDONLY | O_DIRECTORY);
	snprintf(pid, sizeof(pid), "%d", child);
	cr_assert_eq(rein_cgroup_write(sub, "cgroup.procs", pid), 0);
	close(sub);
	cr_assert_eq(write(go[1], "g", 1), 1);
	cr_expect_eq(caged_wait(child), 1000 + SIGKILL);
	caged_stop(&caged);
	scratch_remove();
}
