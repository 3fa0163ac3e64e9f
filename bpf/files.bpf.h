/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_FILES_BPF_H
#define REIN_FILES_BPF_H

#include "endpoint.bpf.h"

/* The current task's descriptors and what is behind them. */

static __always_inline struct file *file_of(__u32 fd)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL, **array;

	if (!table || fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	array = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), array + fd);
	return file;
}

static __always_inline __u32 file_type(struct file *file)
{
	return file ? BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT : 0;
}

/* A regular file that a path leads to; memfd's and the like are memory, which other limits bound. */
static __always_inline int file_counts(struct file *file)
{
	return file_type(file) == S_IFREG && !(BPF_CORE_READ(file, f_inode, i_sb, s_flags) & SB_KERNMOUNT);
}

static __always_inline __u64 file_size(struct file *file)
{
	return BPF_CORE_READ(file, f_inode, i_size);
}

/* At most that much can be read out of `file` from where it stands. Unknown for what has no size: 0, and the return
 * value tells later. */
static __always_inline __u64 file_rest(struct file *file, int at_position)
{
	__u64 size, position;

	if (file_type(file) != S_IFREG)
		return 0;
	size = file_size(file);
	position = at_position ? BPF_CORE_READ(file, f_pos) : 0;
	return size > position ? size - position : 0;
}

/* What a socket speaks, by its type; 0 if it is neither TCP nor UDP. */
static __always_inline __u8 socket_protocol(struct file *file)
{
	struct socket *socket;
	__s16 type;

	if (file_type(file) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	type = BPF_CORE_READ(socket, type);
	return type == SOCK_STREAM ? IPPROTO_TCP : type == SOCK_DGRAM ? IPPROTO_UDP : 0;
}

#endif
