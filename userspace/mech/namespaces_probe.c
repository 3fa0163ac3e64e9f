/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/namespaces_probe.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "mech/mounts.h"

/* What the child reports: how far it came, and the errno that stopped it. */
enum stage {
	STAGE_MAPS,
	STAGE_MOUNT,
	STAGE_TMPFS,
	STAGE_BIND,
	STAGE_PROC,
	STAGE_DEVPTS,
	STAGE_OVERLAY,
	STAGE_DONE,
};

static const enum stage needed[] = {
	STAGE_MAPS, STAGE_MOUNT, STAGE_TMPFS, STAGE_BIND, STAGE_PROC, STAGE_DEVPTS, STAGE_DONE,
};
static const enum stage shielding[] = {STAGE_MAPS, STAGE_MOUNT, STAGE_OVERLAY, STAGE_DONE};

struct report {
	enum stage stage;
	int error;
};

static const char *const stage_words[] = {
	[STAGE_MAPS] = "writing its id maps",
	[STAGE_MOUNT] = "making its mounts private",
	[STAGE_TMPFS] = "mounting a tmpfs",
	[STAGE_BIND] = "a recursive read-only bind (kernel 5.12)",
	[STAGE_PROC] = "mounting its own /proc",
	[STAGE_DEVPTS] = "mounting its own /dev/pts",
	[STAGE_OVERLAY] = "showing a folder through overlayfs",
	[STAGE_DONE] = "",
};

/* Settings that forbid user namespaces to ordinary users, with what a person could do. */
static const struct {
	const char *file;
	char forbids;
	const char *remedy;
} settings[] = {
	{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1',
	 "an AppArmor profile with `userns,` for rein, or sysctl kernel.apparmor_restrict_unprivileged_userns=0"},
	{"/proc/sys/kernel/unprivileged_userns_clone", '0', "sysctl kernel.unprivileged_userns_clone=1"},
	{"/proc/sys/user/max_user_namespaces", '0', "sysctl user.max_user_namespaces=10000"},
};

static int write_file(const char *path, const char *text)
{
	REIN_AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int write_maps(uid_t uid, gid_t gid)
{
	char line[64];
	int r = write_file("/proc/self/setgroups", "deny");

	snprintf(line, sizeof(line), "%u %u 1", uid, uid);
	if (!r)
		r = write_file("/proc/self/uid_map", line);
	snprintf(line, sizeof(line), "%u %u 1", gid, gid);
	return r ? r : write_file("/proc/self/gid_map", line);
}

static int try_bind(void)
{
	REIN_AUTO_FD int source = open("/dev", O_PATH | O_CLOEXEC);
	REIN_AUTO_FD int tree = source < 0 ? -errno : rein_mounts_copy(source);
	int r = tree < 0 ? tree : rein_mounts_restrict(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, true);

	return r ? r : rein_mounts_attach(tree, source);
}

static int try_type(const char *type, const struct rein_mounts_option *options)
{
	REIN_AUTO_FD int fd = rein_mounts_make(type, options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);

	return fd < 0 ? fd : 0;
}

static int put_file(const char *path)
{
	REIN_AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : 0;
}

static int bind_file(const char *from, const char *to)
{
	REIN_AUTO_FD int source = open(from, O_PATH | O_CLOEXEC), target = open(to, O_PATH | O_CLOEXEC);
	REIN_AUTO_FD int tree = source < 0 || target < 0 ? -errno : rein_mounts_copy(source);

	return tree < 0 ? tree : rein_mounts_attach(tree, target);
}

/* Replaces a name below overlayfs, and asks whether what was mounted over it is still there. */
static int fire_overlay(void)
{
	struct stat checked, shown;

	if (put_file("lower/name") || put_file("lower/other") || put_file("checked"))
		return -EIO;
	if (bind_file("checked", "upper/name") || rename("lower/other", "lower/name"))
		return -EIO;
	if (stat("checked", &checked) || stat("upper/name", &shown) || checked.st_ino != shown.st_ino)
		return -ENODATA;
	return 0;
}

static int try_overlay(void)
{
	REIN_AUTO_FD int scratch = rein_mounts_make("tmpfs", NULL, MOUNT_ATTR_NOSUID);
	REIN_AUTO_FD int place = open("/proc", O_PATH | O_CLOEXEC);
	REIN_AUTO_FD int overlay = -1, upper = -1;
	int r = scratch < 0 || place < 0 ? -EIO : rein_mounts_attach(scratch, place);

	if (r || chdir("/proc") || mkdir("lower", 0700) || mkdir("empty", 0700) || mkdir("upper", 0700))
		return r ? r : -errno;
	overlay = rein_mounts_overlay("/proc/lower", "/proc/empty", MOUNT_ATTR_RDONLY);
	upper = open("upper", O_PATH | O_CLOEXEC);
	r = overlay < 0 ? overlay : rein_mounts_attach(overlay, upper);
	return r ? r : fire_overlay();
}

static int try_stage(enum stage stage, bool user, uid_t uid, gid_t gid)
{
	static const struct rein_mounts_option devpts[] = {{"newinstance", NULL}, {"ptmxmode", "0666"}, {NULL, NULL}};

	switch (stage) {
	case STAGE_MAPS:
		return user ? write_maps(uid, gid) : 0;
	case STAGE_MOUNT:
		return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ? -errno : 0;
	case STAGE_TMPFS:
		return try_type("tmpfs", NULL);
	case STAGE_BIND:
		return try_bind();
	case STAGE_PROC:
		return try_type("proc", NULL);
	case STAGE_DEVPTS:
		return try_type("devpts", devpts);
	case STAGE_OVERLAY:
		return try_overlay();
	case STAGE_DONE:
		break;
	}
	return -EINVAL;
}

static _Noreturn void child(int fd, const enum stage *stages, bool user, uid_t uid, gid_t gid)
{
	struct report report = {.stage = *stages};

	while (report.stage != STAGE_DONE && !report.error) {
		report.error = -try_stage(report.stage, user, uid, gid);
		if (!report.error)
			report.stage = *++stages;
	}
	_exit(write(fd, &report, sizeof(report)) != sizeof(report));
}

static int clone_into(uint64_t flags)
{
	struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	/* A seccomp filter of a container that knows no clone3 says ENOSYS; the launch needs clone3 as well. */
	return pid < 0 ? -errno : (int)pid;
}

/* Returns 0 with *ret_report filled, or -errno where the namespaces cannot be made at all. */
static int try_namespaces(uint64_t flags, const enum stage *stages, struct report *ret_report)
{
	bool user = flags & CLONE_NEWUSER;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	struct report report;
	int ends[2], pid;
	ssize_t got;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	pid = clone_into(flags);
	if (!pid)
		child(ends[1], stages, user, uid, gid);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return pid;
	}
	got = read(ends[0], &report, sizeof(report));
	close(ends[0]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (got != sizeof(report))
		return -EIO;
	*ret_report = report;
	return 0;
}

/* Appends what could be done about it, if a setting of this machine explains it. */
static void add_remedy(char *detail, size_t size)
{
	size_t used = strlen(detail);

	for (size_t i = 0; i < REIN_COUNT(settings); i++) {
		REIN_AUTO_FD int fd = open(settings[i].file, O_RDONLY | O_CLOEXEC);
		char value[2] = "";

		if (fd < 0 || read(fd, value, 1) != 1 || value[0] != settings[i].forbids)
			continue;
		snprintf(detail + used, size - used, "; needs %s", settings[i].remedy);
		return;
	}
	snprintf(detail + used, size - used, "; a container's seccomp filter may forbid it");
}

static void explain(struct rein_machine *machine, int error, const struct report *report)
{
	struct rein_fact *fact = &machine->facts[REIN_MECH_NAMESPACES];

	fact->works = false;
	if (error) {
		snprintf(fact->detail, sizeof(fact->detail), "cannot make namespaces: %s", strerror(-error));
		if (!machine->privileged)
			add_remedy(fact->detail, sizeof(fact->detail));
		return;
	}
	snprintf(fact->detail, sizeof(fact->detail), "%s failed: %s", stage_words[report->stage],
		 strerror(report->error));
	if (report->stage == STAGE_PROC && report->error == EPERM)
		snprintf(fact->detail, sizeof(fact->detail),
			 "cannot mount its own /proc: parts of this one are masked, as containers do; start the "
			 "container with an unmasked /proc (docker: --security-opt systempaths=unconfined)");
	else if (!machine->privileged && report->error != ENOSYS)
		add_remedy(fact->detail, sizeof(fact->detail));
}

static const struct {
	uint64_t flag;
	enum rein_namespace namespace;
	const char *name;
} kinds[] = {
	{CLONE_NEWUSER, REIN_NS_USER, "user"}, {CLONE_NEWNS, REIN_NS_MOUNT, "mount"},
	{CLONE_NEWPID, REIN_NS_PID, "pid"},    {CLONE_NEWIPC, REIN_NS_IPC, "ipc"},
	{CLONE_NEWUTS, REIN_NS_UTS, "uts"},    {CLONE_NEWNET, REIN_NS_NET, "net"},
};

static void succeed(struct rein_machine *machine, uint64_t flags)
{
	struct rein_fact *fact = &machine->facts[REIN_MECH_NAMESPACES];
	size_t used = 0;

	fact->works = true;
	for (size_t i = 0; i < REIN_COUNT(kinds); i++) {
		if (!(flags & kinds[i].flag))
			continue;
		machine->namespaces |= kinds[i].namespace;
		used += (size_t)snprintf(fact->detail + used, sizeof(fact->detail) - used, "%s%s", used ? ", " : "",
					 kinds[i].name);
	}
}

void rein_namespaces_probe(struct rein_machine *machine)
{
	uint64_t all = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;
	uint64_t flags = all | (machine->privileged ? 0 : CLONE_NEWUSER);
	struct report report = {0};
	int r = try_namespaces(flags, needed, &report);

	/* Some containers' kernels have everything but network namespaces. */
	if (r == -EINVAL || r == -ENOSPC) {
		flags &= ~(uint64_t)CLONE_NEWNET;
		r = try_namespaces(flags, needed, &report);
	}
	if (r || report.stage != STAGE_DONE)
		explain(machine, r, &report);
	else
		succeed(machine, flags);
}

void rein_namespaces_probe_overlay(struct rein_machine *machine)
{
	struct report report = {0};
	uint64_t flags = CLONE_NEWNS | (machine->privileged ? 0 : CLONE_NEWUSER);
	int r = try_namespaces(flags, shielding, &report);

	machine->overlay = r == 0 && report.stage == STAGE_DONE;
}
