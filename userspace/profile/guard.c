/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/guard.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/gitdir.h"
#include "profile/path.h"

static int add_deny(struct rein_resolver *resolver, const char *path, const char *what)
{
	struct rein_path_rule *rule = rein_vec_add(&resolver->policy->paths);

	if (!rule)
		return rein_out_of_memory(resolver);
	resolver->file = "built in";
	rule->origin = rein_origin_at(resolver, 0, 0, "filesystem.write.deny: %s (%s)", path, what);
	rule->verdict = REIN_VERDICT_DENY;
	rule->list = REIN_ACCESS_WRITE;
	rule->path = rein_policy_text(resolver->policy, "%s", path);
	rule->skip_if_missing = true; /* it is there now; what is gone a moment later needs no guard */
	return rule->origin.text && rule->path ? 0 : rein_out_of_memory(resolver);
}

/* Whether the rule lets the agent write files of the host. What stands in its $TMPDIR is its own. */
static bool opens_host(const struct rein_policy *policy, const struct rein_path_rule *rule)
{
	if (rule->list != REIN_ACCESS_WRITE || rule->verdict != REIN_VERDICT_ALLOW)
		return false;
	return !policy->tmpdir || strcmp(rule->path, policy->tmpdir) != 0;
}

/* `file` as a clean absolute path, its links unresolved; where it has `..`, those of its folder resolved. */
static bool absolute(const char *file, char ret_path[PATH_MAX * 2])
{
	REIN_AUTO_FREE char *folder = NULL;
	char cwd[PATH_MAX] = "", copy[PATH_MAX];
	char *slash;

	if (file[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return false;
	snprintf(ret_path, PATH_MAX * 2, "%s%s%.4095s", cwd, *cwd ? "/" : "", file);
	if (rein_path_clean(ret_path, NULL) == 0)
		return true;
	snprintf(copy, sizeof(copy), "%s", file);
	slash = strrchr(copy, '/');
	if (!slash)
		return false;
	*slash = '\0';
	folder = realpath(*copy ? copy : "/", NULL);
	return folder && snprintf(ret_path, PATH_MAX * 2, "%s/%s", folder, slash + 1) < PATH_MAX * 2 &&
	       rein_path_clean(ret_path, NULL) == 0;
}

/* Whether the way from `root` to the file passes a link that stands in root: the agent could turn it elsewhere. */
static bool leads_astray(const char *root, const char *real_root, const char *path, const char *real)
{
	size_t length = strlen(root);

	if (!rein_path_contains(root, path))
		return false;
	length -= length == 1;
	return !rein_path_contains(real_root, real) ||
	       strcmp(real + strlen(real_root) - (real_root[1] == '\0'), path + length) != 0;
}

static int refuse_link(const struct rein_resolver *resolver, const char *path)
{
	return rein_fail(
		resolver->err, EINVAL,
		"the profile %.400s is reached by a symbolic link that the agent may write, so it could choose its "
		"next profile; name the file itself",
		path);
}

int rein_guard_profile(struct rein_resolver *resolver, const char *file)
{
	const struct rein_policy *policy = resolver->policy;
	REIN_AUTO_FREE char *real = realpath(file, NULL);
	char path[PATH_MAX * 2];
	bool exposed = false, known = absolute(file, path);
	size_t i;

	for (i = 0; real && i < policy->paths.count; i++) {
		REIN_AUTO_FREE char *root = NULL;

		if (!opens_host(policy, &policy->paths.items[i]))
			continue;
		root = rein_path_real(policy->paths.items[i].path);
		if (!root)
			continue;
		if (known && (leads_astray(root, root, path, real) ||
			      leads_astray(policy->paths.items[i].path, root, path, real)))
			return refuse_link(resolver, file);
		exposed |= rein_path_contains(root, real);
	}
	return exposed ? add_deny(resolver, real, "the profile itself") : 0;
}

static int guard_pointer(void *context, const char *path, struct rein_error *err)
{
	return add_deny(context, path, "it decides which repository git uses");
}

int rein_guard_checkout(struct rein_resolver *resolver)
{
	if (!resolver->git_common_dir)
		return 0;
	return rein_git_pointers(resolver->context->workspace, resolver->git_common_dir, guard_pointer, resolver,
				 resolver->err);
}
