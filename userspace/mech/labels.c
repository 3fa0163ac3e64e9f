/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/labels.h"

#include <bpf/bpf.h>
#include <string.h>

#include "base/cleanup.h"

bool rein_labels_wanted(const struct rein_launch *launch)
{
	return rein_label_tree_wanted(&launch->plan->view);
}

static uint64_t hash_of(const char *name)
{
	uint64_t hash = REIN_LABEL_HASH_START;

	for (; *name; name++)
		hash = REIN_LABEL_HASH_STEP(hash, *name);
	return REIN_LABEL_HASH_END(hash);
}

/* Two nodes can be one inode, and two names can share a hash: then both are denied what either is. */
static int put(int map, const struct rein_label_key *key, const struct rein_label *label)
{
	struct rein_label both;

	if (bpf_map_lookup_elem(map, key, &both))
		memset(&both, 0, sizeof(both));
	both.rule = both.deny || both.deny_other || both.flags ? both.rule : label->rule;
	both.deny |= label->deny;
	both.deny_other |= label->deny_other;
	both.flags |= label->flags;
	return bpf_map_update_elem(map, key, &both, BPF_ANY) ? -errno : 0;
}

static uint32_t rule_of(const struct rein_label_node *node)
{
	return node->deny ? node->rule : node->rule_below;
}

static int put_inode(int map, const struct rein_label_node *node)
{
	struct rein_label_key key = {.inode = node->inode, .device = node->device};
	struct rein_label label = {
		.deny = (uint8_t)node->deny,
		.flags = node->deny_below ? REIN_LABEL_HOLD | REIN_LABEL_NAMES : 0,
		.rule = rule_of(node),
	};

	return node->fd < 0 ? 0 : put(map, &key, &label);
}

static int put_name(int map, const struct rein_label_tree *tree, const struct rein_label_node *node)
{
	const struct rein_label_node *folder;
	struct rein_label_key key = {0};
	struct rein_label label = {
		.deny = (uint8_t)node->deny,
		.deny_other = (uint8_t)node->deny_below,
		.flags = node->deny_below ? REIN_LABEL_HOLD : 0,
		.rule = rule_of(node),
	};

	if (node->above == REIN_LABEL_NOWHERE)
		return 0;
	folder = &tree->nodes.items[node->above];
	key.inode = folder->inode;
	key.device = folder->device;
	key.name = hash_of(node->name);
	return put(map, &key, &label);
}

static int fill(int map, const struct rein_label_tree *tree)
{
	int r = 0;

	for (size_t i = 0; !r && i < tree->nodes.count; i++) {
		r = put_inode(map, &tree->nodes.items[i]);
		if (!r)
			r = put_name(map, tree, &tree->nodes.items[i]);
	}
	return r;
}

static int make_map(const struct rein_label_tree *tree, struct rein_error *err)
{
	REIN_AUTO_FD int map = bpf_map_create(BPF_MAP_TYPE_HASH, "rein_labels", sizeof(struct rein_label_key),
					      sizeof(struct rein_label), (uint32_t)tree->nodes.count * 2, NULL);
	int r = map < 0 ? -errno : fill(map, tree);

	return r < 0 ? rein_fail(err, -r, "cannot make the map of labels: %s", strerror(-r)) : rein_take_fd(&map);
}

int rein_labels_make(const struct rein_launch *launch, struct rein_labels *ret_labels, struct rein_error *err)
{
	struct rein_labels labels;
	int r = rein_label_tree_open(&launch->plan->view, launch->policy->paths.items, &labels.tree, err);

	if (!r)
		r = rein_label_tree_identify(&labels.tree, err);
	if (!r)
		r = make_map(&labels.tree, err);
	if (r < 0) {
		rein_labels_free(&labels);
		return r;
	}
	*ret_labels = labels;
	return r;
}

void rein_labels_free(struct rein_labels *labels)
{
	rein_label_tree_free(&labels->tree);
}
