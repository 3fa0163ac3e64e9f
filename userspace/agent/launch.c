/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/launch.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/init.h"
#include "agent/message.h"
#include "base/cleanup.h"
#include "mech/cgroup.h"

static const struct {
	enum rein_namespace namespace;
	uint64_t flag;
} clone_flags[] = {
	{REIN_NS_USER, CLONE_NEWUSER}, {REIN_NS_MOUNT, CLONE_NEWNS}, {REIN_NS_PID, CLONE_NEWPID},
	{REIN_NS_IPC, CLONE_NEWIPC},   {REIN_NS_UTS, CLONE_NEWUTS},  {REIN_NS_NET, CLONE_NEWNET},
};

static uint64_t flags_of(unsigned namespaces)
{
	uint64_t flags = CLONE_PIDFD;

	for (size_t i = 0; i < REIN_COUNT(clone_flags); i++)
		if (namespaces & clone_flags[i].namespace)
			flags |= clone_flags[i].flag;
	return flags;
}

/* Like fork, with namespaces, and born in the cgroup: no moment outside it, so nothing to move and nothing to miss. */
static pid_t clone_init(const struct rein_launch *launch, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = flags_of(launch->plan->namespaces),
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
	};

	if (launch->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)launch->cgroup_fd;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static int write_proc(pid_t pid, const char *name, const char *text, struct rein_error *err)
{
	char path[64];
	REIN_AUTO_FD int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return rein_fail_errno(err, "cannot write %s", path);
	return 0;
}

/* The agent's ids are its user's own, mapped to themselves: files look the same inside and outside. */
static int map_ids(const struct rein_launch *launch, pid_t pid, struct rein_error *err)
{
	char map[64];
	int r;

	if (!(launch->plan->namespaces & REIN_NS_USER))
		return 0;
	snprintf(map, sizeof(map), "%u %u 1\n", launch->who.uid, launch->who.uid);
	r = write_proc(pid, "uid_map", map, err);
	if (!r)
		r = write_proc(pid, "setgroups", "deny", err);
	snprintf(map, sizeof(map), "%u %u 1\n", launch->who.gid, launch->who.gid);
	return r ? r : write_proc(pid, "gid_map", map, err);
}

static int let_go(struct rein_agent *agent, struct rein_error *err)
{
	int r = map_ids(agent->launch, agent->init_pid, err);

	if (!r)
		r = rein_cgroup_adopt(agent->launch, agent->init_pid, err);
	if (r < 0)
		return r;
	if (agent->launch->state)
		__atomic_store_n(&agent->launch->state->init_tgid, (uint32_t)agent->init_pid, __ATOMIC_RELEASE);
	r = rein_message_send(agent->init_socket, REIN_MESSAGE_GO, 0, NULL, -1);
	return r < 0 ? rein_fail(err, -r, "the agent's init died before it began") : 0;
}

static void abandon(struct rein_agent *agent)
{
	kill(agent->init_pid, SIGKILL);
	waitpid(agent->init_pid, NULL, 0);
	close(rein_take_fd(&agent->init_pidfd));
	close(rein_take_fd(&agent->init_socket));
	agent->init_pid = -1;
}

int rein_launch_clone(struct rein_agent *agent, struct rein_start *start, struct rein_error *err)
{
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return rein_fail_errno(err, "cannot make a socket pair");
	start->socket = pair[1];
	agent->init_socket = pair[0];
	agent->init_pid = clone_init(agent->launch, &agent->init_pidfd);
	if (!agent->init_pid) {
		close(pair[0]); /* only the supervisor holds its end, so that its death is a hang-up */
		rein_init_main(start);
	}
	r = agent->init_pid < 0 ? rein_fail_errno(err, "cannot clone the agent's init") : 0;
	close(pair[1]);
	if (r < 0) {
		close(rein_take_fd(&agent->init_socket));
		return r;
	}
	r = let_go(agent, err);
	if (r < 0)
		abandon(agent);
	return r;
}
