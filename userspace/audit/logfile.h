/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AUDIT_LOGFILE_H
#define REIN_AUDIT_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * The file of a log: only ever appended to, one writer at a time, with blocks set aside behind its end so that a disk
 * that others fill still takes refusals, and after them the end. (Blocks behind the end, not a second file: what was
 * set aside is used in place, and nothing has to be deleted at the moment when it is needed.)
 */
struct rein_logfile {
	int fd;
	uint64_t size;
	uint64_t reserved_to; /* blocks are ours up to this offset */
	bool can_reserve;     /* the file system can set blocks aside */
	bool torn;	      /* the file ends with a part of a line, behind `size`; its user has to read it back */
};

/* Who may use what was set aside: each takes less of it than the next. */
enum rein_line_class {
	REIN_LINE_ROUTINE, /* nothing of it */
	REIN_LINE_REFUSAL, /* all but the last part */
	REIN_LINE_VITAL,   /* all */
};

#define REIN_RESERVE_REFUSALS (256 << 10)
#define REIN_RESERVE_VITAL (64 << 10)

/*
 * Opens or makes (0600) the log at `path` and locks it. Refuses what cannot be a log, each with its own sentence:
 * symbolic links (also those that rein_walk_to_folder does not follow, on the way), anything but regular files, files
 * of other users or with other names, files that others may write, -EBUSY for one that another supervisor is writing,
 * -ENOSPC where nothing can be set aside.
 */
int rein_logfile_open(const char *path, const char *workspace, struct rein_logfile *ret_file, struct rein_error *err);
/* Appends all of `bytes` or nothing. -ENOSPC, -EDQUOT, -EIO and so on. */
int rein_logfile_append(struct rein_logfile *file, const void *bytes, size_t length, enum rein_line_class class);
/* Whether a line of any class would find room now. Where blocks cannot be set aside nobody knows: true. */
bool rein_logfile_has_room(struct rein_logfile *file);
/* Lets the kernel begin to write out what has been appended; does not wait. */
void rein_logfile_push(struct rein_logfile *file);
/* Waits until all is on the disk. */
int rein_logfile_sync(struct rein_logfile *file);
/* Gives back what was set aside, unlocks, closes. */
void rein_logfile_close(struct rein_logfile *file);

#endif
