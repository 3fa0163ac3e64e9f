/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/environment.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* They load code into every program that is started; a wildcard is no wish for that. */
static const char *const loading[] = {
	"LD_*",	       "GCONV_PATH",  "GLIBC_TUNABLES", "LOCPATH",  "NLSPATH", "MALLOC_TRACE", "RES_OPTIONS",
	"HOSTALIASES", "LOCALDOMAIN", "GETCONF_DIR",	"BASH_ENV", "ENV",     "BASH_FUNC_*",
};

REIN_VEC_TYPE(entries, char *);

static bool matches(const char *pattern, const char *name, size_t length)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return length >= n - 1 && !strncmp(pattern, name, n - 1);
	return n == length && !strncmp(pattern, name, n);
}

static bool loads_code(const char *name, size_t length)
{
	for (size_t i = 0; i < REIN_COUNT(loading); i++)
		if (matches(loading[i], name, length))
			return true;
	return false;
}

static bool kept(const struct rein_policy *policy, const char *name, size_t length)
{
	bool exact_only = loads_code(name, length);

	for (size_t i = 0; i < policy->environment.count; i++) {
		const struct rein_env_rule *rule = &policy->environment.items[i];

		if (rule->value || !matches(rule->name, name, length))
			continue;
		if (!exact_only || !strchr(rule->name, '*'))
			return true;
	}
	return false;
}

static bool present(const struct entries *all, const char *name, size_t length)
{
	for (size_t i = 0; i < all->count; i++)
		if (!strncmp(all->items[i], name, length) && all->items[i][length] == '=')
			return true;
	return false;
}

/* Adds NAME=value unless the name is there already, so that what is added first wins. */
static int add(struct entries *all, const char *name, size_t length, const char *value, struct rein_error *err)
{
	char **item;

	if (!length || !value || present(all, name, length))
		return 0;
	item = rein_vec_add(all);
	if (!item || asprintf(item, "%.*s=%s", (int)length, name, value) < 0) {
		all->count -= item != NULL;
		return rein_fail(err, ENOMEM, "no memory for the environment");
	}
	return 0;
}

static int add_set(struct entries *all, const struct rein_policy *policy, struct rein_error *err)
{
	int r = 0;

	/* From the end: of two lines that set a name, the one of the file that extends the other stands last. */
	for (size_t i = policy->environment.count; !r && i-- > 0;) {
		const struct rein_env_rule *rule = &policy->environment.items[i];

		r = add(all, rule->name, strlen(rule->name), rule->value, err);
	}
	return r;
}

static int add_user(struct entries *all, const struct rein_policy *policy, const struct rein_identity *who,
		    struct rein_error *err)
{
	const struct passwd *user = getpwuid(who->uid);
	const struct {
		const char *name, *value;
	} rows[] = {
		{"HOME", who->home},	    {"USER", who->name},
		{"LOGNAME", who->name},	    {"SHELL", user && *user->pw_shell ? user->pw_shell : "/bin/sh"},
		{"TMPDIR", policy->tmpdir},
	};
	int r = 0;

	for (size_t i = 0; !r && i < REIN_COUNT(rows); i++)
		r = add(all, rows[i].name, strlen(rows[i].name), rows[i].value, err);
	return r;
}

static int add_kept(struct entries *all, const struct rein_policy *policy, char *const *from, struct rein_error *err)
{
	int r = 0;

	for (; !r && *from; from++) {
		const char *equals = strchr(*from, '=');

		if (equals && kept(policy, *from, (size_t)(equals - *from)))
			r = add(all, *from, (size_t)(equals - *from), equals + 1, err);
	}
	return r;
}

int rein_environment_build(const struct rein_policy *policy, char *const *from, const struct rein_identity *who,
			   char ***ret_envp, struct rein_error *err)
{
	struct entries all = {0};
	int r = add_set(&all, policy, err);

	if (!r)
		r = add_user(&all, policy, who, err);
	if (!r)
		r = add_kept(&all, policy, from, err);
	if (!r && !rein_vec_add(&all)) /* the NULL at the end */
		r = rein_fail(err, ENOMEM, "no memory for the environment");
	if (!r) {
		*ret_envp = all.items;
		return 0;
	}
	for (size_t i = 0; i < all.count; i++)
		free(all.items[i]);
	rein_vec_free(&all);
	return r;
}

void rein_environment_free(char **envp)
{
	for (char **one = envp; one && *one; one++)
		free(*one);
	free(envp);
}
