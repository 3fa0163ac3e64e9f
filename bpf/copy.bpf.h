/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_COPY_BPF_H
#define REIN_COPY_BPF_H

#include "files.bpf.h"
#include "thread.bpf.h"

/*
 * Copies inside the kernel: sendfile, splice, copy_file_range. They ask for as much as there may be (1 GiB of a file of
 * ten bytes), and from 6.8 on nothing below them asks again. So all that was asked for is held while they run. Before
 * 6.8 each piece comes by once more: what is held covers it.
 */

#define COPY_UNKNOWN (~0ULL) /* the source's rest: not less than what is asked for */
#define COPY_PIPE 65536ULL   /* what a pipe holds unless somebody made it larger */

/* Global, like charge_breaker and for the same reason. */
__attribute__((noinline)) int hold_breaker(struct rein_breaker *breaker, __u64 n, __u64 now_ns,
					   struct rein_receipt *receipt)
{
	if (!breaker || !receipt)
		return 0;
	return rein_breaker_hold(&breaker->limit, &breaker->bucket, n, now_ns, receipt);
}

/* A function of its own: before 6.3 the verifier takes a loop only if its way back is a jump. */
static __noinline int return_once(struct rein_breaker *breaker, struct rein_receipt *receipt, __u64 n, __u64 kept)
{
	struct rein_receipt seen = rein_bucket_look(&breaker->bucket);

	return rein_bucket_give_back(&breaker->limit, &breaker->bucket, receipt, &seen, n, kept, bpf_ktime_get_ns());
}

__attribute__((noinline)) int return_breaker(struct rein_breaker *breaker, struct rein_receipt *receipt, __u64 n,
					     __u64 kept)
{
	if (!breaker || !receipt)
		return 0;
	for (int i = 0; i < 8; i++)
		if (return_once(breaker, receipt, n, kept))
			break;
	rein_bucket_unuse(&breaker->bucket, n - kept);
	return 0;
}

/* Of `n` held, all but `kept` goes back. */
static __noinline int copy_return(struct rein_state *state, struct copying *copying, __u64 n, __u64 kept)
{
	__u32 mask = copying->breakers;

	for (int i = 0; mask && i < REIN_BREAKERS_MAX; i++, mask >>= 1)
		if (mask & 1)
			return_breaker(&state->breakers[i], &copying->receipts[i], n, kept);
	return 0;
}

/* Holds n bytes with every breaker that counts them, or with none. */
static __noinline int copy_hold(struct rein_state *state, struct copying *copying, __u64 n)
{
	__u32 mask = state->breakers_of[REIN_METER_WRITE_BYTES];
	__u64 now = bpf_ktime_get_ns();

	copying->breakers = 0;
	for (int i = 0; mask && i < REIN_BREAKERS_MAX; i++, mask >>= 1) {
		if (!(mask & 1) || state->breakers[i].mechanism != rein_mechanism)
			continue;
		if (!hold_breaker(&state->breakers[i], n, now, &copying->receipts[i])) {
			copy_return(state, copying, n, 0);
			return 0;
		}
		copying->breakers |= 1U << i;
	}
	return 1;
}

static __always_inline void copy_begin(__u32 call, __u64 rest)
{
	struct thread *thread = thread_of_current();

	if (!thread || (call == COPY_INSIDE && thread->copying.call))
		return;
	thread->copying.call = call;
	thread->copying.rest = rest;
	thread->copying.file = 0;
	thread->copying.held = 0;
	thread->copying.again = 0;
	thread->copying.breakers = 0;
}

/* What the source can still give. Unknown for what has no size, and a guess for what grows: it decides about an errno.
 */
static __always_inline __u64 copy_rest(__u32 in_fd, const __s64 *position)
{
	struct file *in = file_of(in_fd);
	__u64 size, at;

	if (file_type(in) != S_IFREG)
		return COPY_UNKNOWN;
	if (!position || bpf_probe_read_kernel(&at, sizeof(at), position))
		at = BPF_CORE_READ(in, f_pos);
	size = file_size(in);
	return size > at ? size - at : 0;
}

/* What a pipe holds now; nobody knows what comes while it is emptied. */
static __always_inline __u64 copy_piped(struct file *in)
{
	struct pipe_inode_info *pipe = in->private_data;

	if ((in->f_inode->i_mode & S_IFMT) != S_IFIFO)
		return COPY_UNKNOWN;
	return (__u64)(BPF_CORE_READ(pipe, head) - BPF_CORE_READ(pipe, tail)) << PAGE_SHIFT;
}

/* Errors before the first byte; after others, such as those of O_SYNC, something may have been written. */
static __always_inline int wrote_nothing(__s64 result)
{
	return result == -EINVAL || result == -EBADF || result == -EAGAIN || result == -EOPNOTSUPP || result == -EXDEV;
}

static __always_inline void copy_end(__u32 call, __s64 result)
{
	struct thread *thread = thread_of_current();
	__u64 agent, held, kept = result > 0 ? result : 0;
	struct rein_state *state;

	if (!thread || thread->copying.call != call)
		return;
	thread->copying.call = COPY_NONE;
	held = thread->copying.held;
	agent = bpf_get_current_ancestor_cgroup_id(rein_level);
	if (!thread->copying.file || kept >= held || (result < 0 && !wrote_nothing(result)) ||
	    agent != thread->copying.agent)
		return;
	state = agent_of(agent);
	if (!state)
		return;
	copy_return(state, &thread->copying, held, kept);
	__sync_fetch_and_sub(&state->meters[REIN_METER_WRITE_BYTES], held - kept);
}

/*
 * What does not fit as a whole: where the source has less than that, and that would fit, the call is told to do without
 * (EINVAL), as if the file system could not, and programs go on with read and write. Else it is too much indeed.
 */
static __always_inline int copy_refuse(struct rein_state *state, struct copying *copying, struct file *file,
				       __u64 bytes)
{
	__u64 rest = copying->rest ? copying->rest : 1;
	int result;

	if (rest > bytes)
		rest = bytes;
	if (rest < bytes && copy_hold(state, copying, rest)) {
		copy_return(state, copying, rest, 0);
		return -EINVAL;
	}
	result = hook_charge(state, REIN_METER_WRITE_BYTES, rest, REIN_FILE_OP_WRITE, file->f_path.dentry);
	if (result || rest < bytes)
		return result ? result : -EINVAL;
	copying->breakers = 0; /* it fits by now, all of it is charged, and there is no receipt */
	return 0;
}

/* Whether these bytes came by before, and all of them were held then. Twice at most, whatever was missed of the end. */
static __always_inline int copy_covers(struct copying *copying, struct file *file, __u64 bytes)
{
	if (!copying->call || copying->file != (__u64)file || bytes > copying->held)
		return 0;
	copying->again += bytes;
	return copying->again <= 2 * copying->held;
}

/* The first time that a copy comes by. Non-zero: refused. */
static __always_inline int copy_charge(struct rein_state *state, struct copying *copying, struct file *file,
				       __u64 bytes)
{
	if (copy_hold(state, copying, bytes)) {
		__sync_fetch_and_add(&state->meters[REIN_METER_WRITE_BYTES], bytes);
	} else {
		int result = copy_refuse(state, copying, file, bytes);

		if (result)
			return result;
	}
	copying->agent = state->cgroup_id;
	copying->held = bytes;
	copying->file = (__u64)file;
	return 0;
}

#endif
