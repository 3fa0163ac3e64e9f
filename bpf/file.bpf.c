/* SPDX-License-Identifier: GPL-2.0 */

/*
 * bpf-file: what an agent's processes do to files, decided and counted before it happens. Each program here is one hook
 * of the kernel's; what they decide stands in the headers. Written as LSM programs; where `bpf` is not in lsm= the same
 * programs are attached as fmod_ret to the functions that call the hooks.
 */

#include "change.bpf.h"
#include "label.bpf.h"
#include "mapping.bpf.h"
#include "queue.bpf.h"
#include "send.bpf.h"

/* Data: how much, announced by what is watched; then the hook that decides. */

SEC("fentry/rw_verify_area")
int WATCH(rein_rw_verify_area, int rw, struct file *file, const __s64 *position, __u64 count)
{
	__s64 at = 0;

	if (rw != WRITE)
		return;
	if (position)
		bpf_probe_read_kernel(&at, sizeof(at), position);
	announce(file, AMOUNT_WRITE, at, count);
}

SEC("fentry/vfs_fallocate")
int WATCH(rein_vfs_fallocate, struct file *file, int mode, __s64 offset, __s64 length)
{
	/* Where the size is kept there is no hole either. */
	announce(file, fallocate_kind(mode), mode & FALLOC_FL_KEEP_SIZE ? 0 : offset, length);
}

/* Length 0 is the whole file, which may grow until it is done: refused, so that callers copy instead. */
SEC("fentry/vfs_clone_file_range")
int WATCH(rein_vfs_clone_file_range, struct file *in, __s64 from, struct file *out, __s64 to, __s64 length)
{
	announce(out, length ? AMOUNT_WRITE : AMOUNT_WHOLE, to, length);
}

SEC("fentry/vfs_dedupe_file_range_one")
int WATCH(rein_vfs_dedupe_file_range_one, struct file *in, __s64 from, struct file *out, __s64 to, __s64 length)
{
	announce(out, AMOUNT_WRITE, to, length);
}

/* Copies: what they hold, and what they give back. */

SEC("fentry/do_sendfile")
int WATCH(rein_do_sendfile, int out, int in, const __s64 *position, __u64 count)
{
	copy_begin(COPY_SENDFILE, copy_rest(in, position));
}

SEC("fexit/do_sendfile")
int WATCH(rein_do_sendfile_end, int out, int in, const __s64 *position, __u64 count, __s64 max, __s64 result)
{
	copy_end(COPY_SENDFILE, result);
}

SEC("fentry/do_splice")
int WATCH(rein_do_splice, struct file *in)
{
	copy_begin(COPY_SPLICE, copy_piped(in));
}

SEC("fexit/do_splice")
int WATCH(rein_do_splice_end, struct file *in, __s64 *from, struct file *out, __s64 *to, __u64 count, __u32 flags,
	  __s64 result)
{
	copy_end(COPY_SPLICE, result);
}

SEC("fentry/do_splice_direct")
int WATCH(rein_do_splice_direct)
{
	copy_begin(COPY_INSIDE, COPY_UNKNOWN);
}

SEC("fexit/do_splice_direct")
int WATCH(rein_do_splice_direct_end, struct file *in, __s64 *from, struct file *out, __s64 *to, __u64 count,
	  __u32 flags, __s64 result)
{
	copy_end(COPY_INSIDE, result);
}

/* Its length is cut to what the source has before it is announced. Overlayfs calls it again for the files below. */
SEC("fentry/vfs_copy_file_range")
int WATCH(rein_vfs_copy_file_range, struct file *in, __s64 from, struct file *out)
{
	if (!is_second_pass(out))
		copy_begin(COPY_RANGE, COPY_UNKNOWN);
}

SEC("fexit/vfs_copy_file_range")
int WATCH(rein_vfs_copy_file_range_end, struct file *in, __s64 from, struct file *out, __s64 to, __u64 count,
	  __u32 flags, __s64 result)
{
	if (!is_second_pass(out))
		copy_end(COPY_RANGE, result);
}

/* What exec reads of its program it reads to the end: an error there becomes ENOEXEC, which nobody makes again. */
SEC("lsm/file_permission")
int DECIDE_HEEDING(rein_file_permission, mask &MAY_WRITE ? HEED_LATCH : heed_in_exec(), struct file *file, int mask)
{
	return mask & MAY_WRITE ? amount_charge(state, file) : 0;
}

SEC("fentry/vm_mmap_pgoff")
int WATCH(rein_vm_mmap_pgoff, struct file *file, __u64 address, __u64 length, __u64 prot, __u64 flags, __u64 page)
{
	announce_mapping(file, page);
}

SEC("lsm/mmap_file")
int DECIDE_HEEDING(rein_mmap_file, HEED_NOTHING)
{
	struct file *file = (struct file *)ctx[0];
	__u64 at = file ? mapping_start(file) : 0; /* whatever becomes of this mapping, no other one begins there */
	int result = hook_latched(heed_in_exec(), state);

	if (result || !file)
		return result;
	return mapping_made(state, file, at, place_read(ctx, rein_mmap_file_prot),
			    place_read(ctx, rein_mmap_file_flags));
}

SEC("lsm/file_mprotect")
int DECIDE(rein_file_mprotect, struct vm_area_struct *vma, __u64 wanted, __u64 prot)
{
	return mapping_changed(state, vma, wanted | prot);
}

/* userfaultfd fills pages of a file that is mapped for reading only. */
SEC("lsm/inode_init_security_anon")
int DECIDE(rein_inode_init_security_anon, struct inode *inode, const struct qstr *name, const struct inode *context)
{
	return mapping_by_faults(state, name);
}

/* Opening and cutting. */

/* A file that this very open made is there already: the call, made again, would find it. */
SEC("lsm/file_open")
int DECIDE_HEEDING(rein_file_open, is_made_here(file) ? HEED_NOTHING : HEED_LATCH, struct file *file)
{
	int result = 0;

	if (file->f_flags & O_TMPFILE_BIT)
		result = queue_make(state, file->f_inode->i_mode, NULL);
	return result ? result : opened(state, file);
}

SEC("lsm/path_truncate")
int DECIDE(rein_path_truncate, const struct path *path)
{
	count_anew();
	return 0;
}

/* From 6.2 on: before, ftruncate and O_TRUNC came by path_truncate. */
SEC("lsm/file_truncate")
int DECIDE(rein_file_truncate, struct file *file)
{
	count_anew();
	return 0;
}

/* Names. These hooks are called by system calls only, once each. */

SEC("lsm/path_mknod")
int DECIDE(rein_path_mknod, const struct path *dir, struct dentry *dentry, __u16 mode, __u32 device)
{
	int result = queue_make(state, mode, dentry);

	return result ? result : made(state, dentry);
}

SEC("lsm/path_mkdir")
int DECIDE(rein_path_mkdir, const struct path *dir, struct dentry *dentry, __u16 mode)
{
	return made(state, dentry);
}

SEC("lsm/path_symlink")
int DECIDE(rein_path_symlink, const struct path *dir, struct dentry *dentry, const char *target)
{
	return made(state, dentry);
}

SEC("lsm/path_link")
int DECIDE(rein_path_link, struct dentry *old, const struct path *dir, struct dentry *dentry)
{
	return linked(state, old, dentry);
}

SEC("lsm/path_unlink")
int DECIDE(rein_path_unlink, const struct path *dir, struct dentry *dentry)
{
	return removed(state, dentry);
}

SEC("lsm/path_rmdir")
int DECIDE(rein_path_rmdir, const struct path *dir, struct dentry *dentry)
{
	return removed(state, dentry);
}

SEC("lsm/path_rename")
int DECIDE(rein_path_rename, const struct path *from_dir, struct dentry *from, const struct path *onto_dir,
	   struct dentry *onto, __u32 flags)
{
	int result = queue_rename(state, flags, from);

	return result ? result : renamed(state, from, onto, flags);
}

/* Attributes. */

SEC("lsm/inode_setattr")
int DECIDE(rein_inode_setattr)
{
	return attributes_set(state, (struct dentry *)place_read(ctx, rein_setattr_dentry),
			      (struct iattr *)place_read(ctx, rein_setattr_attr));
}

SEC("lsm/inode_setxattr")
int DECIDE(rein_inode_setxattr, void *idmap, struct dentry *dentry, const char *name, const void *value, __u64 size,
	   int flags)
{
	return attribute_set(state, dentry);
}

SEC("lsm/inode_removexattr")
int DECIDE(rein_inode_removexattr, void *idmap, struct dentry *dentry, const char *name)
{
	return attribute_set(state, dentry);
}

/* From 6.2 on: before, ACLs were extended attributes. */
SEC("lsm/inode_set_acl")
int DECIDE(rein_inode_set_acl, void *idmap, struct dentry *dentry, const char *name, void *acl)
{
	return attribute_set(state, dentry);
}

SEC("lsm/inode_remove_acl")
int DECIDE(rein_inode_remove_acl, void *idmap, struct dentry *dentry, const char *name)
{
	return attribute_set(state, dentry);
}

/* From 6.17 on: flags are set by a call of their own, and by ioctl through it. */
SEC("lsm/inode_file_setattr")
int DECIDE(rein_inode_file_setattr, struct dentry *dentry, void *attr)
{
	return attribute_set(state, dentry);
}

SEC("lsm/file_ioctl")
int DECIDE(rein_file_ioctl, struct file *file, __u32 command, __u64 argument)
{
	return controlled(state, file, command);
}

/* Sockets: what no packet hook can do. */

SEC("lsm/socket_create")
int DECIDE_HEEDING(rein_socket_create, kernel ? HEED_NO_AGENT : HEED_LATCH, int family, int type, int protocol,
		   int kernel)
{
	return queue_socket(state, family, type, protocol);
}

SEC("lsm/socket_sendmsg")
int DECIDE_HEEDING(rein_socket_sendmsg, is_kernels_own(socket) ? HEED_NO_AGENT : HEED_LATCH, struct socket *socket)
{
	return send_judge(state, socket);
}

/* Other ways to what is denied. */

/* Its message is taken already. */
SEC("lsm/file_receive")
int DECIDE_HEEDING(rein_file_receive, HEED_KILL, struct file *file)
{
	return label_check_file(state, file, label_access(file), REIN_FILE_OP_RECEIVE);
}

SEC("lsm/path_notify")
int DECIDE(rein_path_notify, const struct path *path, __u64 mask, __u32 type)
{
	return label_check(state, path->dentry, REIN_LABEL_READ, REIN_FILE_OP_OPEN);
}

/* A socket of a path: whoever listens there bound it, and it can be reached while its path cannot. */
SEC("lsm/unix_stream_connect")
int DECIDE(rein_unix_stream_connect, struct sock *from, struct sock *to, struct sock *new)
{
	return label_check_socket(state, to);
}

SEC("lsm/unix_may_send")
int DECIDE(rein_unix_may_send, struct socket *from, struct socket *to)
{
	return label_check_socket(state, to->sk);
}

/* A file system stacked on others gives files a second inode, which no label knows. */
SEC("lsm/sb_kern_mount")
int DECIDE(rein_sb_kern_mount, struct super_block *super)
{
	return state->flags & REIN_STATE_LABELS && super->s_stack_depth ? hook_unknown(state, NULL, -EACCES) : 0;
}

/* Processes. */

SEC("lsm/bprm_creds_for_exec")
int DECIDE(rein_bprm_creds_for_exec, struct linux_binprm *bprm)
{
	return hook_charge(state, REIN_METER_EXEC_COUNT, 1, REIN_FILE_OP_EXECUTE, bprm->file->f_path.dentry);
}

/* Threads are no forks. */
SEC("lsm/task_alloc")
int DECIDE(rein_task_alloc, struct task_struct *task, unsigned long clone_flags)
{
	return clone_flags & CLONE_THREAD ? 0 : hook_charge(state, REIN_METER_FORK_COUNT, 1, REIN_FILE_OP_FORK, NULL);
}

char rein_license[] SEC("license") = "GPL";
