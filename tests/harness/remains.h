/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_REMAINS_H
#define REIN_TESTS_REMAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What agents could leave behind on this machine, counted. Without root only what an ordinary user sees. */
enum remains_of {
	REMAINS_PROGRAMS, /* BPF programs named rein_* */
	REMAINS_MAPS,	  /* the same, also of single agents */
	REMAINS_LINKS,	  /* of those programs */
	REMAINS_MEMORY,	  /* bytes of those maps */
	REMAINS_ENTRIES,  /* in those maps, where they can be counted */
	REMAINS_MISSES,	  /* times that one of those programs did not run because it was running already */
	REMAINS_SLOTS,
	REMAINS_CGROUPS,
	REMAINS_MOUNTS,
	REMAINS_WARNINGS, /* lines of the kernel's log that no healthy kernel writes */
	REMAINS_COUNT,
};

struct remains {
	uint64_t counts[REMAINS_COUNT];
};

void remains_take(struct remains *ret_remains);
/*
 * Whether within twenty seconds nothing is left that was not there before: the kernel frees maps and programs some time
 * after their last user. If not, *ret_text says what is, within `size` bytes.
 */
bool remains_gone(const struct remains *before, char *ret_text, size_t size);

#endif
