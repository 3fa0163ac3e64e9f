/* SPDX-License-Identifier: GPL-2.0 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/sched.h>

#include <rein/meter.h>

#include "mech/syscall_conditions.h"

#define CREATE (1U << REIN_METER_CREATE_FILES)
#define WRITE (1U << REIN_METER_WRITE_FILES)
#define DELETE (1U << REIN_METER_DELETE_FILES)
#define RENAME (1U << REIN_METER_RENAME_FILES)
#define CHMOD (1U << REIN_METER_CHMOD_FILES)
#define CONNECT (1U << REIN_METER_NET_CONNECTS)
#define EXEC (1U << REIN_METER_EXEC_COUNT)
#define FORK (1U << REIN_METER_FORK_COUNT)

#define HOLES (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE)

#define ALWAYS REIN_WHEN_ALWAYS, 0, 0
#define ANY(arg, bits) REIN_WHEN_ANY, arg, bits
#define IS(arg, value) REIN_WHEN_IS, arg, value

#define CWD (-1)
#define SELF (-1)

/*
 * A delete is what ends content, so a rename onto something and an emptied file are deletes too. An agent that races a
 * look at a path wins no more than it gets by overwriting the same file in place, which is write.bytes; so looks may be
 * beaten, but unlink and rmdir are counted without one. A file without a name (O_TMPFILE) is created when linkat names
 * it.
 */
const struct rein_watched_call rein_watched_calls[] = {
	{"unlink", DELETE, ALWAYS, REIN_LOOK_NONE, CWD, 0},
	{"unlinkat", DELETE, ALWAYS, REIN_LOOK_NONE, 0, 1},
	{"rmdir", DELETE, ALWAYS, REIN_LOOK_NONE, CWD, 0},
	{"rename", DELETE, ALWAYS, REIN_LOOK_PRESENT, CWD, 1},
	{"renameat", DELETE, ALWAYS, REIN_LOOK_PRESENT, 2, 3},
	{"renameat2", DELETE, ALWAYS, REIN_LOOK_PRESENT, 2, 3},
	{"open", DELETE, ANY(1, O_TRUNC), REIN_LOOK_CONTENT, CWD, 0},
	{"openat", DELETE, ANY(2, O_TRUNC), REIN_LOOK_CONTENT, 0, 1},
	{"creat", DELETE, ALWAYS, REIN_LOOK_CONTENT, CWD, 0},
	{"truncate", DELETE, ALWAYS, REIN_LOOK_SHRINKS, CWD, 0},
	{"ftruncate", DELETE, ALWAYS, REIN_LOOK_SHRINKS, 0, SELF},
	{"fallocate", DELETE, ANY(1, HOLES), REIN_LOOK_NONE, 0, SELF},
	/* What is cloned over is gone; cp tries it on every file, mostly empty ones. */
	{"ioctl", DELETE, IS(1, FICLONE), REIN_LOOK_CONTENT, 0, SELF},
	{"ioctl", DELETE, IS(1, FICLONERANGE), REIN_LOOK_CONTENT, 0, SELF},

	{"rename", RENAME, ALWAYS, REIN_LOOK_NONE, CWD, 0},
	{"renameat", RENAME, ALWAYS, REIN_LOOK_NONE, 0, 1},
	{"renameat2", RENAME, ALWAYS, REIN_LOOK_NONE, 0, 1},

	{"open", CREATE, ANY(1, O_CREAT), REIN_LOOK_ABSENT, CWD, 0},
	{"openat", CREATE, ANY(2, O_CREAT), REIN_LOOK_ABSENT, 0, 1},
	{"creat", CREATE, ALWAYS, REIN_LOOK_ABSENT, CWD, 0},
	{"mkdir", CREATE, ALWAYS, REIN_LOOK_ABSENT, CWD, 0},
	{"mkdirat", CREATE, ALWAYS, REIN_LOOK_ABSENT, 0, 1},
	{"mknod", CREATE, ALWAYS, REIN_LOOK_ABSENT, CWD, 0},
	{"mknodat", CREATE, ALWAYS, REIN_LOOK_ABSENT, 0, 1},
	{"link", CREATE, ALWAYS, REIN_LOOK_ABSENT, CWD, 1},
	{"linkat", CREATE, ALWAYS, REIN_LOOK_ABSENT, 2, 3},
	{"symlink", CREATE, ALWAYS, REIN_LOOK_ABSENT, CWD, 1},
	{"symlinkat", CREATE, ALWAYS, REIN_LOOK_ABSENT, 1, 2},
	{"bind", CREATE, ALWAYS, REIN_LOOK_NODE, CWD, 1},

	{"open", WRITE, ANY(1, O_ACCMODE), REIN_LOOK_FILE, CWD, 0},
	{"openat", WRITE, ANY(2, O_ACCMODE), REIN_LOOK_FILE, 0, 1},
	{"creat", WRITE, ALWAYS, REIN_LOOK_FILE, CWD, 0},

	{"chmod", CHMOD, ALWAYS, REIN_LOOK_NONE, CWD, 0},
	{"fchmod", CHMOD, ALWAYS, REIN_LOOK_NONE, 0, SELF},
	{"fchmodat", CHMOD, ALWAYS, REIN_LOOK_NONE, 0, 1},
	{"fchmodat2", CHMOD, ALWAYS, REIN_LOOK_NONE, 0, 1},
	{"chown", CHMOD, ALWAYS, REIN_LOOK_NONE, CWD, 0},
	{"lchown", CHMOD, ALWAYS, REIN_LOOK_NONE, CWD, 0},
	{"fchown", CHMOD, ALWAYS, REIN_LOOK_NONE, 0, SELF},
	{"fchownat", CHMOD, ALWAYS, REIN_LOOK_NONE, 0, 1},
	{"setxattr", CHMOD, ALWAYS, REIN_LOOK_NONE, CWD, 0},
	{"lsetxattr", CHMOD, ALWAYS, REIN_LOOK_NONE, CWD, 0},
	{"fsetxattr", CHMOD, ALWAYS, REIN_LOOK_NONE, 0, SELF},
	{"setxattrat", CHMOD, ALWAYS, REIN_LOOK_NONE, 0, 1},
	{"removexattr", CHMOD, ALWAYS, REIN_LOOK_NONE, CWD, 0},
	{"lremovexattr", CHMOD, ALWAYS, REIN_LOOK_NONE, CWD, 0},
	{"fremovexattr", CHMOD, ALWAYS, REIN_LOOK_NONE, 0, SELF},
	{"removexattrat", CHMOD, ALWAYS, REIN_LOOK_NONE, 0, 1},
	{"file_setattr", CHMOD, ALWAYS, REIN_LOOK_NONE, 0, 1},
	{"utime", CHMOD, ALWAYS, REIN_LOOK_NONE, CWD, 0},
	{"utimes", CHMOD, ALWAYS, REIN_LOOK_NONE, CWD, 0},
	{"futimesat", CHMOD, ALWAYS, REIN_LOOK_NONE, 0, 1},
	{"utimensat", CHMOD, ALWAYS, REIN_LOOK_NONE, 0, 1},
	{"ioctl", CHMOD, IS(1, FS_IOC_SETFLAGS), REIN_LOOK_NONE, 0, SELF},
	{"ioctl", CHMOD, IS(1, FS_IOC32_SETFLAGS), REIN_LOOK_NONE, 0, SELF},
	{"ioctl", CHMOD, IS(1, FS_IOC_FSSETXATTR), REIN_LOOK_NONE, 0, SELF},

	{"execve", EXEC, ALWAYS, REIN_LOOK_NONE, CWD, 0},
	{"execveat", EXEC, ALWAYS, REIN_LOOK_NONE, 0, 1},
	{"fork", FORK, ALWAYS, REIN_LOOK_NONE, CWD, SELF},
	{"vfork", FORK, ALWAYS, REIN_LOOK_NONE, CWD, SELF},
	{"clone", FORK, REIN_WHEN_NONE, 0, CLONE_THREAD, REIN_LOOK_NONE, CWD, SELF},

	{"connect", CONNECT, ALWAYS, REIN_LOOK_PEER, 0, 1},
	{"sendto", CONNECT, ANY(4, ~0ULL), REIN_LOOK_PEER, 0, 4},

	{"connect", REIN_WATCH_ADDRESS, ALWAYS, REIN_LOOK_NONE, 0, 1},
	{"bind", REIN_WATCH_ADDRESS, ALWAYS, REIN_LOOK_NONE, 0, 1},
	{"listen", REIN_WATCH_LISTEN, ALWAYS, REIN_LOOK_NONE, 0, SELF},
	{0},
};

bool rein_watched_counts(const struct rein_watched_call *row, const uint64_t *args)
{
	uint64_t value = args[row->arg];

	switch (row->when) {
	case REIN_WHEN_ANY:
		return value & row->bits;
	case REIN_WHEN_NONE:
		return !(value & row->bits);
	case REIN_WHEN_IS:
		return (uint32_t)value == (uint32_t)row->bits;
	default:
		return true;
	}
}
