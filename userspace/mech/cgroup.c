/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "mech/cgroup_probe.h"
#include "mech/cgroup_tree.h"

#define END_MS 5000

/* What of the limits belongs to which controller's file. Files that a kernel lacks (swap accounting) may be missing. */
static const struct {
	enum rein_limit_kind limit;
	enum rein_controller controller;
	bool v1, optional;
	const char *file;
	const char *text; /* NULL: the limit's number */
	uint64_t extra;	  /* rein's own init is inside too */
} limit_files[] = {
	{REIN_LIMIT_MEMORY, REIN_CONTROLLER_MEMORY, false, false, "memory.max", NULL, 0},
	{REIN_LIMIT_MEMORY, REIN_CONTROLLER_MEMORY, false, true, "memory.swap.max", "0", 0},
	{REIN_LIMIT_MEMORY, REIN_CONTROLLER_MEMORY, true, false, "memory.limit_in_bytes", NULL, 0},
	{REIN_LIMIT_MEMORY, REIN_CONTROLLER_MEMORY, true, true, "memory.memsw.limit_in_bytes", NULL, 0},
	{REIN_LIMIT_PROCESSES, REIN_CONTROLLER_PIDS, false, false, "pids.max", NULL, 1},
	{REIN_LIMIT_PROCESSES, REIN_CONTROLLER_PIDS, true, false, "pids.max", NULL, 1},
};

/* Version 1 groups of one agent, -1 where the controller is version 2 or not there. */
struct groups {
	int fds[REIN_CONTROLLER_COUNT];
	char parent[REIN_CGROUP_PATH_MAX]; /* of the cgroup2 folder */
};

/* BPF refuses whoever is below its parent without being known to it, so an agent without BPF lives elsewhere. */
static void choose_parent(const struct rein_launch *launch, char *parent, size_t size)
{
	const bool *use = launch->plan->use;
	bool bpf = use[REIN_MECH_BPF_FILE] || use[REIN_MECH_BPF_NET] || use[REIN_MECH_BPF_TRACE];

	snprintf(parent, size, "%s%s", launch->machine->cgroup_parent,
		 launch->machine->privileged && !bpf ? REIN_CGROUP_PLAIN : "");
}

static int open_groups(struct rein_launch *launch, struct groups *groups, struct rein_error *err)
{
	for (int i = 0; i < REIN_CONTROLLER_COUNT; i++) {
		if (!launch->machine->controller_v1[i] || !launch->machine->controller_parent[i][0])
			continue;
		groups->fds[i] = rein_cgroup_make_group(launch->machine->controller_parent[i], launch->id, err);
		if (groups->fds[i] < 0)
			return groups->fds[i];
	}
	return 0;
}

static int write_limits(struct rein_launch *launch, const struct groups *groups, struct rein_error *err)
{
	const struct rein_machine *machine = launch->machine;

	for (size_t i = 0; i < REIN_COUNT(limit_files); i++) {
		const struct rein_limit_rule *rule = &launch->policy->limits[limit_files[i].limit];
		enum rein_controller controller = limit_files[i].controller;
		char number[32];
		int r;

		if (!rule->origin.file || !machine->controller_parent[controller][0] ||
		    machine->controller_v1[controller] != limit_files[i].v1)
			continue;
		snprintf(number, sizeof(number), "%llu", (unsigned long long)(rule->value + limit_files[i].extra));
		r = rein_cgroup_write(limit_files[i].v1 ? groups->fds[controller] : launch->cgroup_fd,
				      limit_files[i].file, limit_files[i].text ?: number);
		if (r < 0 && !limit_files[i].optional)
			return rein_fail(err, -r, "cannot write %s of the agent's cgroup: %s", limit_files[i].file,
					 strerror(-r));
	}
	return 0;
}

static void remove_groups(struct rein_launch *launch, struct groups *groups)
{
	char path[REIN_CGROUP_PATH_MAX + 128];

	for (int i = 0; i < REIN_CONTROLLER_COUNT; i++) {
		if (groups->fds[i] < 0)
			continue;
		close(groups->fds[i]);
		snprintf(path, sizeof(path), "%s/%s", launch->machine->controller_parent[i], launch->id);
		rmdir(path);
	}
}

static void release(struct rein_launch *launch)
{
	struct groups *groups = rein_take_pointer(&launch->of[REIN_MECH_CGROUP]);

	if (!groups)
		return;
	if (launch->cgroup_fd >= 0) {
		/* What does not die in time stays for the next start to end; its folder is unlocked from here on. */
		rein_cgroup_end(groups->parent, launch->id, END_MS, NULL);
		close(rein_take_fd(&launch->cgroup_fd));
	}
	remove_groups(launch, groups);
	if (launch->host_cgroup_parent_fd >= 0)
		close(rein_take_fd(&launch->host_cgroup_parent_fd));
	launch->cgroup_id = 0;
	launch->cgroup_path[0] = '\0';
	free(groups);
}

static int make(struct rein_launch *launch, struct groups *groups, struct rein_error *err)
{
	launch->cgroup_fd = rein_cgroup_make(groups->parent, launch->id, err);
	if (launch->cgroup_fd < 0)
		return launch->cgroup_fd;
	launch->cgroup_id = rein_cgroup_id(launch->cgroup_fd);
	if (!launch->cgroup_id)
		return rein_fail(err, EOPNOTSUPP, "the cgroup %s/%s has no id", groups->parent, launch->id);
	if (snprintf(launch->cgroup_path, sizeof(launch->cgroup_path), "%s/%s", groups->parent, launch->id) >=
	    (int)sizeof(launch->cgroup_path))
		return rein_fail(err, ENAMETOOLONG, "the cgroup path %s/%s is too long", groups->parent, launch->id);
	launch->host_cgroup_parent_fd = open(groups->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (launch->host_cgroup_parent_fd < 0)
		return rein_fail_errno(err, "cannot open the cgroup %s", groups->parent);
	return 0;
}

static int prepare(struct rein_launch *launch, struct rein_error *err)
{
	struct groups *groups = calloc(1, sizeof(*groups));
	int r;

	if (!groups)
		return rein_fail(err, ENOMEM, "no memory for the agent's cgroup");
	for (int i = 0; i < REIN_CONTROLLER_COUNT; i++)
		groups->fds[i] = -1;
	choose_parent(launch, groups->parent, sizeof(groups->parent));
	launch->of[REIN_MECH_CGROUP] = groups;
	r = make(launch, groups, err);
	if (!r)
		r = open_groups(launch, groups, err);
	if (!r)
		r = write_limits(launch, groups, err);
	if (r < 0)
		release(launch);
	return r;
}

int rein_cgroup_adopt(struct rein_launch *launch, pid_t init, struct rein_error *err)
{
	const struct groups *groups = launch->of[REIN_MECH_CGROUP];
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", init);
	for (int i = 0; groups && i < REIN_CONTROLLER_COUNT; i++) {
		int r = groups->fds[i] < 0 ? 0 : rein_cgroup_write(groups->fds[i], "cgroup.procs", pid);

		if (r < 0)
			return rein_fail(err, -r, "cannot put the agent into %s/%s: %s",
					 launch->machine->controller_parent[i], launch->id, strerror(-r));
	}
	return 0;
}

int rein_cgroup_freeze(const struct rein_launch *launch, bool frozen, struct rein_error *err)
{
	int r = rein_cgroup_write(launch->cgroup_fd, "cgroup.freeze", frozen ? "1" : "0");

	if (r < 0)
		return rein_fail(err, -r, "cannot %s %s: %s", frozen ? "freeze" : "thaw", launch->cgroup_path,
				 strerror(-r));
	return 0;
}

int rein_cgroup_kill(const struct rein_launch *launch)
{
	return rein_cgroup_kill_all(launch->cgroup_fd);
}

bool rein_cgroup_populated(const struct rein_launch *launch)
{
	return rein_cgroup_says(launch->cgroup_fd, "populated");
}

const struct rein_mech rein_mech_cgroup = {
	.kind = REIN_MECH_CGROUP,
	.probe = rein_cgroup_probe,
	.prepare = prepare,
	.release = release,
};
