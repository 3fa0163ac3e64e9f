/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "harness/policies.h"
#include "mech/syscall_filter.h"

/* The filter is run here, in an interpreter of the few instructions that it is made of, against every call. */

#define ALLOW SECCOMP_RET_ALLOW
#define NOTIFY SECCOMP_RET_USER_NOTIF
#define REFUSE (SECCOMP_RET_ERRNO | EPERM)
#define ABSENT (SECCOMP_RET_ERRNO | ENOSYS)
#define KILL SECCOMP_RET_KILL_PROCESS

static uint32_t load(const struct seccomp_data *data, uint32_t offset)
{
	uint32_t value;

	cr_assert_leq(offset, sizeof(*data) - sizeof(value));
	memcpy(&value, (const char *)data + offset, sizeof(value));
	return value;
}

static bool jumps(const struct sock_filter *at, uint32_t a)
{
	switch (BPF_OP(at->code)) {
	case BPF_JEQ:
		return a == at->k;
	case BPF_JGT:
		return a > at->k;
	case BPF_JGE:
		return a >= at->k;
	case BPF_JSET:
		return a & at->k;
	}
	cr_assert_fail("unknown jump %#x", at->code);
	return false;
}

static uint32_t run(const struct sock_fprog *program, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (const struct sock_filter *at = program->filter;; at++) {
		cr_assert_lt(at - program->filter, program->len);
		if (at->code == (BPF_RET | BPF_K))
			return at->k;
		if (at->code == (BPF_LD | BPF_W | BPF_ABS))
			a = load(data, at->k);
		else if (at->code == (BPF_ALU | BPF_AND | BPF_K))
			a &= at->k;
		else if (at->code == (BPF_JMP | BPF_JA))
			at += at->k;
		else if (BPF_CLASS(at->code) == BPF_JMP)
			at += jumps(at, a) ? at->jt : at->jf;
		else
			cr_assert_fail("unknown instruction %#x", at->code);
	}
}

static struct rein_trial_plan trial;
static struct rein_filter filter;
static struct sock_fprog program;

static void make(void)
{
	struct rein_error err = {0};

	cr_assert_eq(rein_filter_decide(&trial.plan, &filter, &err), 0, "%s", err.text);
	cr_assert_eq(rein_filter_compile(&filter, &program, &err), 0, "%s", err.text);
}

static void setup(void)
{
	rein_trial_plan_init(&trial);
}

static void teardown(void)
{
	rein_trial_plan_free(&trial);
	free(program.filter);
	program.filter = NULL;
}

TestSuite(syscall_filter, .init = setup, .fini = teardown);

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif

static uint32_t call6(const char *name, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	struct seccomp_data data = {.nr = rein_syscall_number(name), .arch = ARCH, .args = {a, b, c, d, e}};

	return run(&program, &data);
}
#define call(name, a, b, c, d) call6(name, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), 0)

static uint32_t number(uint32_t arch, int nr)
{
	struct seccomp_data data = {.nr = nr, .arch = arch};

	return run(&program, &data);
}

Test(syscall_filter, foreign_calls_are_killed)
{
	make();
	cr_assert_eq(number(AUDIT_ARCH_I386, 5), KILL);
	cr_assert_eq(number(AUDIT_ARCH_ARM, 5), KILL);
#if defined(__x86_64__)
	cr_assert_eq(number(ARCH, 0x40000000), KILL, "x32");
	cr_assert_eq(number(ARCH, 0x40000000 | 59), KILL, "x32");
	cr_assert_eq(number(ARCH, 0x7fffffff), KILL, "x32");
#endif
}

Test(syscall_filter, unknown_numbers_do_not_exist)
{
	make();
	cr_assert_eq(number(ARCH, REIN_CALLS_MAX), ABSENT);
	cr_assert_eq(number(ARCH, 5000), ABSENT);
	cr_assert_eq(number(ARCH, REIN_CALLS_MAX - 1), ABSENT);
#if defined(__x86_64__)
	cr_assert_eq(number(ARCH, 400), ABSENT, "a gap in the table");
#endif
}

Test(syscall_filter, known_calls_outside_the_list_are_refused)
{
	static const char *const refused[] = {
		"unshare",
		"setns",
		"mount",
		"ptrace",
		"bpf",
		"keyctl",
		"kexec_load",
		"chroot",
		"perf_event_open",
		"userfaultfd",
		"open_by_handle_at",
		"reboot",
		"process_vm_writev",
		"kcmp",
		"pidfd_getfd",
		"fsopen",
		"move_mount",
		"init_module",
		"quotactl",
		"memfd_secret",
	};

	make();
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		cr_assert_eq(call(refused[i], 0, 0, 0, 0), REFUSE, "%s", refused[i]);
	cr_assert_eq(call("clone3", 0, 0, 0, 0), ABSENT);
	cr_assert_eq(call("openat2", 0, 0, 0, 0), ABSENT);
	cr_assert_eq(call("io_uring_setup", 0, 0, 0, 0), ABSENT);
	cr_assert_eq(call("io_submit", 0, 0, 0, 0), ABSENT);
}

#define HIGH (1ULL << 32)

Test(syscall_filter, terminals_cannot_be_typed_into)
{
	make();
	cr_assert_eq(call("ioctl", 0, TIOCSTI, 0, 0), REFUSE);
	cr_assert_eq(call("ioctl", 0, TIOCSTI | HIGH, 0, 0), REFUSE, "the kernel ignores the upper half");
	cr_assert_eq(call("ioctl", 0, TIOCLINUX | HIGH << 7, 0, 0), REFUSE);
	cr_assert_eq(call("ioctl", 0, TIOCSETD, 0, 0), REFUSE);
	cr_assert_eq(call("ioctl", 0, TCGETS, 0, 0), ALLOW);
	cr_assert_eq(call("ioctl", 0, TIOCSWINSZ, 0, 0), ALLOW);
	cr_assert_eq(call("ioctl", 0, FIONBIO, 0, 0), ALLOW);
	cr_assert_eq(call("ioctl", 0, 0xffffffffU, 0, 0), ALLOW);
	cr_assert_eq(call("ioctl", 0, TCGETS | HIGH, 0, 0), ALLOW, "what the upper half holds is no matter");
}

Test(syscall_filter, new_namespaces_are_refused)
{
	make();
	cr_assert_eq(call("clone", SIGCHLD, 0, 0, 0), ALLOW);
	cr_assert_eq(call("clone", CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0), ALLOW);
	cr_assert_eq(call("clone", CLONE_NEWUSER | SIGCHLD, 0, 0, 0), REFUSE);
	cr_assert_eq(call("clone", CLONE_NEWNS, 0, 0, 0), REFUSE);
	cr_assert_eq(call("clone", CLONE_NEWPID | HIGH, 0, 0, 0), REFUSE);
	cr_assert_eq(call("clone", CLONE_NEWCGROUP, 0, 0, 0), REFUSE);
}

struct socket_row {
	int domain, type, protocol;
	uint32_t own, landlock; /* expected in a network of its own; on the host's under Landlock alone */
};

Test(syscall_filter, socket_families)
{
	static const struct socket_row rows[] = {
		{AF_UNIX, SOCK_STREAM, 0, ALLOW, ALLOW},
		{AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ALLOW, ALLOW},
		{AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0, ALLOW, ALLOW},
		{AF_INET6, SOCK_STREAM, IPPROTO_TCP, ALLOW, ALLOW},
		{AF_INET, SOCK_STREAM, 262, REFUSE, REFUSE}, /* MPTCP */
		{AF_INET, SOCK_STREAM, IPPROTO_SCTP, REFUSE, REFUSE},
		{AF_INET, SOCK_DGRAM, 0, ALLOW, REFUSE},
		{AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP, ALLOW, REFUSE},
		{AF_INET, SOCK_DGRAM, IPPROTO_ICMP, REFUSE, REFUSE},
		{AF_INET, SOCK_DGRAM, 136, REFUSE, REFUSE}, /* UDP-Lite */
		{AF_INET, SOCK_RAW, IPPROTO_TCP, REFUSE, REFUSE},
		{AF_INET6, SOCK_SEQPACKET, 0, REFUSE, REFUSE},
		{AF_NETLINK, SOCK_RAW, 0, ALLOW, ALLOW},
		{AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 12, REFUSE, REFUSE}, /* NETFILTER */
		{AF_NETLINK, SOCK_DGRAM, 4, REFUSE, REFUSE},
		{AF_PACKET, SOCK_RAW, 0, REFUSE, REFUSE},
		{AF_PACKET, SOCK_DGRAM, 0, REFUSE, REFUSE},
		{AF_ALG, SOCK_SEQPACKET, 0, REFUSE, REFUSE},
		{AF_VSOCK, SOCK_STREAM, 0, REFUSE, REFUSE},
		{AF_BLUETOOTH, SOCK_RAW, 0, REFUSE, REFUSE},
		{AF_XDP, SOCK_RAW, 0, REFUSE, REFUSE},
		{AF_TIPC, SOCK_STREAM, 0, REFUSE, REFUSE},
	};

	make();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(call("socket", rows[i].domain, rows[i].type, rows[i].protocol, 0), rows[i].own, "row %zu",
			     i);
	free(program.filter);
	trial.plan.host_network = true;
	make();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(call("socket", rows[i].domain, rows[i].type, rows[i].protocol, 0), rows[i].landlock,
			     "row %zu under Landlock", i);
}

Test(syscall_filter, upper_halves_change_nothing)
{
	make();
	cr_assert_eq(call("socket", AF_PACKET | HIGH, SOCK_RAW, 0, 0), REFUSE);
	cr_assert_eq(call("socket", AF_INET | HIGH, SOCK_STREAM | HIGH, 0 | HIGH, 0), ALLOW);
	cr_assert_eq(call("chmod", 0, 04755 | HIGH, 0, 0), REFUSE);
}

Test(syscall_filter, what_landlock_does_not_see_is_refused_where_it_stands_alone)
{
	trial.plan.host_network = true;
	make();
	cr_assert_eq(call("sendto", 0, 0, 0, MSG_FASTOPEN), REFUSE);
	cr_assert_eq(call("sendto", 0, 0, 0, MSG_NOSIGNAL), ALLOW);
	cr_assert_eq(call("sendmsg", 0, 0, MSG_FASTOPEN | HIGH, 0), REFUSE);
	cr_assert_eq(call("sendmmsg", 0, 0, 1, MSG_FASTOPEN), REFUSE);
	cr_assert_eq(call("setsockopt", 0, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0), REFUSE);
	cr_assert_eq(call("setsockopt", 0, IPPROTO_TCP | HIGH, TCP_FASTOPEN_CONNECT | HIGH, 0), REFUSE);
	cr_assert_eq(call("setsockopt", 0, IPPROTO_TCP, TCP_NODELAY, 0), ALLOW);
	cr_assert_eq(call("setsockopt", 0, SOL_SOCKET, TCP_FASTOPEN_CONNECT, 0), ALLOW);
	cr_assert_eq(call("listen", 0, 0, 0, 0), REFUSE);
}

Test(syscall_filter, without_confined_unix_sockets_only_unnamed_pairs_remain)
{
	trial.plan.unix_sockets = false;
	make();
	cr_assert_eq(call("socket", AF_UNIX, SOCK_STREAM, 0, 0), REFUSE);
	cr_assert_eq(call("socketpair", AF_UNIX, SOCK_STREAM, 0, 0), ALLOW);
	cr_assert_eq(call("socketpair", AF_UNIX, SOCK_DGRAM, 0, 0), REFUSE, "it can send to any other by name");
	cr_assert_eq(call("socketpair", AF_TIPC, SOCK_STREAM, 0, 0), REFUSE);
}

Test(syscall_filter, setuid_bits_and_devices_are_refused)
{
	make();
	cr_assert_eq(call("chmod", 0, 0755, 0, 0), ALLOW);
	cr_assert_eq(call("chmod", 0, 02755, 0, 0), REFUSE);
	cr_assert_eq(call("fchmodat", 0, 0, 04755, 0), REFUSE);
	cr_assert_eq(call("fchmodat2", 0, 0, 04755, 0), REFUSE);
	cr_assert_eq(call("openat", 0, 0, O_CREAT | O_WRONLY, 04755), REFUSE);
	cr_assert_eq(call("openat", 0, 0, O_TMPFILE | O_WRONLY, 04755), REFUSE);
	cr_assert_eq(call("openat", 0, 0, O_RDONLY, 0xffffffff), ALLOW, "no mode argument is there");
	cr_assert_eq(call("mknodat", 0, 0, S_IFCHR | 0600, 0), REFUSE);
	cr_assert_eq(call("mknodat", 0, 0, S_IFBLK | 0600, 0), REFUSE);
	cr_assert_eq(call("mknodat", 0, 0, S_IFIFO | 0600, 0), ALLOW);
	cr_assert_eq(call("mknodat", 0, 0, S_IFREG | 04600, 0), REFUSE);
}

Test(syscall_filter, personalities)
{
	make();
	cr_assert_eq(call("personality", 0xffffffff, 0, 0, 0), ALLOW);
	cr_assert_eq(call("personality", ~0ULL, 0, 0, 0), ALLOW);
	cr_assert_eq(call("personality", 0, 0, 0, 0), ALLOW);
	cr_assert_eq(call("personality", 0x0400000, 0, 0, 0), REFUSE, "READ_IMPLIES_EXEC");
	cr_assert_eq(call("personality", 0x0100000, 0, 0, 0), REFUSE, "MMAP_PAGE_ZERO");
}

Test(syscall_filter, no_listener_of_its_own)
{
	make();
	cr_assert_eq(call("seccomp", SECCOMP_SET_MODE_FILTER, 0, 0, 0), ALLOW);
	cr_assert_eq(call("seccomp", SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0, 0), REFUSE);
}

Test(syscall_filter, ipc_needs_a_namespace)
{
	trial.plan.namespaces &= ~(unsigned)REIN_NS_IPC;
	make();
	cr_assert_eq(call("shmget", 0, 0, 0, 0), REFUSE);
	cr_assert_eq(call("mq_open", 0, 0, 0, 0), REFUSE);
}

Test(syscall_filter, a_deny_wins)
{
	rein_trial_plan_syscall(&trial, REIN_VERDICT_DENY, "@network");
	rein_trial_plan_syscall(&trial, REIN_VERDICT_ALLOW, "sendmsg");
	rein_trial_plan_syscall(&trial, REIN_VERDICT_ALLOW, "socket");
	trial.policy.syscalls.items[1].verdict = REIN_VERDICT_ALLOW;
	rein_trial_plan_syscall(&trial, REIN_VERDICT_DENY, "socket");
	make();
	cr_assert_eq(call("socket", AF_INET, SOCK_STREAM, 0, 0), REFUSE);
	cr_assert_eq(call("connect", 0, 0, 0, 0), ALLOW);
}

Test(syscall_filter, what_can_never_be_allowed_is_an_error)
{
	struct rein_error err = {0};

	rein_trial_plan_syscall(&trial, REIN_VERDICT_ALLOW, "io_uring_setup");
	cr_assert_eq(rein_filter_decide(&trial.plan, &filter, &err), -EPERM);
	cr_assert_str_eq(err.text,
			 "trial.yaml:2: io_uring_setup cannot be allowed because what it queues happens past the "
			 "filter; remove it from `syscalls`");
}

Test(syscall_filter, queues_are_there_where_bpf_file_counts_what_they_do)
{
	trial.plan.queues = true;
	make();
	cr_assert_eq(call("io_uring_setup", 0, 0, 0, 0), ABSENT, "only if a line names it");
	rein_trial_plan_syscall(&trial, REIN_VERDICT_ALLOW, "io_uring_setup");
	make();
	cr_assert_eq(call("io_uring_setup", 0, 0, 0, 0), ALLOW);
	cr_assert_eq(call("io_submit", 0, 0, 0, 0), ABSENT);
	rein_trial_plan_syscall(&trial, REIN_VERDICT_DENY, "io_uring_setup");
	make();
	cr_assert_eq(call("io_uring_setup", 0, 0, 0, 0), REFUSE, "a deny wins");
}

Test(syscall_filter, nothing_starts_without_the_vital_calls)
{
	struct rein_error err = {0};

	rein_trial_plan_syscall(&trial, REIN_VERDICT_DENY, "execve");
	cr_assert_eq(rein_filter_decide(&trial.plan, &filter, &err), -EINVAL);
	cr_assert_str_eq(err.text, "trial.yaml:2: without execve no program can be started; do not deny it");
	trial.policy.syscalls.count = 0;
	rein_trial_plan_syscall(&trial, REIN_VERDICT_ALLOW, "@file");
	cr_assert_eq(rein_filter_decide(&trial.plan, &filter, &err), -EINVAL);
	cr_assert_str_eq(err.text, "trial.yaml: `syscalls` does not allow execve, without which no program can be "
				   "started; allow \"@default\", or at least \"@basic\", \"@file\" and \"@process\"");
}

Test(syscall_filter, metered_calls_are_notified)
{
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 10, REIN_ON_TRIP_DENY);
	make();
	cr_assert_eq(call("unlink", 0, 0, 0, 0), NOTIFY);
	cr_assert_eq(call("renameat2", 0, 0, 0, 0), NOTIFY);
	cr_assert_eq(call("openat", 0, 0, O_RDONLY, 0), ALLOW);
	cr_assert_eq(call("openat", 0, 0, O_WRONLY | O_CREAT, 0644), ALLOW);
	cr_assert_eq(call("openat", 0, 0, O_WRONLY | O_CREAT | O_TRUNC, 0644), NOTIFY);
	cr_assert_eq(call("openat", 0, 0, O_RDONLY | O_TRUNC, 0), NOTIFY);
	cr_assert_eq(call("fallocate", 0, 0, 0, 0), ALLOW);
	cr_assert_eq(call("fallocate", 0, 3, 0, 0), NOTIFY);
	cr_assert_eq(call("ioctl", 0, FICLONE, 0, 0), NOTIFY);
	cr_assert_eq(call("ioctl", 0, FICLONERANGE | HIGH, 0, 0), NOTIFY);
	cr_assert_eq(call("mount", 0, 0, 0, 0), NOTIFY, "refusals are recorded");
	cr_assert_eq(call("read", 0, 0, 0, 0), ALLOW);
	cr_assert_eq(call("connect", 0, 0, 0, 0), NOTIFY);
	cr_assert_eq(call("sendmsg", 0, 0, 0, 0), ALLOW, "the launch hands over its listener by it");
}

Test(syscall_filter, forks_are_notified_and_threads_are_not)
{
	rein_trial_plan_breaker(&trial, REIN_METER_FORK_COUNT, 10, REIN_ON_TRIP_DENY);
	rein_trial_plan_breaker(&trial, REIN_METER_CHMOD_FILES, 10, REIN_ON_TRIP_DENY);
	make();
	cr_assert_eq(call("clone", SIGCHLD, 0, 0, 0), NOTIFY);
	cr_assert_eq(call("clone", CLONE_THREAD | CLONE_VM | CLONE_SIGHAND, 0, 0, 0), ALLOW);
	cr_assert_eq(call("clone", CLONE_THREAD | CLONE_NEWUSER, 0, 0, 0), NOTIFY);
	cr_assert_not(rein_filter_allows(&filter, SYS_clone, (const uint64_t[6]){CLONE_THREAD | CLONE_NEWUSER}));
	cr_assert_eq(call("ioctl", 0, FS_IOC_SETFLAGS, 0, 0), NOTIFY);
	cr_assert_eq(call("ioctl", 0, FS_IOC_GETFLAGS, 0, 0), ALLOW);
}

/* Values that conditions turn on, and some next to them. */
static uint64_t interesting(void)
{
	static const uint64_t values[] = {
		0,
		1,
		2,
		3,
		5,
		6,
		10,
		16,
		17,
		30,
		0x5412,
		0x541c,
		0x5423,
		0x5410,
		O_CREAT,
		O_TRUNC,
		O_TMPFILE,
		O_RDWR,
		04755,
		02000,
		0100644,
		020600,
		010600,
		0140600,
		0x20000000,
		0x10000,
		0x10011,
		0xffffffff,
		0x40000,
		0x20008,
		0x7e020000,
		0x40086602,
		0x401c5820,
		0x5000940f,
		262,
		0x4030582b,
		SOCK_CLOEXEC | 2,
		0x80801,
		35,
		8,
	};
	uint64_t value = values[(size_t)random() % (sizeof(values) / sizeof(values[0]))];

	if (random() % 8 == 0)
		value ^= 1ULL << random() % 64;
	if (random() % 16 == 0)
		value = (uint64_t)random() << 32 | (uint64_t)random();
	return value;
}

static uint32_t expected(const struct seccomp_data *data)
{
	bool quiet;

	if (filter.fates[data->nr] == REIN_CALL_ABSENT)
		return ABSENT;
	if (filter.fates[data->nr] == REIN_CALL_REFUSED)
		return NOTIFY;
	quiet = rein_filter_allows(&filter, data->nr, (const uint64_t *)data->args);
	for (const struct rein_watched_call *row = rein_watched_calls; row->name; row++)
		if (row->watch & filter.watch && !strcmp(row->name, rein_syscall_name(data->nr)) &&
		    rein_watched_counts(row, (const uint64_t *)data->args))
			quiet = false;
	return quiet ? ALLOW : NOTIFY;
}

/* The program that libseccomp makes decides as the tables say, for every call and for registers of every kind. */
Test(syscall_filter, the_program_is_the_decision, .timeout = 60)
{
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 10, REIN_ON_TRIP_DENY);
	rein_trial_plan_breaker(&trial, REIN_METER_CREATE_FILES, 10, REIN_ON_TRIP_DENY);
	rein_trial_plan_breaker(&trial, REIN_METER_CHMOD_FILES, 10, REIN_ON_TRIP_DENY);
	rein_trial_plan_breaker(&trial, REIN_METER_FORK_COUNT, 10, REIN_ON_TRIP_DENY);
	trial.plan.host_network = true;
	make();
	srandom(4711);
	for (int i = 0; i < 400000; i++) {
		struct seccomp_data data = {.nr = (int)(random() % REIN_CALLS_MAX), .arch = ARCH};
		uint32_t got, want;

		for (int arg = 0; arg < 6; arg++)
			data.args[arg] = interesting();
		got = run(&program, &data);
		want = expected(&data);
		cr_assert_eq(got, want, "%s(%#llx, %#llx, %#llx, %#llx): %#x, not %#x", rein_syscall_name(data.nr),
			     data.args[0], data.args[1], data.args[2], data.args[3], got, want);
	}
}
