/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/syscall_groups.h"

#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Younger than libseccomp 2.5.4; all architectures share these numbers. */
static const struct {
	const char *name;
	int nr;
} younger[] = {
	{"cachestat", 451},	    {"fchmodat2", 452},		{"map_shadow_stack", 453}, {"futex_wake", 454},
	{"futex_wait", 455},	    {"futex_requeue", 456},	{"statmount", 457},	   {"listmount", 458},
	{"lsm_get_self_attr", 459}, {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
	{"setxattrat", 463},	    {"getxattrat", 464},	{"listxattrat", 465},	   {"removexattrat", 466},
	{"open_tree_attr", 467},    {"file_getattr", 468},	{"file_setattr", 469},	   {"listns", 470},
};

#define GROUP(name) static const char *const name[]

/* Memory, threads, what every C library does at its start, and sendmsg: rein itself needs it between filter and exec,
 * so it stays when a profile denies @network; without sockets it does nothing. */
GROUP(basic) = {
	"arch_prctl",
	"brk",
	"exit",
	"exit_group",
	"futex",
	"futex_requeue",
	"futex_wait",
	"futex_waitv",
	"futex_wake",
	"get_mempolicy",
	"get_robust_list",
	"get_thread_area",
	"getcpu",
	"getrandom",
	"madvise",
	"map_shadow_stack",
	"membarrier",
	"memfd_create",
	"mincore",
	"mlock",
	"mlock2",
	"mlockall",
	"mmap",
	"mprotect",
	"mremap",
	"mseal",
	"msync",
	"munlock",
	"munlockall",
	"munmap",
	"pkey_alloc",
	"pkey_free",
	"pkey_mprotect",
	"process_madvise",
	"restart_syscall",
	"rseq",
	"sched_yield",
	"sendmsg",
	"set_robust_list",
	"set_thread_area",
	"set_tid_address",
	"sysinfo",
	"uname",
	"cachestat",
	NULL,
};

/* Files and folders; which of them is for mounts and Landlock to say. */
GROUP(file) = {
	"access",
	"chdir",
	"chmod",
	"chown",
	"close",
	"close_range",
	"copy_file_range",
	"creat",
	"dup",
	"dup2",
	"dup3",
	"faccessat",
	"faccessat2",
	"fadvise64",
	"fallocate",
	"fchdir",
	"fchmod",
	"fchmodat",
	"fchmodat2",
	"fchown",
	"fchownat",
	"fcntl",
	"fdatasync",
	"fgetxattr",
	"file_getattr",
	"file_setattr",
	"flistxattr",
	"flock",
	"fremovexattr",
	"fsetxattr",
	"fstat",
	"fstatfs",
	"fsync",
	"ftruncate",
	"futimesat",
	"getcwd",
	"getdents",
	"getdents64",
	"getxattr",
	"getxattrat",
	"inotify_add_watch",
	"inotify_init",
	"inotify_init1",
	"inotify_rm_watch",
	"ioctl",
	"lchown",
	"lgetxattr",
	"link",
	"linkat",
	"listxattr",
	"listxattrat",
	"llistxattr",
	"lremovexattr",
	"lseek",
	"lsetxattr",
	"lstat",
	"mkdir",
	"mkdirat",
	"mknod",
	"mknodat",
	"newfstatat",
	"open",
	"openat",
	"pipe",
	"pipe2",
	"pread64",
	"preadv",
	"preadv2",
	"pwrite64",
	"pwritev",
	"pwritev2",
	"read",
	"readahead",
	"readlink",
	"readlinkat",
	"readv",
	"removexattr",
	"removexattrat",
	"rename",
	"renameat",
	"renameat2",
	"rmdir",
	"sendfile",
	"setxattr",
	"setxattrat",
	"splice",
	"stat",
	"statfs",
	"statx",
	"symlink",
	"symlinkat",
	"sync",
	"sync_file_range",
	"syncfs",
	"tee",
	"truncate",
	"umask",
	"unlink",
	"unlinkat",
	"utime",
	"utimensat",
	"utimes",
	"vmsplice",
	"write",
	"writev",
	NULL,
};

/* Waiting for descriptors and time. */
GROUP(poll) = {
	"alarm",
	"clock_getres",
	"clock_gettime",
	"clock_nanosleep",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"eventfd",
	"eventfd2",
	"getitimer",
	"gettimeofday",
	"nanosleep",
	"pause",
	"poll",
	"ppoll",
	"pselect6",
	"select",
	"setitimer",
	"signalfd",
	"signalfd4",
	"time",
	"timer_create",
	"timer_delete",
	"timer_getoverrun",
	"timer_gettime",
	"timer_settime",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_settime",
	NULL,
};

/* Processes, and signals to those it can see. */
GROUP(process) = {
	"capget",
	"capset",
	"clone",
	"execve",
	"execveat",
	"fork",
	"getegid",
	"geteuid",
	"getgid",
	"getgroups",
	"getpgid",
	"getpgrp",
	"getpid",
	"getppid",
	"getpriority",
	"getresgid",
	"getresuid",
	"getrlimit",
	"getrusage",
	"getsid",
	"gettid",
	"getuid",
	"ioprio_get",
	"ioprio_set",
	"kill",
	"personality",
	"pidfd_open",
	"pidfd_send_signal",
	"prctl",
	"prlimit64",
	"rt_sigaction",
	"rt_sigpending",
	"rt_sigprocmask",
	"rt_sigqueueinfo",
	"rt_sigreturn",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"rt_tgsigqueueinfo",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"sched_getaffinity",
	"sched_getattr",
	"sched_getparam",
	"sched_getscheduler",
	"sched_rr_get_interval",
	"sched_setaffinity",
	"sched_setattr",
	"sched_setparam",
	"sched_setscheduler",
	"setpgid",
	"setpriority",
	"setrlimit",
	"setsid",
	"sigaltstack",
	"tgkill",
	"times",
	"tkill",
	"vfork",
	"wait4",
	"waitid",
	NULL,
};

/* Changes of identity: without privileges they only reach the ids that a process already has. */
GROUP(ids) = {
	"setfsgid", "setfsuid", "setgid", "setgroups", "setregid", "setresgid", "setresuid", "setreuid", "setuid", NULL,
};

/* Sockets; with whom is for the network mechanisms to say, of which kind for the table of conditions. */
GROUP(network) = {
	"accept",     "accept4",    "bind",	"connect",  "getpeername", "getsockname",
	"getsockopt", "listen",	    "recvfrom", "recvmmsg", "recvmsg",	   "sendmmsg",
	"sendto",     "setsockopt", "shutdown", "socket",   "socketpair",  NULL,
};

/* System V and POSIX IPC; only in an IPC namespace of the agent's own (see the decision in syscall_filter.c). */
GROUP(ipc) = {
	"mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink", "msgctl",
	"msgget",	 "msgrcv",    "msgsnd",	 "semctl",	    "semget",	    "semop",	 "semtimedop",
	"shmat",	 "shmctl",    "shmdt",	 "shmget",	    NULL,
};

/* Confining oneself further. A filter or ruleset of the agent's own can only take away. */
GROUP(sandbox) = {
	"landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "seccomp", NULL,
};

/* What a compiler, git, node, python, tmux, sqlite, ripgrep, tar, bash and make need. */
GROUP(standard) = {
	"@basic", "@file", "@poll", "@process", "@ids", "@network", "@ipc", "@sandbox", NULL,
};

/* Debuggers and profilers of the agent's own processes; not part of @default. */
GROUP(debug) = {
	"kcmp", "pidfd_getfd", "process_vm_readv", "process_vm_writev", "ptrace", NULL,
};

/* Placement of memory on machines with several nodes. */
GROUP(numa) = {
	"mbind", "migrate_pages", "move_pages", "set_mempolicy", "set_mempolicy_home_node", NULL,
};

static const struct {
	const char *name;
	const char *const *members;
} groups[] = {
	{"@default", standard}, {"@basic", basic}, {"@file", file},	  {"@poll", poll},
	{"@process", process},	{"@ids", ids},	   {"@network", network}, {"@ipc", ipc},
	{"@sandbox", sandbox},	{"@debug", debug}, {"@numa", numa},
};

const char *const rein_syscall_vital[] = {
	"close", "execve", "exit_group", "rt_sigprocmask", "rt_sigreturn", "sendmsg", "write", NULL,
};

#define UNMETERED "what it queues happens past the filter"
#define HANDLES "it opens files without their path"
#define REMOUNTS "it rearranges what the agent sees of the file system"
#define NAMESPACES "a new namespace is a way out of the policy"
#define HOST "it changes the host itself"
#define KERNEL "it hands programs or memory to the kernel that nothing else could check"
#define KEYS "keys are shared with processes outside the agent"
#define OBSOLETE "it belongs to no program of today"

static const struct rein_syscall_never nevers[] = {
	{"io_cancel", UNMETERED, true, true},
	{"io_destroy", UNMETERED, true, true},
	{"io_getevents", UNMETERED, true, true},
	{"io_pgetevents", UNMETERED, true, true},
	{"io_setup", UNMETERED, true, true},
	{"io_submit", UNMETERED, true, true},
	{"io_uring_enter", UNMETERED, true, true},
	{"io_uring_register", UNMETERED, true, true},
	{"io_uring_setup", UNMETERED, true, true},
	/* Their arguments are in memory, where no filter can look; libraries fall back to clone and openat. */
	{"clone3", "its flags cannot be checked", true, false},
	{"openat2", "its flags cannot be checked", true, false},
	{"acct", HOST, false, false},
	{"adjtimex", HOST, false, false},
	{"bpf", KERNEL, false, false},
	{"chroot", REMOUNTS, false, false},
	{"clock_adjtime", HOST, false, false},
	{"clock_settime", HOST, false, false},
	{"create_module", HOST, false, false},
	{"delete_module", HOST, false, false},
	{"fanotify_init", "it watches files outside the agent", false, false},
	{"fanotify_mark", "it watches files outside the agent", false, false},
	{"finit_module", HOST, false, false},
	{"fsconfig", REMOUNTS, false, false},
	{"fsmount", REMOUNTS, false, false},
	{"fsopen", REMOUNTS, false, false},
	{"fspick", REMOUNTS, false, false},
	{"init_module", HOST, false, false},
	{"ioperm", HOST, false, false},
	{"iopl", HOST, false, false},
	{"kexec_file_load", HOST, false, false},
	{"kexec_load", HOST, false, false},
	{"add_key", KEYS, false, false},
	{"keyctl", KEYS, false, false},
	{"request_key", KEYS, false, false},
	{"lookup_dcookie", HANDLES, false, false},
	{"lsm_set_self_attr", HOST, false, false},
	{"memfd_secret", KERNEL, false, false},
	{"modify_ldt", KERNEL, false, false},
	{"mount", REMOUNTS, false, false},
	{"mount_setattr", REMOUNTS, false, false},
	{"move_mount", REMOUNTS, false, false},
	{"name_to_handle_at", HANDLES, false, false},
	{"nfsservctl", OBSOLETE, false, false},
	{"open_by_handle_at", HANDLES, false, false},
	{"open_tree", REMOUNTS, false, false},
	{"open_tree_attr", REMOUNTS, false, false},
	{"perf_event_open", KERNEL, false, false},
	{"pivot_root", REMOUNTS, false, false},
	{"quotactl", HOST, false, false},
	{"quotactl_fd", HOST, false, false},
	{"reboot", HOST, false, false},
	{"setdomainname", HOST, false, false},
	{"sethostname", HOST, false, false},
	{"setns", NAMESPACES, false, false},
	{"settimeofday", HOST, false, false},
	{"swapoff", HOST, false, false},
	{"swapon", HOST, false, false},
	{"sysfs", OBSOLETE, false, false},
	{"_sysctl", OBSOLETE, false, false},
	{"syslog", HOST, false, false},
	{"umount2", REMOUNTS, false, false},
	{"unshare", NAMESPACES, false, false},
	{"uselib", OBSOLETE, false, false},
	{"userfaultfd", "it stretches the moment between a check and its use", false, false},
	{"vhangup", HOST, false, false},
};

int rein_syscall_number(const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);

	for (size_t i = 0; nr < 0 && i < REIN_COUNT(younger); i++)
		if (!strcmp(younger[i].name, name))
			nr = younger[i].nr;
	return nr >= 0 && nr < REIN_CALLS_MAX ? nr : -1;
}

static char names[REIN_CALLS_MAX][32];

static void name_all(void)
{
	for (int nr = 0; nr < REIN_CALLS_MAX; nr++) {
		REIN_AUTO_FREE char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);

		if (name)
			strncpy(names[nr], name, sizeof(names[nr]) - 1);
	}
	for (size_t i = 0; i < REIN_COUNT(younger); i++)
		strncpy(names[younger[i].nr], younger[i].name, sizeof(names[0]) - 1);
}

const char *rein_syscall_name(int nr)
{
	static bool named;

	if (nr < 0 || nr >= REIN_CALLS_MAX)
		return NULL;
	if (!named)
		name_all();
	named = true;
	return names[nr][0] ? names[nr] : NULL;
}

const char *const *rein_syscall_group(const char *name)
{
	for (size_t i = 0; i < REIN_COUNT(groups); i++)
		if (!strcmp(groups[i].name, name))
			return groups[i].members;
	return NULL;
}

void rein_syscall_expand(const char *name, void (*each)(void *context, int nr), void *context)
{
	const char *const *members = rein_syscall_group(name);
	int nr = members ? -1 : rein_syscall_number(name);

	if (nr >= 0)
		each(context, nr);
	for (; members && *members; members++)
		rein_syscall_expand(*members, each, context);
}

const struct rein_syscall_never *rein_syscall_never(const char *name)
{
	for (size_t i = 0; i < REIN_COUNT(nevers); i++)
		if (!strcmp(nevers[i].name, name))
			return &nevers[i];
	return NULL;
}
