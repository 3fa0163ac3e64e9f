/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/harness.h"
#include "harness/volumes.h"
#include "harness/writers.h"

/*
 * The judge of tests/live/overshoot.c on trial: with nobody in the way, it finds in the files what each way of writing
 * brought there. What a way cannot do on some file system or kernel is said aloud; the plainest it does everywhere.
 */

#define AMOUNT 70001

static void write_one(const struct writer_way *way, const char *folder)
{
	struct writer writer;

	if (!writer_open(&writer, folder, 0, 1))
		_exit(1);
	way->write(&writer, AMOUNT);
	_exit(0);
}

static uint64_t brought(const struct writer_way *way, const char *folder)
{
	uint64_t bytes;
	pid_t child;
	int status;

	cr_assert(mkdir(folder, 0700) == 0 && writer_victim(folder, 0), "%s: %m", folder);
	child = fork();
	if (!child)
		write_one(way, folder);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(status, 0, "%s on %s: ended with %x", way->name, folder, status);
	bytes = writers_judge(folder);
	OUTCOME gone = run_shell("rm -r %s", folder);
	return bytes;
}

/* These bring nothing anywhere, if the kernel is well. */
static bool is_hopeless(const struct writer_way *way)
{
	return !strcmp(way->name, "/proc/self/mem onto what may be read") || !strcmp(way->name, "absurd lengths");
}

TestSuite(writers, .timeout = 300);

/* Some cut the amount to whole pages or to what a pipe holds; a clone is of the whole source. */
Test(writers, the_judge_sees_what_every_way_brings)
{
	struct volume volumes[VOLUMES_MAX];
	size_t nr_volumes = volumes_open(volumes);
	char folder[96];

	for (size_t way = 0; way < writer_ways(); way++) {
		uint64_t most = 0;

		for (size_t i = 0; i < nr_volumes; i++) {
			uint64_t bytes;

			snprintf(folder, sizeof(folder), "%s/run", volumes[i].path);
			if (!way) {
				cr_assert(mkdir(folder, 0700) == 0 && writer_source(folder) && rmdir(folder) == 0);
			}
			bytes = brought(writer_way(way), folder);
			if (!bytes)
				fprintf(stderr, "%s brings nothing on %s\n", writer_way(way)->name, volumes[i].kind);
			most = bytes > most ? bytes : most;
		}
		cr_expect(is_hopeless(writer_way(way)) ? most == 0 : most >= 65536, "%s: %llu bytes",
			  writer_way(way)->name, (unsigned long long)most);
	}
}
