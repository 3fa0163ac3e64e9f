/* SPDX-License-Identifier: GPL-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "mech/mounts.h"
#include "mech/root.h"

/* Host folders are bound below the scratch root under plain names, since overlayfs takes its layers as text. */

#define FOLDER "shields"
#define EMPTY FOLDER "/empty"

static int open_lower(struct rein_root *root, const struct rein_place *place, const char *name, uint64_t *attributes,
		      struct rein_error *err)
{
	REIN_AUTO_FD int source = rein_mounts_open(root->host, place->path);
	REIN_AUTO_FD int tree = source < 0 ? source : rein_mounts_copy(source), target = -1;
	struct statvfs host;
	int r;

	if (tree < 0)
		return rein_fail(err, -tree, "cannot copy the mounts of %s: %s", place->path, strerror(-tree));
	if (fstatvfs(source, &host) || mkdirat(root->base, name, 0700))
		return rein_fail_errno(err, "cannot prepare %s", place->path);
	/* The mount that shows it is a new one and knows nothing of what the host's forbids. */
	*attributes |= host.f_flag & ST_NOEXEC ? MOUNT_ATTR_NOEXEC : 0;
	target = rein_mounts_open(root->base, name);
	r = target < 0 ? target : rein_mounts_attach(tree, target);
	return r < 0 ? rein_fail(err, -r, "cannot mount %s: %s", place->path, strerror(-r)) : 0;
}

int rein_root_put_shielded(struct rein_root *root, const struct rein_place *place, struct rein_error *err)
{
	uint64_t attributes = rein_root_attributes(place->access);
	REIN_AUTO_FD int tree = -1;
	char name[32];
	int r;

	if (!root->shields && (mkdirat(root->base, FOLDER, 0700) || mkdirat(root->base, EMPTY, 0700)))
		return rein_fail_errno(err, "cannot make a folder");
	snprintf(name, sizeof(name), FOLDER "/%u", root->shields++);
	r = open_lower(root, place, name, &attributes, err);
	if (r < 0)
		return r;
	tree = rein_mounts_overlay(name, EMPTY, attributes);
	if (tree < 0)
		return rein_fail(err, -tree, "cannot show %s through overlayfs: %s", place->path, strerror(-tree));
	return rein_root_attach(root, tree, place->path, err);
}
