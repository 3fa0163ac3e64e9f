/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AMOUNT_BPF_H
#define REIN_AMOUNT_BPF_H

#include "hook.bpf.h"

/*
 * How many bytes? Two steps: a function of the kernel's that knows the amount is watched, and announces it for its
 * thread; the hook behind it, which may refuse but knows no amount, takes what was announced for that very file. What
 * nobody announced is refused: a way into a file that these programs do not know.
 */

#define WRITE 1
#define MAY_WRITE 0x2
#define FALLOC_FL_PUNCH_HOLE 0x02
#define FALLOC_FL_COLLAPSE_RANGE 0x08
#define FALLOC_FL_ZERO_RANGE 0x10
#define O_NOATIME 01000000

enum amount_kind {
	AMOUNT_NONE,
	AMOUNT_WRITE, /* `bytes` from `at` on */
	AMOUNT_CUT,   /* nothing is written, content goes */
	AMOUNT_ZERO,  /* content goes, and is replaced */
	AMOUNT_WHOLE, /* a file of unknown size */
};

/* What one thread is about to do. */
struct thread {
	__u64 file;  /* address of the struct file; 0: nothing announced */
	__u64 bytes; /* about to be written there */
	__u64 at;    /* from this position on */
	__u32 kind;  /* enum amount_kind */
	__u32 below; /* a change of attributes was counted on overlayfs and will come by again below it */
	__u64 map_file;
	__u64 map_at; /* first byte that a mapping will show */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} rein_threads SEC(".maps");

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

/* Whether stores could reach what is added to the file's end. Overlayfs maps the file below, which is not seen here. */
static __always_inline int may_be_mapped(struct inode *inode)
{
	return inode->i_mapping->i_mmap_writable.counter > 0 || is_overlay(inode);
}

static __always_inline void announce(struct file *file, __u32 kind, __u64 at, __u64 bytes)
{
	struct thread *thread;

	if (!current_is_agent())
		return;
	thread = thread_of_current();
	if (!thread)
		return; /* which the hook refuses */
	thread->file = (__u64)file;
	thread->kind = kind;
	thread->at = at;
	thread->bytes = bytes;
}

static __always_inline __u32 fallocate_kind(int mode)
{
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE))
		return AMOUNT_CUT;
	return mode & FALLOC_FL_ZERO_RANGE ? AMOUNT_ZERO : AMOUNT_WRITE;
}

/* Forgets what was announced: no hook of this call was reached, or it was another call's. */
static __always_inline void announce_nothing(void)
{
	struct thread *thread;

	if (!current_is_agent())
		return;
	thread = thread_of_current();
	if (thread)
		thread->file = 0;
}

/*
 * The hole that a write or cut beyond the end leaves counts where a shared mapping could fill it without a further
 * call. `end` is the position behind what is written or cut.
 */
static __always_inline __u64 hole_bytes(struct inode *inode, __u64 at)
{
	__u64 size = inode->i_size;

	return at > size && may_be_mapped(inode) ? at - size : 0;
}

/* And what is written beyond the end can be written again through the mapping, which was charged up to that end. */
static __always_inline __u64 mapped_growth(struct inode *inode, __u64 at, __u64 bytes)
{
	__u64 size = inode->i_size, end = at + bytes;

	return end > size && may_be_mapped(inode) ? end - size : 0;
}

static __always_inline int amount_charge(struct rein_state *state, struct file *file)
{
	struct thread *thread;
	__u64 bytes, at;
	__u32 kind;
	int result;

	if (!(state->flags & REIN_STATE_FILE) || !inode_counts(file->f_inode) || is_second_pass(file))
		return 0;
	thread = thread_of_current();
	if (!thread || thread->file != (__u64)file)
		return -EPERM;
	kind = thread->kind;
	bytes = thread->bytes;
	at = thread->at;
	thread->file = 0;
	if (kind == AMOUNT_WHOLE)
		return -EOPNOTSUPP;
	if (kind != AMOUNT_WRITE) {
		result = hook_charge(state, REIN_METER_DELETE_FILES, 1, REIN_FILE_OP_TRUNCATE, file->f_path.dentry);
		if (result || kind == AMOUNT_CUT)
			return result;
	}
	bytes += mapped_growth(file->f_inode, at, bytes);
	return hook_charge(state, REIN_METER_WRITE_BYTES, bytes, REIN_FILE_OP_WRITE, file->f_path.dentry);
}

#endif
