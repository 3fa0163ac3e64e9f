/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MAPPING_BPF_H
#define REIN_MAPPING_BPF_H

#include "amount.bpf.h"
#include "label.bpf.h"

/*
 * Stores through a shared mapping are no calls, so a mapping is charged when it becomes writable: all that it can ever
 * show of the file, from its beginning to the file's end, since mremap() makes it longer without a hook. What is added
 * to a mapped file later is charged when that happens.
 */

#define PROT_EXEC 0x4
#define PROT_WRITE 0x2
#define MAP_SHARED 0x1 /* also a bit of MAP_SHARED_VALIDATE */

/* mmap_file does not know where in the file the mapping begins. */
static __always_inline void announce_mapping(struct file *file, __u64 page)
{
	struct thread *thread = file ? thread_of_current() : NULL;

	if (!thread)
		return;
	thread->map_file = (__u64)file;
	thread->map_at = page << PAGE_SHIFT;
}

/* Where it begins; 0, the worst case, if nobody said so. */
static __always_inline __u64 mapping_start(struct file *file)
{
	struct thread *thread = thread_of_current();
	__u64 at;

	if (!thread || thread->map_file != (__u64)file)
		return 0;
	at = thread->map_at;
	thread->map_file = 0;
	return at;
}

static __always_inline int mapping_charge(struct rein_state *state, struct file *file, __u64 at)
{
	__u64 end = (file->f_inode->i_size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);

	if (!inode_counts(file->f_inode) || at >= end)
		return 0;
	return hook_charge(state, REIN_METER_WRITE_BYTES, end - at, REIN_FILE_OP_MAP, file->f_path.dentry);
}

/* What is mapped to be run is run, by a dynamic linker too. */
static __always_inline int label_check_mapping(struct rein_state *state, struct file *file, __u64 prot)
{
	return file && prot & PROT_EXEC ? label_check_file(state, file, REIN_LABEL_EXECUTE, REIN_FILE_OP_MAP) : 0;
}

static __always_inline int mapping_made(struct rein_state *state, struct file *file, __u64 at, __u64 prot, __u64 flags)
{
	int result = label_check_mapping(state, file, prot);

	if (result)
		return result;
	if (!(flags & MAP_SHARED) || !(prot & PROT_WRITE) || !(file->f_mode & FMODE_WRITE))
		return 0;
	return mapping_charge(state, file, at);
}

/* UFFDIO_COPY asks for a mapping that could become writable, not for one that is, and charges nobody. */
static __always_inline int mapping_by_faults(struct rein_state *state, const struct qstr *name)
{
	static const char wanted[] = "[userfaultfd]";
	char found[sizeof(wanted)] = "";

	if (!(state->flags & REIN_STATE_FILE))
		return 0;
	bpf_probe_read_kernel_str(found, sizeof(found), name->name);
	return bpf_strncmp(found, sizeof(found), wanted) ? 0 : hook_unknown(state, NULL, -EPERM);
}

static __always_inline int mapping_changed(struct rein_state *state, struct vm_area_struct *vma, __u64 prot)
{
	struct file *file = vma->vm_file;
	int result = label_check_mapping(state, file, prot);

	if (result)
		return result;
	if (!file || !(prot & PROT_WRITE) || !(vma->vm_flags & VM_SHARED) || (vma->vm_flags & VM_WRITE))
		return 0;
	return mapping_charge(state, file, vma->vm_pgoff << PAGE_SHIFT);
}

#endif
