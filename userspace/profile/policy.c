/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/policy.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "profile/load.h"
#include "profile/resolve.h"

#define APPROVAL_TIMEOUT_NS (300ULL * 1000000000ULL)

static struct rein_policy *policy_new(const struct rein_profile_context *context, const char *file)
{
	REIN_AUTO_POLICY struct rein_policy *policy = calloc(1, sizeof(*policy));
	const struct {
		const char **field, *value;
	} strings[] = {
		{&policy->file, file},		{&policy->workspace, context->workspace},
		{&policy->home, context->home}, {&policy->tmpdir, context->tmpdir},
		{&policy->user, context->user},
	};
	size_t i;

	if (!policy)
		return NULL;
	policy->approval_timeout_ns = APPROVAL_TIMEOUT_NS;
	policy->approval_otherwise = REIN_VERDICT_DENY;
	for (i = 0; i < REIN_COUNT(strings); i++)
		if (strings[i].value && !(*strings[i].field = rein_policy_text(policy, "%s", strings[i].value)))
			return NULL;
	return rein_take_pointer(&policy);
}

static int load_policy(const char *path, const struct rein_profile_context *context, struct rein_policy **ret_policy,
		       struct rein_error *err)
{
	REIN_AUTO_POLICY struct rein_policy *policy = policy_new(context, path);
	int r;

	if (!policy)
		return rein_fail(err, ENOMEM, "out of memory");
	r = rein_profile_load(path, context, policy, err);
	if (r < 0)
		return r;
	*ret_policy = rein_take_pointer(&policy);
	return 0;
}

/* Agents are called after their profile, so there has to be a name: the file's own where the profile gives none. */
static int name_policy(struct rein_policy *policy, struct rein_error *err)
{
	const char *base = strrchr(policy->file, '/');
	char name[64];

	if (policy->name)
		return 0;
	base = base ? base + 1 : policy->file;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(base, "."), base);
	if (!rein_name_is_valid(name))
		return rein_fail(err, EINVAL,
				 "%.400s:1:1: the key \"name\" is missing, and the file's name cannot serve",
				 policy->file);
	policy->name = rein_policy_text(policy, "%s", name);
	return policy->name ? 0 : rein_fail(err, ENOMEM, "out of memory");
}

static int bound_policy(struct rein_policy *policy, const struct rein_profile_context *context, struct rein_error *err)
{
	REIN_AUTO_POLICY struct rein_policy *ceiling = NULL;
	REIN_AUTO_FREE char *path = NULL;
	struct stat st;
	int r;

	if (asprintf(&path, "%s/ceiling.yaml", context->system_dir ? context->system_dir : "/etc/rein") < 0) {
		path = NULL;
		return rein_fail(err, ENOMEM, "out of memory");
	}
	/* Only a ceiling that is not there bounds nothing; one that cannot be read, or leads nowhere, may say anything.
	 */
	if (lstat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	r = load_policy(path, context, &ceiling, err);
	return r < 0 ? rein_context(err, "the ceiling") : rein_ceiling_apply(policy, ceiling, err);
}

int rein_policy_load(const char *name, const struct rein_profile_context *context, struct rein_policy **ret_policy,
		     struct rein_error *err)
{
	REIN_AUTO_POLICY struct rein_policy *policy = NULL;
	REIN_AUTO_FREE char *path = NULL;
	int r = rein_profile_find(name, NULL, context, &path, err);

	if (r == 0)
		r = load_policy(path, context, &policy, err);
	if (r == 0)
		r = name_policy(policy, err);
	if (r == 0)
		r = bound_policy(policy, context, err);
	if (r < 0)
		return r;
	*ret_policy = rein_take_pointer(&policy);
	return 0;
}

bool rein_policy_names_digests(const struct rein_policy *policy)
{
	for (size_t i = 0; i < policy->paths.count; i++)
		if (policy->paths.items[i].sha256)
			return true;
	return false;
}

void rein_policy_free(struct rein_policy *policy)
{
	size_t i;

	if (!policy)
		return;
	rein_vec_free(&policy->paths);
	rein_vec_free(&policy->net);
	rein_vec_free(&policy->hosts);
	rein_vec_free(&policy->sockets);
	rein_vec_free(&policy->syscalls);
	rein_vec_free(&policy->environment);
	rein_vec_free(&policy->breakers);
	for (i = 0; i < policy->strings.count; i++)
		free(policy->strings.items[i]);
	rein_vec_free(&policy->strings);
	free(policy);
}
