/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_PROCFS_H
#define REIN_AGENT_PROCFS_H

#include <stddef.h>

/* What the sampler and the watch over a stopped agent both do with /proc. Folders are O_PATH descriptors. */

/* Reads a small file below `folder`, up to what fits, with a zero behind it. 0 or -errno; -EIO: it is empty. */
int rein_proc_read(int folder, const char *path, char *text, size_t size);

/* Calls `each` for every process in a /proc, or every thread in a task folder, by ascending number. 0, or -errno where
 * the folder could not be read to its end. */
int rein_proc_each(int folder, void (*each)(int folder, const char *id, void *data), void *data);

#endif
