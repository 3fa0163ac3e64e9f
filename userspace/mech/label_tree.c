/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/label_tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "plan/path.h"

#define NODES_MAX (REIN_LABELS_MAX / 2) /* each is a key by its inode and one by its name */

/* While descriptors are opened: the soft limit is up to the hard one, and new ones go where the old limit was. */
struct opening {
	struct rein_label_tree *tree;
	struct rlimit before;
	REIN_VEC(size_t) way; /* nodes of the path that was last descended, from the root */
};

static unsigned deny_of(unsigned access)
{
	return (access & REIN_ACCESS_READ ? REIN_LABEL_READ : 0) | (access & REIN_ACCESS_WRITE ? REIN_LABEL_WRITE : 0) |
	       (access & REIN_ACCESS_EXECUTE ? REIN_LABEL_EXECUTE : 0);
}

static bool is_denial(const struct rein_place *place)
{
	return place->rule && place->rule->verdict == REIN_VERDICT_DENY;
}

/* What is the agent's own is in no other's reach. What is hidden without a rule is rein's own. */
static bool is_carve_out(const struct rein_place *place)
{
	switch (place->kind) {
	case REIN_PLACE_HIDDEN:
		return place->taken && !place->own;
	case REIN_PLACE_TREE:
	case REIN_PLACE_HELD:
	case REIN_PLACE_PIN:
		return place->taken && !place->own && is_denial(place);
	default:
		return false;
	}
}

bool rein_label_tree_wanted(const struct rein_view *view)
{
	for (size_t i = 0; i < view->places.count; i++)
		if (is_carve_out(&view->places.items[i]) && is_denial(&view->places.items[i]))
			return true;
	return false;
}

static int no_memory(struct rein_error *err)
{
	return rein_fail(err, ENOMEM, "out of memory");
}

/* Moves `fd` out of the way, if there is a place. */
static int settle(const struct opening *opening, int fd)
{
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, (int)opening->before.rlim_cur);

	if (high < 0)
		return fd;
	close(fd);
	return high;
}

static int add(struct rein_label_tree *tree, struct rein_label_node **ret_node)
{
	struct rein_label_node *node = tree->nodes.count < NODES_MAX ? rein_vec_add(&tree->nodes) : NULL;

	if (!node)
		return tree->nodes.count < NODES_MAX ? -ENOMEM : -E2BIG;
	*node = (struct rein_label_node){
		.above = REIN_LABEL_NOWHERE, .fd = -1, .rule = REIN_LABEL_NO_RULE, .rule_below = REIN_LABEL_NO_RULE};
	*ret_node = node;
	return 0;
}

int rein_label_tree_add(struct rein_label_tree *tree, int fd, unsigned deny, uint32_t rule)
{
	struct rein_label_node *node;
	int r = add(tree, &node);

	if (r < 0) {
		close(fd);
		return r;
	}
	node->fd = fd;
	node->deny = deny;
	node->rule = rule;
	return 0;
}

unsigned rein_label_tree_denied(const struct rein_label_tree *tree, size_t index, uint32_t *ret_rule)
{
	unsigned deny = 0;

	*ret_rule = REIN_LABEL_NO_RULE;
	for (; index != REIN_LABEL_NOWHERE; index = tree->nodes.items[index].above) {
		const struct rein_label_node *node = &tree->nodes.items[index];

		if (node->deny && !deny)
			*ret_rule = node->rule;
		deny |= node->deny;
	}
	return deny;
}

static int fail_open(int error, const char *name, struct rein_error *err)
{
	struct rlimit limit = {0, 0};

	if (error == E2BIG)
		return rein_fail(err, E2BIG, "more than %d things are denied, which is more than labels can hold",
				 NODES_MAX);
	if (error != EMFILE || getrlimit(RLIMIT_NOFILE, &limit))
		return rein_fail(err, error, "cannot open %s, which is denied or stands above something denied: %s",
				 name, strerror(error));
	return rein_fail(err, EMFILE,
			 "one descriptor is needed for each denied path and the folders above it, and %llu are not "
			 "enough: raise the limit of open files",
			 (unsigned long long)limit.rlim_max);
}

/* The node of `name` in the folder `above`; what is not there has no descriptor. */
static int add_name(struct opening *opening, size_t above, const char *name, size_t length, struct rein_error *err)
{
	size_t *slot = rein_vec_add(&opening->way);
	struct rein_label_node *node;
	int r = slot ? add(opening->tree, &node) : -ENOMEM;
	int folder;

	if (r < 0)
		return fail_open(-r, name, err);
	*slot = opening->tree->nodes.count - 1;
	node->above = above;
	node->name = strndup(name, length);
	if (!node->name)
		return no_memory(err);
	folder = opening->tree->nodes.items[above].fd;
	node->fd = settle(opening, openat(folder, node->name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
	if (node->fd < 0 && errno != ENOENT && errno != ENOTDIR)
		return fail_open(errno, node->name, err);
	return 0;
}

static int add_root(struct opening *opening, struct rein_error *err)
{
	size_t *slot = rein_vec_add(&opening->way);
	struct rein_label_node *node;
	int r = slot ? add(opening->tree, &node) : -ENOMEM;

	if (r < 0)
		return no_memory(err);
	*slot = 0;
	node->fd = settle(opening, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	return node->fd < 0 ? fail_open(errno, "/", err) : 0;
}

static bool is_named(const struct rein_label_node *node, const char *name, size_t length)
{
	return strlen(node->name) == length && !memcmp(node->name, name, length);
}

/*
 * Goes down `path` as far as there is something. `*ret_whole`: to its end, be that there or not; else the last of the
 * way is missing and stands for all below it.
 */
static int descend(struct opening *opening, const char *path, bool *ret_whole, struct rein_error *err)
{
	const struct rein_label_tree *tree = opening->tree;
	size_t used = 1;
	int r = 0;

	for (path += 1; *path && !r; used++) {
		size_t length = strcspn(path, "/"), depth = used;

		if (depth < opening->way.count &&
		    !is_named(&tree->nodes.items[opening->way.items[depth]], path, length))
			opening->way.count = depth;
		if (depth >= opening->way.count)
			r = add_name(opening, opening->way.items[depth - 1], path, length, err);
		path += length;
		path += *path == '/';
		if (!r && tree->nodes.items[opening->way.items[depth]].fd < 0) {
			used++;
			break;
		}
	}
	if (!r)
		opening->way.count = used;
	*ret_whole = !*path;
	return r;
}

static void deny(struct opening *opening, bool whole, unsigned bits, uint32_t rule)
{
	for (size_t i = 0; i < opening->way.count; i++) {
		struct rein_label_node *node = &opening->tree->nodes.items[opening->way.items[i]];

		if (whole && i + 1 == opening->way.count) {
			node->deny |= bits;
			node->rule = rule;
			continue;
		}
		if (!node->deny_below)
			node->rule_below = rule;
		node->deny_below |= bits;
	}
}

static int open_place(struct opening *opening, const struct rein_place *place, const struct rein_path_rule *rules,
		      size_t *ret_node, struct rein_error *err)
{
	uint32_t rule = is_denial(place) ? (uint32_t)(place->rule - rules) : REIN_LABEL_NO_RULE;
	bool whole = false;
	int r = descend(opening, place->path, &whole, err);

	if (r < 0)
		return r;
	deny(opening, whole, deny_of(place->taken), rule);
	if (!whole)
		return 0;
	*ret_node = opening->way.items[opening->way.count - 1];
	if (opening->tree->nodes.items[*ret_node].fd < 0 || !place->directory)
		return 0;
	return rein_label_tree_add_names(opening->tree, *ret_node, place->path, err);
}

static int open_places(struct opening *opening, const struct rein_view *view, const struct rein_path_rule *rules,
		       size_t *node_of, struct rein_error *err)
{
	int r = add_root(opening, err);

	for (size_t i = 0; !r && i < view->places.count; i++) {
		const struct rein_place *place = &view->places.items[i];

		node_of[i] = REIN_LABEL_NOWHERE;
		if (!is_carve_out(place))
			continue;
		r = open_place(opening, place, rules, &node_of[i], err);
		if (r < 0 && place->rule)
			rein_context(err, "%s:%d: %s", place->rule->origin.file, place->rule->origin.line,
				     place->rule->origin.text);
	}
	return r ? r : rein_label_tree_add_mounts(opening->tree, view, node_of, err);
}

int rein_label_tree_open(const struct rein_view *view, const struct rein_path_rule *rules,
			 struct rein_label_tree *ret_tree, struct rein_error *err)
{
	struct opening opening = {.tree = ret_tree};
	REIN_AUTO_FREE size_t *node_of = calloc(view->places.count + 1, sizeof(*node_of));
	struct rlimit more;
	int r;

	memset(ret_tree, 0, sizeof(*ret_tree));
	if (!node_of)
		return no_memory(err);
	if (getrlimit(RLIMIT_NOFILE, &opening.before))
		return rein_fail_errno(err, "cannot read the limit of open files");
	more = (struct rlimit){.rlim_cur = opening.before.rlim_max, .rlim_max = opening.before.rlim_max};
	if (setrlimit(RLIMIT_NOFILE, &more))
		return rein_fail_errno(err, "cannot raise the limit of open files");
	r = open_places(&opening, view, rules, node_of, err);
	rein_vec_free(&opening.way);
	if (setrlimit(RLIMIT_NOFILE, &opening.before) && !r)
		r = rein_fail_errno(err, "cannot put the limit of open files back");
	return r;
}

void rein_label_tree_free(struct rein_label_tree *tree)
{
	for (size_t i = 0; i < tree->nodes.count; i++) {
		rein_cleanup_fd(&tree->nodes.items[i].fd);
		free(tree->nodes.items[i].name);
	}
	rein_vec_free(&tree->nodes);
}
