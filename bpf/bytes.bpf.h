/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_BYTES_BPF_H
#define REIN_BYTES_BPF_H

#include "frame.bpf.h"

/* How many bytes a call is about to write to a regular file. */

#define MAP_SHARED 1 /* also a bit of MAP_SHARED_VALIDATE */
#define MAP_ANONYMOUS 0x20
#define FALLOC_FL_PUNCH_HOLE 0x02
#define FALLOC_FL_COLLAPSE_RANGE 0x08
#define FALLOC_FL_ZERO_RANGE 0x10
#define FALLOC_CUTS (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE)
#define MAX_RW_COUNT 0x7ffff000ULL
#define IOVECS_MAX 1024
#define PIPE_DEFAULT 65536 /* bytes that one splice out of a pipe usually moves */

/* What the entrance charged for calls whose size only the exit knows, by thread. A lost entry is charged twice. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} rein_guesses SEC(".maps");

struct iovec_sum {
	const char *vector;
	__u64 bytes;
	__u64 huge; /* some length's bits from 31 on: more than any call writes, and the sum may have wrapped */
};

static long iovec_add(__u32 index, struct iovec_sum *sum)
{
	__u64 iovec[2]; /* base, length */

	if (bpf_probe_read_user(iovec, sizeof(iovec), sum->vector + index * sizeof(iovec)))
		return 1;
	sum->bytes += iovec[1];
	sum->huge |= iovec[1] >> 31;
	return 0;
}

/* Another thread may change the vector afterwards, and a page of it may be missing: the exit charges what was more. */
static __always_inline __u64 iovec_bytes(struct pt_regs *regs)
{
	struct iovec_sum sum = {.vector = (const char *)regs_arg1(regs)};
	__u64 count = regs_arg2(regs);

	if (count > IOVECS_MAX)
		return 0;
	bpf_loop(count, iovec_add, &sum, 0);
	return sum.huge || sum.bytes > MAX_RW_COUNT ? MAX_RW_COUNT : sum.bytes;
}

/* Copies ask for as much as there may be (2 GiB, or all that fits a register): the source's size bounds it. */
static __always_inline __u64 copy_bytes(__u32 in_fd, __u64 offset_pointer, __u64 count)
{
	struct file *in = file_of(in_fd);
	__u64 rest;

	if (count > MAX_RW_COUNT)
		count = MAX_RW_COUNT;
	if (file_type(in) == S_IFREG)
		rest = file_rest(in, !offset_pointer);
	else
		rest = PIPE_DEFAULT;
	return rest < count ? rest : count;
}

static long shared_mapping(struct task_struct *task, struct vm_area_struct *vma, int *shared)
{
	*shared = BPF_CORE_READ(vma, vm_file) && (BPF_CORE_READ(vma, vm_flags) & VM_SHARED);
	return 0;
}

/* Growth of a shared mapping of a file; where the mapping cannot be looked at, it counts as one. */
static __always_inline __u64 mremap_bytes(struct pt_regs *regs)
{
	__u64 before = regs_arg1(regs), after = regs_arg2(regs);
	int shared = 0;

	if (after <= before)
		return 0;
	if (bpf_find_vma(bpf_get_current_task_btf(), regs_arg0(regs), shared_mapping, &shared, 0) == -EBUSY)
		return after - before;
	return shared ? after - before : 0;
}

/*
 * Stores into a shared mapping are no calls, so the mapping is charged in full when it is made, and again when it is
 * synced: an upper bound. Without PROT_WRITE too, since mprotect() could add it, if the file is open for writing.
 */
static __always_inline __u64 mmap_bytes(struct pt_regs *regs)
{
	struct file *file;

	if (!(regs_arg3(regs) & MAP_SHARED) || (regs_arg3(regs) & MAP_ANONYMOUS))
		return 0;
	file = file_of(regs_arg4(regs));
	if (!file_counts(file) || !(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
		return 0;
	return regs_arg1(regs);
}

static __always_inline void guess(__u64 bytes)
{
	__u32 thread = bpf_get_current_pid_tgid();

	bpf_map_update_elem(&rein_guesses, &thread, &bytes, BPF_ANY);
}

/* The bytes that the call is about to write to a regular file, as far as they can be known now. */
static __noinline __u64 entering_bytes(const struct call_frame *frame)
{
	struct pt_regs *regs = frame->regs;
	__u64 bytes = 0;

	switch (frame->call->bytes) {
	case BYTES_COUNT:
		bytes = regs_arg2(regs) < MAX_RW_COUNT ? regs_arg2(regs) : MAX_RW_COUNT;
		return file_counts(file_of(regs_arg0(regs))) ? bytes : 0;
	case BYTES_IOVEC:
		if (!file_counts(file_of(regs_arg0(regs))))
			return 0;
		bytes = iovec_bytes(regs);
		break;
	case BYTES_SENDFILE:
		if (!file_counts(file_of(regs_arg0(regs))))
			return 0;
		bytes = copy_bytes(regs_arg1(regs), regs_arg2(regs), regs_arg3(regs));
		break;
	case BYTES_SPLICE:
		if (!file_counts(file_of(regs_arg2(regs))))
			return 0;
		bytes = copy_bytes(regs_arg0(regs), regs_arg1(regs), regs_arg4(regs));
		break;
	case BYTES_FALLOCATE:
		return file_counts(file_of(regs_arg0(regs))) && !(regs_arg1(regs) & FALLOC_CUTS) ? regs_arg3(regs) : 0;
	case BYTES_MMAP:
		return mmap_bytes(regs);
	case BYTES_MREMAP:
		return mremap_bytes(regs);
	case BYTES_MSYNC:
		return regs_arg1(regs);
	default:
		return 0;
	}
	guess(bytes);
	return bytes;
}

#endif
