/* SPDX-License-Identifier: GPL-2.0 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "mech/label_tree.h"

#include "inodes.skel.h"

/* The numbers of inodes as the kernel keeps them: a BPF iterator over this process's own descriptors writes them. */

#define AT_ONCE 256

/* Which node has which descriptor; others are REIN_LABEL_NOWHERE. */
struct by_fd {
	size_t *nodes;
	size_t count;
};

static int index_nodes(const struct rein_label_tree *tree, struct by_fd *ret_by_fd)
{
	int highest = -1;

	for (size_t i = 0; i < tree->nodes.count; i++)
		highest = tree->nodes.items[i].fd > highest ? tree->nodes.items[i].fd : highest;
	ret_by_fd->count = (size_t)(highest + 1);
	ret_by_fd->nodes = malloc((ret_by_fd->count + 1) * sizeof(size_t));
	if (!ret_by_fd->nodes)
		return -ENOMEM;
	memset(ret_by_fd->nodes, 0xff, ret_by_fd->count * sizeof(size_t));
	for (size_t i = 0; i < tree->nodes.count; i++)
		if (tree->nodes.items[i].fd >= 0)
			ret_by_fd->nodes[tree->nodes.items[i].fd] = i;
	return 0;
}

/* Returns how many of `found` were nodes'. */
static size_t take(struct rein_label_tree *tree, const struct by_fd *by_fd, const struct rein_inode *found,
		   size_t count)
{
	size_t taken = 0;

	for (size_t i = 0; i < count; i++) {
		size_t node = found[i].fd >= 0 && (size_t)found[i].fd < by_fd->count ? by_fd->nodes[found[i].fd]
										     : REIN_LABEL_NOWHERE;

		if (node == REIN_LABEL_NOWHERE)
			continue;
		tree->nodes.items[node].inode = found[i].inode;
		tree->nodes.items[node].device = found[i].device;
		by_fd->nodes[found[i].fd] = REIN_LABEL_NOWHERE;
		taken++;
	}
	return taken;
}

static size_t nr_there(const struct rein_label_tree *tree)
{
	size_t count = 0;

	for (size_t i = 0; i < tree->nodes.count; i++)
		count += tree->nodes.items[i].fd >= 0;
	return count;
}

/* The kernel writes whole records, and EAGAIN when it has passed over many without one. */
static int read_all(struct rein_label_tree *tree, const struct by_fd *by_fd, int iterator, struct rein_error *err)
{
	struct rein_inode found[AT_ONCE];
	size_t taken = 0;
	ssize_t got;

	while ((got = read(iterator, found, sizeof(found))) != 0) {
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got < 0 || (size_t)got % sizeof(found[0]))
			return rein_fail_errno(err, "cannot read the kernel's list of inodes");
		taken += take(tree, by_fd, found, (size_t)got / sizeof(found[0]));
	}
	return taken == nr_there(tree)
		       ? 0
		       : rein_fail(err, EIO, "the kernel does not know %zu of %zu things that are denied",
				   nr_there(tree) - taken, nr_there(tree));
}

static int iterate(struct rein_label_tree *tree, const struct by_fd *by_fd, struct rein_inodes *skeleton,
		   struct rein_error *err)
{
	union bpf_iter_link_info which = {.task = {.pid = (uint32_t)getpid()}};
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &which, .link_info_len = sizeof(which));
	struct bpf_link *link = bpf_program__attach_iter(skeleton->progs.rein_list_inodes, &options);
	REIN_AUTO_FD int iterator = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	int r;

	if (iterator < 0)
		r = rein_fail_errno(err, "cannot make an iterator over descriptors (kernel 6.1 has it)");
	else
		r = read_all(tree, by_fd, iterator, err);
	bpf_link__destroy(link);
	return r;
}

int rein_label_tree_identify(struct rein_label_tree *tree, struct rein_error *err)
{
	struct rein_inodes *skeleton;
	struct by_fd by_fd;
	int r = index_nodes(tree, &by_fd);

	if (r < 0)
		return rein_fail(err, -r, "out of memory");
	skeleton = rein_inodes__open_and_load();
	r = skeleton ? iterate(tree, &by_fd, skeleton, err)
		     : rein_fail_errno(err, "cannot load the iterator over descriptors");
	rein_inodes__destroy(skeleton);
	free(by_fd.nodes);
	return r;
}
