/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/seccomp_probe.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Linux 6.6; younger than Debian 12's headers. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#define SYNC_WAKE_UP 1UL

#define ANSWER 4711 /* what no kernel returns from getppid() to the child */
#define PATIENCE_MS 2000
#define WORD "rein"

static int install(unsigned flags, __u32 action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {REIN_COUNT(code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static bool filter_refuses(void)
{
	int status = -1;
	pid_t child = fork();

	if (!child)
		_exit(install(0, SECCOMP_RET_ERRNO | ANSWER % 256) || syscall(SYS_getppid) != -1 ||
		      errno != ANSWER % 256);
	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

/*
 * The child: its listener is in the descriptor table that it shares with its parent. If that one is killed, nobody
 * would ever answer, so the child dies with it.
 */
static void ask(int pipe_fd, pid_t parent)
{
	int fd;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != parent)
		_exit(1);
	fd = install(SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_RET_USER_NOTIF);

	if (write(pipe_fd, &fd, sizeof(fd)) != sizeof(fd) || fd < 0)
		_exit(1);
	_exit(syscall(SYS_getppid, WORD, pipe_fd) != ANSWER);
}

/* Privileges of rein's own, which the agent lacks, would be used in its place. */
static bool has_privileges(void)
{
	cap_t caps = cap_get_proc(), none = cap_init();
	bool has = !geteuid() || !caps || !none || cap_compare(caps, none) & (1 << CAP_EFFECTIVE);

	cap_free(caps);
	cap_free(none);
	return has;
}

/* Does what the child asked for in its place: writes its word, from a copy of the memory, into a copy of its pipe. */
static bool acts_for(int fd, const struct seccomp_notif *question)
{
	char word[sizeof(WORD)] = "";
	struct iovec local = {word, sizeof(word)};
	struct iovec remote = {(void *)(uintptr_t)question->data.args[0], sizeof(word)};
	REIN_AUTO_FD int pidfd = (int)syscall(SYS_pidfd_open, question->pid, 0);
	REIN_AUTO_FD int copy = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, (int)question->data.args[1], 0);

	if (copy < 0 || process_vm_readv((pid_t)question->pid, &local, 1, &remote, 1, 0) != sizeof(word))
		return false;
	return !ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &question->id) && !memcmp(word, WORD, sizeof(word)) &&
	       write(copy, word, sizeof(word)) == sizeof(word);
}

static bool answer(struct rein_machine *machine, int fd)
{
	struct pollfd readable = {fd, POLLIN, 0};
	struct seccomp_notif question = {0};
	struct seccomp_notif_resp response = {.val = ANSWER};

	if (poll(&readable, 1, PATIENCE_MS) != 1 || ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &question))
		return false;
	machine->seccomp_acts = !has_privileges() && acts_for(fd, &question);
	response.id = question.id;
	return !ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

/* The listener's number from the child; -1 if it could not have one. */
static int listener_of(int pipe_fd)
{
	struct pollfd readable = {pipe_fd, POLLIN, 0};
	int fd = -1;

	if (poll(&readable, 1, PATIENCE_MS) != 1 || read(pipe_fd, &fd, sizeof(fd)) != sizeof(fd))
		return -1;
	return fd;
}

static bool broker_answers(struct rein_machine *machine)
{
	int ends[2], status = -1;
	pid_t child, self = getpid();
	bool answered;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (!child)
		ask(ends[1], self);
	REIN_AUTO_FD int fd = child > 0 ? listener_of(ends[0]) : -1;

	if (fd >= 0)
		machine->seccomp_sync_wake = !ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP);
	answered = fd >= 0 && answer(machine, fd);
	if (child > 0 && !answered)
		kill(child, SIGKILL);
	answered = child > 0 && waitpid(child, &status, 0) == child && !status && answered;
	close(ends[0]);
	close(ends[1]);
	return answered;
}

void rein_seccomp_probe(struct rein_machine *machine)
{
	struct rein_fact *filter = &machine->facts[REIN_MECH_SECCOMP], *broker = &machine->facts[REIN_MECH_BROKER];
	const struct scmp_version *version = seccomp_version();

	filter->works = version && filter_refuses();
	broker->works = filter->works && broker_answers(machine);
	machine->seccomp_notify = broker->works;
	if (filter->works)
		snprintf(filter->detail, sizeof(filter->detail), "libseccomp %u.%u.%u", version->major, version->minor,
			 version->micro);
	else
		snprintf(filter->detail, sizeof(filter->detail),
			 "a test filter did not refuse a call; the kernel needs CONFIG_SECCOMP_FILTER, and what rein "
			 "runs in must allow seccomp(2)");
	if (broker->works)
		snprintf(broker->detail, sizeof(broker->detail), "seccomp user notification%s%s",
			 machine->seccomp_sync_wake ? ", synchronous wake-up" : "",
			 machine->seccomp_acts ? ", acts for who asks"
			 : has_privileges()    ? ""
					       : "; it cannot act for who asks: pidfd_getfd (5.6) or process_vm_readv "
						 "is refused, by Yama or a container");
	else
		snprintf(broker->detail, sizeof(broker->detail),
			 "a notified call was not answered; the kernel needs to be 5.0 or later, and what rein runs in "
			 "must not listen to notifications itself (some containers do)");
}
