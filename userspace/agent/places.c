/* SPDX-License-Identifier: GPL-2.0 */
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/folder.h"
#include "agent/registry.h"
#include "base/cleanup.h"

/* Where rein's folders are. What the environment says is believed only where it names a folder of the caller's own. */

static int format(char *ret, size_t size, struct rein_error *err, const char *before, const char *after)
{
	int n = snprintf(ret, size, "%s%s", before, after);

	return n < 0 || (size_t)n >= size ? rein_fail(err, ENAMETOOLONG, "%s%s is too long a path", before, after) : 0;
}

/* Ours, and nobody else can put things into it. */
static bool is_own_folder(const char *path)
{
	struct stat st;

	return path && path[0] == '/' && !stat(path, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & 022);
}

static const char *home(void)
{
	const char *home = getenv("HOME");
	const struct passwd *entry;

	if (home && home[0] == '/')
		return home;
	entry = getpwuid(geteuid());
	return entry && entry->pw_dir && entry->pw_dir[0] == '/' ? entry->pw_dir : NULL;
}

static int find_runtime(char *ret, size_t size, struct rein_error *err)
{
	const char *named = getenv("XDG_RUNTIME_DIR");
	char usual[64];

	if (is_own_folder(named))
		return format(ret, size, err, named, "/rein");
	snprintf(usual, sizeof(usual), "/run/user/%u", geteuid());
	if (is_own_folder(usual))
		return format(ret, size, err, usual, "/rein");
	snprintf(ret, size, "/tmp/rein-%u", geteuid());
	/* Anybody may have put something there before us. */
	if (access(ret, F_OK) && errno == ENOENT)
		return 0;
	return rein_folder_check(ret, err);
}

static int find_xdg(char *ret, size_t size, struct rein_error *err, const char *variable, const char *below_home)
{
	const char *named = getenv(variable), *own = home();
	char below[64];

	if (named && named[0] == '/')
		return format(ret, size, err, named, "/rein");
	if (!own)
		return rein_fail(err, ENOENT, "neither %s nor HOME is set, and user %u has no home: set HOME", variable,
				 geteuid());
	snprintf(below, sizeof(below), "%s/rein", below_home);
	return format(ret, size, err, own, below);
}

/* Root's own folders, sudo or not: an agent of root's is root's to govern. */
static int find_root(struct rein_places *places)
{
	strcpy(places->runtime, "/run/rein");
	strcpy(places->state, "/var/log/rein");
	return 0;
}

int rein_places_find(struct rein_places *ret_places, struct rein_error *err)
{
	struct rein_places places = {0};
	int r = geteuid() == 0 ? find_root(&places) : find_runtime(places.runtime, sizeof(places.runtime), err);

	if (!r && geteuid() != 0)
		r = find_xdg(places.state, sizeof(places.state), err, "XDG_STATE_HOME", "/.local/state");
	if (!r)
		r = find_xdg(places.config, sizeof(places.config), err, "XDG_CONFIG_HOME", "/.config");
	if (!r)
		*ret_places = places;
	return r;
}
