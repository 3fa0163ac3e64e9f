/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/cgroup_probe.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "mech/cgroup_tree.h"

#define FIRE_MS 1000

static const char *const controllers[REIN_CONTROLLER_COUNT] = {"memory", "pids"};
static const char *const limits_v2[REIN_CONTROLLER_COUNT] = {"memory.max", "pids.max"};

static int parent_of(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return -1;
	*slash = '\0';
	return 0;
}

static bool may_hold_agents(const char *path)
{
	char procs[REIN_CGROUP_PATH_MAX + 16];

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	return !access(path, W_OK) && !access(procs, W_OK);
}

/* An ordinary user: the highest folder above its own that it was given, so that no processes are in it and its
 * controllers can be handed on. */
static void find_delegated(const struct rein_cgroup_mount *mount, char *ret_parent, size_t size)
{
	char path[sizeof(mount->own)];

	snprintf(path, sizeof(path), "%s", mount->own);
	while (strlen(path) > strlen(mount->point)) {
		if (may_hold_agents(path))
			snprintf(ret_parent, size, "%s/rein", path);
		if (parent_of(path) < 0)
			return;
	}
}

static void find_parent(struct rein_machine *machine, const struct rein_cgroup_mount *mount)
{
	snprintf(machine->cgroup_root, sizeof(machine->cgroup_root), "%s", mount->point);
	if (machine->privileged)
		snprintf(machine->cgroup_parent, sizeof(machine->cgroup_parent), "%s/rein", mount->point);
	else
		find_delegated(mount, machine->cgroup_parent, sizeof(machine->cgroup_parent));
}

/*
 * Waits to be killed; dies with the prober too, which may be killed at any moment: once frozen, the child could not ask
 * for that signal any more, so it says when it has. Without a prober the pipe breaks, and that ends it.
 */
static _Noreturn void wait_for_end(const int ready[2])
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(ready[0]);
	if (write(ready[1], "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static bool fire_freeze(int fd)
{
	return !rein_cgroup_write(fd, "cgroup.freeze", "1") && rein_cgroup_wait(fd, "frozen", true, FIRE_MS);
}

static const char *fire_inside(int fd, bool *ret_freeze, bool *ret_kill)
{
	REIN_AUTO_FD int pidfd = -1;
	int ready[2], status = 0;
	pid_t child = -1;
	char byte;

	if (pipe2(ready, O_CLOEXEC))
		return "no pipe can be made";
	child = rein_cgroup_fork(fd, &pidfd);
	if (!child)
		wait_for_end(ready);
	close(ready[1]);
	*ret_freeze = child > 0 && read(ready[0], &byte, 1) == 1 && fire_freeze(fd);
	close(ready[0]);
	if (child < 0)
		return "a process cannot be started inside a cgroup made there";
	*ret_kill = !rein_cgroup_write(fd, "cgroup.kill", "1");
	if (!*ret_kill)
		kill(child, SIGKILL);
	if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
		return "cgroup.kill did not end a process";
	return *ret_freeze ? NULL : "cgroup.freeze did not stop a process";
}

static const char *has_controllers(int fd, struct rein_machine *machine)
{
	for (int i = 0; i < REIN_CONTROLLER_COUNT; i++)
		if (!machine->controller_v1[i] && faccessat(fd, limits_v2[i], W_OK, 0))
			machine->controller_parent[i][0] = '\0';
	return NULL;
}

static const char *fire(struct rein_machine *machine)
{
	static char why[256];
	char parent[REIN_CGROUP_PATH_MAX], name[32];
	struct rein_error err = {0};
	const char *failed;
	REIN_AUTO_FD int fd = -1;

	snprintf(parent, sizeof(parent), "%s%s", machine->cgroup_parent, machine->privileged ? REIN_CGROUP_PLAIN : "");
	snprintf(name, sizeof(name), "self-test-%d", getpid());
	fd = rein_cgroup_make(parent, name, &err);
	if (fd < 0) {
		snprintf(why, sizeof(why), "%.200s", err.text);
		return why;
	}
	failed = fire_inside(fd, &machine->cgroup_freeze, &machine->cgroup_kill);
	if (!failed)
		failed = has_controllers(fd, machine);
	rein_cgroup_end(parent, name, FIRE_MS, NULL);
	return failed;
}

/* Handing controllers on: to the root's children, then to the parent's. An error shows as a missing file later. */
static void enable_controller(struct rein_machine *machine, int i)
{
	static const char *const suffixes[] = {"", REIN_CGROUP_PLAIN};
	char text[16], path[REIN_CGROUP_PATH_MAX + 16];
	REIN_AUTO_FD int root = open(machine->cgroup_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	snprintf(text, sizeof(text), "+%s", controllers[i]);
	if (machine->privileged && root >= 0)
		rein_cgroup_write(root, "cgroup.subtree_control", text);
	for (size_t k = 0; k < (machine->privileged ? 2 : 1); k++) {
		REIN_AUTO_FD int fd = -1;

		snprintf(path, sizeof(path), "%s%s", machine->cgroup_parent, suffixes[k]);
		mkdir(path, 0755);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			rein_cgroup_write(fd, "cgroup.subtree_control", text);
	}
	snprintf(machine->controller_parent[i], sizeof(machine->controller_parent[i]), "%s", machine->cgroup_parent);
}

/* Version 1 groups go below this process's own, so that limits set on it hold for agents too. */
static bool find_v1(struct rein_machine *machine, int i)
{
	struct rein_cgroup_mount mount;
	char path[REIN_CGROUP_PATH_MAX + 16];

	rein_cgroup_mount_find(controllers[i], &mount);
	if (!mount.own[0])
		return false;
	snprintf(path, sizeof(path), "%s/rein", mount.own);
	machine->controller_v1[i] = true;
	if (machine->privileged && strlen(path) < sizeof(machine->controller_parent[i]) &&
	    (!mkdir(path, 0755) || errno == EEXIST))
		memcpy(machine->controller_parent[i], path, strlen(path) + 1);
	return true;
}

static void find_controllers(struct rein_machine *machine)
{
	for (int i = 0; i < REIN_CONTROLLER_COUNT; i++)
		if (!find_v1(machine, i))
			enable_controller(machine, i);
}

static void forget(struct rein_machine *machine)
{
	machine->cgroup_parent[0] = '\0';
	for (int i = 0; i < REIN_CONTROLLER_COUNT; i++)
		machine->controller_parent[i][0] = '\0';
}

void rein_cgroup_probe(struct rein_machine *machine)
{
	struct rein_fact *fact = &machine->facts[REIN_MECH_CGROUP];
	struct rein_cgroup_mount mount;
	const char *failed;

	rein_cgroup_mount_find(NULL, &mount);
	find_parent(machine, &mount);
	if (!machine->cgroup_parent[0]) {
		snprintf(fact->detail, sizeof(fact->detail), "%s",
			 !mount.point[0] ? "cgroup2 is not mounted: mount -t cgroup2 none DIR, as root"
					 : "no cgroup is delegated to this user: start it by systemd-run --user "
					   "--scope -p Delegate=yes, or as root");
		return;
	}
	find_controllers(machine);
	failed = fire(machine);
	if (failed) {
		snprintf(fact->detail, sizeof(fact->detail), "%.100s: %.140s", machine->cgroup_parent, failed);
		forget(machine);
		return;
	}
	fact->works = true;
	snprintf(fact->detail, sizeof(fact->detail), "agents in %.150s%s%s", machine->cgroup_parent,
		 machine->controller_parent[REIN_CONTROLLER_MEMORY][0] ? ", memory" : "",
		 machine->controller_parent[REIN_CONTROLLER_PIDS][0] ? ", pids" : "");
}
