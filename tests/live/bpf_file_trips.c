/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/caged.h"

/* What a trip of bpf-file is to the agent: a call that waits and then does its work once, or the end, without a byte.
 */

#define KIB 1024UL
#define PIECE (64 * KIB)
#define PIECES 16
#define BURST (3 * PIECE + 100)

TestSuite(bpf_file_trips, .timeout = 120);

static char path[64], data[PIECE];
static int folder = -1;

static void open_folder(void)
{
	int in;

	snprintf(path, sizeof(path), "/tmp/rein-trips-XXXXXX");
	cr_assert_not_null(mkdtemp(path));
	folder = open(path, O_RDONLY | O_DIRECTORY);
	in = openat(folder, "in", O_WRONLY | O_CREAT, 0600);
	for (int i = 0; i < PIECES; i++) {
		memset(data, 'a' + i, PIECE);
		cr_assert_eq(write(in, data, PIECE), (ssize_t)PIECE);
	}
	close(in);
}

static void close_folder(void)
{
	char command[96];

	close(folder);
	snprintf(command, sizeof(command), "rm -rf %s", path);
	cr_expect_eq(system(command), 0);
}

/* Each moves piece i, at its place, from `in` to `out`, and returns how much. */
struct pair {
	int in, out;
};

static ssize_t move_by_write(struct pair pair, int i)
{
	memset(data, 'a' + i, PIECE);
	return write(pair.out, data, PIECE);
}

static ssize_t move_by_pwrite(struct pair pair, int i)
{
	memset(data, 'a' + i, PIECE);
	return pwrite(pair.out, data, PIECE, i * (off_t)PIECE);
}

static ssize_t move_by_sendfile(struct pair pair, int i)
{
	off_t from = i * (off_t)PIECE;

	return sendfile(pair.out, pair.in, &from, PIECE);
}

static ssize_t move_by_copy_file_range(struct pair pair, int i)
{
	return copy_file_range(pair.in, NULL, pair.out, NULL, PIECE, 0);
}

static ssize_t move_by_splice(struct pair pair, int i)
{
	ssize_t r;
	int ends[2];

	memset(data, 'a' + i, PIECE);
	if (pipe(ends) || write(ends[1], data, PIECE) != (ssize_t)PIECE)
		return -1;
	r = splice(ends[0], NULL, pair.out, NULL, PIECE, 0);
	close(ends[0]);
	close(ends[1]);
	return r;
}

static ssize_t move_by_mapping(struct pair pair, int i)
{
	char *at;

	if (ftruncate(pair.out, (i + 1) * (off_t)PIECE))
		return -1;
	at = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED, pair.out, i * (off_t)PIECE);
	if (at == MAP_FAILED)
		return -1;
	memset(at, 'a' + i, PIECE);
	return munmap(at, PIECE) ? -1 : (ssize_t)PIECE;
}

static const struct way {
	const char *name;
	ssize_t (*move)(struct pair, int);
} ways[] = {
	{"write", move_by_write},	{"pwrite", move_by_pwrite},
	{"sendfile", move_by_sendfile}, {"copy_file_range", move_by_copy_file_range},
	{"splice", move_by_splice},	{"mapping", move_by_mapping},
};

/* 0: every call did all of its work. */
static int move_all(void *argument)
{
	const struct way *way = argument;
	struct pair pair = {openat(folder, "in", O_RDONLY), openat(folder, "out", O_RDWR | O_CREAT, 0600)};

	for (int i = 0; i < PIECES; i++)
		if (way->move(pair, i) != (ssize_t)PIECE)
			return errno ? errno : 255;
	return 0;
}

/* Comes before any folder is made: without a cage the test ends here, and would leave the folder behind. */
static void need_cage(struct caged *caged)
{
	caged_open(caged);
	caged_use_file(caged);
}

static void open_caged(struct caged *caged, enum rein_meter meter, uint64_t burst, enum rein_on_trip on_trip)
{
	caged_break(caged, REIN_MECH_BPF_FILE, meter, CAGED_NEVER, burst, on_trip);
	caged_start(caged, false, false);
}

/* What a person's reset with a refill does. */
static void reset(const struct caged *caged, pid_t child)
{
	struct rein_state *state = caged->launch.state;

	state->breakers[0].bucket.tat_ns = 0;
	state->breakers[0].bucket.state = REIN_BREAKER_CLOSED;
	state->latch = 0;
	cr_assert_eq(kill(child, SIGCONT), 0);
}

static off_t size_of_out(void)
{
	struct stat status;

	return fstatat(folder, "out", &status, 0) ? 0 : status.st_size;
}

/* Runs until the end, with a reset for each stop; returns how many there were, and the exit code. */
static int run_with_resets(const struct caged *caged, int (*inside)(void *), void *argument, int *ret_code)
{
	pid_t child = caged_fork(caged);
	int status, stops = 0;

	if (!child)
		_exit(inside(argument));
	for (;;) {
		cr_assert_eq(waitpid(child, &status, WUNTRACED), child);
		if (!WIFSTOPPED(status))
			break;
		cr_expect_eq(caged->launch.state->latch, 1 + REIN_ON_TRIP_FREEZE);
		stops++;
		reset(caged, child);
	}
	*ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
	return stops;
}

static void expect_same(const struct way *way)
{
	char command[192];

	snprintf(command, sizeof(command), "cmp %s/in %s/out", path, path);
	cr_expect_eq(system(command), 0, "%s: lost or doubled", way->name);
}

Test(bpf_file_trips, a_frozen_call_does_its_work_once_after_the_thaw)
{
	for (size_t i = 0; i < REIN_COUNT(ways); i++) {
		struct caged caged;
		uint64_t counted;
		int stops, code;

		need_cage(&caged);
		open_folder();
		open_caged(&caged, REIN_METER_WRITE_BYTES, BURST, REIN_ON_TRIP_FREEZE);
		stops = run_with_resets(&caged, move_all, (void *)&ways[i], &code);
		cr_expect_eq(code, 0, "%s: %d", ways[i].name, code);
		counted = caged.launch.state->meters[REIN_METER_WRITE_BYTES];
		/* What a file grows by to be mapped counts besides. Three pieces pass each time. */
		cr_expect(counted == PIECES * PIECE ||
				  (ways[i].move == move_by_mapping && counted == 2 * PIECES * PIECE),
			  "%s: %lu", ways[i].name, (unsigned long)counted);
		cr_expect_eq((uint64_t)stops, (counted / PIECE - 1) / 3, "%s: %d stops", ways[i].name, stops);
		expect_same(&ways[i]);
		caged_stop(&caged);
		close_folder();
	}
}

Test(bpf_file_trips, the_call_that_kills_leaves_no_byte)
{
	for (size_t i = 0; i < REIN_COUNT(ways); i++) {
		struct caged caged;

		need_cage(&caged);
		open_folder();
		open_caged(&caged, REIN_METER_WRITE_BYTES, BURST, REIN_ON_TRIP_KILL);
		cr_expect_eq(caged_run(&caged, move_all, (void *)&ways[i]), 1000 + SIGKILL, "%s", ways[i].name);
		if (ways[i].move != move_by_mapping) /* its file was made longer before, with nothing in it */
			cr_expect_eq(size_of_out(), 3 * (off_t)PIECE, "%s", ways[i].name);
		cr_expect_eq(caged.launch.state->meters[REIN_METER_WRITE_BYTES], 3 * PIECE, "%s", ways[i].name);
		caged_stop(&caged);
		close_folder();
	}
}

/* Everything that leads to a name or changes one, eight times over. */
static int change_names(void *argument)
{
	for (int i = 0; i < 8; i++) {
		char name[16], other[16];
		int fd;

		snprintf(name, sizeof(name), "n%d", i);
		snprintf(other, sizeof(other), "o%d", i);
		fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
		if (fd < 0 || close(fd) || fchmodat(folder, name, 0640, 0))
			return errno;
		if (renameat(folder, name, folder, other) || linkat(folder, other, folder, name, 0))
			return errno;
		if (unlinkat(folder, other, 0) || mkdirat(folder, other, 0700))
			return errno;
		fd = openat(folder, name, O_RDWR | O_TRUNC);
		if (fd < 0 || write(fd, "x", 1) != 1 || ftruncate(fd, 0) || close(fd))
			return errno;
	}
	return 0;
}

Test(bpf_file_trips, names_are_changed_once_after_the_thaw)
{
	static const enum rein_meter meters[] = {REIN_METER_CREATE_FILES, REIN_METER_DELETE_FILES,
						 REIN_METER_RENAME_FILES, REIN_METER_CHMOD_FILES,
						 REIN_METER_WRITE_FILES};

	for (size_t i = 0; i < REIN_COUNT(meters); i++) {
		struct caged caged;
		int stops, code;

		need_cage(&caged);
		open_folder();
		open_caged(&caged, meters[i], 3, REIN_ON_TRIP_FREEZE);
		stops = run_with_resets(&caged, change_names, NULL, &code);
		cr_expect_eq(code, 0, "meter %d: %d", meters[i], code);
		cr_expect_gt(stops, 0, "meter %d", meters[i]);
		cr_expect_eq(caged.launch.state->meters[REIN_METER_CREATE_FILES], 24);
		cr_expect_eq(caged.launch.state->meters[REIN_METER_DELETE_FILES], 16);
		caged_stop(&caged);
		close_folder();
	}
}

/* While latched, whatever a process of the agent is about to do waits too. */
static int read_on(void *argument)
{
	int in = openat(folder, "in", O_RDONLY);
	char byte;

	for (;;)
		if (pread(in, &byte, 1, 0) != 1)
			return errno;
}

Test(bpf_file_trips, a_latch_stops_whoever_only_reads)
{
	struct caged caged;
	pid_t child;
	int status;

	need_cage(&caged);
	open_folder();
	open_caged(&caged, REIN_METER_WRITE_BYTES, BURST, REIN_ON_TRIP_FREEZE);
	child = caged_fork(&caged);
	if (!child)
		_exit(read_on(NULL));
	caged.launch.state->latch = 1 + REIN_ON_TRIP_FREEZE;
	cr_assert_eq(waitpid(child, &status, WUNTRACED), child);
	cr_expect(WIFSTOPPED(status));
	caged.launch.state->latch = 1 + REIN_ON_TRIP_KILL;
	cr_assert_eq(kill(child, SIGCONT), 0);
	cr_expect_eq(caged_wait(child), 1000 + SIGKILL);
	caged_stop(&caged);
	close_folder();
}
