/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_SCRATCH_H
#define REIN_TESTS_SCRATCH_H

#include <stdint.h>

/* A folder of a test's own, one a process, on a disk filesystem. */

/* Makes it; fails the test where it cannot. */
void scratch_make(void);
/* Removes it and the files in it. */
void scratch_remove(void);
const char *scratch_folder(void);
/* `name` with `number` behind it, in the folder; valid until this thread's next call. */
const char *scratch_path(const char *name, int number);
/* The sizes of all files whose names begin with `name`, in bytes. */
uint64_t scratch_bytes(const char *name);
/* How many files are in it. */
int scratch_files(void);

#endif
