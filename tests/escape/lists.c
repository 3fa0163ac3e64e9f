/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lists of single programs, attacked: the agent may read all of /usr and start a shell, the loader, a script whose
 * interpreter is not listed, and the probe; nothing it does may start /usr/bin/echo. First each probe bare, to see that
 * it hits. A shell that reads a script is not among them: that is no execution (doc/profile.md).
 */
#include "harness/world.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char listed[] = "rein: 1\n"
			     "name: listed\n"
			     "description: A few programs, and all of /usr to read.\n"
			     "filesystem:\n"
			     "  read: [/usr, /lib, /lib64, /bin]\n"
			     "  write: [$WORKSPACE, /tmp, /dev/shm]\n"
			     "  execute:\n"
			     "    - $TRIAL/tools/probe\n"
			     "    - /bin/sh\n"
			     "    - $TRIAL/tools/script\n"
			     "    - /lib64/ld-linux-x86-64.so.2\n"
			     "    - /lib/ld-linux-aarch64.so.1\n"
			     "    - /lib/x86_64-linux-gnu/libc.so.6\n"
			     "    - /lib/aarch64-linux-gnu/libc.so.6\n"
			     "syscalls: [\"@default\"]\n"
			     "environment: {keep: [PATH, HOME]}\n"
			     "limits: {processes: 64, wall_time: 30s}\n";

struct row {
	const char *probe;
	unsigned bare; /* the mark that shows without rein; 0: it would be harmful, or depends on the kernel */
};

static const struct row rows[] = {
	{"list-in-child", WORLD_RAN},
	{"list-in-grandchild", WORLD_RAN},
	{"list-by-exec-of-child", WORLD_RAN},
	{"list-by-script", WORLD_RAN},
	{"list-by-interpreter", WORLD_RAN},
	{"list-by-loader", WORLD_RAN},
	{"list-by-descriptor", WORLD_RAN},
	{"list-by-path-descriptor", WORLD_RAN},
	{"list-by-name-of-descriptor", WORLD_RAN},
	{"list-by-root", WORLD_RAN},
	{"list-from-memory", WORLD_RAN},
	{"list-from-executable-memory", 0},
	{"list-from-sealed-memory", 0},
	{"list-from-unnamed-file", WORLD_RAN},
	{"list-from-copy", WORLD_RAN},
	{"list-over-listed", 0},
	{"list-by-link", WORLD_RAN},
	{"list-by-mapping", WORLD_CLAIM},
	{"list-by-later-protection", WORLD_CLAIM},
	{"list-by-mapping-of-own-file", WORLD_CLAIM},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Marks of one or more probes, by name, in a world of their own; all that were not run count as marks. */
static unsigned attack(const char *names, bool own, char ret_said[2048])
{
	WORLD world = world_open(own, listed);
	OUTCOME outcome = world_probe(&world, names, true);
	unsigned marks = world_marks(&world, &outcome);
	size_t run = 0, wanted = 1;

	for (const char *comma = names; (comma = strchr(comma, ',')); comma++)
		wanted++;
	for (const char *trying = outcome.out; (trying = strstr(trying, ": trying")); trying++)
		run++;
	snprintf(ret_said, 2048, "%s, %zu of %zu were run: %.900s%.900s", world_mark_names(marks), run, wanted,
		 outcome.out, outcome.err);
	return run == wanted ? marks : marks | WORLD_CLAIM;
}

static void hold_alone(const struct row *row, bool own)
{
	char said[2048];

	cr_expect_eq(attack(row->probe, own, said), 0, "%s got through: %s", row->probe, said);
}

/* All in one sandbox; if there is anything to see, each alone, to know which it is. */
static void hold(bool own)
{
	char names[2048] = "", said[2048];
	size_t used = 0;

	for (size_t i = 0; i < ROWS; i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? "," : "", rows[i].probe);
	if (!attack(names, own, said))
		return;
	fprintf(stderr, "together: %s; so each alone\n", said);
	for (size_t i = 0; i < ROWS; i++)
		hold_alone(&rows[i], own);
}

Test(lists, as_ordinary_user, .timeout = 120)
{
	hold(false);
}

Test(lists, as_uid_0, .timeout = 120)
{
	if (!harness_root())
		harness_skip("lists of programs with uid 0 (this is not root)");
	hold(true);
}

static int numbers[ROWS];

/* That a probe can do harm at all is shown once, where there is time for it. */
ParameterizedTestParameters(lists, bare)
{
	size_t nr = 0;

	for (size_t i = 0; i < ROWS && !getenv("REIN_TOGETHER"); i++)
		if (rows[i].bare)
			numbers[nr++] = (int)i;
	return cr_make_param_array(int, numbers, nr);
}

ParameterizedTest(int *number, lists, bare, .timeout = 60)
{
	const struct row *row = &rows[*number];
	WORLD world = world_open(false, listed);
	OUTCOME outcome = world_probe(&world, row->probe, false);
	unsigned marks = world_marks(&world, &outcome);

	cr_expect(marks & row->bare, "%s cannot do anything even bare (%s), so it tests nothing: %s", row->probe,
		  world_mark_names(marks), outcome.err);
}
