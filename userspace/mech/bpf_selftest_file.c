/* SPDX-License-Identifier: GPL-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "mech/bpf_facts.h"
#include "mech/bpf_flavour.h"
#include "mech/bpf_preempt.h"
#include "mech/bpf_selftest.h"
#include "mech/bpf_selftest_scene.h"
#include "mech/bpf_selftest_shots.h"

#define SHOTS_MAX 64

/* What the children of one scene need to know. */
static struct rein_targets targets;
static bool attached[SHOTS_MAX];

/* With a state that the hooks do not know. */
static int fire_unknown(struct rein_scene *scene)
{
	for (int i = 0; rein_shots[i].hook; i++)
		if (attached[i] && !rein_shots[i].refused(&targets))
			return 1 + i;
	return 0;
}

/* Behind file_open, which must let it pass: with a state, and a breaker of that meter that is open. */
enum known_step { STEP_WRITE = 1, STEP_RESERVE, STEP_EXEC };

static int fire_known(struct rein_scene *scene)
{
	struct rein_state *state = scene->slot.state;
	char *const name[] = {"rein-self-test", NULL};

	if (pwrite(targets.file, "r", 1, 0) != 1 || REIN_LOAD(&state->meters[REIN_METER_WRITE_BYTES]) != 1)
		return STEP_WRITE;
	if (fallocate(targets.file, 0, 0, 4096) || REIN_LOAD(&state->meters[REIN_METER_WRITE_BYTES]) != 1 + 4096)
		return STEP_RESERVE;
	execveat(targets.program, "", name, name + 1, AT_EMPTY_PATH);
	return errno == EDQUOT ? 0 : STEP_EXEC;
}

static const char *const known_steps[] = {
	[STEP_WRITE] = "rw_verify_area and file_permission did not count a write",
	[STEP_RESERVE] = "vfs_fallocate did not count what was reserved",
	[STEP_EXEC] = "bprm_creds_for_exec did not refuse",
};

/* No charge passes a breaker whose state is unknown. */
static void make_known(struct rein_slot *slot)
{
	struct rein_breaker breaker = {
		.meter = REIN_METER_EXEC_COUNT, .on_trip = REIN_ON_TRIP_DENY, .mechanism = REIN_MECH_BPF_FILE};

	slot->state->breakers[0] = breaker;
	slot->state->breakers_of[REIN_METER_EXEC_COUNT] = 1;
	slot->state->nr_breakers = 1;
	rein_slot_ready(slot, REIN_STATE_FILE);
}

/* Every decision hook that is attached must have a shot, or be one that a known state fires. */
static bool all_have_shots(uint64_t build, char *ret_failed, size_t size)
{
	for (const struct rein_file_hook *hook = rein_file_hooks; hook->name; hook++) {
		bool has = hook->plain || !strcmp(hook->name, "bprm_creds_for_exec") ||
			   !rein_bpf_file_attached(build, hook->name);

		for (int i = 0; !has && rein_shots[i].hook; i++)
			has = !strcmp(rein_shots[i].hook, hook->name);
		if (!has) {
			snprintf(ret_failed, size, "nothing fires %s", hook->name);
			return false;
		}
	}
	return true;
}

/* *ret_failed: "" if every hook fired. A child that did not end says nothing about hooks: an error. */
static int fire_scene(struct rein_scene *scene, char *ret_failed, size_t size, struct rein_error *err)
{
	uint64_t build = scene->slot.pins.config.build;
	int step;

	if (!all_have_shots(build, ret_failed, size))
		return 0;
	for (int i = 0; i < SHOTS_MAX && rein_shots[i].hook; i++)
		attached[i] = rein_bpf_file_attached(build, rein_shots[i].hook);
	step = rein_scene_run(scene, fire_unknown);
	if (step > 0)
		snprintf(ret_failed, size, "%s did not refuse", rein_shots[step - 1].hook);
	if (!step) {
		make_known(&scene->slot);
		step = rein_scene_run(scene, fire_known);
		if (step > 0)
			snprintf(ret_failed, size, "%s", known_steps[step]);
	}
	return step < 0 ? rein_fail(err, -step, "the child of bpf-file's self-test did not end") : 0;
}

/* Fires what is loaded, and tells what that was. */
static int fire(struct rein_machine *machine, struct rein_pins *ret_pins, char *ret_failed, size_t size,
		struct rein_error *err)
{
	struct rein_scene scene = rein_scene_empty;
	int r;

	scene.machine = machine;
	*ret_failed = 0;
	r = rein_scene_open(&scene, 0, err);
	if (!r && scene.slot.pins.facts.flavour != REIN_FILE_NONE) {
		r = rein_targets_make(&targets, err);
		if (!r) {
			r = fire_scene(&scene, ret_failed, size, err);
			rein_targets_remove(&targets);
		}
	}
	ret_pins->config = scene.slot.pins.config;
	ret_pins->facts = scene.slot.pins.facts;
	rein_scene_close(&scene);
	return r;
}

/* Another launch may have changed what is loaded meanwhile: then that is fired next. Under living agents nothing is
 * taken away: they were promised it. */
static int replace(struct rein_machine *machine, const struct rein_pins *fired, const char *failed,
		   struct rein_error *err)
{
	struct rein_pins pins = REIN_PINS_NONE;
	REIN_AUTO_FD int lock = rein_pins_lock(err);
	int r = lock < 0 ? lock : rein_pins_open(machine, true, &pins, NULL, err);

	if (r < 0)
		return r;
	if (fired->facts.flavour != REIN_FILE_NONE && rein_pins_agents() != 0)
		r = rein_fail(err, EBUSY, "%s, and agents run: end them and start again", failed);
	else if (pins.facts.loaded_ns == fired->facts.loaded_ns)
		r = rein_flavour_next(&pins.config, &pins.facts, failed, err);
	rein_pins_close(&pins);
	return r;
}

/* Fires, and replaces what does not fire, until something does or nothing is left to try. */
static int find_flavour(struct rein_machine *machine, struct rein_pins *pins, struct rein_error *err)
{
	char failed[96];
	int r = fire(machine, pins, failed, sizeof(failed), err);

	for (int i = 0; !r && i < REIN_FILE_FLAVOURS; i++) {
		if (!*failed && (pins->facts.flavour != REIN_FILE_NONE || pins->facts.tried))
			break;
		r = replace(machine, pins, failed, err);
		r = r ? r : fire(machine, pins, failed, sizeof(failed), err);
	}
	if (!r && *failed)
		r = rein_fail(err, EOPNOTSUPP, "its self-test failed: %s", failed);
	if (!r && pins->facts.flavour == REIN_FILE_NONE)
		r = rein_fail(err, EOPNOTSUPP, "this kernel takes neither kind of its programs: %s",
			      pins->facts.refusal);
	return r;
}

static const char *const works[] = {
	[REIN_FILE_NONE] = "",
	[REIN_FILE_LSM] = "every file hook as an LSM program, fired",
	[REIN_FILE_FMOD_RET] = "every file hook as an fmod_ret program, fired",
};

/* LSM programs run even so, and count what they see; the amounts of bytes come from programs that may be skipped. */
static void say_what_is_skipped(struct rein_machine *machine, struct rein_fact *fact)
{
	const char *preempts = fact->works ? rein_preempt_now() : NULL;
	size_t used = strlen(fact->detail);

	machine->bpf_file_skips = preempts;
	if (preempts)
		snprintf(
			fact->detail + used, sizeof(fact->detail) - used,
			"; this kernel preempts itself (%s), so bytes are left to bpf-trace, and a write may once in a "
			"while be refused for nothing",
			preempts);
}

void rein_bpf_selftest_file(struct rein_machine *machine)
{
	struct rein_fact *fact = &machine->facts[REIN_MECH_BPF_FILE];
	struct rein_pins pins = REIN_PINS_NONE;
	struct rein_error err = {0};

	if (!rein_scene_possible(machine, fact))
		return;
	if (rein_flavour_trampolines_off())
		rein_fail(
			&err, EOPNOTSUPP,
			"kernel.ftrace_enabled is 0, and with it BPF's trampolines: `sysctl kernel.ftrace_enabled=1`");
	else if (!rein_facts_recall(machine, REIN_MECH_BPF_FILE, &pins) && !find_flavour(machine, &pins, &err))
		rein_facts_keep(REIN_MECH_BPF_FILE, &pins);
	/* Not remembered: how a kernel preempts itself can be set at any time. */
	if (!err.code && rein_flavour_check(pins.facts.flavour, &err))
		rein_context(&err, "fmod_ret programs");
	rein_scene_judge(fact, works[pins.facts.flavour], &err, NULL);
	machine->bpf_lsm = fact->works && pins.facts.flavour == REIN_FILE_LSM;
	machine->bpf_fmod_ret = fact->works && pins.facts.flavour == REIN_FILE_FMOD_RET;
	say_what_is_skipped(machine, fact);
}
