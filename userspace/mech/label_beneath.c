/* SPDX-License-Identifier: GPL-2.0 */
#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "mech/label_tree.h"
#include "mech/mounts.h"

/*
 * What is beneath something denied and can be reached without passing it: file systems mounted there, whose roots have
 * nothing above them, and files that have another name elsewhere.
 */

/* Of what cannot be looked at, for want of a server or since it just went, nobody gets more than an error either. */
static int add_path(struct rein_label_tree *tree, size_t index, const char *path)
{
	REIN_AUTO_FD int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = root < 0 ? -errno : rein_mounts_open(root, path);
	uint32_t rule;
	unsigned deny = rein_label_tree_denied(tree, index, &rule);

	if (fd < 0)
		return fd == -EMFILE || fd == -ENFILE ? fd : 0;
	return rein_label_tree_add(tree, fd, deny, rule);
}

static int failed(int r, const char *path, struct rein_error *err)
{
	return r < 0 ? rein_fail(err, -r, "%s: cannot hold what is denied: %s", path, strerror(-r)) : 0;
}

int rein_label_tree_add_names(struct rein_label_tree *tree, size_t index, const char *path, struct rein_error *err)
{
	char *const roots[] = {(char *)path, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	const FTSENT *entry;
	size_t looked = 0;
	int r = 0;

	if (!walk)
		return rein_fail_errno(err, "cannot look into %s", path);
	while (!r && looked < REIN_LABEL_LOOK_MAX && (entry = fts_read(walk))) {
		looked++;
		if (entry->fts_info == FTS_F && entry->fts_statp->st_nlink > 1)
			r = failed(add_path(tree, index, entry->fts_path), entry->fts_path, err);
	}
	fts_close(walk);
	return r;
}

/* A path of mountinfo, in place: \OOO stands for a byte. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		unsigned byte;

		if (from[0] == '\\' && sscanf(from + 1, "%3o", &byte) == 1) {
			*to = (char)byte;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* The mount point in a line of mountinfo, the fifth field, cut out; NULL if there is none. */
static char *point_of(char *line)
{
	char *field = line;

	for (int i = 0; i < 4 && field; i++) {
		field = strchr(field, ' ');
		field += field != NULL;
	}
	if (!field || *field != '/')
		return NULL;
	field[strcspn(field, " \n")] = '\0';
	unescape(field);
	return field;
}

int rein_label_tree_add_mounts(struct rein_label_tree *tree, const struct rein_view *view, const size_t *node_of,
			       struct rein_error *err)
{
	REIN_AUTO_FILE FILE *file = fopen("/proc/self/mountinfo", "re");
	REIN_AUTO_FREE char *line = NULL;
	size_t room = 0;
	int r = 0;

	if (!file)
		return rein_fail_errno(err, "cannot read /proc/self/mountinfo");
	while (!r && getline(&line, &room, file) > 0) {
		const char *point = point_of(line);
		const struct rein_place *place = point ? rein_view_find(view, point) : NULL;
		size_t node = place ? node_of[place - view->places.items] : REIN_LABEL_NOWHERE;

		if (node != REIN_LABEL_NOWHERE && strcmp(place->path, point))
			r = failed(add_path(tree, node, point), point, err);
	}
	return r;
}
