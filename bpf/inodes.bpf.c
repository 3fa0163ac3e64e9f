/* SPDX-License-Identifier: GPL-2.0 */

/*
 * Which inodes are behind the descriptors of a process, by the kernel's own numbers: what stat(2) tells of btrfs
 * subvolumes and of overlayfs are other ones. The task is chosen by whoever attaches the iterator.
 */

#include "kernel.bpf.h"

#include <rein/label.h>

#include <bpf/bpf_tracing.h>

struct bpf_iter_meta {
	struct seq_file *seq;
} CO_RE;

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} CO_RE;

SEC("iter/task_file")
int rein_list_inodes(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct rein_inode found = {};
	struct dentry *dentry;

	if (!file)
		return 0;
	dentry = BPF_CORE_READ(file, f_path.dentry);
	found.fd = ctx->fd;
	found.inode = BPF_CORE_READ(dentry, d_inode, i_ino);
	found.device = BPF_CORE_READ(dentry, d_sb, s_dev);
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}

char rein_license[] SEC("license") = "GPL";
