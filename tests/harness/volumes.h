/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_HARNESS_VOLUMES_H
#define REIN_TESTS_HARNESS_VOLUMES_H

#include <stddef.h>

/* File systems of several kinds, made for one test, in a mount namespace of its own: they are gone with its process. */

struct volume {
	const char *kind;
	char path[64]; /* where files can be made */
};

#define VOLUMES_MAX 8

/* Makes every kind that this machine can; says aloud which it cannot. Returns how many, at least one; skips the test
 * where nothing can be mounted. */
size_t volumes_open(struct volume ret_volumes[VOLUMES_MAX]);

#endif
