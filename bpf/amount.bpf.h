/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AMOUNT_BPF_H
#define REIN_AMOUNT_BPF_H

#include "copy.bpf.h"

/*
 * How many bytes? Two steps: a function of the kernel's that knows the amount is watched, and announces it for its
 * thread; the hook behind it, which may refuse but knows no amount, takes what was announced for that very file. What
 * nobody announced is refused: a way into a file that these programs do not know.
 *
 * A kernel that preempts itself may skip a program that watches (mech/bpf_preempt.h): then a write is refused that was
 * none of that kind, and told of. What can go wrong there is what stays behind: the announcement of an fallocate that
 * failed before its hook, or a copy whose end was skipped, stands for the thread's next write to the same file if that
 * one's announcement is skipped as well. So the plan calls no bytes exact there.
 */

#define WRITE 1
#define MAY_WRITE 0x2
#define FALLOC_FL_KEEP_SIZE 0x01
#define FALLOC_FL_PUNCH_HOLE 0x02
#define FALLOC_FL_COLLAPSE_RANGE 0x08
#define FALLOC_FL_ZERO_RANGE 0x10

enum amount_kind {
	AMOUNT_NONE,
	AMOUNT_WRITE, /* `bytes` from `at` on */
	AMOUNT_CUT,   /* nothing is written, content goes */
	AMOUNT_ZERO,  /* content goes, and is replaced */
	AMOUNT_WHOLE, /* a file of unknown size */
};

static __always_inline void announce(struct file *file, __u32 kind, __u64 at, __u64 bytes)
{
	struct thread *thread = thread_of_current();

	if (!thread)
		return; /* an agent's is refused by the hook */
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

/* Forgets what was announced and never taken: the call failed before its hook. */
static __always_inline void announce_nothing(void)
{
	struct thread *thread = thread_of_current();

	if (thread)
		thread->file = 0;
}

/* pwritev2 and the queues may ask for the end of the file in one write, whatever position was announced. */
static __always_inline int may_append(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (task->flags & PF_IO_WORKER)
		return 1;
	switch (regs_nr((struct pt_regs *)bpf_task_pt_regs(task))) {
	case __NR_pwritev2:
	case __NR_io_submit:
	case __NR_io_uring_enter:
		return 1;
	}
	return 0;
}

/*
 * What a file grows by and is not written by this call. A hole counts, mapped or not: a mapping was charged up to the
 * end that it found, and another thread may make one between this look and the growth. Where the file is mapped, what
 * is written behind its end counts once more, since it can be stored to without a further call.
 */
static __always_inline __u64 more_growth(struct file *file, __u64 at, __u64 bytes)
{
	struct inode *inode = file->f_inode;
	__u64 size = inode->i_size, end, hole;

	if (file->f_flags & O_APPEND || (at < size && may_append()))
		at = size;
	end = at + bytes;
	hole = at > size ? at - size : 0;
	if (end <= size)
		return 0;
	if (is_overlay(inode) && !overlay_below(file, &inode))
		return end - size;
	return is_mapped(inode) ? end - size : hole;
}

static __always_inline int write_charge(struct rein_state *state, struct thread *thread, struct file *file)
{
	struct copying *copying = &thread->copying;
	__u64 bytes = thread->bytes, growth = more_growth(file, thread->at, bytes);
	int result = 0;

	if (copy_covers(copying, file, bytes))
		return 0;
	if (copying->call && !copying->file && bytes)
		result = copy_charge(state, copying, file, bytes);
	else
		growth += bytes;
	return result ? result
		      : hook_charge(state, REIN_METER_WRITE_BYTES, growth, REIN_FILE_OP_WRITE, file->f_path.dentry);
}

static __always_inline int amount_charge(struct rein_state *state, struct file *file)
{
	struct thread *thread;
	int result = 0;

	if (!(state->flags & REIN_STATE_FILE) || !inode_counts(file->f_inode) || is_second_pass(file))
		return 0;
	thread = thread_of_current();
	if (!thread || thread->file != (__u64)file)
		return hook_unknown(state, file->f_path.dentry, -EPERM);
	thread->file = 0;
	if (thread->kind == AMOUNT_WHOLE)
		return -EOPNOTSUPP;
	if (thread->kind != AMOUNT_WRITE)
		result = hook_charge(state, REIN_METER_DELETE_FILES, 1, REIN_FILE_OP_TRUNCATE, file->f_path.dentry);
	return result || thread->kind == AMOUNT_CUT ? result : write_charge(state, thread, file);
}

#endif
