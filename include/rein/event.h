/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_EVENT_H
#define REIN_EVENT_H

#include <linux/types.h>

/* What a BPF program tells the agent's supervisor: one fixed-width record through the agent's own ring buffer. */

enum rein_event_kind {
	REIN_EVENT_EXEC = 1,	 /* path: the program */
	REIN_EVENT_DENY_SYSCALL, /* a syscall came back refused: nr, error, path if it takes one */
	REIN_EVENT_DENY_NET,	 /* bpf-net refused: address, port, protocol, op */
	REIN_EVENT_TRIP,	 /* breaker, meter, amount */
	REIN_EVENT_DENY_FILE,	 /* a label refused: rule, access, file_op, path */
	REIN_EVENT_DENY_BREAKER, /* a breaker refused that others' trip opened, or the operation alone is too large */
	REIN_EVENT_DENY_CALL,	 /* past the filter, something that it refuses of the call `nr`; path: a file's name */
	REIN_EVENT_DENY_UNKNOWN, /* what the call `nr` does to files cannot be followed; path: a file's name */
};

enum rein_net_op {
	REIN_NET_OP_CONNECT = 1,
	REIN_NET_OP_SEND,
	REIN_NET_OP_BIND,
	REIN_NET_OP_SOCKET, /* family and type are in `nr`: family << 16 | type << 8 | protocol */
	REIN_NET_OP_EGRESS,
	REIN_NET_OP_INGRESS,
};

/* What bpf-file was asked about, in `nr` of its events. */
enum rein_file_op {
	REIN_FILE_OP_OPEN = 1,
	REIN_FILE_OP_WRITE,
	REIN_FILE_OP_MAP,
	REIN_FILE_OP_TRUNCATE,
	REIN_FILE_OP_CREATE, /* a file, folder, node or symbolic link */
	REIN_FILE_OP_LINK,
	REIN_FILE_OP_DELETE,
	REIN_FILE_OP_RENAME,
	REIN_FILE_OP_ATTRIBUTES, /* mode, owner, times, ACL, xattr, flags */
	REIN_FILE_OP_EXECUTE,
	REIN_FILE_OP_RECEIVE, /* a descriptor from another process */
	REIN_FILE_OP_FORK,
	REIN_FILE_OP_SEND, /* data on a socket whose breaker is open */
};

#define REIN_EVENT_PATH_MAX 256
#define REIN_EVENT_HAS_FLAGS (1ULL << 32) /* in `amount`: its low half holds flags, which may be 0 */
#define REIN_EVENT_HELD (1ULL << 33)	  /* in `amount`: the path stands above something denied */
#define REIN_EVENT_REPLACED (1ULL << 35)  /* in `amount`: the topmost name is no longer what stood there */
#define REIN_EVENT_TOO_DEEP (1ULL << 34)  /* in `amount`: not all that is above it could be looked at */

struct rein_raw_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	/*
	 * TRIP, DENY_BREAKER: units that the charge was about. DENY_SYSCALL: REIN_EVENT_HAS_FLAGS | the flags that say
	 * what the call wanted: O_* of open, openat and openat2, the mode of access and faccessat; 0 for other calls.
	 * DENY_FILE: what was wanted, enum rein_label_deny, and why it was refused if not by a denial of that.
	 */
	__u64 amount;
	__u32 kind; /* enum rein_event_kind */
	__u32 pid;  /* thread group, root PID namespace; 0 if unknown (packets) */
	__u32 ppid;
	__s32 error;  /* negative errno that the caller gets, 0 if none */
	__u32 nr;     /* syscall number, or see enum rein_net_op */
	__u8 breaker; /* index into rein_state.breakers, 0xff if none */
	__u8 meter;
	__u8 net_op;
	__u8 family; /* enum rein_net_family */
	__u8 address[16];
	__u16 port; /* host order */
	__u8 protocol;
	__u8 truncated; /* path was longer than it could be kept */
	union {
		__u32 dirfd; /* what a relative path is relative to, as the caller gave it */
		/*
		 * DENY_FILE: index of the policy's path rule, or REIN_LABEL_NO_RULE. `path` is then the names from the
		 * file up to the labelled thing, that one included, each with its zero byte.
		 */
		__u32 rule;
	};
	char comm[16];
	char path[REIN_EVENT_PATH_MAX];
};

_Static_assert(sizeof(struct rein_raw_event) == 336, "shared with the kernel");

#endif
