/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "harness/layers.h"

/* write.bytes by every entrance to a file: what is on the disk, and what the meter says of it. */

#define KIB 1024UL
#define MIB (1024 * KIB)

TestSuite(bpf_file_bytes, .timeout = 120);

/* Where a way writes to, and how much. The source was filled before, by nobody's agent. */
struct target {
	int out, in;
	off_t at; /* end of the file */
	size_t bytes;
};

static char data[2 * MIB];

static ssize_t by_write(const struct target *target)
{
	return write(target->out, data, target->bytes);
}

static ssize_t by_pwrite(const struct target *target)
{
	return pwrite(target->out, data, target->bytes, target->at);
}

static ssize_t by_writev(const struct target *target)
{
	struct iovec parts[2] = {{data, target->bytes / 2}, {data, target->bytes - target->bytes / 2}};

	return writev(target->out, parts, 2);
}

static ssize_t by_pwritev(const struct target *target)
{
	struct iovec parts[2] = {{data, 1}, {data, target->bytes - 1}};

	return pwritev2(target->out, parts, 2, target->at, 0);
}

static ssize_t by_sendfile(const struct target *target)
{
	off_t from = 0;

	return sendfile(target->out, target->in, &from, target->bytes);
}

static ssize_t by_copy_file_range(const struct target *target)
{
	off_t from = 0;

	return copy_file_range(target->in, &from, target->out, NULL, target->bytes, 0);
}

static ssize_t by_splice(const struct target *target)
{
	size_t done = 0;
	int ends[2];

	if (pipe(ends) || fcntl(ends[1], F_SETPIPE_SZ, MIB) < 0)
		return -1;
	while (done < target->bytes) {
		size_t want = target->bytes - done < 512 * KIB ? target->bytes - done : 512 * KIB;
		ssize_t n;

		if (write(ends[1], data, want) != (ssize_t)want)
			return -1;
		n = splice(ends[0], NULL, target->out, NULL, want, 0);
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	close(ends[0]);
	close(ends[1]);
	return (ssize_t)done;
}

static ssize_t by_fallocate(const struct target *target)
{
	return fallocate(target->out, 0, target->at, (off_t)target->bytes) ? -1 : (ssize_t)target->bytes;
}

static ssize_t by_mapping(const struct target *target)
{
	char *at;

	if (ftruncate(target->out, target->at + (off_t)target->bytes))
		return -1;
	at = mmap(NULL, target->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, target->out, target->at);
	if (at == MAP_FAILED) {
		int error = errno;

		cr_assert_eq(ftruncate(target->out, target->at), 0);
		errno = error;
		return -1;
	}
	memset(at, 7, target->bytes);
	return munmap(at, target->bytes) ? -1 : (ssize_t)target->bytes;
}

static ssize_t by_protection(const struct target *target)
{
	char *at;
	int error;

	if (ftruncate(target->out, target->at + (off_t)target->bytes))
		return -1;
	at = mmap(NULL, target->bytes, PROT_READ, MAP_SHARED, target->out, target->at);
	if (at == MAP_FAILED)
		return -2;
	if (!mprotect(at, target->bytes, PROT_READ | PROT_WRITE)) {
		memset(at, 7, target->bytes);
		return munmap(at, target->bytes) ? -1 : (ssize_t)target->bytes;
	}
	error = errno;
	munmap(at, target->bytes);
	errno = ftruncate(target->out, target->at) ? 0 : error;
	return -1;
}

static const struct way {
	const char *name;
	ssize_t (*go)(const struct target *);
	bool appends, reserves, grows; /* grows: by ftruncate, which counts by itself */
} ways[] = {
	{"write", by_write, false, false, false},
	{"write to the end", by_write, true, false, false},
	{"pwrite", by_pwrite, false, false, false},
	{"writev", by_writev, false, false, false},
	{"pwritev2", by_pwritev, false, false, false},
	{"sendfile", by_sendfile, false, false, false},
	{"copy_file_range", by_copy_file_range, false, false, false},
	{"splice", by_splice, false, false, false},
	{"fallocate", by_fallocate, false, true, false},
	{"mapping", by_mapping, false, false, true},
	{"protection", by_protection, false, false, true},
};

struct attempt {
	const struct way *way;
	int folder;
	size_t bytes;
};

static int make_target(const struct attempt *attempt, struct target *ret_target)
{
	struct stat status;

	ret_target->out = openat(attempt->folder, "out", O_RDWR | (attempt->way->appends ? O_APPEND : 0));
	ret_target->in = openat(attempt->folder, "in", O_RDONLY);
	if (ret_target->out < 0 || ret_target->in < 0 || fstat(ret_target->out, &status))
		return -1;
	ret_target->at = lseek(ret_target->out, 0, SEEK_END);
	ret_target->bytes = attempt->bytes;
	return 0;
}

/* 0: all of it was written; else an errno. */
static int once(void *argument)
{
	const struct attempt *attempt = argument;
	struct target target;
	ssize_t done;

	if (make_target(attempt, &target))
		return 255;
	done = attempt->way->go(&target);
	if (done == (ssize_t)attempt->bytes)
		return 0;
	return done == -1 ? errno : 254;
}

static struct layers layers;
static int folder = -1;

/* A folder in which there is a source for copies and a file to write to, or an overlay of the one upon the other. */
static void make_folder(bool overlay)
{
	int in;

	layers_open(&layers);
	in = openat(overlay ? layers.lower : layers.upper, "in", O_WRONLY | O_CREAT, 0600);
	cr_assert_eq(write(in, data, sizeof(data)), (ssize_t)sizeof(data));
	close(in);
	close(openat(layers.upper, "out", O_WRONLY | O_CREAT, 0600));
	layers_see(&layers, overlay);
	folder = layers.view;
}

static size_t size_of_out(void)
{
	struct stat status;

	cr_assert_eq(fstatat(folder, "out", &status, 0), 0);
	return (size_t)status.st_size;
}

/* Comes before any folder is made: without a cage the test ends here, and would leave the folder behind. */
static void need_cage(struct caged *caged)
{
	caged_open(caged);
	caged_use_file(caged);
}

static void open_caged(struct caged *caged, uint64_t burst, enum rein_on_trip on_trip)
{
	caged_break(caged, REIN_MECH_BPF_FILE, REIN_METER_WRITE_BYTES, CAGED_NEVER, burst, on_trip);
	caged_start(caged, false, false);
}

static uint64_t written(const struct caged *caged)
{
	return caged->launch.state->meters[REIN_METER_WRITE_BYTES];
}

/* Half of the burst passes and is counted once; a byte more than what is left does not, and leaves nothing. */
static void go(const struct way *way, bool overlay)
{
	struct attempt attempt = {.way = way, .bytes = 256 * KIB};
	struct caged caged;

	need_cage(&caged);
	make_folder(overlay);
	attempt.folder = folder;
	open_caged(&caged, 512 * KIB, REIN_ON_TRIP_DENY);
	cr_expect_eq(caged_run(&caged, once, &attempt), 0, "%s", way->name);
	cr_expect_eq(written(&caged), (way->grows ? 512 : 256) * KIB, "%s: %lu", way->name,
		     (unsigned long)written(&caged));
	cr_expect_eq(size_of_out(), 256 * KIB, "%s", way->name);
	attempt.bytes = 256 * KIB + 64;
	cr_expect_eq(caged_run(&caged, once, &attempt), EDQUOT, "%s", way->name);
	cr_expect_leq(size_of_out(), 512 * KIB, "%s: %lu", way->name, (unsigned long)size_of_out());
	cr_expect_eq(caged.launch.state->breakers[0].bucket.trips, 1, "%s", way->name);
	caged_stop(&caged);
	layers_close(&layers);
}

Test(bpf_file_bytes, every_way_is_counted_once_and_stops_before_the_burst)
{
	for (size_t i = 0; i < REIN_COUNT(ways); i++)
		go(&ways[i], false);
}

Test(bpf_file_bytes, every_way_through_overlayfs_too)
{
	for (size_t i = 0; i < REIN_COUNT(ways); i++)
		go(&ways[i], true);
}

/* Programs ask sendfile for more than there is. */
static int ask_for_much(void *argument)
{
	int in = openat(folder, "small", O_RDONLY), out = openat(folder, "out", O_WRONLY);
	off_t from = 0;

	for (int i = 0; i < 100; i++) {
		from = 0;
		if (sendfile(out, in, &from, 300 * KIB) != 10 || sendfile(out, in, &from, 300 * KIB) != 0)
			return errno;
	}
	return 0;
}

static void make_small(void)
{
	int small = openat(folder, "small", O_WRONLY | O_CREAT, 0600);

	cr_assert_eq(write(small, "0123456789", 10), 10);
	close(small);
}

Test(bpf_file_bytes, what_sendfile_did_not_write_is_given_back)
{
	struct caged caged;

	need_cage(&caged);
	make_folder(false);
	make_small();
	open_caged(&caged, 512 * KIB, REIN_ON_TRIP_DENY);
	cr_expect_eq(caged_run(&caged, ask_for_much, NULL), 0);
	cr_expect_eq(written(&caged), 1000, "%lu", (unsigned long)written(&caged));
	cr_expect_eq(caged.launch.state->breakers[0].bucket.used, 1000);
	caged_stop(&caged);
	layers_close(&layers);
}

/* More than the burst is asked for, less than that is there: not this way, and no trip. */
static int ask_for_too_much(void *argument)
{
	int in = openat(folder, "small", O_RDONLY), out = openat(folder, "out", O_WRONLY), ends[2];

	if (sendfile(out, in, NULL, 1 << 30) != -1 || errno != EINVAL)
		return 1;
	if (pipe(ends) || write(ends[1], data, 100) != 100)
		return 2;
	if (splice(ends[0], NULL, out, NULL, 1 << 30, 0) != -1 || errno != EINVAL)
		return 3;
	if (copy_file_range(in, NULL, out, NULL, 1 << 30, 0) != 10)
		return 4;
	return write(out, data, 100) == 100 ? 0 : 5;
}

Test(bpf_file_bytes, what_asks_for_more_than_there_is_trips_nothing)
{
	struct caged caged;

	need_cage(&caged);
	make_folder(false);
	make_small();
	open_caged(&caged, 512 * KIB, REIN_ON_TRIP_KILL);
	cr_expect_eq(caged_run(&caged, ask_for_too_much, NULL), 0);
	cr_expect_eq(written(&caged), 110, "%lu", (unsigned long)written(&caged));
	cr_expect_eq(caged.launch.state->breakers[0].bucket.trips, 0);
	caged_stop(&caged);
	layers_close(&layers);
}
