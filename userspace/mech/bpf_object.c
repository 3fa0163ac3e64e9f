/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_object.h"

#include <stdio.h>
#include <string.h>

#include "mech/bpf_pins.h"

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
	char path[192];
	int r = pin_path(path, sizeof(path), folder, bpf_program__name(program));

	return r ? r : bpf_program__pin(program, path);
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
	if (!parameter)
		return count;
	for (int i = 0; i < count; i++)
		if (!strcmp(btf__name_by_offset(kernel, all[i].name_off), parameter))
			return i;
	return -ENOENT;
}
