/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_PEER_H
#define REIN_AGENT_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * Who is at the other end of a UNIX socket. An agent often has its starter's uid, so the uid alone does not tell: what
 * does is the PID namespace that a process lives in, which nothing can change for a living process (setns and unshare
 * only choose for its children).
 */
struct rein_peer {
	pid_t pid;
	uid_t uid;
	int pidfd;     /* of the process that connected; holds its number against reuse for as long as it lives */
	char comm[16]; /* as it calls itself; "" if unknown */
};

/* Identifies the process that connected. The caller closes it with rein_peer_forget, also after an error. */
int rein_peer_identify(int socket, struct rein_peer *ret_peer, struct rein_error *err);
void rein_peer_forget(struct rein_peer *peer);

/* 0 if the peer lives now, in this process's own PID namespace (so inside no agent), and is `starter` or root. -EPERM
 * with the reason otherwise. */
int rein_peer_admit(const struct rein_peer *peer, uid_t starter, struct rein_error *err);

#endif
