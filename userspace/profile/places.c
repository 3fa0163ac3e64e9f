/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "profile/path.h"
#include "profile/resolve.h"
#include "profile/words.h"

/* Where: the rules about paths and sockets. */

#define ASK_LATER                                                                                                  \
	"asking a person is not part of this version of rein, so nobody would ever be asked; move what is listed " \
	"here to allow or deny"
#define SHA256_ELSEWHERE "sha256 is for lines that allow in filesystem.execute"

/* Expanded once, a glob would let every later file escape. */
static int check_glob(const struct rein_resolver *resolver, const struct rein_raw_text *path)
{
	if (!strpbrk(path->text, "*?"))
		return 0;
	return rein_refuse_at(resolver, path,
			      "\"%.200s\": paths take no wildcards, since files made later would escape them; name the "
			      "folder instead",
			      path->text);
}

/*
 * A workspace that is the home folder, or holds it, would hand over what the user's shell and tools run by themselves:
 * `rein run` in $HOME is a slip, not a wish.
 */
static int check_workspace(const struct rein_resolver *resolver, const struct rein_raw_text *raw, const char *path)
{
	const char *home = resolver->context->home, *workspace = resolver->context->workspace;

	if (!workspace || !strstr(raw->text, "WORKSPACE") || strcmp(path, workspace) != 0)
		return 0;
	if (strcmp(path, "/") != 0 && (!home || strcmp(home, "/") == 0 || !rein_path_contains(path, home)))
		return 0;
	return rein_refuse_at(
		resolver, raw,
		"the workspace %.200s holds the home folder, so everything in it would be writable; start in "
		"the folder of a project, or name one with --workspace",
		path);
}

/* A link below the workspace may be the agent's own work, from an earlier run. */
static int check_link(const struct rein_resolver *resolver, const struct rein_raw_text *raw, const char *path)
{
	const char *workspace = resolver->context->workspace;
	REIN_AUTO_FREE char *real = NULL;

	if (!workspace || strcmp(path, workspace) == 0 || !rein_path_contains(workspace, path))
		return 0;
	real = rein_path_real(path);
	if (real && rein_path_contains(workspace, real))
		return 0;
	return rein_refuse_at(
		resolver, raw,
		"%.200s leads out of the workspace by a symbolic link, which an agent may have made; name "
		"the place itself",
		path);
}

static int resolve_path(struct rein_resolver *resolver, const struct rein_raw_text *raw, const char **ret_path)
{
	const char *path = NULL;
	int r = check_glob(resolver, raw);

	if (r == 0)
		r = rein_variables_expand(resolver, raw, &path);
	if (r < 0)
		return r;
	/* Cleaning only shortens; the string is the policy's own. */
	if (rein_path_clean((char *)path, resolver->err) < 0)
		return rein_place_error(resolver, raw);
	*ret_path = path;
	return 0;
}

/* `hold_in_folder` decides here: what cannot come to be, for want of a folder to stand in, needs no holding. */
static bool skips(const struct rein_raw_name *raw, const char *path)
{
	char folder[PATH_MAX];
	struct stat st;

	if (!raw->if_missing || *raw->if_missing == REIN_IF_MISSING_HOLD)
		return false;
	if (*raw->if_missing == REIN_IF_MISSING_SKIP)
		return true;
	strcpy(folder, path);
	*strrchr(folder, '/') = '\0';
	if (stat(*folder ? folder : "/", &st) < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
	return !S_ISDIR(st.st_mode);
}

/* One digest has one spelling from here on. A start without the check would be what the line forbids. */
static int resolve_digest(struct rein_resolver *resolver, const struct rein_raw_name *raw, struct rein_path_rule *rule)
{
	char digest[REIN_DIGEST_ROOM];

	if (!raw->sha256)
		return 0;
	if (rule->list != REIN_ACCESS_EXECUTE || rule->verdict != REIN_VERDICT_ALLOW)
		return rein_refuse_at(resolver, raw->sha256, SHA256_ELSEWHERE);
	if (raw->optional)
		return rein_refuse_at(resolver, raw->sha256,
				      "a line with sha256 cannot be optional: other content would run without it");
	if (!rein_digest_parse(raw->sha256->text, digest))
		return rein_refuse_at(resolver, raw->sha256,
				      "\"%.80s\" is no SHA-256: 64 hexadecimal digits, as sha256sum prints them",
				      raw->sha256->text);
	rule->sha256 = rein_policy_text(resolver->policy, "%s", digest);
	return rule->sha256 ? 0 : rein_out_of_memory(resolver);
}

static int check_path_rule(const struct rein_resolver *resolver, const struct rein_raw_name *raw,
			   const struct rein_path_rule *rule)
{
	int r = 0;

	if (rule->verdict != REIN_VERDICT_ALLOW)
		return 0;
	if (raw->if_missing)
		return rein_refuse_at(
			resolver, &raw->name,
			"if_missing is for deny lines; a missing path in an allow list is always skipped");
	if (rule->list == REIN_ACCESS_WRITE)
		r = check_workspace(resolver, &raw->name, rule->path);
	return r < 0 ? r : check_link(resolver, &raw->name, rule->path);
}

static int add_path(struct rein_resolver *resolver, const struct rein_raw_name *raw, enum rein_access list,
		    enum rein_verdict verdict)
{
	struct rein_path_rule rule = {.list = list, .verdict = verdict, .optional = raw->optional}, *slot;
	int r = resolve_path(resolver, &raw->name, &rule.path);

	if (r < 0)
		return r;
	rule.skip_if_missing = skips(raw, rule.path);
	r = check_path_rule(resolver, raw, &rule);
	if (r == 0)
		r = resolve_digest(resolver, raw, &rule);
	if (r < 0)
		return r;
	rule.origin = rein_origin_at(resolver, raw->name.line, raw->name.column, "filesystem.%s.%s: %s",
				     rein_access_name(list), rein_verdict_name(verdict), raw->name.text);
	slot = rein_vec_add(&resolver->policy->paths);
	if (!slot || !rule.origin.text)
		return rein_out_of_memory(resolver);
	*slot = rule;
	return 0;
}

static int refuse_ask(const struct rein_resolver *resolver, const struct rein_raw_names *ask)
{
	return ask && ask->count ? rein_refuse_later(resolver, ask->line, ask->column, ASK_LATER) : 0;
}

static int resolve_path_rules(struct rein_resolver *resolver, const struct rein_raw_name_rules *raw,
			      enum rein_access list)
{
	unsigned i;
	int r;

	if (!raw)
		return 0;
	r = refuse_ask(resolver, raw->ask);
	resolver->policy->declared |= raw->allow ? list : 0;
	for (i = 0; r == 0 && raw->allow && i < raw->allow->count; i++)
		r = add_path(resolver, &raw->allow->items[i], list, REIN_VERDICT_ALLOW);
	for (i = 0; r == 0 && raw->deny && i < raw->deny->count; i++)
		r = add_path(resolver, &raw->deny->items[i], list, REIN_VERDICT_DENY);
	return r;
}

int rein_resolve_paths(struct rein_resolver *resolver, const struct rein_raw_profile *raw)
{
	int r;

	if (!raw->filesystem)
		return 0;
	r = resolve_path_rules(resolver, raw->filesystem->read, REIN_ACCESS_READ);
	if (r == 0)
		r = resolve_path_rules(resolver, raw->filesystem->write, REIN_ACCESS_WRITE);
	return r < 0 ? r : resolve_path_rules(resolver, raw->filesystem->execute, REIN_ACCESS_EXECUTE);
}

static int add_socket(struct rein_resolver *resolver, const struct rein_raw_name *raw, enum rein_verdict verdict)
{
	struct rein_unix_rule rule = {.verdict = verdict, .optional = raw->optional}, *slot;
	int r = resolve_path(resolver, &raw->name, &rule.path);

	if (r == 0 && raw->if_missing)
		r = rein_refuse_at(resolver, &raw->name, "if_missing is for deny lines of filesystem");
	if (r == 0 && raw->sha256)
		r = rein_refuse_at(resolver, raw->sha256, SHA256_ELSEWHERE);
	if (r == 0 && verdict == REIN_VERDICT_ALLOW)
		r = check_link(resolver, &raw->name, rule.path);
	if (r < 0)
		return r;
	rule.origin = rein_origin_at(resolver, raw->name.line, raw->name.column, "network.unix.%s: %s",
				     rein_verdict_name(verdict), raw->name.text);
	slot = rein_vec_add(&resolver->policy->sockets);
	if (!slot || !rule.origin.text)
		return rein_out_of_memory(resolver);
	*slot = rule;
	return 0;
}

static int resolve_sockets(struct rein_resolver *resolver, const struct rein_raw_name_rules *raw)
{
	unsigned i;
	int r;

	if (!raw)
		return 0;
	r = refuse_ask(resolver, raw->ask);
	resolver->policy->declared |= raw->allow ? REIN_LIST_UNIX : 0;
	for (i = 0; r == 0 && raw->allow && i < raw->allow->count; i++)
		r = add_socket(resolver, &raw->allow->items[i], REIN_VERDICT_ALLOW);
	for (i = 0; r == 0 && raw->deny && i < raw->deny->count; i++)
		r = add_socket(resolver, &raw->deny->items[i], REIN_VERDICT_DENY);
	return r;
}

int rein_resolve_network(struct rein_resolver *resolver, const struct rein_raw_network *raw)
{
	int r = rein_resolve_addresses(resolver, raw->connect, REIN_NET_CONNECT);

	if (r == 0)
		r = rein_resolve_addresses(resolver, raw->listen, REIN_NET_LISTEN);
	return r < 0 ? r : resolve_sockets(resolver, raw->unix_sockets);
}
