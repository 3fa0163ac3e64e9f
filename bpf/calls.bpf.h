/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CALLS_BPF_H
#define REIN_CALLS_BPF_H

#include <rein/meter.h>

#include "kernel.bpf.h"

/* The system calls that bpf-trace knows, one line each. A number that is not here is neither metered nor reported. */

/* How the bytes that a call will write are known when it enters. */
enum call_bytes {
	BYTES_NONE,
	BYTES_COUNT,	 /* fd, buffer, count */
	BYTES_IOVEC,	 /* fd, iovec, how many */
	BYTES_SENDFILE,	 /* out, in, offset, count */
	BYTES_SPLICE,	 /* in, offset, out, offset, count: also copy_file_range */
	BYTES_FALLOCATE, /* fd, mode, offset, length */
	BYTES_MMAP,	 /* address, length, protection, flags, fd */
	BYTES_MREMAP,	 /* old address, old length, new length */
	BYTES_MSYNC,	 /* address, length */
};

/* What is looked at besides when it comes back, or before it goes in. */
enum call_special {
	SPECIAL_NONE,
	SPECIAL_OPEN,	   /* returns a descriptor: new, or opened for writing, or emptied? Flags in argument `flags` */
	SPECIAL_CREAT,	   /* the same with O_CREAT|O_WRONLY|O_TRUNC implied */
	SPECIAL_FTRUNCATE, /* a cut below the file's size is a delete */
	SPECIAL_FALLOCATE, /* so is a hole */
	SPECIAL_IOCTL,	   /* reflinks are writes, flags are modes */
	SPECIAL_CONNECT,   /* reported with its address */
	SPECIAL_BIND,	   /* the same; and a UNIX socket's name is a node made */
};

/* Places of arguments count from 1: 0 is none. */
struct call {
	__u8 bytes;    /* enum call_bytes */
	__u8 special;  /* enum call_special */
	__u16 success; /* meters that one success counts on, a bit each */
	__u8 path;     /* the path that a refusal is about */
	__u8 dirfd;    /* what that path is relative to; none: the working directory */
	__u8 flags;    /* of an open */
	__u8 moves;    /* EXDEV and EBUSY are refusals too */
};

#define CALLS_MAX 512
#define ONE(meter) (1U << REIN_METER_##meter)

static const struct call calls[CALLS_MAX] = {
	[__NR_write] = {.bytes = BYTES_COUNT},
	[__NR_pwrite64] = {.bytes = BYTES_COUNT},
	[__NR_writev] = {.bytes = BYTES_IOVEC},
	[__NR_pwritev] = {.bytes = BYTES_IOVEC},
	[__NR_pwritev2] = {.bytes = BYTES_IOVEC},
	[__NR_sendfile] = {.bytes = BYTES_SENDFILE},
	[__NR_splice] = {.bytes = BYTES_SPLICE},
	[__NR_copy_file_range] = {.bytes = BYTES_SPLICE},
	[__NR_fallocate] = {.bytes = BYTES_FALLOCATE, .special = SPECIAL_FALLOCATE},
	[__NR_mmap] = {.bytes = BYTES_MMAP},
	[__NR_mremap] = {.bytes = BYTES_MREMAP},
	[__NR_msync] = {.bytes = BYTES_MSYNC},

	[__NR_openat] = {.special = SPECIAL_OPEN, .path = 2, .dirfd = 1, .flags = 3},
	[__NR_openat2] = {.special = SPECIAL_OPEN, .path = 2, .dirfd = 1, .flags = 3},
	[__NR_mkdirat] = {.success = ONE(CREATE_FILES), .path = 2, .dirfd = 1},
	[__NR_mknodat] = {.success = ONE(CREATE_FILES), .path = 2, .dirfd = 1},
	[__NR_symlinkat] = {.success = ONE(CREATE_FILES), .path = 3, .dirfd = 2},
	[__NR_linkat] = {.success = ONE(CREATE_FILES), .path = 4, .dirfd = 3, .moves = 1},
	[__NR_bind] = {.special = SPECIAL_BIND},
	[__NR_connect] = {.special = SPECIAL_CONNECT},

	[__NR_unlinkat] = {.success = ONE(DELETE_FILES), .path = 2, .dirfd = 1, .moves = 1},
	[__NR_truncate] = {.success = ONE(DELETE_FILES), .path = 1},
	[__NR_ftruncate] = {.special = SPECIAL_FTRUNCATE},
	[__NR_renameat2] = {.success = ONE(RENAME_FILES), .path = 2, .dirfd = 1, .flags = 5, .moves = 1},

	[__NR_fchmod] = {.success = ONE(CHMOD_FILES)},
	[__NR_fchmodat] = {.success = ONE(CHMOD_FILES), .path = 2, .dirfd = 1},
	[__NR_fchmodat2] = {.success = ONE(CHMOD_FILES), .path = 2, .dirfd = 1},
	[__NR_fchown] = {.success = ONE(CHMOD_FILES)},
	[__NR_fchownat] = {.success = ONE(CHMOD_FILES), .path = 2, .dirfd = 1},
	[__NR_setxattr] = {.success = ONE(CHMOD_FILES), .path = 1},
	[__NR_lsetxattr] = {.success = ONE(CHMOD_FILES), .path = 1},
	[__NR_fsetxattr] = {.success = ONE(CHMOD_FILES)},
	[__NR_setxattrat] = {.success = ONE(CHMOD_FILES), .path = 2, .dirfd = 1},
	[__NR_removexattr] = {.success = ONE(CHMOD_FILES), .path = 1},
	[__NR_lremovexattr] = {.success = ONE(CHMOD_FILES), .path = 1},
	[__NR_fremovexattr] = {.success = ONE(CHMOD_FILES)},
	[__NR_removexattrat] = {.success = ONE(CHMOD_FILES), .path = 2, .dirfd = 1},
	[__NR_utimensat] = {.success = ONE(CHMOD_FILES), .path = 2, .dirfd = 1},
	[__NR_file_setattr] = {.success = ONE(CHMOD_FILES), .path = 2, .dirfd = 1},
	[__NR_ioctl] = {.special = SPECIAL_IOCTL},

	[__NR_execve] = {.path = 1},
	[__NR_execveat] = {.path = 2, .dirfd = 1},
	[__NR_newfstatat] = {.path = 2, .dirfd = 1},
	[__NR_statx] = {.path = 2, .dirfd = 1},
	[__NR_readlinkat] = {.path = 2, .dirfd = 1},
	[__NR_chdir] = {.path = 1},
	[__NR_statfs] = {.path = 1},

#if defined(__TARGET_ARCH_x86)
	[__NR_open] = {.special = SPECIAL_OPEN, .path = 1, .flags = 2},
	[__NR_creat] = {.special = SPECIAL_CREAT, .path = 1},
	[__NR_mkdir] = {.success = ONE(CREATE_FILES), .path = 1},
	[__NR_mknod] = {.success = ONE(CREATE_FILES), .path = 1},
	[__NR_symlink] = {.success = ONE(CREATE_FILES), .path = 2},
	[__NR_link] = {.success = ONE(CREATE_FILES), .path = 2, .moves = 1},
	[__NR_unlink] = {.success = ONE(DELETE_FILES), .path = 1, .moves = 1},
	[__NR_rmdir] = {.success = ONE(DELETE_FILES), .path = 1, .moves = 1},
	[__NR_rename] = {.success = ONE(RENAME_FILES), .path = 1, .moves = 1},
	[__NR_renameat] = {.success = ONE(RENAME_FILES), .path = 2, .dirfd = 1, .moves = 1},
	[__NR_chmod] = {.success = ONE(CHMOD_FILES), .path = 1},
	[__NR_chown] = {.success = ONE(CHMOD_FILES), .path = 1},
	[__NR_lchown] = {.success = ONE(CHMOD_FILES), .path = 1},
	[__NR_utime] = {.success = ONE(CHMOD_FILES), .path = 1},
	[__NR_utimes] = {.success = ONE(CHMOD_FILES), .path = 1},
	[__NR_futimesat] = {.success = ONE(CHMOD_FILES), .path = 2, .dirfd = 1},
	[__NR_stat] = {.path = 1},
	[__NR_lstat] = {.path = 1},
	[__NR_readlink] = {.path = 1},
#endif
};

#endif
