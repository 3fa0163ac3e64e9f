/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_file_hooks.h"

#include <bpf/libbpf.h>
#include <string.h>

#include "file.skel.h"

const struct rein_file_hook rein_file_hooks[] = {
	{.name = "task_alloc", .without = "processes are started uncounted"},
	{.name = "path_mkdir", .without = "folders are made uncounted"},
	{0},
};

const struct rein_file_argument rein_file_arguments[] = {
	{0},
};

const struct rein_file_hook *rein_file_hook(const char *name)
{
	for (const struct rein_file_hook *hook = rein_file_hooks; hook->name; hook++)
		if (!strcmp(hook->name, name))
			return hook;
	return NULL;
}
