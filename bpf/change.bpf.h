/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CHANGE_BPF_H
#define REIN_CHANGE_BPF_H

#include "amount.bpf.h"
#include "label.bpf.h"
#include "place.bpf.h"

/* Names, sizes and attributes: what is counted in files, not in bytes. */

#define O_TMPFILE_BIT 020000000
#define ATTR_SIZE (1U << 3)
#define ATTR_FORCE (1U << 9) /* the kernel's own doing, such as dropping set-user-ID after a write */
#define ATTR_WANTED 0x101b7U /* mode, owner, group, times; TIMES_SET */

#define IOC_WRITE (1U << 30)
#define FS_IOC_FIEMAP 0xc020660b

/* Commands of file systems that are not asked about by another hook, by type and number: their sizes vary. */
#define CONTROL(type, number) ((type) << 8 | (number))
#define CONTROL_SETFLAGS CONTROL('f', 2)
#define CONTROL_FSSETXATTR CONTROL('X', 32)
#define CONTROL_REFUSED 0xff

static const struct control {
	__u16 command;
	__u8 meter; /* enum rein_meter, or CONTROL_REFUSED: nobody can say how much it does */
} controls[] = {
	{CONTROL_SETFLAGS, REIN_METER_CHMOD_FILES},   {CONTROL_FSSETXATTR, REIN_METER_CHMOD_FILES},
	{CONTROL('f', 19), REIN_METER_CHMOD_FILES},   /* FS_IOC_SET_ENCRYPTION_POLICY */
	{CONTROL('f', 133), REIN_METER_CHMOD_FILES},  /* FS_IOC_ENABLE_VERITY */
	{CONTROL('v', 2), REIN_METER_CHMOD_FILES},    /* FS_IOC_SETVERSION */
	{CONTROL(0x94, 26), REIN_METER_CHMOD_FILES},  /* BTRFS_IOC_SUBVOL_SETFLAGS */
	{CONTROL(0x94, 1), REIN_METER_CREATE_FILES},  /* BTRFS_IOC_SNAP_CREATE */
	{CONTROL(0x94, 14), REIN_METER_CREATE_FILES}, /* BTRFS_IOC_SUBVOL_CREATE */
	{CONTROL(0x94, 23), REIN_METER_CREATE_FILES}, /* BTRFS_IOC_SNAP_CREATE_V2 */
	{CONTROL(0x94, 24), REIN_METER_CREATE_FILES}, /* BTRFS_IOC_SUBVOL_CREATE_V2 */
	{CONTROL(0x94, 15), CONTROL_REFUSED},	      /* BTRFS_IOC_SNAP_DESTROY: all files in it */
	{CONTROL(0x94, 63), CONTROL_REFUSED},	      /* BTRFS_IOC_SNAP_DESTROY_V2 */
	{CONTROL(0xf5, 9), CONTROL_REFUSED},	      /* F2FS_IOC_MOVE_RANGE: bytes from file to file */
};

/* What is tried and fails afterwards for another reason has been counted: tried and let through. */
static __always_inline int one_file(struct rein_state *state, __u32 meter, __u32 op, struct dentry *dentry)
{
	return hook_charge(state, meter, 1, op, dentry);
}

/* A new name: a file, folder, node or symbolic link. */
static __always_inline int made(struct rein_state *state, struct dentry *dentry)
{
	int result = label_check(state, dentry, REIN_LABEL_WRITE, REIN_FILE_OP_CREATE);

	return result ? result : one_file(state, REIN_METER_CREATE_FILES, REIN_FILE_OP_CREATE, dentry);
}

static __always_inline int linked(struct rein_state *state, struct dentry *from, struct dentry *onto)
{
	int result = label_check_link(state, from, onto);

	return result ? result : one_file(state, REIN_METER_CREATE_FILES, REIN_FILE_OP_LINK, onto);
}

static __always_inline int removed(struct rein_state *state, struct dentry *dentry)
{
	int result = label_check_removal(state, dentry, REIN_FILE_OP_DELETE);

	return result ? result : one_file(state, REIN_METER_DELETE_FILES, REIN_FILE_OP_DELETE, dentry);
}

static __always_inline int renamed(struct rein_state *state, struct dentry *from, struct dentry *onto, __u32 flags)
{
	int result = label_check_rename(state, from, onto, flags);

	if (!result)
		result = one_file(state, REIN_METER_RENAME_FILES, REIN_FILE_OP_RENAME, from);
	if (result || !onto->d_inode || flags & RENAME_EXCHANGE)
		return result;
	return one_file(state, REIN_METER_DELETE_FILES, REIN_FILE_OP_RENAME, onto);
}

static __always_inline int is_made_here(struct file *file)
{
	return (file->f_mode & FMODE_CREATED) && !(file->f_flags & O_TMPFILE_BIT);
}

/* Nobody announces what the kernel writes into a core dump: all memory of the process. It is no call of the agent's,
 * and nobody gets the error: the refusal is not told of. */
static __always_inline int is_dumping_core(void)
{
	return bpf_get_current_task_btf()->flags & PF_DUMPCORE;
}

/*
 * A file that this very open made was counted when its name was. A file without a name is made here. What an open cuts
 * is counted when it is cut.
 */
static __always_inline int opened(struct rein_state *state, struct file *file)
{
	int result = label_check_file(state, file, label_access(file), REIN_FILE_OP_OPEN);

	if (result)
		return result;
	if (!(file->f_mode & FMODE_WRITE) || !inode_counts(file->f_inode) || is_second_pass(file))
		return 0;
	if (state->flags & REIN_STATE_FILE && is_dumping_core())
		return -EPERM;
	if (file->f_flags & O_TMPFILE_BIT)
		return one_file(state, REIN_METER_CREATE_FILES, REIN_FILE_OP_CREATE, file->f_path.dentry);
	if (file->f_mode & FMODE_CREATED)
		return 0;
	return one_file(state, REIN_METER_WRITE_FILES, REIN_FILE_OP_OPEN, file->f_path.dentry);
}

/*
 * Overlayfs changes its own inode first, then the file below, which may be a copy made just now. The outer one knows
 * what was there before, so it counts, and the next one of this thread is let pass.
 */
static __always_inline int counted_above(struct inode *inode)
{
	struct thread *thread = thread_of_current();
	__u32 below;

	if (!thread)
		return 0;
	below = thread->below;
	thread->below = is_overlay(inode);
	return below && !thread->below;
}

/* A new call begins: nothing of it was counted yet. */
static __always_inline void count_anew(void)
{
	struct thread *thread = thread_of_current();

	if (thread)
		thread->below = 0;
}

/* Growth counts below overlayfs, and whether the file is mapped or not: it may be a moment later. */
static __always_inline int resized(struct rein_state *state, struct dentry *dentry, __u64 size, int above)
{
	struct inode *inode = dentry->d_inode;
	__u64 before = inode->i_size;

	if (!inode_counts(inode))
		return 0;
	if (size > before && !is_overlay(inode))
		return hook_charge(state, REIN_METER_WRITE_BYTES, size - before, REIN_FILE_OP_TRUNCATE, dentry);
	if (size >= before || above)
		return 0;
	return one_file(state, REIN_METER_DELETE_FILES, REIN_FILE_OP_TRUNCATE, dentry);
}

static __always_inline int attributes_set(struct rein_state *state, struct dentry *dentry, struct iattr *attr)
{
	__u32 valid = attr->ia_valid;
	int result = label_check(state, dentry, REIN_LABEL_WRITE,
				 valid & ATTR_SIZE ? REIN_FILE_OP_TRUNCATE : REIN_FILE_OP_ATTRIBUTES);
	int above;

	if (result)
		return result;
	if (!(state->flags & REIN_STATE_FILE))
		return 0;
	above = counted_above(dentry->d_inode);
	if (valid & ATTR_SIZE)
		return resized(state, dentry, attr->ia_size, above);
	if (above || valid & ATTR_FORCE || !(valid & ATTR_WANTED))
		return 0;
	return one_file(state, REIN_METER_CHMOD_FILES, REIN_FILE_OP_ATTRIBUTES, dentry);
}

/* Extended attributes, ACLs and flags of overlayfs's own inode: they come by again for the file below. */
static __always_inline int attribute_set(struct rein_state *state, struct dentry *dentry)
{
	int result = label_check(state, dentry, REIN_LABEL_WRITE, REIN_FILE_OP_ATTRIBUTES);

	if (result || is_overlay(dentry->d_inode))
		return result;
	return one_file(state, REIN_METER_CHMOD_FILES, REIN_FILE_OP_ATTRIBUTES, dentry);
}

/*
 * File systems change files and folders by commands too, on descriptors for reading: subvolumes go, files become
 * immutable. By its number a command says whether it brings something in; FIEMAP does, and only looks.
 */
static __always_inline int label_check_control(struct rein_state *state, struct file *file, __u32 command)
{
	__u32 type = file->f_inode->i_mode & S_IFMT;

	if (!(command & IOC_WRITE) || command == FS_IOC_FIEMAP || (type != S_IFREG && type != S_IFDIR))
		return 0;
	return label_check_file(state, file, REIN_LABEL_WRITE, REIN_FILE_OP_ATTRIBUTES);
}

/* The meter of a command; REIN_METER_COUNT: none, or it will be asked about again. */
static __noinline __u32 control_meter(__u32 command)
{
	__u32 known = command & 0xffff;

	if (rein_file_setattr_dentry != PLACE_NONE && (known == CONTROL_SETFLAGS || known == CONTROL_FSSETXATTR))
		return REIN_METER_COUNT;
	for (__u32 i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
		if (controls[i].command == known)
			return controls[i].meter;
	return REIN_METER_COUNT;
}

static __always_inline int controlled(struct rein_state *state, struct file *file, __u32 command)
{
	__u32 type = file->f_inode->i_mode & S_IFMT, meter;
	int result = label_check_control(state, file, command);

	if (result || (type != S_IFREG && type != S_IFDIR))
		return result;
	announce_nothing();
	meter = control_meter(command);
	if (meter == CONTROL_REFUSED)
		return state->flags & REIN_STATE_FILE ? hook_unknown(state, file->f_path.dentry, -EPERM) : 0;
	if (meter == REIN_METER_COUNT || is_overlay(file->f_inode))
		return 0;
	return one_file(state, meter, REIN_FILE_OP_ATTRIBUTES, file->f_path.dentry);
}

#endif
