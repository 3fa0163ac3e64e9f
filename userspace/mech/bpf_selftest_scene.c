/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_selftest_scene.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "mech/cgroup_tree.h"

#define FIRE_MS 5000

const struct rein_scene rein_scene_empty = {
	.slot = {.pins = REIN_PINS_NONE, .lock_fd = -1, .number = -1, .ring_fd = -1},
	.hooks = REIN_HOOKS_NONE,
	.cgroup = -1,
	.far_fd = -1,
};

void rein_scene_judge(struct rein_fact *fact, const char *works, const struct rein_error *err, const char *failed)
{
	fact->works = !err->code && !failed;
	if (fact->works)
		snprintf(fact->detail, sizeof(fact->detail), "%s", works);
	else if (err->code)
		snprintf(fact->detail, sizeof(fact->detail), "%.250s", err->text);
	else
		snprintf(fact->detail, sizeof(fact->detail), "its self-test failed: %.200s", failed);
}

/* What must hold before anything can be fired. */
bool rein_scene_possible(const struct rein_machine *machine, struct rein_fact *fact)
{
	const char *missing = NULL;

	if (!machine->privileged)
		missing = "needs root (CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN)";
	else if (!machine->facts[REIN_MECH_CGROUP].works)
		missing = "needs cgroup2, by which it knows agents";
	else if (access("/sys/kernel/btf/vmlinux", R_OK))
		missing = "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF), by which the programs find its structures";
	if (missing)
		snprintf(fact->detail, sizeof(fact->detail), "%s", missing);
	return !missing;
}

int rein_scene_open(struct rein_scene *scene, unsigned hooks, struct rein_error *err)
{
	struct rein_pins pins = REIN_PINS_NONE;
	REIN_AUTO_FD int lock = rein_pins_lock(err);
	int r = lock < 0 ? lock : rein_pins_open(scene->machine, true, &pins, NULL, err);

	if (r < 0)
		return r;
	snprintf(scene->name, sizeof(scene->name), "self-test-%d", getpid());
	scene->cgroup = rein_cgroup_make(scene->machine->cgroup_parent, scene->name, err);
	r = scene->cgroup < 0 ? scene->cgroup : 0;
	if (!r)
		r = rein_slot_claim(&pins, rein_cgroup_id(scene->cgroup), &scene->slot, err);
	if (!r && hooks)
		r = rein_hooks_hold(&scene->slot.pins, hooks, &scene->hooks, err);
	rein_pins_close(&pins);
	return r;
}

void rein_scene_close(struct rein_scene *scene)
{
	if (scene->cgroup >= 0) {
		rein_cgroup_end(scene->machine->cgroup_parent, scene->name, FIRE_MS, NULL);
		close(scene->cgroup);
	}
	rein_hooks_drop(&scene->hooks);
	if (scene->slot.state)
		rein_slot_release(&scene->slot);
	if (scene->far_fd >= 0)
		close(scene->far_fd);
}

int rein_scene_run(struct rein_scene *scene, rein_scene_steps *inside)
{
	REIN_AUTO_FD int pidfd = -1;
	pid_t child = rein_cgroup_fork(scene->cgroup, &pidfd);
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	int status = 0;
	bool in_time;

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(inside(scene));
	}
	if (child < 0)
		return -errno;
	ended.fd = pidfd;
	in_time = poll(&ended, 1, FIRE_MS) == 1;
	if (!in_time)
		rein_cgroup_kill_all(scene->cgroup);
	waitpid(child, &status, 0);
	if (!in_time)
		return -ETIMEDOUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECANCELED;
}
