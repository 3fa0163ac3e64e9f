/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/tmpdir.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "profile/path.h"

/* What the system is made of, which root owns as it owns a temporary folder of its own. */
static const struct {
	const char *path;
	bool below; /* and all that is in it */
} systems[] = {
	{"/", false},	       {"/bin", true},	    {"/boot", true},	 {"/dev", false},  {"/etc", true},
	{"/home", false},      {"/lib", true},	    {"/lib32", true},	 {"/lib64", true}, {"/media", false},
	{"/mnt", false},       {"/opt", false},	    {"/proc", true},	 {"/run", false},  {"/sbin", true},
	{"/srv", false},       {"/sys", true},	    {"/dev/pts", false}, {"/usr", true},   {"/var", false},
	{"/var/cache", false}, {"/var/lib", false}, {"/var/log", false},
};

static bool is_system(const char *path)
{
	for (size_t i = 0; i < REIN_COUNT(systems); i++)
		if (!strcmp(path, systems[i].path) || (systems[i].below && rein_path_contains(systems[i].path, path)))
			return true;
	return false;
}

static bool holds_home(const char *path, const char *home)
{
	REIN_AUTO_FREE char *real = home ? realpath(home, NULL) : NULL;

	return real && rein_path_contains(path, real);
}

/* Whether everybody has temporary files there, as in /tmp, or the agent's user alone. */
static bool is_temporary(const char *path, const struct rein_identity *who)
{
	static const mode_t shared = S_ISVTX | S_IWOTH;
	struct stat status;

	if (stat(path, &status) || !S_ISDIR(status.st_mode))
		return false;
	if ((status.st_mode & shared) == shared)
		return true;
	return status.st_uid == who->uid && !is_system(path) && !holds_home(path, who->home);
}

int rein_tmpdir_find(const char *given, const char *workspace, const struct rein_identity *who, char **ret_tmpdir,
		     struct rein_error *err)
{
	REIN_AUTO_FREE char *real = given && given[0] == '/' ? realpath(given, NULL) : NULL;

	if (real && strcmp(real, "/tmp") != 0 && !is_temporary(real, who))
		return rein_fail(err, EINVAL,
				 "TMPDIR is %s, which is no folder for temporary files, and an agent has it empty and "
				 "of its own; set it to one that is, such as /tmp, or unset it",
				 given);
	if (!real)
		real = realpath("/tmp", NULL);
	if (!real)
		real = strdup("/tmp");
	if (!real)
		return rein_fail(err, ENOMEM, "no memory for the name of a folder");
	if (!strcmp(real, workspace))
		return rein_fail(err, EINVAL,
				 "the workspace %s is TMPDIR as well, which an agent has empty and of its own; start "
				 "in another folder",
				 workspace);
	*ret_tmpdir = rein_take_pointer(&real);
	return 0;
}
