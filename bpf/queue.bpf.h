/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_QUEUE_BPF_H
#define REIN_QUEUE_BPF_H

#include "endpoint.bpf.h"
#include "hook.bpf.h"

/*
 * Operations that io_uring queues are no system calls, so the agent's filter never sees them. What the filter keeps by
 * looking at arguments is kept here for agents that may use it, and refused with the words of the call it stands for.
 */

#define AF_NETLINK 16
#define NETLINK_ROUTE 0
#define SET_ID_BITS 06000
#define RENAME_WHITEOUT 4

static __always_inline int is_past_filter(const struct rein_state *state)
{
	return state->flags & REIN_STATE_QUEUES;
}

static __always_inline int queue_refuse(struct rein_state *state, __u32 nr, struct dentry *dentry)
{
	return call_refuse(state, REIN_EVENT_DENY_CALL, nr, dentry, -EPERM);
}

static __always_inline int is_confined_socket(int family, int type, int protocol)
{
	switch (family) {
	case AF_UNIX:
		return 1;
	case AF_NETLINK:
		return protocol == NETLINK_ROUTE;
	case AF_INET:
	case AF_INET6:
		return (type == SOCK_STREAM && (!protocol || protocol == IPPROTO_TCP)) ||
		       (type == SOCK_DGRAM && (!protocol || protocol == IPPROTO_UDP));
	}
	return 0;
}

static __always_inline int queue_socket(struct rein_state *state, int family, int type, int protocol)
{
	if (!is_past_filter(state) || is_confined_socket(family, type, protocol))
		return 0;
	return queue_refuse(state, __NR_socket, NULL);
}

/* A file that is being made with `mode`. */
static __always_inline int queue_make(struct rein_state *state, __u32 mode, struct dentry *dentry)
{
	return is_past_filter(state) && mode & SET_ID_BITS ? queue_refuse(state, __NR_openat, dentry) : 0;
}

static __always_inline int queue_rename(struct rein_state *state, __u32 flags, struct dentry *from)
{
	return is_past_filter(state) && flags & RENAME_WHITEOUT ? queue_refuse(state, __NR_renameat2, from) : 0;
}

#endif
