/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/policies.h"
#include "mech/seccomp.h"

/* The filter on this kernel: each attempt is made by a child that has it. */

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x8U
#endif

static struct rein_trial_plan trial;

static void setup(void)
{
	rein_trial_plan_init(&trial);
}

static void teardown(void)
{
	rein_trial_plan_free(&trial);
}

TestSuite(seccomp, .init = setup, .fini = teardown, .timeout = 20);

/* Wait status of a child that installs the filter and returns `attempt`'s answer; 99 if it has no filter. */
static int inside(int (*attempt)(void))
{
	struct rein_error err = {0};
	int status = -1;
	pid_t child;

	cr_assert_eq(rein_mech_seccomp.prepare(&trial.launch, &err), 0, "%s", err.text);
	child = fork();
	if (!child) {
		if (rein_mech_seccomp.apply(&trial.launch, REIN_STAGE_AGENT, &err))
			_exit(99);
		_exit(attempt());
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	rein_mech_seccomp.release(&trial.launch);
	return status;
}

#define cr_assert_holds(attempt)                                                               \
	do {                                                                                   \
		int status_ = inside(attempt);                                                 \
		cr_assert(WIFEXITED(status_) && !WEXITSTATUS(status_), "status %#x", status_); \
	} while (0)

/* 0 if the call failed with this error. */
static int failed(long result, int error)
{
	if (result != -1)
		return 1;
	return errno == error ? 0 : 2;
}

static bool died_by(int status, int signal)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == signal;
}

#if defined(__x86_64__)
static int call_x32(void)
{
	return (int)syscall(0x40000000 | 39);
}

static int call_x32_execve(void)
{
	char *argv[] = {"true", NULL};

	return (int)syscall(0x40000000 | 520, "/bin/true", argv, NULL);
}

static int call_i386(void)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	return (int)result & 1;
}

Test(seccomp, x32_is_killed)
{
	cr_assert(died_by(inside(call_x32), SIGSYS));
	cr_assert(died_by(inside(call_x32_execve), SIGSYS));
}

Test(seccomp, int_0x80_is_killed)
{
	int status = inside(call_i386);

	cr_assert(died_by(status, SIGSYS) || died_by(status, SIGSEGV), "status %#x", status);
}
#endif

static int unknown_numbers(void)
{
	return failed(syscall(511), ENOSYS) | failed(syscall(600), ENOSYS) | failed(syscall(100000), ENOSYS);
}

Test(seccomp, unknown_numbers_do_not_exist)
{
	cr_assert_holds(unknown_numbers);
}

static int asynchronous_io(void)
{
	char parameters[256] = {0};
	unsigned long context = 0;

	return failed(syscall(SYS_io_uring_setup, 8, parameters), ENOSYS) |
	       failed(syscall(SYS_io_setup, 8, &context), ENOSYS);
}

Test(seccomp, io_uring_and_aio_look_absent)
{
	cr_assert_holds(asynchronous_io);
}

static int namespaces(void)
{
	return failed(unshare(CLONE_NEWUSER), EPERM) | failed(unshare(CLONE_NEWPID), EPERM) |
	       failed(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL), EPERM) |
	       failed(setns(0, 0), EPERM) | failed(mount("none", "/", NULL, MS_REMOUNT, NULL), EPERM) |
	       failed(chroot("/"), EPERM) | failed(syscall(SYS_clone3, NULL, 0), ENOSYS);
}

Test(seccomp, namespaces_and_mounts_are_refused)
{
	cr_assert_holds(namespaces);
}

static void *thread(void *data)
{
	return data;
}

static int threads_and_children(void)
{
	pthread_t id;
	void *answer = NULL;
	int status = -1;
	pid_t child;

	if (pthread_create(&id, NULL, thread, &status) || pthread_join(id, &answer) || answer != &status)
		return 1;
	child = fork();
	if (!child)
		_exit(0);
	return waitpid(child, &status, 0) != child || status || system("true");
}

Test(seccomp, threads_and_children_work_without_clone3)
{
	cr_assert_holds(threads_and_children);
}

static int ptrace_and_memory(void)
{
	pid_t child = fork();
	int r;

	if (!child) {
		pause();
		_exit(0);
	}
	r = failed(ptrace(PTRACE_ATTACH, child, NULL, NULL), EPERM) | failed(ptrace(PTRACE_TRACEME, 0, 0, 0), EPERM) |
	    failed(syscall(SYS_process_vm_writev, child, NULL, 0, NULL, 0, 0), EPERM);
	kill(child, SIGKILL);
	return r;
}

Test(seccomp, other_processes_are_out_of_reach)
{
	cr_assert_holds(ptrace_and_memory);
}

static int type_into_terminal(void)
{
	int master, slave;
	char byte = 'x';

	if (openpty(&master, &slave, NULL, NULL, NULL))
		return 3;
	setsid();
	ioctl(slave, TIOCSCTTY, 0);
	return failed(syscall(SYS_ioctl, slave, (long)TIOCSTI, &byte), EPERM) |
	       failed(syscall(SYS_ioctl, slave, TIOCSTI | 1L << 32, &byte), EPERM) |
	       failed(syscall(SYS_ioctl, slave, TIOCSTI | 1L << 63, &byte), EPERM) |
	       failed(syscall(SYS_ioctl, slave, TIOCLINUX | 5L << 40, &byte), EPERM);
}

Test(seccomp, terminals_cannot_be_typed_into)
{
	cr_assert_holds(type_into_terminal);
}

static int odd_sockets(void)
{
	return failed(socket(AF_PACKET, SOCK_RAW, 0), EPERM) | failed(socket(AF_INET, SOCK_RAW, 1), EPERM) |
	       failed(socket(AF_VSOCK, SOCK_STREAM, 0), EPERM) | failed(socket(AF_INET, SOCK_STREAM, 262), EPERM) |
	       failed(socket(AF_ALG, SOCK_SEQPACKET, 0), EPERM) | failed(socket(AF_NETLINK, SOCK_RAW, 9), EPERM) |
	       (socket(AF_INET, SOCK_STREAM, 0) < 0) | (socket(AF_INET6, SOCK_STREAM, 6) < 0 && errno == EPERM) |
	       (socket(AF_NETLINK, SOCK_RAW, 0) < 0) | (socket(AF_UNIX, SOCK_STREAM, 0) < 0);
}

Test(seccomp, odd_sockets_are_refused)
{
	cr_assert_holds(odd_sockets);
}

static char folder[] = "/tmp/rein-seccomp-XXXXXX";

static int is_mode(const char *path, unsigned mode)
{
	struct stat st;

	return stat(path, &st) || (st.st_mode & 07777) != mode;
}

static int setuid_files(void)
{
	int r = chdir(folder) | !(creat("plain", 0755) >= 0);

	r |= failed(chmod("plain", 04755), EPERM) | failed(syscall(SYS_fchmodat, AT_FDCWD, "plain", 02755), EPERM) |
	     failed(open("made", O_CREAT | O_WRONLY, 04755), EPERM) | failed(creat("made", 06755), EPERM) |
	     failed(mknod("made", S_IFREG | 04755, 0), EPERM) | failed(mknod("made", S_IFCHR | 0600, 0x103), EPERM) |
	     failed(open(".", O_TMPFILE | O_WRONLY, 04755), EPERM);
	return r | is_mode("plain", 0755) | (access("made", F_OK) == 0);
}

Test(seccomp, setuid_files_cannot_be_made)
{
	cr_assert(mkdtemp(folder));
	cr_assert_holds(setuid_files);
	cr_assert_eq(chdir(folder) || unlink("plain") || chdir("/") || rmdir(folder), 0);
}

/* The content of a shared mapping survives; other advice works. */
static int holes_through_mappings(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	int fd = memfd_create("file", MFD_NOEXEC_SEAL), self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	char *shared;
	struct iovec all;

	if (fd < 0 || self < 0 || ftruncate(fd, (off_t)size) || write(fd, "content", 8) != 8)
		return 3;
	shared = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	all = (struct iovec){shared, size};
	return failed(madvise(shared, size, MADV_REMOVE), EPERM) |
	       failed(syscall(SYS_madvise, shared, size, MADV_REMOVE | 1L << 40), EPERM) |
	       failed(syscall(SYS_process_madvise, self, &all, 1L, (long)MADV_REMOVE, 0L), EPERM) |
	       (strcmp(shared, "content") ? 4 : 0) | madvise(shared, size, MADV_WILLNEED) |
	       madvise(shared, size, MADV_DONTNEED);
}

Test(seccomp, mapped_files_keep_their_content)
{
	cr_assert_holds(holes_through_mappings);
}

/* The old ways to reserve and to punch, and the one to zero. */
static int space_controls(void)
{
	static const unsigned numbers[] = {40, 41, 42, 43, 57};
	char space[48] = {0};
	int fd = memfd_create("file", MFD_NOEXEC_SEAL), r = fd < 0;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		long command = _IOW('X', numbers[i], char[48]);

		r |= failed(syscall(SYS_ioctl, fd, command, space), EPERM) |
		     failed(syscall(SYS_ioctl, fd, command | 1L << 35, space), EPERM);
	}
	return r | failed(ioctl(fd, _IOW('X', 44, char[48]), space), ENOTTY) | fallocate(fd, 0, 0, 4096);
}

Test(seccomp, space_is_for_fallocate)
{
	cr_assert_holds(space_controls);
}

static int whiteouts(void)
{
	int r = chdir(folder) | (creat("a", 0600) < 0), fd = open("a", O_RDWR);
	long version = 7;

	r |= failed(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", RENAME_WHITEOUT), EPERM) |
	     failed(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", RENAME_WHITEOUT | 1L << 33), EPERM) |
	     failed(ioctl(fd, FS_IOC_SETVERSION, &version), EPERM) |
	     failed(ioctl(fd, FS_IOC32_SETVERSION, &version), EPERM);
	return r | syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE) | unlink("b");
}

Test(seccomp, whiteouts_and_versions_are_refused)
{
	cr_assert(mkdtemp(folder));
	cr_assert_holds(whiteouts);
	cr_assert_eq(rmdir(folder), 0);
}

static int hiding(void)
{
	return failed(prctl(PR_SET_DUMPABLE, 0), EPERM) | failed(syscall(SYS_prctl, PR_SET_DUMPABLE, 1L << 32), EPERM) |
	       failed(syscall(SYS_prctl, PR_SET_DUMPABLE | 1L << 32, 0L), EPERM) |
	       failed(prctl(PR_SET_MM, PR_SET_MM_BRK, 0, 0, 0), EPERM) | (prctl(PR_GET_DUMPABLE) != 1) |
	       prctl(PR_SET_DUMPABLE, 1) | prctl(PR_SET_NAME, "shown");
}

Test(seccomp, processes_cannot_hide_from_proc)
{
	cr_assert_holds(hiding);
}

static int odd_personalities(void)
{
	return failed(personality(READ_IMPLIES_EXEC), EPERM) | failed(personality(MMAP_PAGE_ZERO), EPERM) |
	       (personality(0xffffffff) < 0) | (personality(ADDR_NO_RANDOMIZE) < 0);
}

Test(seccomp, odd_personalities_are_refused)
{
	cr_assert_holds(odd_personalities);
}

static int nested(unsigned flags, uint32_t action)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, action)};
	struct sock_fprog program = {1, code};

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

/* An allow-all of the agent's own changes nothing; a listener of its own is refused. */
static int nested_filters(void)
{
	return failed(nested(SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_RET_USER_NOTIF), EPERM) |
	       nested(0, SECCOMP_RET_ALLOW) | failed(unshare(CLONE_NEWUSER), EPERM) |
	       failed(syscall(SYS_bpf, 0, NULL, 0), EPERM);
}

/* Where a newer filter notifies without a listener the call fails: it does not pass ours by. */
static int nested_notification(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {4, code};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) | (unshare(CLONE_NEWUSER) == 0);
}

Test(seccomp, nested_filters_loosen_nothing)
{
	cr_assert_holds(nested_filters);
	cr_assert_holds(nested_notification);
}

static int exec_true(void)
{
	execlp("true", "true", NULL);
	return 1;
}

Test(seccomp, programs_start)
{
	cr_assert_holds(exec_true);
}

/* The filter must be the same for what the agent starts, however it starts it. */
static int exec_unshare(void)
{
	execlp("unshare", "unshare", "--user", "--pid", "--fork", "true", NULL);
	return 0;
}

Test(seccomp, programs_it_starts_are_filtered)
{
	int status = inside(exec_unshare);

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %#x", status);
}

Test(seccomp, probe_works_here)
{
	struct rein_machine machine = {0};

	rein_mech_seccomp.probe(&machine);
	cr_assert(machine.facts[REIN_MECH_SECCOMP].works, "%s", machine.facts[REIN_MECH_SECCOMP].detail);
	cr_assert(machine.facts[REIN_MECH_BROKER].works, "%s", machine.facts[REIN_MECH_BROKER].detail);
	cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1, "a child of the probe is left");
}
