/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_load_file.h"

#include <bpf/bpf.h>
#include <inttypes.h>
#include <rein/state.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "mech/bpf_object.h"

#include "file.skel.h"

#define PROGRAM_PREFIX "rein_" /* what a hook's program is named: this and the hook */

struct job {
	struct rein_file *skeleton;
	struct btf *kernel;
	enum rein_file_flavour flavour;
	char folder[64];
	uint32_t links;
};

static const char *const prefixes[] = {[REIN_FILE_LSM] = "bpf_lsm_", [REIN_FILE_FMOD_RET] = "security_"};

static void name_function(const struct job *job, const struct rein_file_hook *hook, char *ret_name, size_t size)
{
	snprintf(ret_name, size, "%s%s", hook->plain ? "" : prefixes[job->flavour], hook->name);
}

static int set_flavour(struct bpf_program *program, const char *function)
{
	int r = bpf_program__set_type(program, BPF_PROG_TYPE_TRACING);

	if (!r)
		r = bpf_program__set_expected_attach_type(program, BPF_MODIFY_RETURN);
	return r ? r : bpf_program__set_attach_target(program, 0, function);
}

/* Leaves out what this kernel has no place for, if it can be left out. */
static int choose(const struct job *job, struct bpf_program *program, struct rein_error *err)
{
	const struct rein_file_hook *hook;
	char function[96];

	hook = rein_file_hook(strchr(bpf_program__section_name(program), '/') + 1);
	if (!hook)
		return rein_fail(err, EINVAL, "%s has no row in the table of hooks", bpf_program__name(program));
	if (strncmp(bpf_program__name(program), PROGRAM_PREFIX, strlen(PROGRAM_PREFIX)) != 0 ||
	    (!hook->plain && strcmp(bpf_program__name(program) + strlen(PROGRAM_PREFIX), hook->name) != 0))
		return rein_fail(err, EINVAL, "%s is not named after its hook", bpf_program__name(program));
	name_function(job, hook, function, sizeof(function));
	if (!rein_object_has_function(job->kernel, function)) {
		if (hook->optional)
			return bpf_program__set_autoload(program, false);
		return rein_fail(err, EOPNOTSUPP, "this kernel has no %s: without it %s", function, hook->without);
	}
	if (job->flavour == REIN_FILE_FMOD_RET && !hook->plain && set_flavour(program, function))
		return rein_fail_errno(err, "cannot attach to %s", function);
	return 0;
}

static int place_argument(const struct job *job, const struct rein_file_argument *argument, struct rein_error *err)
{
	const struct rein_file_hook *hook = rein_file_hook(argument->hook);
	uint8_t *constant = (uint8_t *)job->skeleton->rodata + argument->constant;
	char function[96];
	int place;

	if (!hook)
		return rein_fail(err, EINVAL, "%s has no row in the table of hooks", argument->hook);
	name_function(job, hook, function, sizeof(function));
	*constant = REIN_FILE_NO_ARGUMENT;
	if (!rein_object_has_function(job->kernel, function))
		return 0;
	place = rein_object_parameter(job->kernel, function, argument->parameter);
	if (place < 0)
		return rein_fail(err, EOPNOTSUPP, "%s of this kernel has no parameter %s", function,
				 argument->parameter);
	*constant = (uint8_t)place;
	return 0;
}

static int fit(const struct job *job, const struct rein_pins_config *config, struct rein_error *err)
{
	struct bpf_program *program;
	int r = 0;

	job->skeleton->rodata->rein_parent_id = config->parent_id;
	job->skeleton->rodata->rein_level = config->level;
	job->skeleton->rodata->rein_mechanism = REIN_MECH_BPF_FILE;
	job->skeleton->rodata->rein_build = config->build;
	for (const struct rein_file_argument *a = rein_file_arguments; !r && a->hook; a++)
		r = place_argument(job, a, err);
	bpf_object__for_each_program(program, job->skeleton->obj) r = r ? r : choose(job, program, err);
	return r;
}

static int attach_one(struct job *job, struct bpf_program *program)
{
	if (!bpf_program__autoload(program))
		return 0;
	job->links++;
	return rein_object_pin_link(bpf_program__attach_trace(program), bpf_program__name(program), job->folder);
}

static int attach_all(struct job *job)
{
	struct bpf_program *program;
	int r = 0;

	bpf_object__for_each_program(program, job->skeleton->obj) r = r ? r : attach_one(job, program);
	return r;
}

void rein_bpf_file_folder(uint64_t build, char *ret_name, size_t size)
{
	snprintf(ret_name, size, REIN_FILE_FOLDER "%016" PRIx64, build);
}

static void name_path(uint64_t build, char *ret_path, size_t size)
{
	snprintf(ret_path, size, REIN_PINS "/" REIN_FILE_FOLDER "%016" PRIx64, build);
}

static int make_folder(uint64_t build, struct rein_error *err)
{
	char path[128];

	name_path(build, path, sizeof(path));
	return mkdir(path, 0700) ? rein_fail_errno(err, "cannot make %s", path) : 0;
}

static int load(struct job *job, const struct rein_pins_config *config, struct rein_error *err)
{
	int r;

	job->kernel = btf__load_vmlinux_btf();
	if (!job->kernel)
		return rein_fail_errno(err, "cannot read this kernel's BTF");
	r = fit(job, config, err);
	if (r < 0)
		return r;
	r = rein_object_share_maps(job->skeleton->obj);
	if (!r)
		r = rein_file__load(job->skeleton);
	if (!r)
		r = attach_all(job);
	return r < 0 ? rein_object_fail(err, r, "bpf-file") : 0;
}

int rein_bpf_load_file(const struct rein_pins_config *config, enum rein_file_flavour flavour, uint32_t *ret_links,
		       struct rein_error *err)
{
	struct job job = {.flavour = flavour};
	int r;

	rein_object_listen();
	rein_bpf_file_folder(config->build, job.folder, sizeof(job.folder));
	r = rein_bpf_unload_file(config->build, err);
	if (!r)
		r = make_folder(config->build, err);
	if (r < 0)
		return r;
	job.skeleton = rein_file__open();
	r = job.skeleton ? load(&job, config, err) : rein_object_fail(err, -errno, "bpf-file");
	btf__free(job.kernel);
	rein_file__destroy(job.skeleton);
	if (r < 0)
		rein_bpf_unload_file(config->build, NULL);
	else
		*ret_links = job.links;
	return r;
}

int rein_bpf_unload_file(uint64_t build, struct rein_error *err)
{
	char path[128];

	name_path(build, path, sizeof(path));
	return rein_pins_remove_folder(path, err);
}

static struct rein_turn *map_turn(void)
{
	REIN_AUTO_FD int fd = bpf_obj_get(REIN_PINS "/rein_turn");
	void *page =
		fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(struct rein_turn), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return page == MAP_FAILED ? NULL : page;
}

uint64_t rein_bpf_file_turn(void)
{
	struct rein_turn *turn = map_turn();
	uint64_t build;

	if (!turn)
		return 0;
	build = __atomic_load_n(&turn->build, __ATOMIC_SEQ_CST);
	munmap(turn, sizeof(*turn));
	return build;
}

/*
 * A program that has seen the old turn has ended before `previous` is cleared; one that has seen the new one is the
 * newer one, which decides, or the older one after it, which leaves what that has marked.
 */
static int change_turn(struct rein_turn *turn, uint64_t build)
{
	uint64_t before = turn->build;
	int r = 0;

	if (before && before != build) {
		__atomic_store_n(&turn->change, turn->change + 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&turn->previous, before, __ATOMIC_SEQ_CST);
	}
	__atomic_store_n(&turn->build, build, __ATOMIC_SEQ_CST);
	if (turn->previous)
		r = rein_object_wait_grace();
	if (!r)
		__atomic_store_n(&turn->previous, 0, __ATOMIC_SEQ_CST);
	return r;
}

int rein_bpf_file_take_turn(const struct rein_pins_config *config, struct rein_error *err)
{
	struct rein_turn *turn;
	char path[128];
	int r;

	name_path(config->build, path, sizeof(path));
	if (access(path, F_OK))
		return 0; /* bpf-file has no programs here: its turn never comes */
	turn = map_turn();
	if (!turn)
		return rein_fail_errno(err, "cannot map " REIN_PINS "/rein_turn");
	r = change_turn(turn, config->build);
	munmap(turn, sizeof(*turn));
	return r < 0 ? rein_fail(err, -r, "cannot change turns: %s", strerror(-r)) : 0;
}

bool rein_bpf_file_attached(uint64_t build, const char *hook)
{
	char folder[64], program[96];
	REIN_AUTO_FD int link = -1;

	rein_bpf_file_folder(build, folder, sizeof(folder));
	snprintf(program, sizeof(program), PROGRAM_PREFIX "%s", hook);
	link = rein_object_open_link(folder, program, BPF_LINK_TYPE_TRACING, 0);
	return link >= 0;
}
