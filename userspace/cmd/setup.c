/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/setup.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/walk.h"
#include "cmd/identity.h"
#include "cmd/tmpdir.h"
#include "mech/namespaces_probe.h"
#include "mech/privileges.h"
#include "mech/seccomp.h"
#include "mech/syscall_filter.h"

#define SYSTEM_DIR "/etc/rein"

static int no_memory(struct rein_error *err)
{
	return rein_fail(err, ENOMEM, "no memory to set up the start");
}

static int find_workspace(const char *given, char **ret_workspace, struct rein_error *err)
{
	REIN_AUTO_FREE char *real = realpath(given ? given : ".", NULL);
	struct stat st;

	if (!real && !given)
		return rein_fail_errno(err,
				       "the current directory cannot be the workspace; cd elsewhere or give -w DIR");
	if (!real || stat(real, &st))
		return rein_fail_errno(err, "workspace %s", given ? given : ".");
	if (!S_ISDIR(st.st_mode))
		return rein_fail(err, ENOTDIR, "workspace %s is not a directory", given ? given : real);
	*ret_workspace = rein_take_pointer(&real);
	return 0;
}

char *rein_setup_program_folder(void)
{
	char path[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return NULL;
	path[n] = 0;
	slash = strrchr(path, '/');
	if (!slash)
		return NULL;
	*slash = 0;
	return strdup(path);
}

/* The profiles that ship: beside the installed program, beside the tree it was built in, or where it was to go. */
static int find_installed_dir(char **ret_dir, struct rein_error *err)
{
	static const char *const beside[] = {"../share/rein/profiles", "../profiles"};
	REIN_AUTO_FREE char *folder = rein_setup_program_folder();

	if (!folder)
		return rein_fail(err, ENOENT, "cannot find rein's own program; is /proc mounted?");
	for (size_t i = 0; i < REIN_COUNT(beside); i++) {
		REIN_AUTO_FREE char *path = NULL;
		char *real;

		if (asprintf(&path, "%s/%s", folder, beside[i]) < 0) {
			path = NULL;
			return no_memory(err);
		}
		real = realpath(path, NULL);
		if (real) {
			*ret_dir = real;
			return 0;
		}
	}
	*ret_dir = strdup(REIN_PROFILE_DIR);
	return *ret_dir ? 0 : no_memory(err);
}

static char *find_config_home(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *path = NULL;

	if (xdg && xdg[0] == '/')
		return strdup(xdg);
	if (!home || home[0] != '/' || asprintf(&path, "%s/.config", home) < 0)
		return NULL;
	return path;
}

/* Who the agent runs as, and where. */
static int find_all(const struct rein_options *options, struct rein_setup *setup, struct rein_error *err)
{
	struct rein_identity_wish wish = {
		.privileged = rein_privileges_full(),
		.user = options->user,
		.sudo_uid = getenv("SUDO_UID"),
		.home = getenv("HOME"),
	};
	int r = find_workspace(options->workspace, &setup->workspace, err);

	setup->starter = rein_identity_starter(&wish);
	wish.workspace = setup->workspace;
	if (r == 0)
		r = rein_identity_find(&wish, &setup->who, err);
	/* The caller's TMPDIR means nothing to somebody else. */
	if (r == 0)
		r = rein_tmpdir_find(setup->who.uid == geteuid() ? getenv("TMPDIR") : NULL, setup->workspace,
				     &setup->who, &setup->tmpdir, err);
	if (r == 0)
		r = find_installed_dir(&setup->installed_dir, err);
	return r;
}

int rein_setup_load(const struct rein_options *options, struct rein_setup *ret_setup, struct rein_error *err)
{
	struct rein_setup *setup = ret_setup;
	struct rein_profile_context context = {.system_dir = SYSTEM_DIR};
	int r;

	*setup = (struct rein_setup){0};
	r = find_all(options, setup, err);
	if (r < 0)
		return r;
	setup->config_home = find_config_home();
	context.workspace = setup->workspace;
	context.home = setup->who.home;
	context.user = setup->who.name;
	context.tmpdir = setup->tmpdir;
	context.config_home = setup->config_home;
	context.installed_dir = setup->installed_dir;
	return rein_policy_load(options->profile, &context, &setup->policy, err);
}

static int guard(struct rein_setup *setup, const char *folder, const char *name, struct rein_error *err)
{
	char **slot;

	if (!folder || !folder[0])
		return 0;
	slot = rein_vec_add(&setup->guarded);
	if (!slot || asprintf(slot, "%s%s%s", folder, name ? "/" : "", name ? name : "") < 0) {
		if (slot)
			*slot = NULL;
		return no_memory(err);
	}
	return 0;
}

static int find_program(struct rein_setup *setup, struct rein_error *err)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return rein_fail_errno(err, "cannot find rein's own program through /proc/self/exe; is /proc mounted?");
	path[n] = 0;
	setup->program = strdup(path);
	return setup->program ? 0 : no_memory(err);
}

/* The audit file may not exist yet: its folder does. */
static int guard_audit(struct rein_setup *setup, const char *audit, struct rein_error *err)
{
	const char *name;
	REIN_AUTO_FD int folder = rein_walk_to_folder(audit, setup->workspace, &name, err);
	REIN_AUTO_FREE char *real = folder >= 0 ? rein_walk_path(folder) : NULL;

	if (folder < 0) {
		rein_context(err, "the folder of --audit %s", audit);
		return folder;
	}
	if (!real)
		return rein_fail_errno(err, "the folder of --audit %s", audit);
	return guard(setup, strcmp(real, "/") ? real : "", name, err);
}

/* What no agent may write: rein's state, profiles and audit, nor read those, and its program; the state of the agent's
 * user too, who may be another than the caller. */
static int guard_all(const struct rein_options *options, struct rein_setup *setup, struct rein_error *err)
{
	const struct {
		const char *folder, *name;
	} own[] = {
		{setup->places.runtime, NULL},	   {setup->places.state, NULL},
		{setup->places.config, NULL},	   {SYSTEM_DIR, NULL},
		{setup->installed_dir, NULL},	   {setup->config_home, "rein"},
		{setup->who.home, ".config/rein"}, {setup->who.home, ".local/state/rein"},
	};
	int r = find_program(setup, err);

	for (size_t i = 0; r == 0 && i < REIN_COUNT(own); i++)
		r = guard(setup, own[i].folder, own[i].name, err);
	if (r == 0 && options->audit)
		r = guard_audit(setup, options->audit, err);
	if (r == 0 && !rein_vec_add(&setup->guarded))
		r = no_memory(err);
	return r;
}

/* System calls that no filter may allow, or that it must: found here rather than when the start has begun. */
static int check_filter(const struct rein_plan *plan, struct rein_error *err)
{
	struct rein_filter filter;

	return rein_filter_decide(plan, &filter, err);
}

int rein_setup_plan(const struct rein_options *options, bool digests, struct rein_setup *setup, struct rein_error *err)
{
	struct rein_plan_options wanted = {.degrade = options->degrade,
					   .ci = options->ci,
					   .digests = digests,
					   .agent_uid = setup->who.uid,
					   .knows_syscall = rein_seccomp_knows,
					   .forbids_syscall = rein_seccomp_forbids};
	int r = rein_places_find(&setup->places, err);

	if (r == 0)
		r = guard_all(options, setup, err);
	if (r < 0)
		return r;
	wanted.own = (struct rein_view_own){(const char *const *)setup->guarded.items, setup->program};
	rein_mechanisms_probe(&setup->machine);
	if (rein_policy_names_digests(setup->policy))
		rein_namespaces_probe_overlay(&setup->machine);
	r = rein_plan_make(setup->policy, &setup->machine, &wanted, &setup->plan, err);
	if (r == 0 && !setup->plan.refused)
		r = check_filter(&setup->plan, err);
	return r;
}

void rein_setup_free(struct rein_setup *setup)
{
	rein_plan_free(&setup->plan);
	rein_policy_free(setup->policy);
	rein_identity_free(&setup->who);
	for (size_t i = 0; i < setup->guarded.count; i++)
		free(setup->guarded.items[i]);
	rein_vec_free(&setup->guarded);
	free(setup->workspace);
	free(setup->tmpdir);
	free(setup->config_home);
	free(setup->installed_dir);
	free(setup->program);
	*setup = (struct rein_setup){0};
}
