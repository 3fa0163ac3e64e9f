/* SPDX-License-Identifier: GPL-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "mech/bpf_flavour.h"
#include "mech/bpf_selftest.h"
#include "mech/bpf_selftest_scene.h"

/*
 * Whoever is in the agents' subtree without a state that the programs know is refused by every hook, with EACCES; so
 * each is fired by one call that this very hook is the first to see.
 */

#define REFUSED(call) ((call) < 0 && errno == EACCES)

static bool fire_task_alloc(struct rein_scene *scene)
{
	pid_t child = fork();

	if (!child)
		_exit(0);
	if (child > 0)
		waitpid(child, NULL, 0);
	return child < 0 && errno == EACCES;
}

static bool fire_path_mkdir(struct rein_scene *scene)
{
	return REFUSED(mkdirat(scene->folder, "made", 0700));
}

static const struct {
	const char *hook;
	bool (*refused)(struct rein_scene *scene);
} shots[] = {
	{"task_alloc", fire_task_alloc},
	{"path_mkdir", fire_path_mkdir},
};

static int fire_all(struct rein_scene *scene)
{
	for (size_t i = 0; i < REIN_COUNT(shots); i++)
		if (!shots[i].refused(scene))
			return 1 + (int)i;
	return 0;
}

static int make_folder(struct rein_scene *scene, struct rein_error *err)
{
	snprintf(scene->path, sizeof(scene->path), REIN_RUN_DIR "/self-test-XXXXXX");
	if (!mkdtemp(scene->path)) {
		scene->path[0] = 0;
		return rein_fail_errno(err, "cannot make a folder in " REIN_RUN_DIR);
	}
	scene->folder = open(scene->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return scene->folder < 0 ? rein_fail_errno(err, "cannot open %s", scene->path) : 0;
}

static void remove_folder(struct rein_scene *scene)
{
	if (scene->folder >= 0) {
		unlinkat(scene->folder, "made", AT_REMOVEDIR);
		close(rein_take_fd(&scene->folder));
	}
	if (scene->path[0])
		rmdir(scene->path);
}

/* Fires what is loaded. *failed: the hook that did not fire, NULL if all did. */
static int fire(struct rein_machine *machine, struct rein_pins *ret_pins, const char **failed, struct rein_error *err)
{
	struct rein_scene scene = rein_scene_empty;
	int step = 0, r;

	scene.machine = machine;
	*failed = NULL;
	r = rein_scene_open(&scene, 0, err);
	if (!r && scene.slot.pins.facts.flavour != REIN_FILE_NONE) {
		r = make_folder(&scene, err);
		step = r ? 0 : rein_scene_run(&scene, fire_all);
		remove_folder(&scene);
	}
	ret_pins->config = scene.slot.pins.config;
	ret_pins->facts = scene.slot.pins.facts;
	rein_scene_close(&scene);
	if (step)
		*failed = step > 0 ? shots[step - 1].hook : "its child did not end";
	return r;
}

/* Another launch may have changed what is loaded meanwhile: then that is fired next. */
static int replace(struct rein_machine *machine, const struct rein_pins *fired, const char *failed,
		   struct rein_error *err)
{
	struct rein_pins pins = REIN_PINS_NONE;
	REIN_AUTO_FD int lock = rein_pins_lock(err);
	char why[128];
	int r = lock < 0 ? lock : rein_pins_open(machine, true, &pins, NULL, err);

	if (r < 0)
		return r;
	snprintf(why, sizeof(why), "attached, but %s did not fire", failed);
	if (pins.facts.flavour == fired->facts.flavour)
		r = rein_flavour_next(&pins.config, &pins.facts, why, err);
	rein_pins_close(&pins);
	return r;
}

void rein_bpf_selftest_file(struct rein_machine *machine)
{
	struct rein_fact *fact = &machine->facts[REIN_MECH_BPF_FILE];
	struct rein_pins pins = REIN_PINS_NONE;
	struct rein_error err = {0};
	const char *failed = NULL;
	int r;

	if (!rein_scene_possible(machine, fact))
		return;
	r = fire(machine, &pins, &failed, &err);
	for (int i = 0; !r && failed && i < REIN_FILE_FLAVOURS; i++) {
		r = replace(machine, &pins, failed, &err);
		r = r ? r : fire(machine, &pins, &failed, &err);
	}
	if (!r && !failed && pins.facts.flavour == REIN_FILE_NONE)
		rein_fail(&err, EOPNOTSUPP, "this kernel takes neither kind of its programs: %s", pins.facts.refusal);
	rein_scene_judge(fact,
			 pins.facts.flavour == REIN_FILE_LSM ? "every file hook as an LSM program, fired"
							     : "every file hook as an fmod_ret program, fired",
			 &err, failed);
	machine->bpf_lsm = fact->works && pins.facts.flavour == REIN_FILE_LSM;
	machine->bpf_fmod_ret = fact->works && pins.facts.flavour == REIN_FILE_FMOD_RET;
}
