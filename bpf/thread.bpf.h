/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_THREAD_BPF_H
#define REIN_THREAD_BPF_H

#include "hook.bpf.h"

/* What one thread is about to do, between the function that knows how much and the hook that may refuse. */

/* Calls that ask for more than they move: the whole is held before, the rest is given back when they return. */
enum copy_call {
	COPY_NONE,
	COPY_SENDFILE,
	COPY_SPLICE,
	COPY_RANGE,
	COPY_INSIDE, /* the kernel's own, such as overlayfs when it copies a file up */
};

struct copying {
	__u64 agent;	/* cgroup id */
	__u64 file;	/* address of the struct file that the whole was held for; 0: none yet */
	__u64 held;	/* bytes */
	__u64 again;	/* of these, what came by again */
	__u64 rest;	/* of the source, as far as it is known */
	__u32 call;	/* enum copy_call */
	__u32 breakers; /* that hold, a bit each */
	struct rein_receipt receipts[REIN_BREAKERS_MAX];
};

struct thread {
	__u64 file;  /* address of the struct file; 0: nothing is announced */
	__u64 bytes; /* about to be written there */
	__u64 at;    /* from this position on */
	__u32 kind;  /* enum amount_kind */
	__u32 below; /* a change of attributes was counted on overlayfs and will come by again below it */
	__u64 map_file;
	__u64 map_at; /* first byte that a mapping will show */
	struct copying copying;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} rein_threads SEC(".maps");

/* NULL if the kernel has no memory, or is just at this storage: what then needs it is refused. */
static __always_inline struct thread *thread_of_current(void)
{
	return bpf_task_storage_get(&rein_threads, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* A regular file that a path leads to; memfd's and the like are memory, which other limits bound. */
static __always_inline int inode_counts(struct inode *inode)
{
	return (inode->i_mode & S_IFMT) == S_IFREG && !(inode->i_sb->s_flags & SB_KERNMOUNT);
}

static __always_inline int is_overlay(struct inode *inode)
{
	return inode->i_sb->s_magic == OVERLAYFS_SUPER_MAGIC;
}

/*
 * The kernel's own file below one that was counted already: overlayfs's, and what FUSE passes through to. Those that
 * overlayfs copies a lower file up to have no name yet, and are not opened with O_NOATIME as the others are: what is
 * copied up counts.
 */
static __always_inline int is_second_pass(struct file *file)
{
	if (!(file->f_mode & FMODE_NOACCOUNT))
		return 0;
	return file->f_inode->i_nlink || (file->f_flags & O_NOATIME);
}

/* Whether there are shared mappings that stores could come through, now or after mprotect(). */
static __always_inline int is_mapped(struct inode *inode)
{
	return BPF_CORE_READ(inode, i_mapping, i_mmap_writable.counter) > 0;
}

static __always_inline int opened_below(struct file *file, struct inode **ret_inode)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	if (!(BPF_CORE_READ(file, f_mode) & FMODE_NOACCOUNT) || BPF_CORE_READ(inode, i_mapping, host) != inode)
		return 0;
	*ret_inode = inode;
	return 1;
}

/*
 * The inode below a file of overlayfs, which is the one that is mapped. 0: not found. The file keeps the file below it;
 * from 6.13 on it keeps a struct that begins with that.
 */
static __always_inline int overlay_below(struct file *file, struct inode **ret_inode)
{
	struct file *below = file->private_data;

	if (opened_below(below, ret_inode))
		return 1;
	return !bpf_probe_read_kernel(&below, sizeof(below), below) && opened_below(below, ret_inode);
}

#endif
