/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/sandbox.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "mech/landlock.h"
#include "mech/namespaces.h"
#include "mech/namespaces_probe.h"
#include "mech/privileges.h"

#define FAILED_SETUP 250

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	abort();
}

const char *sandbox_path(const struct sandbox *sandbox, const char *path)
{
	static char paths[8][4400];
	static unsigned next;
	char *slot = paths[next++ % 8];

	if (path[0] == '/')
		snprintf(slot, sizeof(paths[0]), "%s", path);
	else
		snprintf(slot, sizeof(paths[0]), "%s%s%s", sandbox->scratch, *path ? "/" : "", path);
	return slot;
}

static void add_rule(struct sandbox *sandbox, enum rein_verdict verdict, enum rein_access list, const char *path)
{
	struct rein_path_rule *rule = rein_vec_add(&sandbox->policy.paths);
	char **owned = rein_vec_add(&sandbox->policy.strings);

	must(rule && owned && (*owned = strdup(sandbox_path(sandbox, path))), "rule");
	*rule = (struct rein_path_rule){
		.origin = {"trial.yaml", (int)sandbox->policy.paths.count, 1, *owned},
		.verdict = verdict,
		.list = list,
		.path = *owned,
	};
}

void sandbox_allow(struct sandbox *sandbox, enum rein_access list, const char *path)
{
	add_rule(sandbox, REIN_VERDICT_ALLOW, list, path);
}

void sandbox_allow_digest(struct sandbox *sandbox, const char *path, const char *sha256)
{
	sandbox_allow(sandbox, REIN_ACCESS_EXECUTE, path);
	sandbox->policy.paths.items[sandbox->policy.paths.count - 1].sha256 = sha256;
}

void sandbox_deny(struct sandbox *sandbox, enum rein_access list, const char *path)
{
	add_rule(sandbox, REIN_VERDICT_DENY, list, path);
}

void sandbox_folder(const struct sandbox *sandbox, const char *path)
{
	REIN_AUTO_FREE char *copy = strdup(sandbox_path(sandbox, path));

	for (char *slash = copy + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = 0;
		must(!mkdir(copy, 0755) || errno == EEXIST, copy);
	}
	must(!mkdir(copy, 0755) || errno == EEXIST, copy);
}

void sandbox_file(const struct sandbox *sandbox, const char *path, const char *text)
{
	REIN_AUTO_FREE char *folder = strdup(sandbox_path(sandbox, path));
	REIN_AUTO_FD int fd = -1;

	*strrchr(folder, '/') = 0;
	sandbox_folder(sandbox, folder);
	fd = open(sandbox_path(sandbox, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
}

bool sandbox_holds(const struct sandbox *sandbox, const char *path, const char *text)
{
	REIN_AUTO_FD int fd = open(sandbox_path(sandbox, path), O_RDONLY | O_CLOEXEC);
	char found[4096];
	ssize_t got = fd < 0 ? -1 : read(fd, found, sizeof(found));

	return got == (ssize_t)strlen(text) && !memcmp(found, text, (size_t)got);
}

void sandbox_open(struct sandbox *sandbox)
{
	static const char *const system[] = {"/usr", "/bin", "/lib", "/lib64"};

	memset(sandbox, 0, sizeof(*sandbox));
	strcpy(sandbox->scratch, "/var/tmp/rein-test-XXXXXX");
	must(mkdtemp(sandbox->scratch), "mkdtemp");
	for (size_t i = 0; i < REIN_COUNT(system); i++) {
		sandbox_allow(sandbox, REIN_ACCESS_READ, system[i]);
		sandbox_allow(sandbox, REIN_ACCESS_EXECUTE, system[i]);
	}
	sandbox->machine.uid = geteuid();
	sandbox->machine.privileged = rein_privileges_full();
	rein_mech_namespaces.probe(&sandbox->machine);
	rein_namespaces_probe_overlay(&sandbox->machine);
	rein_mech_landlock.probe(&sandbox->machine);
}

void sandbox_close(struct sandbox *sandbox)
{
	char command[192];

	rein_view_free(&sandbox->plan.view);
	for (size_t i = 0; i < sandbox->policy.strings.count; i++)
		free(sandbox->policy.strings.items[i]);
	rein_vec_free(&sandbox->policy.strings);
	rein_vec_free(&sandbox->policy.paths);
	snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", sandbox->scratch, sandbox->scratch);
	must(!system(command), "rm");
}

static void fill_launch(struct sandbox *sandbox, enum sandbox_with with)
{
	sandbox->plan.policy = &sandbox->policy;
	sandbox->plan.machine = &sandbox->machine;
	sandbox->plan.namespaces = sandbox->machine.namespaces;
	sandbox->plan.use[REIN_MECH_NAMESPACES] = with & SANDBOX_MOUNTS;
	sandbox->plan.use[REIN_MECH_LANDLOCK] = with & SANDBOX_LANDLOCK;
	sandbox->launch = (struct rein_launch){
		.id = "trial-0000",
		.policy = &sandbox->policy,
		.plan = &sandbox->plan,
		.machine = &sandbox->machine,
		.who = {.uid = geteuid(), .gid = getegid(), .name = "trial", .home = "/"},
		.directory = sandbox->launch.directory,
		.privileged = sandbox->machine.privileged,
		.cgroup_fd = -1,
		.notify_fd = -1,
	};
}

static int write_map(const char *file, unsigned id)
{
	REIN_AUTO_FD int fd = open(file, O_WRONLY | O_CLOEXEC);
	char line[64];

	snprintf(line, sizeof(line), "%u %u 1", id, id);
	return fd < 0 || write(fd, line, strlen(line)) < 0 ? -errno : 0;
}

static int enter_user(const struct sandbox *sandbox)
{
	REIN_AUTO_FD int fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);

	if (sandbox->machine.privileged)
		return 0;
	if (fd < 0 || write(fd, "deny", 4) != 4)
		return -errno;
	return write_map("/proc/self/uid_map", sandbox->launch.who.uid) ||
	       write_map("/proc/self/gid_map", sandbox->launch.who.gid);
}

static int set_up(struct sandbox *sandbox, struct rein_error *err)
{
	struct rein_launch *launch = &sandbox->launch;
	int r = 0;

	if (sandbox->plan.use[REIN_MECH_NAMESPACES]) {
		if (enter_user(sandbox))
			return rein_fail_errno(err, "maps");
		r = rein_mech_namespaces.apply(launch, REIN_STAGE_INIT, err);
		if (!r)
			r = rein_privileges_become(launch, err);
	}
	if (!r)
		r = rein_privileges_drop(err);
	if (!r && sandbox->plan.use[REIN_MECH_LANDLOCK])
		r = rein_mech_landlock.apply(launch, REIN_STAGE_AGENT, err);
	return r;
}

static _Noreturn void child(struct sandbox *sandbox, int errors, int (*inside)(const struct sandbox *))
{
	struct rein_error err = {0};

	/* So that failures inside are seen to be the sandbox's, not of the mode of what it makes. */
	umask(022);
	if (set_up(sandbox, &err) < 0) {
		if (write(errors, err.text, strlen(err.text)) < 0)
			perror("write");
		_exit(FAILED_SETUP);
	}
	_exit(inside(sandbox));
}

static int outcome(struct sandbox *sandbox, pid_t pid, int errors)
{
	int status = 0;
	ssize_t got = read(errors, sandbox->text, sizeof(sandbox->text) - 1);

	sandbox->text[got > 0 ? got : 0] = 0;
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	if (WIFSIGNALED(status))
		return 1000 + WTERMSIG(status);
	return WEXITSTATUS(status) == FAILED_SETUP ? -1 : WEXITSTATUS(status);
}

static int launch(struct sandbox *sandbox, int (*inside)(const struct sandbox *))
{
	uint64_t user = sandbox->machine.privileged ? 0 : CLONE_NEWUSER;
	uint64_t flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | user;
	struct clone_args args = {.flags = sandbox->plan.use[REIN_MECH_NAMESPACES] ? flags : 0, .exit_signal = SIGCHLD};
	int ends[2];
	long pid;

	must(!pipe2(ends, O_CLOEXEC), "pipe");
	pid = syscall(SYS_clone3, &args, sizeof(args));
	must(pid >= 0, "clone3");
	if (!pid)
		child(sandbox, ends[1], inside);
	close(ends[1]);
	pid = outcome(sandbox, (pid_t)pid, ends[0]);
	close(ends[0]);
	return (int)pid;
}

int sandbox_run(struct sandbox *sandbox, enum sandbox_with with, int (*inside)(const struct sandbox *))
{
	struct rein_error err = {0};
	int r;

	rein_view_free(&sandbox->plan.view);
	fill_launch(sandbox, with);
	r = rein_view_compute(&sandbox->policy, NULL, &sandbox->plan.view, &err);
	if (!r && (with & SANDBOX_MOUNTS))
		r = rein_mech_namespaces.prepare(&sandbox->launch, &err);
	if (r < 0) {
		snprintf(sandbox->text, sizeof(sandbox->text), "%.*s", (int)sizeof(sandbox->text) - 1, err.text);
		return -1;
	}
	r = launch(sandbox, inside);
	if (with & SANDBOX_MOUNTS)
		rein_mech_namespaces.release(&sandbox->launch);
	return r;
}

void sandbox_expect(struct sandbox *sandbox, int (*inside)(const struct sandbox *))
{
	static const enum sandbox_with withs[] = {SANDBOX_MOUNTS, SANDBOX_BOTH};

	for (size_t i = 0; i < REIN_COUNT(withs); i++) {
		int r = sandbox_run(sandbox, withs[i], inside);

		cr_assert_eq(r, 0, "with %d: returned %d (line of HOLDS, +1): %s", withs[i], r, sandbox->text);
	}
}

bool can_read(const char *file)
{
	REIN_AUTO_FD int fd = open(file, O_RDONLY | O_CLOEXEC);

	return fd >= 0;
}

bool can_write(const char *file)
{
	REIN_AUTO_FD int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd >= 0 && write(fd, "new", 3) == 3;
}
