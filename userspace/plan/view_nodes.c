/* SPDX-License-Identifier: GPL-2.0 */
#include "plan/view_nodes.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan/path.h"
#include "plan/resolve.h"

#define ALL (REIN_ACCESS_READ | REIN_ACCESS_WRITE | REIN_ACCESS_EXECUTE)

static int no_memory(struct rein_error *err)
{
	return rein_fail(err, ENOMEM, "out of memory");
}

/* What a rule in one of the lists stands for: `write` implies `read`, and what may not be read is not there at all. */
static unsigned meaning(const struct rein_path_rule *rule)
{
	if (rule->verdict == REIN_VERDICT_ALLOW)
		return rule->list == REIN_ACCESS_WRITE ? REIN_ACCESS_READ | REIN_ACCESS_WRITE : rule->list;
	return rule->list == REIN_ACCESS_READ ? ALL : rule->list;
}

static struct rein_node *add(struct rein_nodes *nodes, const char *path, const struct rein_resolved *resolved)
{
	struct rein_node *node = rein_vec_add(&nodes->items);

	if (!node || !(node->path = strdup(path)))
		return NULL;
	node->exists = resolved->reach == REIN_REACH_EXISTS;
	node->directory = !node->exists || resolved->directory;
	node->device = node->exists && resolved->device;
	return node;
}

static int fail_loop(const char *path, struct rein_error *err)
{
	return rein_fail(err, ELOOP, "%s: too many symbolic links", path);
}

/* `denied_by`: of a rule that denies, so that the link must stay; else NULL. */
static int add_link(struct rein_nodes *nodes, const struct rein_link *link, const struct rein_path_rule *denied_by,
		    struct rein_error *err)
{
	struct rein_node *node = rein_vec_add(&nodes->items);

	if (!node || !(node->path = strdup(link->path)) || !(node->target = strdup(link->target)))
		return no_memory(err);
	node->role = REIN_ROLE_LINK;
	node->denied_by = denied_by;
	return 0;
}

static int add_links(struct rein_nodes *nodes, const struct rein_resolved *resolved,
		     const struct rein_path_rule *denied_by, struct rein_error *err)
{
	for (size_t i = 0; i < resolved->links.count; i++) {
		int r = add_link(nodes, &resolved->links.items[i], denied_by, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int add_crossings(struct rein_nodes *nodes, const struct rein_resolved *resolved,
			 const struct rein_origin *origin, struct rein_error *err)
{
	for (size_t i = 0; i < resolved->links.count; i++) {
		struct rein_crossing *crossing = rein_vec_add(&nodes->crossings);

		if (!crossing || !(crossing->link = strdup(resolved->links.items[i].path)) ||
		    !(crossing->end = strdup(resolved->path)))
			return no_memory(err);
		crossing->origin = origin;
	}
	return add_links(nodes, resolved, NULL, err);
}

static int add_absence(struct rein_nodes *nodes, const struct rein_path_rule *rule, const struct rein_unix_rule *socket,
		       struct rein_error *err)
{
	struct rein_absence *absence = rein_vec_add(&nodes->absent);

	if (!absence)
		return no_memory(err);
	absence->rule = rule;
	absence->socket = socket;
	return 0;
}

/* A program that looks for what is allowed and missing must learn that it is missing, not that it is refused. */
static int allow_missing(struct rein_nodes *nodes, const struct rein_path_rule *rule,
			 const struct rein_resolved *resolved, struct rein_error *err)
{
	struct rein_node *node;

	if (!resolved->above)
		return add_absence(nodes, rule, NULL, err);
	node = rein_vec_add(&nodes->items);
	if (!node || !(node->path = strdup(resolved->above)))
		return no_memory(err);
	node->exists = node->directory = node->bare = true;
	return add_absence(nodes, rule, NULL, err);
}

static int allow(struct rein_nodes *nodes, const struct rein_path_rule *rule, const struct rein_resolved *resolved,
		 struct rein_error *err)
{
	struct rein_node *node;

	if (resolved->reach == REIN_REACH_PROCESS)
		return 0; /* the agent's own /proc has it */
	if (resolved->reach == REIN_REACH_LOOP)
		return fail_loop(rule->path, err);
	if (resolved->reach != REIN_REACH_EXISTS)
		return allow_missing(nodes, rule, resolved, err);
	if (rule->list == REIN_ACCESS_WRITE && rein_path_within(resolved->path, "/sys"))
		return rein_fail(err, EPERM,
				 "%s is the kernel's own: an agent that could write there could leave its confinement",
				 resolved->path);
	if (rule->sha256 && !resolved->regular)
		return rein_fail(err, EINVAL, "%s is no regular file, and only a file's content has a digest",
				 resolved->path);
	node = add(nodes, resolved->path, resolved);
	if (!node)
		return no_memory(err);
	node->allow = meaning(rule);
	node->allowed_by = rule;
	node->written_by = rule->list == REIN_ACCESS_WRITE ? rule : NULL;
	node->verified_by = rule->sha256 ? rule : NULL;
	return 0;
}

/*
 * What blocks the way to a denied path keeps it from being there, as long as it stays: a file in the place of a folder
 * is kept from being changed, a folder that cannot be searched from all that the rule denies.
 */
static int deny_obstacle(struct rein_nodes *nodes, const struct rein_path_rule *rule,
			 const struct rein_resolved *resolved, struct rein_error *err)
{
	struct rein_node *node = rein_vec_add(&nodes->items);

	if (!node || !(node->path = strdup(resolved->obstacle)))
		return no_memory(err);
	node->exists = true;
	node->directory = resolved->obstacle_directory;
	node->deny = node->directory ? meaning(rule) : REIN_ACCESS_WRITE;
	node->denied_by = rule;
	return 0;
}

static int deny(struct rein_nodes *nodes, const struct rein_path_rule *rule, const struct rein_resolved *resolved,
		struct rein_error *err)
{
	struct rein_node *node;

	if (resolved->reach == REIN_REACH_PROCESS)
		return rein_fail(err, EOPNOTSUPP, "%s is a different file for each process and cannot be denied",
				 rule->path);
	if (resolved->reach != REIN_REACH_EXISTS && rule->skip_if_missing)
		return add_absence(nodes, rule, NULL, err);
	/* Nothing is there as long as the links stay, which they do for a rule that denies. */
	if (resolved->reach == REIN_REACH_LOOP)
		return 0;
	if (resolved->reach == REIN_REACH_BLOCKED)
		return deny_obstacle(nodes, rule, resolved, err);
	node = add(nodes, resolved->path, resolved);
	if (!node)
		return no_memory(err);
	node->deny = meaning(rule);
	node->denied_by = rule;
	return 0;
}

static int collect_path(struct rein_nodes *nodes, const struct rein_path_rule *rule, struct rein_error *err)
{
	struct rein_resolved resolved;
	int r = rein_resolve(rule->path, &resolved, err);

	if (!r) {
		bool allows = rule->verdict == REIN_VERDICT_ALLOW;

		r = (allows ? allow : deny)(nodes, rule, &resolved, err);
		if (!r && allows)
			r = add_crossings(nodes, &resolved, &rule->origin, err);
		else if (!r)
			r = add_links(nodes, &resolved, rule, err);
		rein_resolved_free(&resolved);
	}
	return r < 0 ? rein_context(err, "%s:%d: %s", rule->origin.file, rule->origin.line, rule->origin.text) : 0;
}

static int place_socket(struct rein_nodes *nodes, const struct rein_unix_rule *rule,
			const struct rein_resolved *resolved, struct rein_error *err)
{
	struct rein_node *node;

	if (resolved->reach == REIN_REACH_LOOP)
		return fail_loop(rule->path, err);
	if (resolved->reach != REIN_REACH_EXISTS)
		return add_absence(nodes, NULL, rule, err);
	if (!resolved->socket)
		return rein_fail(err, ENOTSOCK, "%s is no socket", resolved->path);
	node = add(nodes, resolved->path, resolved);
	if (!node)
		return no_memory(err);
	node->role = rule->verdict == REIN_VERDICT_ALLOW ? REIN_ROLE_SOCKET : REIN_ROLE_PLAIN;
	node->deny = rule->verdict == REIN_VERDICT_ALLOW ? 0 : ALL;
	return 0;
}

static int collect_socket(struct rein_nodes *nodes, const struct rein_unix_rule *rule, struct rein_error *err)
{
	struct rein_resolved resolved;
	int r = rein_resolve(rule->path, &resolved, err);

	if (!r) {
		r = place_socket(nodes, rule, &resolved, err);
		if (!r)
			r = add_crossings(nodes, &resolved, &rule->origin, err);
		rein_resolved_free(&resolved);
	}
	return r < 0 ? rein_context(err, "%s:%d: %s", rule->origin.file, rule->origin.line, rule->origin.text) : 0;
}

/* What the system and rein themselves need has to lead somewhere. */
static int resolve_own(const char *path, struct rein_resolved *ret_resolved, struct rein_error *err)
{
	int r = rein_resolve(path, ret_resolved, err);

	if (r < 0 || ret_resolved->reach != REIN_REACH_LOOP)
		return r;
	rein_resolved_free(ret_resolved);
	return fail_loop(path, err);
}

static int collect_special(struct rein_nodes *nodes, const char *path, enum rein_role role, struct rein_error *err)
{
	struct rein_resolved resolved;
	struct rein_node *node;
	int r = resolve_own(path, &resolved, err);

	if (r < 0)
		return r;
	node = add(nodes, resolved.path, &resolved);
	if (!node)
		r = no_memory(err);
	else
		node->role = role;
	if (!r)
		r = add_links(nodes, &resolved, NULL, err);
	rein_resolved_free(&resolved);
	return r;
}

/* What rein keeps from every agent: all access, or changes alone. */
static int collect_own(struct rein_nodes *nodes, const char *path, bool program, struct rein_error *err)
{
	struct rein_resolved resolved;
	struct rein_node *node;
	int r = resolve_own(path, &resolved, err);

	if (r < 0)
		return rein_context(err, "rein's own %s", path);
	node = add(nodes, resolved.path, &resolved);
	if (!node)
		r = no_memory(err);
	else if (program)
		node->program = true, node->allow = REIN_ACCESS_READ | REIN_ACCESS_EXECUTE;
	else
		node->guarded = true;
	rein_resolved_free(&resolved);
	return r;
}

static const struct {
	const char *path;
	enum rein_role role;
} specials[] = {
	{"/sys", REIN_ROLE_SYS},	 {"/tmp", REIN_ROLE_PRIVATE},	    {"/run", REIN_ROLE_PRIVATE},
	{"/dev/shm", REIN_ROLE_PRIVATE}, {"/dev/pts", REIN_ROLE_TERMINALS}, {"/dev", REIN_ROLE_DEVICES},
	{"/proc", REIN_ROLE_PROC},
};

static int collect_specials(struct rein_nodes *nodes, const struct rein_policy *policy, struct rein_error *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < REIN_COUNT(specials); i++)
		r = collect_special(nodes, specials[i].path, specials[i].role, err);
	if (r < 0 || !policy->tmpdir)
		return r;
	if (!strcmp(policy->tmpdir, "/") || (policy->workspace && !strcmp(policy->tmpdir, policy->workspace)))
		return rein_fail(err, EINVAL,
				 "TMPDIR is %s, which cannot be the agent's own empty folder; set it to another",
				 policy->tmpdir);
	return collect_special(nodes, policy->tmpdir, REIN_ROLE_PRIVATE, err);
}

static int by_path(const void *a, const void *b)
{
	return rein_path_compare(((const struct rein_node *)a)->path, ((const struct rein_node *)b)->path);
}

static void free_node(struct rein_node *node)
{
	free(node->path);
	free(node->target);
}

/* Adds what `extra` knows to the node of the same path and frees it. */
static void merge(struct rein_node *node, struct rein_node *extra)
{
	if (extra->role > node->role)
		node->role = extra->role;
	if (!node->target)
		node->target = rein_take_pointer(&extra->target);
	node->allow |= extra->allow;
	node->deny |= extra->deny;
	node->allowed_by = extra->allowed_by ? extra->allowed_by : node->allowed_by;
	node->written_by = extra->written_by ? extra->written_by : node->written_by;
	node->denied_by = extra->denied_by ? extra->denied_by : node->denied_by;
	node->verified_by = extra->verified_by ? extra->verified_by : node->verified_by;
	if (extra->exists && !node->exists) {
		node->exists = true;
		node->directory = extra->directory;
		node->device = extra->device;
	}
	node->guarded |= extra->guarded;
	node->program |= extra->program;
	node->bare |= extra->bare;
	free_node(extra);
}

/* Lines for one file, by whatever names, must agree about its content. */
static int check_digests(const struct rein_node *node, const struct rein_node *extra, struct rein_error *err)
{
	const struct rein_path_rule *one = node->verified_by, *other = extra->verified_by;

	if (!one || !other || !strcmp(one->sha256, other->sha256))
		return 0;
	return rein_fail(err, EINVAL, "%s:%d: %s: another digest for %s than at %s:%d", other->origin.file,
			 other->origin.line, other->origin.text, node->path, one->origin.file, one->origin.line);
}

static int unite(struct rein_nodes *nodes, struct rein_error *err)
{
	size_t kept = 0;
	int r = 0;

	if (!nodes->items.count)
		return 0;
	qsort(nodes->items.items, nodes->items.count, sizeof(*nodes->items.items), by_path);
	for (size_t i = 1; i < nodes->items.count; i++) {
		struct rein_node *node = &nodes->items.items[i];

		if (by_path(&nodes->items.items[kept], node)) {
			nodes->items.items[++kept] = *node;
			continue;
		}
		r = r < 0 ? r : check_digests(&nodes->items.items[kept], node, err);
		merge(&nodes->items.items[kept], node);
	}
	nodes->items.count = kept + 1;
	return r;
}

int rein_nodes_collect(const struct rein_policy *policy, const struct rein_view_own *own, struct rein_nodes *ret_nodes,
		       struct rein_error *err)
{
	const char *const *guarded = own ? own->guarded : NULL;
	int r;

	memset(ret_nodes, 0, sizeof(*ret_nodes));
	r = collect_specials(ret_nodes, policy, err);
	for (size_t i = 0; !r && i < policy->paths.count; i++)
		r = collect_path(ret_nodes, &policy->paths.items[i], err);
	for (size_t i = 0; !r && i < policy->sockets.count; i++)
		r = collect_socket(ret_nodes, &policy->sockets.items[i], err);
	for (size_t i = 0; !r && guarded && guarded[i]; i++)
		r = collect_own(ret_nodes, guarded[i], false, err);
	if (!r && own && own->program)
		r = collect_own(ret_nodes, own->program, true, err);
	return r < 0 ? r : unite(ret_nodes, err);
}

void rein_nodes_free(struct rein_nodes *nodes)
{
	for (size_t i = 0; i < nodes->items.count; i++)
		free_node(&nodes->items.items[i]);
	rein_vec_free(&nodes->items);
	for (size_t i = 0; i < nodes->crossings.count; i++) {
		free(nodes->crossings.items[i].link);
		free(nodes->crossings.items[i].end);
	}
	rein_vec_free(&nodes->crossings);
	rein_vec_free(&nodes->absent);
}
