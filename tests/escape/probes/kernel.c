/* SPDX-License-Identifier: GPL-2.0 */
/* System calls that the filter must refuse, the other ABIs of the processor, and the kernel's own switches. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Runs in a child, since the answer may be SIGSYS. 0 if it returned 0. */
static int in_child(long (*attempt)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(attempt() == 0 ? 0 : 1);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return status == 0 ? 0 : EPERM;
}

/* unshare(0) does nothing and returns 0 wherever the number can be called at all. */
static long x32_unshare(void)
{
	return syscall(0x40000000L | SYS_unshare, 0);
}

static long int80_unshare(void)
{
	long result = 310; /* unshare on i386 */

	__asm__ volatile("int $0x80" : "+a"(result) : "b"(0L) : "memory", "r8", "r9", "r10", "r11");
	return result;
}

/* Even calls that are allowed natively have other numbers there: the whole ABI is closed. getpid cannot fail. */
static long x32_getpid(void)
{
	return syscall(0x40000000L | SYS_getpid) > 0 ? 0 : -1;
}

static long int80_getpid(void)
{
	long result = 20;

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	return result > 0 ? 0 : -1;
}

static int abi_x32(const struct scene *scene)
{
	return in_child(x32_unshare) && in_child(x32_getpid) ? EPERM : 0;
}

static int abi_int80(const struct scene *scene)
{
	return in_child(int80_unshare) && in_child(int80_getpid) ? EPERM : 0;
}

/* A number that no kernel has yet must look like one: programs fall back only on ENOSYS. */
static int unknown_number(const struct scene *scene)
{
	return syscall(1999) == -1 && errno == ENOSYS ? ENOSYS : 0;
}

static int ring_setup(const struct scene *scene)
{
	struct io_uring_params params;

	memset(&params, 0, sizeof(params));
	return probe_result(syscall(SYS_io_uring_setup, 4, &params));
}

static int aio_setup(const struct scene *scene)
{
	unsigned long context = 0;

	return probe_result(syscall(SYS_io_setup, 4, &context));
}

static int user_faults(const struct scene *scene)
{
	return probe_result(syscall(SYS_userfaultfd, O_CLOEXEC | 1));
}

static int bpf_map(const struct scene *scene)
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	return probe_result(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static int perf_event(const struct scene *scene)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof(attr),
				       .exclude_kernel = 1,
				       .config = PERF_COUNT_SW_TASK_CLOCK};

	return probe_result(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int load_kernel(const struct scene *scene)
{
	return syscall(SYS_kexec_load, 0, 0, NULL, 0xffff0000UL) == 0 || errno == EINVAL ? 0 : errno;
}

static int load_module(const struct scene *scene)
{
	return syscall(SYS_init_module, "", 0, "") == 0 || errno == ENOEXEC || errno == EINVAL ? 0 : errno;
}

static int load_module_file(const struct scene *scene)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return syscall(SYS_finit_module, fd, "", 0) == 0 || errno == ENOEXEC || errno == EINVAL ? 0 : errno;
}

static int restart_machine(const struct scene *scene)
{
	/* Wrong magic numbers: a kernel that gets as far as looking at them would have done it. */
	return syscall(SYS_reboot, 1, 2, 3, NULL) == 0 || errno == EINVAL ? 0 : errno;
}

static int set_clock(const struct scene *scene)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return probe_result(clock_settime(CLOCK_REALTIME, &now));
}

static int adjust_clock(const struct scene *scene)
{
	struct timex timex = {.modes = ADJ_TICK, .tick = 10000};

	return probe_result(adjtimex(&timex));
}

static int kernel_log(const struct scene *scene)
{
	char buffer[64];

	return probe_result(syscall(SYS_syslog, 3, buffer, sizeof(buffer)));
}

static int swap_off(const struct scene *scene)
{
	return syscall(SYS_swapoff, "/nonexistent") == 0 || errno == ENOENT ? 0 : errno;
}

static int accounting(const struct scene *scene)
{
	return syscall(SYS_acct, "/nonexistent") == 0 || errno == ENOENT ? 0 : errno;
}

static int port_access(const struct scene *scene)
{
	return probe_result(syscall(SYS_ioperm, 0x80, 1, 1));
}

static int trace_me(const struct scene *scene)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) ? 1 : 0);
	return waitpid(pid, &status, 0) < 0 ? errno : status ? EPERM : 0;
}

static int undo_no_new_privs(const struct scene *scene)
{
	prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? EPERM : 0;
}

static int undo_seccomp(const struct scene *scene)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2 ? probe_result(prctl(PR_SET_SECCOMP, 0, 0, 0, 0)) : 0;
}

static int become_root(const struct scene *scene)
{
	uid_t before = getuid();

	if (before == 0)
		return EPERM; /* has nothing to gain; what it may do is what the other probes ask */
	return setresuid(0, 0, 0) == 0 && getuid() == 0 ? 0 : EPERM;
}

static int gain_privileges(const struct scene *scene)
{
	struct {
		uint32_t version;
		int pid;
	} header = {0x20080522, 0};
	struct {
		uint32_t effective, permitted, inheritable;
	} data[2] = {{~0U, ~0U, 0}, {~0U, ~0U, 0}};

	return probe_result(syscall(SYS_capset, &header, data));
}

static int ambient_privileges(const struct scene *scene)
{
	return probe_result(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0));
}

static int switch_at(const char *path)
{
	/* Opening is enough to know, and writing would change the machine. */
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? errno : (close(fd), 0);
}

static int core_pattern(const struct scene *scene)
{
	return switch_at("/proc/sys/kernel/core_pattern");
}

static int sysrq(const struct scene *scene)
{
	return switch_at("/proc/sysrq-trigger");
}

static int modprobe_path(const struct scene *scene)
{
	return switch_at("/proc/sys/kernel/modprobe");
}

static int uevent_helper(const struct scene *scene)
{
	return switch_at("/sys/kernel/uevent_helper");
}

static int binary_formats(const struct scene *scene)
{
	return switch_at("/proc/sys/fs/binfmt_misc/register");
}

static int release_agent(const struct scene *scene)
{
	return switch_at("/sys/fs/cgroup/memory/release_agent");
}

static int kernel_symbols(const struct scene *scene)
{
	return switch_at("/proc/kcore");
}

const struct probe probes_of_kernel[] = {
	{"abi-x32", abi_x32},
	{"abi-int80", abi_int80},
	{"unknown-number", unknown_number},
	{"ring-setup", ring_setup},
	{"aio-setup", aio_setup},
	{"user-faults", user_faults},
	{"bpf-map", bpf_map},
	{"perf-event", perf_event},
	{"load-kernel", load_kernel},
	{"load-module", load_module},
	{"load-module-file", load_module_file},
	{"restart-machine", restart_machine},
	{"set-clock", set_clock},
	{"adjust-clock", adjust_clock},
	{"kernel-log", kernel_log},
	{"swap-off", swap_off},
	{"accounting", accounting},
	{"port-access", port_access},
	{"trace-me", trace_me},
	{"undo-no-new-privs", undo_no_new_privs},
	{"undo-seccomp", undo_seccomp},
	{"become-root", become_root},
	{"gain-privileges", gain_privileges},
	{"ambient-privileges", ambient_privileges},
	{"core-pattern", core_pattern},
	{"sysrq", sysrq},
	{"modprobe-path", modprobe_path},
	{"uevent-helper", uevent_helper},
	{"binary-formats", binary_formats},
	{"release-agent", release_agent},
	{"kernel-symbols", kernel_symbols},
	{NULL, NULL},
};
