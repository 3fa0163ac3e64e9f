/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_LABEL_H
#define REIN_LABEL_H

#include <linux/types.h>

/*
 * Labels: which inodes, and which names in which folders, an agent's policy denies. A label counts for all that is
 * below it. One hash per agent, filled before the agent starts, read only from then on.
 */

enum rein_label_deny {
	REIN_LABEL_EXECUTE = 1 << 0,
	REIN_LABEL_WRITE = 1 << 1, /* and create, delete, rename, change attributes of */
	REIN_LABEL_READ = 1 << 2,
};

enum rein_label_flag {
	REIN_LABEL_HOLD = 1 << 0,  /* stands above something denied: may not be renamed, removed or replaced */
	REIN_LABEL_NAMES = 1 << 1, /* a folder in which some names have labels of their own */
};

#define REIN_LABEL_ALL (REIN_LABEL_EXECUTE | REIN_LABEL_WRITE | REIN_LABEL_READ)
#define REIN_LABEL_NO_RULE (~0U) /* rein's own folder, or refused for want of an answer */

struct rein_label_key {
	__u64 inode;  /* i_ino: of the labelled thing, or of the folder in which `name` is labelled */
	__u64 name;   /* rein_label_name of it; 0: the inode itself */
	__u32 device; /* s_dev as the kernel keeps it */
	__u32 pad;
};

struct rein_label {
	__u8 deny; /* enum rein_label_deny */
	/*
	 * Of a name on the way to something denied: what is denied of and below any other thing of that name than the
	 * folder that stood there at the start, since nobody can tell what in it the policy means.
	 */
	__u8 deny_other;
	__u16 flags; /* enum rein_label_flag */
	__u32 rule;  /* index of the policy's path rule that says so, or REIN_LABEL_NO_RULE */
};

/* What the iterator of inodes.bpf.c writes for each descriptor. */
struct rein_inode {
	__u64 inode;
	__u32 device;
	__s32 fd;
};

/* Entries of one denied folder that are looked at for files with other names elsewhere. */
#define REIN_LABEL_LOOK_MAX 16384
#define REIN_LABEL_NAME_MAX 255	 /* bytes, as file systems have it */
#define REIN_LABELS_MAX 65536	 /* of one agent */
#define REIN_LABEL_DEPTH_MAX 512 /* folders above a file that are looked at; what is deeper is refused */

/* FNV-1a of a name, never 0; the same on both sides of the kernel boundary. */
#define REIN_LABEL_HASH_START 0xcbf29ce484222325ULL
#define REIN_LABEL_HASH_STEP(hash, byte) (((hash) ^ (__u8)(byte)) * 0x100000001b3ULL)
#define REIN_LABEL_HASH_END(hash) ((hash) ? (hash) : 1)

_Static_assert(sizeof(struct rein_label_key) == 24, "shared with the kernel");
_Static_assert(sizeof(struct rein_label) == 8, "shared with the kernel");
_Static_assert(sizeof(struct rein_inode) == 16, "shared with the kernel");

#endif
