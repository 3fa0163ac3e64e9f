/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_object.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "mech/bpf_pins.h"
#include "mech/cgroup_tree.h"

static char first_warning[256];

__attribute__((format(printf, 2, 0))) static int keep_warning(enum libbpf_print_level level, const char *fmt,
							      va_list arguments)
{
	if (level == LIBBPF_WARN && !first_warning[0])
		vsnprintf(first_warning, sizeof(first_warning), fmt, arguments);
	first_warning[strcspn(first_warning, "\n")] = '\0';
	return 0;
}

void rein_object_listen(void)
{
	first_warning[0] = '\0';
	libbpf_set_print(keep_warning);
}

int rein_object_fail(struct rein_error *err, int r, const char *what)
{
	r = r < 0 ? -r : EIO;
	return rein_fail(err, r, "cannot load %s: %s%s%s", what, strerror(r), first_warning[0] ? ": " : "",
			 first_warning);
}

static int pin_path(char *ret_path, size_t size, const char *folder, const char *name)
{
	int n = snprintf(ret_path, size, REIN_PINS "/%s%s%s", folder ?: "", folder ? "/" : "", name);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int rein_object_share_maps(struct bpf_object *object)
{
	struct bpf_map *map;
	char path[192];
	int r = 0;

	bpf_object__for_each_map(map, object)
	{
		if (r || bpf_map__is_internal(map))
			continue;
		r = pin_path(path, sizeof(path), NULL, bpf_map__name(map));
		r = r ? r : bpf_map__set_pin_path(map, path);
	}
	return r;
}

int rein_object_pin_program(struct bpf_program *program, const char *folder)
{
	char path[192], fresh[192], name[96];
	int r = pin_path(path, sizeof(path), folder, bpf_program__name(program));

	snprintf(name, sizeof(name), "new_%s", bpf_program__name(program));
	r = r ? r : pin_path(fresh, sizeof(fresh), folder, name);
	if (r < 0)
		return r;
	unlink(fresh);
	r = bpf_program__pin(program, fresh);
	if (!r && rename(fresh, path))
		r = -errno;
	return r;
}

int rein_object_pin_link(struct bpf_link *link, const char *name, const char *folder)
{
	char path[192];
	int r = pin_path(path, sizeof(path), folder, name);

	if (!link)
		return -errno;
	r = r ? r : bpf_link__pin(link, path);
	bpf_link__destroy(link);
	return r;
}

/* A link outlives the cgroup that it was attached to, and a detached one its attachment. */
int rein_object_open_link(const char *folder, const char *name, uint32_t type, uint64_t cgroup_id)
{
	REIN_AUTO_FD int fd = -1;
	struct bpf_link_info info = {0};
	uint32_t size = sizeof(info);
	char path[192];

	if (!pin_path(path, sizeof(path), folder, name))
		fd = bpf_obj_get(path);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) || info.type != type ||
	    (type == BPF_LINK_TYPE_CGROUP && info.cgroup.cgroup_id != cgroup_id))
		return -1;
	return rein_take_fd(&fd);
}

int rein_object_attach_cgroup(struct bpf_program *program, int cgroup)
{
	const char *name = bpf_program__name(program);
	REIN_AUTO_FD int link = rein_object_open_link(NULL, name, BPF_LINK_TYPE_CGROUP, rein_cgroup_id(cgroup));
	char path[192];
	int r = pin_path(path, sizeof(path), NULL, name);

	if (r < 0)
		return r;
	if (link >= 0)
		return bpf_link_update(link, bpf_program__fd(program), NULL);
	unlink(path);
	return rein_object_pin_link(bpf_program__attach_cgroup(program, cgroup), name, NULL);
}

/* The kernel waits before it lets go of a map that was in a map of maps (from 5.0 on). */
int rein_object_wait_grace(void)
{
	REIN_AUTO_FD int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rein_grace", 4, 4, 1, NULL);
	LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = (uint32_t)inner);
	REIN_AUTO_FD int outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "rein_grace", 4, 4, 1, &options);
	uint32_t zero = 0;

	if (inner < 0 || outer < 0 || bpf_map_update_elem(outer, &zero, &inner, BPF_ANY) ||
	    bpf_map_delete_elem(outer, &zero))
		return -errno;
	return 0;
}

bool rein_object_has_function(const struct btf *kernel, const char *function)
{
	return btf__find_by_name_kind(kernel, function, BTF_KIND_FUNC) > 0;
}

int rein_object_parameter(const struct btf *kernel, const char *function, const char *parameter)
{
	int id = btf__find_by_name_kind(kernel, function, BTF_KIND_FUNC);
	const struct btf_type *prototype = id > 0 ? btf__type_by_id(kernel, btf__type_by_id(kernel, id)->type) : NULL;
	const struct btf_param *all = prototype ? btf_params(prototype) : NULL;
	int count = prototype ? btf_vlen(prototype) : 0;

	if (!prototype)
		return -ENOENT;
	for (int i = 0; i < count; i++)
		if (!strcmp(btf__name_by_offset(kernel, all[i].name_off), parameter))
			return i;
	return -ENOENT;
}
