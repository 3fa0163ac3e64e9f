/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "mech/cgroup_tree.h"

/* Whether `list`, comma-separated, has `word`. */
static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (!strncmp(p, word, n) && (p[n] == ',' || !p[n]))
			return true;
	return false;
}

/* One line of /proc/self/mountinfo; true if it is the hierarchy wanted. Paths with escaped bytes are passed over. */
static bool is_hierarchy(char *line, const char *controller, char *root, size_t root_size, char *point, size_t size)
{
	char at_root[512], at_point[256], type[32], options[256];
	char *rest = strstr(line, " - ");

	if (!rest || strchr(line, '\\') || sscanf(line, "%*s %*s %*s %511s %255s", at_root, at_point) != 2 ||
	    sscanf(rest, " - %31s %*s %255s", type, options) != 2)
		return false;
	if (strcmp(type, controller ? "cgroup" : "cgroup2") || (controller && !has_word(options, controller)))
		return false;
	snprintf(root, root_size, "%s", at_root);
	snprintf(point, size, "%s", at_point);
	return true;
}

static bool find_mount(const char *controller, char *root, size_t root_size, char *point, size_t size)
{
	REIN_AUTO_FILE FILE *file = fopen("/proc/self/mountinfo", "re");
	REIN_AUTO_FREE char *line = NULL;
	size_t room = 0;

	while (file && getline(&line, &room, file) > 0)
		if (is_hierarchy(line, controller, root, root_size, point, size))
			return true;
	return false;
}

/* The path of this process in a hierarchy: lines are ID:CONTROLLERS:PATH, with no controllers for cgroup2. */
static bool find_own(const char *controller, char *path, size_t size)
{
	REIN_AUTO_FILE FILE *file = fopen("/proc/self/cgroup", "re");
	REIN_AUTO_FREE char *line = NULL;
	size_t room = 0;

	while (file && getline(&line, &room, file) > 0) {
		char *controllers = strchr(line, ':'), *at = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!at)
			continue;
		*at++ = '\0';
		at[strcspn(at, "\n")] = '\0';
		if (controller ? !has_word(controllers + 1, controller) : controllers[1] != '\0')
			continue;
		snprintf(path, size, "%s", at);
		return true;
	}
	return false;
}

void rein_cgroup_mount_find(const char *controller, struct rein_cgroup_mount *ret_mount)
{
	char root[512], path[512];
	size_t n;

	memset(ret_mount, 0, sizeof(*ret_mount));
	if (!find_mount(controller, root, sizeof(root), ret_mount->point, sizeof(ret_mount->point)))
		return;
	n = strcmp(root, "/") ? strlen(root) : 0;
	/* A mount that shows only a part of the hierarchy, as in containers without a cgroup namespace. */
	if (!find_own(controller, path, sizeof(path)) || strncmp(path, root, n) || strstr(path, "/.."))
		return;
	if (snprintf(ret_mount->own, sizeof(ret_mount->own), "%s%s", ret_mount->point,
		     strcmp(path + n, "/") ? path + n : "") >= (int)sizeof(ret_mount->own))
		ret_mount->own[0] = '\0';
}
