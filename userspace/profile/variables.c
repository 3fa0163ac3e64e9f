/* SPDX-License-Identifier: GPL-2.0 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/gitdir.h"
#include "profile/resolve.h"

#define VARIABLE_NAME_MAX 32

/* Asked for only when a profile uses it, since it can fail. */
static int git_common_dir(struct rein_resolver *resolver, const char **ret_value)
{
	char path[PATH_MAX];
	int r;

	if (!resolver->git_common_dir) {
		r = rein_git_common_dir(resolver->context->workspace, path, resolver->err);
		if (r < 0)
			return r;
		resolver->git_common_dir = rein_policy_text(resolver->policy, "%s", path);
		if (!resolver->git_common_dir)
			return rein_out_of_memory(resolver);
	}
	*ret_value = resolver->git_common_dir;
	return 0;
}

/* *ret_value is NULL where the variable exists but nothing defines it here. -ENOENT: there is no such variable. */
static int lookup(struct rein_resolver *resolver, const char *name, const char **ret_value)
{
	const struct rein_profile_context *context = resolver->context;
	const struct {
		const char *name, *value;
	} known[] = {
		{"WORKSPACE", context->workspace},
		{"HOME", context->home},
		{"TMPDIR", context->tmpdir},
		{"USER", context->user},
	};
	size_t i;

	*ret_value = NULL;
	if (strcmp(name, "GIT_COMMON_DIR") == 0)
		return context->workspace ? git_common_dir(resolver, ret_value) : 0;
	for (i = 0; i < REIN_COUNT(known); i++) {
		if (strcmp(known[i].name, name) == 0) {
			*ret_value = known[i].value;
			return 0;
		}
	}
	return -ENOENT;
}

/* The name after a `$`, with or without braces; returns what follows it, NULL if there is none. */
static const char *read_name(const char *p, char ret_name[VARIABLE_NAME_MAX])
{
	bool braces = *p == '{';
	size_t length;

	p += braces;
	length = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
	if (!length || length >= VARIABLE_NAME_MAX)
		return NULL;
	memcpy(ret_name, p, length);
	ret_name[length] = '\0';
	p += length;
	/* `$HOMEdir` and `$HOME2` are more likely slips than a variable and a text. */
	if (!braces)
		return (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') ? NULL : p;
	return *p == '}' ? p + 1 : NULL;
}

/* A user whose name is a path would make `/home/$USER` lead anywhere. */
static int check_value(const struct rein_resolver *resolver, const struct rein_raw_text *text, const char *name,
		       const char *value)
{
	bool is_user = strcmp(name, "USER") == 0;

	if (!value || !*value)
		return rein_refuse_at(resolver, text, "$%s is not defined here", name);
	if (is_user ? strchr(value, '/') || strcmp(value, "..") == 0 : value[0] != '/')
		return rein_refuse_at(resolver, text, "$%s is \"%.100s\", which is not %s", name, value,
				      is_user ? "a user's name" : "an absolute path");
	return 0;
}

static int write_variable(struct rein_resolver *resolver, const struct rein_raw_text *text, const char **p, FILE *out)
{
	char name[VARIABLE_NAME_MAX];
	const char *value, *rest = read_name(*p, name);
	int r;

	if (!rest)
		return rein_refuse_at(
			resolver, text,
			"the \"$\" in \"%.120s\" begins no variable; write ${NAME}, or $$ for a dollar sign",
			text->text);
	r = lookup(resolver, name, &value);
	if (r == -ENOENT)
		return rein_refuse_at(resolver, text,
				      "unknown variable $%s; known: $WORKSPACE, $HOME, $TMPDIR, $USER, $GIT_COMMON_DIR",
				      name);
	if (r < 0)
		return rein_place_error(resolver, text);
	r = check_value(resolver, text, name, value);
	if (r < 0)
		return r;
	fputs(value, out);
	*p = rest;
	return 0;
}

static int write_expanded(struct rein_resolver *resolver, const struct rein_raw_text *text, FILE *out)
{
	const char *p = text->text;
	int r = 0;

	while (*p && r == 0) {
		size_t plain = strcspn(p, "$");

		fwrite(p, 1, plain, out);
		p += plain;
		if (!*p)
			break;
		p++;
		if (*p == '$')
			fputc(*p++, out);
		else
			r = write_variable(resolver, text, &p, out);
	}
	return r;
}

int rein_variables_expand(struct rein_resolver *resolver, const struct rein_raw_text *text, const char **ret_text)
{
	REIN_AUTO_FREE char *expanded = NULL;
	size_t length = 0;
	FILE *out;
	int r;

	if (strchr(text->text, '$')) {
		out = open_memstream(&expanded, &length);
		if (!out)
			return rein_out_of_memory(resolver);
		r = write_expanded(resolver, text, out);
		if (fclose(out) != 0 && r == 0)
			r = rein_out_of_memory(resolver);
		if (r < 0)
			return r;
	}
	*ret_text = rein_policy_text(resolver->policy, "%s", expanded ? expanded : text->text);
	return *ret_text ? 0 : rein_out_of_memory(resolver);
}
