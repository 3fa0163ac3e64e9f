/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_KERNEL_BPF_H
#define REIN_KERNEL_BPF_H

/*
 * What differs between kernels and architectures, and nothing else. The kernel's own structs stand here with the fields
 * that rein reads; libbpf finds their offsets when it loads the programs (CO-RE), so that a build does not depend on
 * the kernel that it runs on.
 */

#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#if defined(__TARGET_ARCH_x86)
#include <asm/unistd_64.h>
#else
#include <asm/unistd.h>
#endif

/* Newer than the headers of Debian 12; from 424 on, numbers are the same on every architecture. */
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452 /* from 6.6 on */
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat 463 /* from 6.13 on, as the next */
#define __NR_removexattrat 466
#endif
#ifndef __NR_file_setattr
#define __NR_file_setattr 469 /* from 6.17 on */
#endif

#define CO_RE __attribute__((preserve_access_index))

struct super_block {
	int s_stack_depth;
	unsigned long s_flags;
	unsigned long s_magic;
	__u32 s_dev;
} CO_RE;

struct inode;

struct address_space {
	struct inode *host;
	struct {
		int counter;
	} i_mmap_writable;
} CO_RE;

struct inode {
	__u16 i_mode;
	unsigned int i_nlink;
	__s64 i_size;
	unsigned long i_ino;
	struct super_block *i_sb;
	struct address_space *i_mapping;
} CO_RE;

struct qstr {
	union {
		struct {
			__u32 hash, len;
		};
	};
	const unsigned char *name;
} CO_RE;

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
} CO_RE;

struct path {
	struct dentry *dentry;
} CO_RE;

struct iattr {
	unsigned int ia_valid;
	__s64 ia_size;
} CO_RE;

struct sock_common {
	__u16 skc_family;
} CO_RE;

struct sock {
	struct sock_common __sk_common;
	__u32 sk_kern_sock : 1;
} CO_RE;

struct socket {
	__s16 type;
	struct sock *sk;
} CO_RE;

/* Begins with its struct sock. */
struct unix_sock {
	struct path path;
} CO_RE;

struct file {
	void *private_data;
	struct inode *f_inode;
	__u32 f_mode, f_flags;
	__s64 f_pos;
	struct path f_path;
} CO_RE;

struct pipe_inode_info {
	unsigned int head, tail;
} CO_RE;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} CO_RE;

struct files_struct {
	struct fdtable *fdt;
} CO_RE;

struct task_struct {
	unsigned int flags;
	unsigned int in_execve : 1;
	__s32 tgid;
	struct task_struct *real_parent;
	struct files_struct *files;
} CO_RE;

struct vm_area_struct {
	unsigned long vm_flags;
	unsigned long vm_pgoff;
	struct file *vm_file;
} CO_RE;

struct linux_binprm {
	struct file *file;
	const char *filename;
} CO_RE;

#define S_IFMT 00170000
#define S_IFREG 0100000
#define S_IFDIR 0040000
#define S_IFIFO 0010000
#define S_IFSOCK 0140000
#define FMODE_READ (1U << 0)
#define FMODE_WRITE (1U << 1)
#define FMODE_EXEC (1U << 5)	   /* in f_flags too: the file is opened to be run */
#define FMODE_CREATED (1U << 20)   /* this very open made the file */
#define FMODE_NOACCOUNT (1U << 29) /* the kernel's own, such as those below overlayfs */
#define SB_KERNMOUNT (1UL << 22)   /* a mount that no path leads to, such as memfd's */
#define PF_IO_WORKER 0x10U
#define PF_DUMPCORE 0x200U
#define VM_WRITE 0x2UL
#define VM_SHARED 0x8UL
#define O_APPEND 02000
#define O_NOATIME 01000000
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define PROC_SUPER_MAGIC 0x9fa0
#define SYSFS_MAGIC 0x62656572
#define AT_FDCWD ((__u32)-100)
#define PAGE_SHIFT 12 /* the least */
#if defined(__TARGET_ARCH_arm64)
#define PAGE_SIZE 65536ULL /* the most */
#else
#define PAGE_SIZE (1ULL << PAGE_SHIFT)
#endif
#define CLONE_THREAD 0x10000UL

/* System call arguments: pt_regs of a task that has entered the kernel keep them until it leaves. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long di, si, dx, r10, r8, r9, orig_ax;
} CO_RE;
#define REGS_FIELDS(READ) \
	READ(nr, orig_ax) READ(arg0, di) READ(arg1, si) READ(arg2, dx) READ(arg3, r10) READ(arg4, r8) READ(arg5, r9)
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
} CO_RE;
/* The result overwrites regs[0]. */
#define REGS_FIELDS(READ)   \
	READ(nr, syscallno) \
	READ(arg0, orig_x0) \
	READ(arg1, regs[1]) READ(arg2, regs[2]) READ(arg3, regs[3]) READ(arg4, regs[4]) READ(arg5, regs[5])
#else
#error "rein knows the system call arguments of x86_64 and arm64 only"
#endif

#define REGS_READ(name, field)                                         \
	static __always_inline __u64 regs_##name(struct pt_regs *regs) \
	{                                                              \
		return BPF_CORE_READ(regs, field);                     \
	}
REGS_FIELDS(REGS_READ)

/* Any argument by its place; places that no call has are 0. */
static __always_inline __u64 regs_arg(struct pt_regs *regs, __u32 place)
{
	switch (place) {
	case 0:
		return regs_arg0(regs);
	case 1:
		return regs_arg1(regs);
	case 2:
		return regs_arg2(regs);
	case 3:
		return regs_arg3(regs);
	case 4:
		return regs_arg4(regs);
	case 5:
		return regs_arg5(regs);
	}
	return 0;
}

#endif
