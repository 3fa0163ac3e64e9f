/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "harness/harness.h"
#include "harness/volumes.h"
#include "harness/writers.h"
#include "mech/cgroup.h"
#include "mech/cgroup_tree.h"

/*
 * Overshoot of write.bytes: in every interval of length t at most burst + rate * t bytes reach files, by whatever way,
 * by however many threads and processes at once, whatever a trip does and whoever resets in between. Random runs; RUNS
 * says how many, SEED repeats some. The judge counts bytes in files and asks no meter.
 */

#define WRITERS_MAX 16
#define BURST_MAX (16U << 20)

struct run {
	unsigned seed;
	const struct volume *volume;
	char folder[96];
	uint64_t rate, burst;
	enum rein_on_trip on_trip;
	int writers;
	size_t largest;	     /* operation */
	unsigned operations; /* of all writers together, then the run is over */
	unsigned *tried;     /* how many there were, counted by the writers */
	bool resets;	     /* someone closes the breaker whenever it is open */
};

static unsigned draw(unsigned *seed, unsigned below)
{
	return (unsigned)rand_r(seed) % below;
}

/* 1 to max, each order of magnitude as likely as another. */
static uint64_t draw_size(unsigned *seed, uint64_t max)
{
	unsigned bits = 64 - (unsigned)__builtin_clzll(max);
	uint64_t size = 1ULL << draw(seed, bits);

	size += (uint64_t)rand_r(seed) % size;
	return size < max ? size : max;
}

static unsigned *tried(void)
{
	static unsigned *count;

	if (!count)
		count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(count, MAP_FAILED);
	*count = 0;
	return count;
}

static struct run draw_run(unsigned seed, const struct volume *volumes, size_t nr_volumes)
{
	static const enum rein_on_trip trips[] = {REIN_ON_TRIP_DENY, REIN_ON_TRIP_KILL, REIN_ON_TRIP_FREEZE};
	struct run run = {.seed = seed};

	run.volume = &volumes[draw(&seed, (unsigned)nr_volumes)];
	snprintf(run.folder, sizeof(run.folder), "%s/run", run.volume->path);
	run.rate = draw_size(&seed, 64U << 20);
	run.burst = draw_size(&seed, BURST_MAX);
	run.on_trip = trips[draw(&seed, REIN_COUNT(trips))];
	run.writers = 1 + (int)draw(&seed, WRITERS_MAX);
	run.largest = draw(&seed, 4) ? draw_size(&seed, run.burst) : WRITER_OP_MAX;
	run.largest = run.largest < WRITER_OP_MAX ? run.largest : WRITER_OP_MAX;
	run.operations = 10 + draw(&seed, 70);
	run.tried = tried();
	run.resets = run.on_trip != REIN_ON_TRIP_KILL && draw(&seed, 2);
	return run;
}

/* ---- inside the cage ---- */

struct hand {
	const struct run *run;
	int number;
};

static void *write_on(void *argument)
{
	const struct hand *hand = argument;
	const struct run *run = hand->run;
	unsigned seed = run->seed * WRITERS_MAX + (unsigned)hand->number;
	struct writer writer;

	if (writer_open(&writer, run->folder, hand->number, seed))
		for (;; __atomic_add_fetch(run->tried, 1, __ATOMIC_RELAXED))
			writer_way(draw(&seed, (unsigned)writer_ways()))
				->write(&writer, draw_size(&seed, run->largest));
	return NULL; /* it could not open its files; the others end with the run */
}

/* Half of the writers are threads of one process, half are processes. */
static int write_all(void *argument)
{
	static struct hand hands[WRITERS_MAX];
	const struct run *run = argument;
	pthread_t thread;

	for (int i = run->writers - 1; i >= 0; i--) {
		hands[i] = (struct hand){.run = run, .number = i};
		if (i % 2 && !fork())
			write_on(&hands[i]);
		else if (i && i % 2 == 0)
			pthread_create(&thread, NULL, write_on, &hands[i]);
	}
	write_on(&hands[0]);
	return 0;
}

/* ---- outside ---- */

static void each_process(const struct caged *caged, int signal)
{
	REIN_AUTO_FD int fd = openat(caged->launch.cgroup_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char text[8192];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	for (char *rest, *word = strtok_r(text, "\n", &rest); word; word = strtok_r(NULL, "\n", &rest))
		kill(atoi(word), signal);
}

/* What a supervisor does at a reset or after a cool-down: the arrival time stays as it is. */
static void reset(const struct caged *caged, bool half)
{
	struct rein_breaker *breaker = &caged->launch.state->breakers[0];

	if (REIN_LOAD(&breaker->bucket.state) != REIN_BREAKER_OPEN)
		return;
	__atomic_store_n(&breaker->bucket.probe_used, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&breaker->bucket.state, half ? REIN_BREAKER_HALF_OPEN : REIN_BREAKER_CLOSED, __ATOMIC_SEQ_CST);
	__atomic_store_n(&caged->launch.state->latch, 0, __ATOMIC_SEQ_CST);
	each_process(caged, SIGCONT);
}

/* Writers are stopped for good where a trip kills or freezes and nobody resets. */
static bool is_over(const struct caged *caged, const struct run *run)
{
	return __atomic_load_n(run->tried, __ATOMIC_RELAXED) >= run->operations ||
	       (!run->resets && REIN_LOAD(&caged->launch.state->latch));
}

static void watch(const struct caged *caged, const struct run *run, uint64_t begin)
{
	static const struct timespec step = {.tv_nsec = 2000000};
	unsigned seed = run->seed;

	while (!is_over(caged, run) && caged_now_ns() - begin < 10000000000ULL) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
		if (run->resets)
			reset(caged, draw(&seed, 2));
	}
}

static uint64_t allowed(const struct run *run, uint64_t ns)
{
	return run->burst + (uint64_t)((unsigned __int128)run->rate * (ns + 1) / 1000000000);
}

static void empty(const char *folder)
{
	REIN_AUTO_DIR DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	rmdir(folder);
}

static void start(struct caged *caged, const struct run *run)
{
	caged_open(caged);
	caged_use_file(caged);
	caged_break(caged, REIN_MECH_BPF_FILE, REIN_METER_WRITE_BYTES, run->rate, run->burst, run->on_trip);
	caged_start(caged, false, false);
	caged->launch.state->breakers[0].limit.probe = 1 + run->burst / 10;
}

static void make_folder(const struct run *run)
{
	cr_assert_eq(mkdir(run->folder, 0700), 0, "%s: %m", run->folder);
	for (int i = 0; i < run->writers; i++)
		cr_assert(writer_victim(run->folder, i), "%s: %m", run->folder);
}

static uint64_t carry_out(const struct run *run)
{
	struct caged caged;
	uint64_t begin, bytes, most;
	pid_t child;

	start(&caged, run);
	make_folder(run);
	begin = caged_now_ns();
	child = caged_fork(&caged);
	if (!child)
		_exit(write_all((void *)run));
	watch(&caged, run, begin);
	rein_cgroup_kill(&caged.launch);
	/* A writer may be in the middle of bringing 8 MiB to a disk. */
	cr_assert(rein_cgroup_wait(caged.launch.cgroup_fd, "populated", false, 60000), "SEED=%u: who lives on?",
		  run->seed);
	most = allowed(run, caged_now_ns() - begin);
	bytes = writers_judge(run->folder);
	caged_stop(&caged);
	cr_expect_leq(
		bytes, most,
		"SEED=%u: %llu bytes of %llu: overshoot of %llu (%s, %d writers of at most %zu, rate %llu, burst %llu, "
		"on_trip %d, resets %d)",
		run->seed, (unsigned long long)bytes, (unsigned long long)most, (unsigned long long)(bytes - most),
		run->volume->kind, run->writers, run->largest, (unsigned long long)run->rate,
		(unsigned long long)run->burst, run->on_trip, run->resets);
	empty(run->folder);
	return bytes;
}

/* ---- each way by itself ---- */

#define ALONE 70001
#define ALONE_BURST (3 * ALONE)

struct lone {
	const struct writer_way *way;
	const char *folder;
};

static int write_alone(void *argument)
{
	static const size_t sizes[] = {ALONE, ALONE, ALONE, ALONE, 4096, 1, ALONE, 4096};
	const struct lone *lone = argument;
	struct writer writer;

	if (!writer_open(&writer, lone->folder, 0, 1))
		return 1;
	for (size_t i = 0; i < REIN_COUNT(sizes); i++)
		lone->way->write(&writer, sizes[i]);
	return 0;
}

/* As if it had just begun. */
static void refill(const struct caged *caged)
{
	struct rein_bucket *bucket = &caged->launch.state->breakers[0].bucket;

	__atomic_store_n(&bucket->tat_ns, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&bucket->state, REIN_BREAKER_CLOSED, __ATOMIC_SEQ_CST);
}

static void expect_held(const struct caged *caged, const struct run *run, const struct writer_way *way)
{
	struct lone lone = {.way = way, .folder = run->folder};
	uint64_t bytes;
	int code;

	make_folder(run);
	refill(caged);
	code = caged_run(caged, write_alone, &lone);
	bytes = writers_judge(run->folder);
	empty(run->folder);
	cr_expect_leq(bytes, ALONE_BURST, "%s on %s: overshoot of %llu", way->name, run->volume->kind,
		      (unsigned long long)(bytes - ALONE_BURST));
	cr_expect_eq(code, 0, "%s on %s: ended with %d", way->name, run->volume->kind, code);
}

static void expect_all_held(const struct volume *volume)
{
	struct run run = {
		.volume = volume, .rate = 1, .burst = ALONE_BURST, .on_trip = REIN_ON_TRIP_DENY, .writers = 1};
	struct caged caged;

	snprintf(run.folder, sizeof(run.folder), "%s/run", volume->path);
	start(&caged, &run);
	for (size_t way = 0; way < writer_ways(); way++)
		expect_held(&caged, &run, writer_way(way));
	caged_stop(&caged);
}

static void make_sources(const struct volume *volumes, size_t nr_volumes)
{
	for (size_t i = 0; i < nr_volumes; i++) {
		char folder[96];

		snprintf(folder, sizeof(folder), "%s/run", volumes[i].path);
		cr_assert(mkdir(folder, 0700) == 0 && writer_source(folder) && rmdir(folder) == 0, "%s: %m", folder);
	}
}

static unsigned number_from(const char *variable, unsigned otherwise)
{
	const char *text = getenv(variable);

	return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

TestSuite(overshoot, .timeout = 3600);

Test(overshoot, no_byte_more_than_burst_and_rate_in_random_runs)
{
	struct volume volumes[VOLUMES_MAX];
	size_t nr_volumes = volumes_open(volumes);
	unsigned runs = number_from("RUNS", 40), first;
	uint64_t bytes[VOLUMES_MAX] = {0}, all = 0;

	cr_assert_eq(getrandom(&first, sizeof(first), 0), (ssize_t)sizeof(first));
	first = number_from("SEED", first);
	fprintf(stderr, "overshoot: RUNS=%u SEED=%u\n", runs, first);
	make_sources(volumes, nr_volumes);
	for (unsigned i = 0; i < runs; i++) {
		struct run run = draw_run(first + i, volumes, nr_volumes);

		bytes[run.volume - volumes] += carry_out(&run);
		if ((i + 1) % 100 == 0)
			fprintf(stderr, "overshoot: %u runs\n", i + 1);
	}
	for (size_t i = 0; i < nr_volumes; i++) {
		fprintf(stderr, "overshoot: %s: %llu bytes\n", volumes[i].kind, (unsigned long long)bytes[i]);
		all += bytes[i];
	}
	cr_expect_gt(all, runs * 1024ULL, "hardly anything was written, so hardly anything was tested");
}

Test(overshoot, no_byte_more_than_the_burst_by_any_way_alone)
{
	struct volume volumes[VOLUMES_MAX];
	size_t nr_volumes = volumes_open(volumes);

	make_sources(volumes, nr_volumes);
	for (size_t i = 0; i < nr_volumes; i++)
		expect_all_held(&volumes[i]);
}
