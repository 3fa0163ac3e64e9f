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
#include "mech/bpf_flavour.h"
#include "mech/bpf_object.h"
#include "mech/cgroup_tree.h"

#include "file.skel.h"
#include "level.skel.h"
#include "net.skel.h"
#include "trace.skel.h"

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

	bpf_object__for_each_program(program, object)
	{
		r = r ? r
		      : rein_object_pin_link(bpf_program__attach_cgroup(program, parent), bpf_program__name(program),
					     NULL);
	}
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

static int pin_config(const struct rein_pins_config *config, struct rein_error *err)
{
	REIN_AUTO_FD int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rein_config", 4, sizeof(*config), 1, NULL);
	uint32_t zero = 0;

	if (fd < 0 || bpf_map_update_elem(fd, &zero, config, BPF_ANY) || bpf_obj_pin(fd, REIN_PINS "/rein_config"))
		return rein_fail_errno(err, "cannot pin " REIN_PINS "/rein_config");
	return 0;
}

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
	return mix(hash, object, size);
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
	return r ? r : pin_config(&config, err);
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

int rein_bpf_make_ring(void)
{
	return bpf_map_create(BPF_MAP_TYPE_RINGBUF, "rein_ring", 0, 0, RING_BYTES, NULL);
}
