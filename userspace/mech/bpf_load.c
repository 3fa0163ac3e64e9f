/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <rein/net.h>
#include <rein/state.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "mech/bpf_facts.h"
#include "mech/bpf_flavour.h"
#include "mech/bpf_object.h"
#include "mech/cgroup_tree.h"

#include "file.skel.h"
#include "level.skel.h"
#include "net.skel.h"
#include "trace.skel.h"

#define CONFIG REIN_PINS "/rein_config"
#define RING_BYTES (256 * 1024)
#define PEERS_MAX 1024
#define PEER_BYTES 32 /* struct peer of net.bpf.c */

/* In a child inside the cgroup: the program says at which of its ancestors' levels that cgroup stands. */
static int ask_level(int program, uint64_t id)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &id, .ctx_size_in = sizeof(id));

	return bpf_prog_test_run_opts(program, &options) ? 0 : (int)options.retval;
}

static int find_level_inside(int program, int cgroup)
{
	REIN_AUTO_FD int pidfd = -1;
	pid_t child = rein_cgroup_fork(cgroup, &pidfd);
	int status;

	if (!child)
		_exit(ask_level(program, rein_cgroup_id(cgroup)));
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 0;
	return WEXITSTATUS(status);
}

static int find_level(const struct rein_machine *machine, uint32_t *ret_level, struct rein_error *err)
{
	struct rein_level *skeleton = rein_level__open_and_load();
	REIN_AUTO_FD int cgroup = -1;
	char name[32];

	if (!skeleton)
		return rein_object_fail(err, -errno, "a tracepoint program");
	snprintf(name, sizeof(name), "level-%d", getpid());
	cgroup = rein_cgroup_make(machine->cgroup_parent, name, err);
	if (cgroup >= 0) {
		*ret_level = (uint32_t)find_level_inside(bpf_program__fd(skeleton->progs.rein_find_level), cgroup);
		rein_cgroup_end(machine->cgroup_parent, name, 1000, NULL);
	}
	rein_level__destroy(skeleton);
	if (cgroup < 0)
		return -err->code;
	return *ret_level ? 0 : rein_fail(err, EOPNOTSUPP, "cannot find the level of %s", machine->cgroup_parent);
}

static int attach_all(struct bpf_object *object, int parent)
{
	struct bpf_program *program;
	int r = 0;

	bpf_object__for_each_program(program, object) r = r ? r : rein_object_attach_cgroup(program, parent);
	return r;
}

static int load_net(const struct rein_pins_config *config, int parent, struct rein_error *err)
{
	struct rein_net *skeleton = rein_net__open();
	int r;

	if (!skeleton)
		return rein_object_fail(err, -errno, "bpf-net");
	skeleton->rodata->rein_parent_id = config->parent_id;
	skeleton->rodata->rein_level = config->level;
	skeleton->rodata->rein_mechanism = REIN_MECH_BPF_NET;
	skeleton->rodata->rein_build = config->build;
	r = rein_object_share_maps(skeleton->obj);
	if (!r)
		r = rein_net__load(skeleton);
	if (!r)
		r = attach_all(skeleton->obj, parent);
	rein_net__destroy(skeleton);
	return r < 0 ? rein_object_fail(err, r, "bpf-net") : 0;
}

static int pin_programs(struct bpf_object *object)
{
	struct bpf_program *program;
	int r = 0;

	bpf_object__for_each_program(program, object) r = r ? r : rein_object_pin_program(program, NULL);
	return r;
}

/* bpf-file shares the map with bpf-trace. It keeps the cgroup, not the descriptor. */
static int set_parent(struct bpf_map *map, int parent)
{
	uint32_t zero = 0;

	return bpf_map__update_elem(map, &zero, sizeof(zero), &parent, sizeof(parent), BPF_ANY);
}

static int load_trace(const struct rein_pins_config *config, int parent, struct rein_error *err)
{
	struct rein_trace *skeleton = rein_trace__open();
	int r;

	if (!skeleton)
		return rein_object_fail(err, -errno, "bpf-trace");
	skeleton->rodata->rein_parent_id = config->parent_id;
	skeleton->rodata->rein_level = config->level;
	skeleton->rodata->rein_mechanism = REIN_MECH_BPF_TRACE;
	skeleton->rodata->rein_build = config->build;
	r = rein_object_share_maps(skeleton->obj);
	if (!r)
		r = rein_trace__load(skeleton);
	if (!r)
		r = set_parent(skeleton->maps.rein_parent, parent);
	if (!r)
		r = pin_programs(skeleton->obj);
	rein_trace__destroy(skeleton);
	return r < 0 ? rein_object_fail(err, r, "bpf-trace") : 0;
}

static int open_config(void)
{
	REIN_AUTO_FD int fd = bpf_obj_get(CONFIG);

	if (fd >= 0 || errno != ENOENT)
		return rein_take_fd(&fd);
	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "rein_config", 4, sizeof(struct rein_pins_config), 1, NULL);
}

/* Filled before it can be found. */
static int write_config(const struct rein_pins_config *config, struct rein_error *err)
{
	REIN_AUTO_FD int fd = open_config();
	uint32_t zero = 0;

	if (fd < 0 || bpf_map_update_elem(fd, &zero, config, BPF_ANY) ||
	    (access(CONFIG, F_OK) && bpf_obj_pin(fd, CONFIG)))
		return rein_fail_errno(err, "cannot pin " CONFIG);
	return 0;
}

uint64_t rein_bpf_salt;

/* FNV-1a: it need not withstand anybody, only differ. */
static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
	for (const uint8_t *p = data; size-- > 0; p++)
		hash = (hash ^ *p) * 0x100000001b3ULL;
	return hash;
}

uint64_t rein_bpf_build(void)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	const void *object;
	size_t size;

	object = rein_net__elf_bytes(&size);
	hash = mix(hash, object, size);
	object = rein_trace__elf_bytes(&size);
	hash = mix(hash, object, size);
	object = rein_file__elf_bytes(&size);
	hash = mix(hash, object, size);
	return mix(hash, &rein_bpf_salt, sizeof(rein_bpf_salt));
}

int rein_bpf_load(const struct rein_machine *machine, struct rein_error *err)
{
	REIN_AUTO_FD int parent = open(machine->cgroup_parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct rein_pins_config config = {.abi = REIN_ABI, .build = rein_bpf_build()};
	struct rein_pins_facts facts = {0};
	int r;

	if (parent < 0)
		return rein_fail_errno(err, "cannot open the cgroup %s", machine->cgroup_parent);
	rein_object_listen();
	config.parent_id = rein_cgroup_id(parent);
	r = find_level(machine, &config.level, err);
	if (!r)
		r = load_net(&config, parent, err);
	if (!r)
		r = load_trace(&config, parent, err);
	if (!r)
		r = rein_flavour_next(&config, &facts, NULL, err);
	return r ? r : write_config(&config, err);
}

/* Programs of bpf-file that an update before this one left half way, or behind. */
static int remove_others(uint64_t build, struct rein_error *err)
{
	REIN_AUTO_DIR DIR *dir = opendir(REIN_PINS);
	char own[64], path[512];
	struct dirent *entry;
	int r = 0;

	rein_bpf_file_folder(build, own, sizeof(own));
	while (!r && dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, REIN_FILE_FOLDER, strlen(REIN_FILE_FOLDER)) != 0 ||
		    !strcmp(entry->d_name, own))
			continue;
		snprintf(path, sizeof(path), REIN_PINS "/%s", entry->d_name);
		r = rein_pins_remove_folder(path, err);
	}
	return r;
}

/*
 * The programs of bpf-file first: they come beside the old ones, and where they cannot be had nothing has changed. An
 * update that was cut short is done again from here; what was its turn already stays.
 */
static int update_file(const struct rein_pins_config *config, struct rein_pins_facts *facts, struct rein_error *err)
{
	struct rein_pins_facts before;
	bool known = rein_facts_read(&before) == 0;

	if (known && rein_bpf_file_turn() == config->build) {
		*facts = before;
		facts->fired = 0;
		return 0;
	}
	*facts = (struct rein_pins_facts){0};
	if (known && before.flavour != REIN_FILE_NONE)
		facts->tried = ~(1U << before.flavour);
	rein_flavour_try(config, facts);
	if (facts->flavour == REIN_FILE_NONE && rein_bpf_file_turn())
		return rein_fail(err, EOPNOTSUPP, "agents run under bpf-file, and this build's cannot replace it: %s",
				 facts->refusal);
	return rein_facts_write(facts, err);
}

int rein_bpf_update(const struct rein_machine *machine, const struct rein_pins_config *before, struct rein_error *err)
{
	REIN_AUTO_FD int parent = open(machine->cgroup_parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct rein_pins_config config = *before, halfway = *before;
	struct rein_pins_facts facts;
	int r;

	if (parent < 0 || rein_cgroup_id(parent) != before->parent_id)
		return rein_fail(err, EBUSY, "agents run below a cgroup that is gone: end them (rein ps, rein kill)");
	rein_object_listen();
	halfway.build = 0; /* from here on no launch takes what it finds for one build's */
	config.build = rein_bpf_build();
	r = update_file(&config, &facts, err);
	if (!r)
		r = write_config(&halfway, err);
	if (!r)
		r = load_net(&config, parent, err);
	if (!r)
		r = load_trace(&config, parent, err);
	if (!r)
		r = rein_bpf_file_take_turn(&config, err);
	if (!r)
		r = write_config(&config, err);
	return r ? r : remove_others(config.build, err);
}

int rein_bpf_make_trie(unsigned room)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);

	return bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "rein_trie", sizeof(struct rein_net_key),
			      sizeof(struct rein_net_entry), room, &options);
}

int rein_bpf_make_ports(unsigned room)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "rein_ports", sizeof(uint32_t), sizeof(struct rein_port_bitmap), room,
			      &options);
}

int rein_bpf_make_peers(void)
{
	return bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "rein_peers", PEER_BYTES, 1, PEERS_MAX, NULL);
}

int rein_bpf_make_names(unsigned room)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);

	return bpf_map_create(BPF_MAP_TYPE_HASH, "rein_names", sizeof(struct rein_named_key),
			      sizeof(struct rein_named_entry), room, &options);
}

int rein_bpf_make_ring(void)
{
	return bpf_map_create(BPF_MAP_TYPE_RINGBUF, "rein_ring", 0, 0, RING_BYTES, NULL);
}
