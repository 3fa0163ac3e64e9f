/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/cleanup.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

/*
 * Before 6.5 the number may by now be another process's: the one that connected could be dead. The caller's protocol
 * closes that gap (see control.c): it believes only a message that was sent after this descriptor was opened.
 */
static int open_pidfd(int socket, pid_t pid, struct rein_error *err)
{
	socklen_t size = sizeof(int);
	int fd;

	if (!getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size))
		return fd;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	return fd < 0 ? rein_fail_errno(err, "cannot hold on to process %d", pid) : fd;
}

static void read_comm(pid_t pid, char comm[16])
{
	char path[40];
	REIN_AUTO_FD int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, comm, 15);
	comm[n > 0 ? n : 0] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
}

int rein_peer_identify(int socket, struct rein_peer *ret_peer, struct rein_error *err)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	*ret_peer = (struct rein_peer){.pidfd = -1};
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size))
		return rein_fail_errno(err, "cannot ask who is calling");
	ret_peer->uid = credentials.uid;
	ret_peer->pid = credentials.pid;
	if (credentials.pid <= 0)
		return rein_fail(err, EPERM, "the caller lives in a PID namespace that cannot be seen from here");
	ret_peer->pidfd = open_pidfd(socket, credentials.pid, err);
	if (ret_peer->pidfd < 0)
		return ret_peer->pidfd;
	read_comm(credentials.pid, ret_peer->comm);
	return 0;
}

void rein_peer_forget(struct rein_peer *peer)
{
	if (peer->pidfd >= 0)
		close(rein_take_fd(&peer->pidfd));
}

/* What the kernel says about a process through its descriptor: no permission is needed and no number is reused. */
struct standing {
	pid_t pid;   /* here; -1: dead */
	int nr_pids; /* in how many nested PID namespaces, from that of /proc down, it has a number */
};

static int read_standing(int pidfd, struct standing *ret, struct rein_error *err)
{
	struct standing standing = {.pid = -1};
	char path[40], line[512];
	REIN_AUTO_FILE FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	file = fopen(path, "re");
	if (!file)
		return rein_fail_errno(err, "cannot read %s", path);
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "Pid:", 4))
			standing.pid = (pid_t)strtol(line + 4, NULL, 10);
		if (strncmp(line, "NSpid:", 6))
			continue;
		for (char *word = strtok(line + 6, "\t \n"); word; word = strtok(NULL, "\t \n"))
			standing.nr_pids++;
	}
	*ret = standing;
	return 0;
}

/* Only a /proc of this very namespace can tell who else is in it. */
static int check_own_proc(struct rein_error *err)
{
	REIN_AUTO_FD int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct standing standing = {.pid = -1};
	int r = self < 0 ? rein_fail_errno(err, "cannot hold on to this process") : read_standing(self, &standing, err);

	if (r < 0)
		return r;
	if (standing.pid != getpid() || standing.nr_pids != 1)
		return rein_fail(err, EPERM,
				 "/proc is that of another PID namespace, so nobody can be told from an agent");
	return 0;
}

int rein_peer_admit(const struct rein_peer *peer, uid_t starter, struct rein_error *err)
{
	struct standing standing = {.pid = -1};
	int r;

	if (peer->uid != starter && peer->uid != 0)
		return rein_fail(err, EPERM, "only the user who started this agent (uid %u) or root may do this",
				 starter);
	r = check_own_proc(err);
	if (!r)
		r = read_standing(peer->pidfd, &standing, err);
	if (r < 0)
		return r;
	if (standing.pid < 0)
		return rein_fail(err, EPERM, "the caller died before it was heard");
	if (standing.pid != peer->pid || standing.nr_pids != 1)
		return rein_fail(err, EPERM,
				 "the caller is inside an agent or a container: only a process outside may do this");
	return 0;
}
