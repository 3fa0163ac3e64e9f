/* SPDX-License-Identifier: GPL-2.0 */
/* Reaching processes outside, one's own init, and outliving the agent. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int signal_bystander(const struct scene *scene)
{
	return probe_result(kill(scene->bystander, SIGKILL));
}

static int stop_bystander(const struct scene *scene)
{
	return probe_result(kill(scene->bystander, SIGSTOP));
}

static int signal_thread(const struct scene *scene)
{
	return probe_result(syscall(SYS_tgkill, scene->bystander, scene->bystander, SIGKILL));
}

static int signal_group(const struct scene *scene)
{
	return probe_result(kill(-scene->bystander, SIGKILL));
}

static int signal_by_pidfd(const struct scene *scene)
{
	int fd = (int)syscall(SYS_pidfd_open, scene->bystander, 0);

	return fd < 0 ? errno : probe_result(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
}

/* In a child, since the signal may reach itself. */
static int signal_everybody(const struct scene *scene)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		kill(-1, SIGKILL);
		_exit(0);
	}
	return waitpid(pid, &status, 0) < 0 ? errno : 0;
}

static int signal_queue(const struct scene *scene)
{
	return probe_result(sigqueue(scene->bystander, SIGTERM, (union sigval){0}));
}

static int trace_bystander(const struct scene *scene)
{
	if (ptrace(PTRACE_SEIZE, scene->bystander, NULL, NULL))
		return errno;
	return probe_result(ptrace(PTRACE_INTERRUPT, scene->bystander, NULL, NULL));
}

static int write_memory_by_vm(const struct scene *scene)
{
	struct iovec local = {(char *)PROBE_TOUCHED, 8}, remote = {(void *)scene->address, 8};

	return probe_result(process_vm_writev(scene->bystander, &local, 1, &remote, 1, 0));
}

static int read_memory_by_vm(const struct scene *scene)
{
	char buffer[64] = "";
	struct iovec local = {buffer, 63}, remote = {(void *)scene->address, 63};

	if (process_vm_readv(scene->bystander, &local, 1, &remote, 1, 0) < 0)
		return errno;
	printf("%s\n", buffer);
	return 0;
}

static int write_memory_by_proc(const struct scene *scene)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", scene->bystander);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? errno : probe_result(pwrite(fd, PROBE_TOUCHED, 8, (off_t)scene->address));
}

static int limit_bystander(const struct scene *scene)
{
	struct rlimit limit = {0, 0};

	return probe_result(prlimit(scene->bystander, RLIMIT_CPU, &limit, NULL));
}

static int renice_bystander(const struct scene *scene)
{
	return probe_result(setpriority(PRIO_PROCESS, (id_t)scene->bystander, 19));
}

static int pin_bystander(const struct scene *scene)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return probe_result(sched_setaffinity(scene->bystander, sizeof(set), &set));
}

static int take_descriptor(const struct scene *scene)
{
	int fd = (int)syscall(SYS_pidfd_open, scene->bystander, 0);

	if (fd < 0)
		return errno;
	for (int number = 0; number < 32; number++) {
		int taken = (int)syscall(SYS_pidfd_getfd, fd, number, 0);

		if (taken >= 0)
			return 0;
	}
	return errno;
}

static int environment_of_bystander(const struct scene *scene)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/environ", scene->bystander);
	return probe_show(open(path, O_RDONLY | O_CLOEXEC));
}

/* The numbers of processes that are not ours: a fresh /proc shows none of them. */
static int see_bystander(const struct scene *scene)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d", scene->bystander);
	return probe_result(access(path, F_OK));
}

static int stop_init(const struct scene *scene)
{
	kill(1, SIGSTOP);
	kill(1, SIGKILL);
	kill(1, SIGTERM);
	return EPERM; /* its effect would be that the agent never ends, or ends without a word */
}

static int trace_init(const struct scene *scene)
{
	return probe_result(ptrace(PTRACE_SEIZE, 1, NULL, NULL));
}

static int memory_of_init(const struct scene *scene)
{
	return probe_result(open("/proc/1/mem", O_RDWR | O_CLOEXEC));
}

/* Its descriptors are what ties it to the supervisor. */
static int descriptors_of_init(const struct scene *scene)
{
	int fd = (int)syscall(SYS_pidfd_open, 1, 0);

	for (int number = 0; number < 32; number++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/1/fd/%d", number);
		if (open(path, O_RDWR | O_CLOEXEC) >= 0 || (fd >= 0 && syscall(SYS_pidfd_getfd, fd, number, 0) >= 0))
			return 0;
	}
	return EPERM;
}

static int forget_parent(const struct scene *scene)
{
	char name[128];

	snprintf(name, sizeof(name), "rein-probe-survivor-%s", scene->token);
	if (fork() > 0)
		return 0; /* what counts is whether it survives */
	setsid();
	if (fork() > 0)
		_exit(0);
	prctl(PR_SET_PDEATHSIG, 0);
	for (int i = 1; i < 65; i++)
		signal(i, SIG_IGN);
	for (int fd = 0; fd < 256; fd++)
		close(fd);
	execl("/proc/self/exe", "probe", "linger", name, "/dev/null", (char *)NULL);
	_exit(1);
}

static int oom_score_of_init(const struct scene *scene)
{
	return probe_put(open("/proc/1/oom_score_adj", O_WRONLY | O_CLOEXEC), "1000");
}

/* Every cgroup that can be seen, by itself and by the usual paths. */
static int leave_cgroup(const struct scene *scene)
{
	static const char *const groups[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids",
					     "/sys/fs/cgroup/memory", "/sys/fs/cgroup/rein"};
	char text[32];
	int error = EACCES;

	snprintf(text, sizeof(text), "%d", getpid());
	for (size_t i = 0; error && i < sizeof(groups) / sizeof(groups[0]); i++)
		error = probe_put(open(probe_path(groups[i], "cgroup.procs"), O_WRONLY | O_CLOEXEC), text);
	return error;
}

const struct probe probes_of_processes[] = {
	{"signal-bystander", signal_bystander},
	{"stop-bystander", stop_bystander},
	{"signal-thread", signal_thread},
	{"signal-group", signal_group},
	{"signal-by-pidfd", signal_by_pidfd},
	{"signal-everybody", signal_everybody},
	{"signal-queue", signal_queue},
	{"trace-bystander", trace_bystander},
	{"write-memory-by-vm", write_memory_by_vm},
	{"read-memory-by-vm", read_memory_by_vm},
	{"write-memory-by-proc", write_memory_by_proc},
	{"limit-bystander", limit_bystander},
	{"renice-bystander", renice_bystander},
	{"pin-bystander", pin_bystander},
	{"take-descriptor", take_descriptor},
	{"environment-of-bystander", environment_of_bystander},
	{"see-bystander", see_bystander},
	{"stop-init", stop_init},
	{"trace-init", trace_init},
	{"memory-of-init", memory_of_init},
	{"descriptors-of-init", descriptors_of_init},
	{"forget-parent", forget_parent},
	{"oom-score-of-init", oom_score_of_init},
	{"leave-cgroup", leave_cgroup},
	{NULL, NULL},
};
