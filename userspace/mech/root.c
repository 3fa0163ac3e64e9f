/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/root.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>

#include "base/cleanup.h"
#include "mech/held.h"
#include "mech/mounts.h"
#include "plan/path.h"

/* A folder that exists on every host that rein runs on, and that no rule binds from the host. */
#define STAGE "/proc"

uint64_t rein_root_attributes(unsigned access)
{
	return MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (access & REIN_ACCESS_WRITE ? 0 : MOUNT_ATTR_RDONLY) |
	       (access & REIN_ACCESS_EXECUTE ? 0 : MOUNT_ATTR_NOEXEC);
}

static int failed(struct rein_error *err, int r, const char *what)
{
	return rein_fail(err, -r, "%s: %s", what, strerror(-r));
}

/* A quarter of memory, and inodes in proportion: what an agent can fill is bounded, all its own places together. */
static int make_store(struct rein_error *err)
{
	char size[32], inodes[32];
	struct sysinfo info;
	uint64_t bytes;
	int fd;

	if (sysinfo(&info))
		return rein_fail_errno(err, "cannot learn the size of memory");
	bytes = (uint64_t)info.totalram * info.mem_unit / 4;
	snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes);
	snprintf(inodes, sizeof(inodes), "%llu", (unsigned long long)(bytes >> 14) + 4096);
	fd = rein_mounts_make(
		"tmpfs",
		(struct rein_mounts_option[]){{"size", size}, {"nr_inodes", inodes}, {"mode", "0700"}, {NULL, NULL}},
		0);
	return fd < 0 ? failed(err, fd, "cannot make a tmpfs for the agent's own folders") : fd;
}

/* The new root cannot be reached over a folder that the view may need, so the host's root moves below a scratch one. */
static int change_to_base(struct rein_root *root, struct rein_error *err)
{
	REIN_AUTO_FD int tree = rein_mounts_make("tmpfs", (struct rein_mounts_option[]){{"mode", "0700"}, {NULL, NULL}},
						 MOUNT_ATTR_NOSUID);
	REIN_AUTO_FD int stage = open(STAGE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (tree < 0)
		return failed(err, tree, "cannot make a tmpfs");
	if (stage < 0)
		return rein_fail_errno(err, STAGE);
	r = rein_mounts_attach(tree, stage);
	if (r < 0)
		return failed(err, r, "cannot mount on " STAGE);
	if (fchdir(tree) || mkdir("host", 0700) || syscall(SYS_pivot_root, ".", "host") || chdir("/"))
		return rein_fail_errno(err, "cannot leave the host's root");
	root->base = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	root->host = open("/host", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root->base < 0 || root->host < 0 ? rein_fail_errno(err, "cannot open the host's root") : 0;
}

/* Mode 0, and soon on a read-only mount: nobody without privileges can open or change it, whoever owns it. */
static int make_blanks(struct rein_root *root, struct rein_error *err)
{
	if (mkdirat(root->base, "blank", 0) || mknodat(root->base, "blank-file", S_IFREG, 0))
		return rein_fail_errno(err, "cannot make the empty templates");
	root->blank_folder = rein_mounts_open(root->base, "blank");
	root->blank_file = rein_mounts_open(root->base, "blank-file");
	if (root->blank_folder < 0 || root->blank_file < 0)
		return rein_fail(err, EIO, "cannot open the empty templates");
	return 0;
}

static int open_store(struct rein_root *root, struct rein_error *err)
{
	REIN_AUTO_FD int target = -1;
	int r;

	root->store = make_store(err);
	if (root->store < 0)
		return root->store;
	if (mkdirat(root->base, "store", 0700))
		return rein_fail_errno(err, "cannot make a folder");
	/* A copy can be made only of what is attached. */
	target = rein_mounts_open(root->base, "store");
	r = target < 0 ? target : rein_mounts_attach(root->store, target);
	return r < 0 ? failed(err, r, "cannot mount the store") : 0;
}

/* The root of the host where a rule names `/`, else bare folders. */
static int open_top(struct rein_root *root, struct rein_error *err)
{
	const struct rein_place *place = rein_view_find(&root->launch->plan->view, "/");
	uint64_t attributes = rein_root_attributes(place ? place->access : 0);
	REIN_AUTO_FD int source = -1, target = -1;
	int r;

	if (mkdirat(root->base, "top", 0111))
		return rein_fail_errno(err, "cannot make a folder");
	target = rein_mounts_open(root->base, "top");
	source = rein_mounts_open(place ? root->host : root->base, place ? "/" : "top");
	if (target < 0 || source < 0)
		return rein_fail(err, EIO, "cannot open the new root");
	root->top = rein_mounts_copy(source);
	if (root->top < 0)
		return failed(err, root->top, "cannot copy the root's mounts");
	r = place ? rein_mounts_restrict(root->top, attributes, true) : 0;
	if (!r)
		r = rein_mounts_attach(root->top, target);
	if (r < 0)
		return failed(err, r, "cannot mount the new root");
	return place ? 0 : rein_root_finish_later(root, dup(root->top), attributes, err);
}

int rein_root_open(struct rein_root *root, const struct rein_launch *launch, struct rein_error *err)
{
	int r;

	*root = (struct rein_root){.launch = launch,
				   .host = -1,
				   .base = -1,
				   .store = -1,
				   .vault = -1,
				   .top = -1,
				   .blank_file = -1,
				   .blank_folder = -1};
	/* What the host mounts later must not appear, unrestricted, inside; nor the other way round. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return rein_fail_errno(err, "cannot separate the agent's mounts from the host's");
	r = change_to_base(root, err);
	if (!r)
		r = make_blanks(root, err);
	if (!r)
		r = open_store(root, err);
	if (!r)
		r = open_top(root, err);
	return r;
}

int rein_root_finish_later(struct rein_root *root, int fd, uint64_t attributes, struct rein_error *err)
{
	struct rein_unfinished *unfinished = fd < 0 ? NULL : rein_vec_add(&root->unfinished);

	if (!unfinished) {
		if (fd >= 0)
			close(fd);
		return rein_fail(err, ENOMEM, "out of memory or descriptors");
	}
	unfinished->fd = fd;
	unfinished->attributes = attributes;
	return 0;
}

/*
 * A bare folder lets through whom the host's own lets through: the view only ever takes away. Names in it can be looked
 * up and not listed. In a user namespace there is one user, who has just come this way.
 */
static int set_passage(struct rein_root *root, const char *path, struct rein_error *err)
{
	REIN_AUTO_FD int host = rein_mounts_open(root->host, path);
	struct stat what = {.st_mode = 0111};

	if (root->launch->privileged) {
		if (host < 0 || fstat(host, &what))
			return rein_fail(err, host < 0 ? -host : errno, "cannot look at %s", path);
		if (fchownat(root->top, path + 1, what.st_uid, what.st_gid, AT_SYMLINK_NOFOLLOW))
			return rein_fail_errno(err, "cannot give %s to its owner", path);
	}
	if (fchmodat(root->top, path + 1, what.st_mode & 0111, 0))
		return rein_fail_errno(err, "cannot set the mode of %s in the agent's root", path);
	return 0;
}

static int make_bare(struct rein_root *root, const char *path, struct rein_error *err)
{
	const struct rein_place *above;
	char **slot;
	int r;

	if (mkdirat(root->top, path + 1, 0755))
		return errno == EEXIST ? 0 : rein_fail_errno(err, "cannot make %s in the agent's root", path);
	above = rein_view_find(&root->launch->plan->view, path);
	if (above)
		return 0; /* inside something of the agent's own: there are no siblings on the host to speak of */
	r = set_passage(root, path, err);
	if (r < 0)
		return r;
	slot = rein_vec_add(&root->bare);
	return slot && (*slot = strdup(path)) ? 0 : rein_fail(err, ENOMEM, "out of memory");
}

/* The folders above `path`, where missing. */
static int make_parents(struct rein_root *root, const char *path, struct rein_error *err)
{
	REIN_AUTO_FREE char *copy = strdup(path);
	int r = 0;

	if (!copy)
		return rein_fail(err, ENOMEM, "out of memory");
	for (size_t length = rein_path_next(path, 0); !r && path[length]; length = rein_path_next(path, length)) {
		copy[length] = 0;
		r = make_bare(root, copy, err);
		copy[length] = '/';
	}
	return r;
}

int rein_root_make(struct rein_root *root, const char *path, bool directory, struct rein_error *err)
{
	int r = make_parents(root, path, err);

	if (r < 0)
		return r;
	if (directory ? mkdirat(root->top, path + 1, 0755) : mknodat(root->top, path + 1, S_IFREG | 0644, 0))
		return errno == EEXIST ? 0 : rein_fail_errno(err, "cannot make %s in the agent's root", path);
	return 0;
}

int rein_root_attach(struct rein_root *root, int tree_fd, const char *path, struct rein_error *err)
{
	REIN_AUTO_FD int target = rein_mounts_open(root->top, path);
	int r = target < 0 ? target : rein_mounts_attach(tree_fd, target);

	return r < 0 ? rein_fail(err, -r, "cannot mount %s in the agent's root: %s", path, strerror(-r)) : 0;
}

int rein_root_bind(struct rein_root *root, int source_fd, const char *path, uint64_t attributes, struct rein_error *err)
{
	REIN_AUTO_FD int tree = rein_mounts_copy(source_fd);
	int r;

	if (tree < 0)
		return rein_fail(err, -tree, "cannot copy the mounts of %s: %s", path, strerror(-tree));
	r = rein_mounts_restrict(tree, attributes, true);
	if (r < 0)
		return rein_fail(err, -r, "cannot restrict %s: %s", path, strerror(-r));
	return rein_root_attach(root, tree, path, err);
}

static int put_tree(struct rein_root *root, const struct rein_place *place, uint64_t attributes, struct rein_error *err)
{
	REIN_AUTO_FD int source =
		rein_mounts_open(place->own || place->sheltered ? root->top : root->host, place->path);

	if (source < 0)
		return rein_fail(err, -source, "cannot open %s: %s", place->path, strerror(-source));
	return rein_root_bind(root, source, place->path, attributes, err);
}

static int put_plain(struct rein_root *root, const struct rein_place *place, struct rein_error *err)
{
	const struct rein_held *held = root->launch->of[REIN_MECH_NAMESPACES];

	if (!strcmp(place->path, "/"))
		return 0; /* is the top already */
	if (place->verified_by)
		return rein_root_put_verified(root, place, err);
	if (place->shielded && root->launch->machine->overlay)
		return rein_root_put_shielded(root, place, err);
	if (held && rein_held_is_needless(held, place->path))
		return 0;
	return put_tree(root, place, rein_root_attributes(place->access), err);
}

static int put_device(struct rein_root *root, const struct rein_place *place, struct rein_error *err)
{
	return put_tree(root, place, rein_root_attributes(place->access) & ~(uint64_t)MOUNT_ATTR_NODEV, err);
}

static int put_private(struct rein_root *root, const struct rein_place *place, struct rein_error *err)
{
	REIN_AUTO_FD int folder = -1, tree = -1;
	char name[16];
	int r;

	snprintf(name, sizeof(name), "%u", root->stored++);
	/* Anyone's, like /tmp: in a user namespace and outside it the agent has but one user. */
	if (mkdirat(root->store, name, 0777) || fchmodat(root->store, name, 01777, 0))
		return rein_fail_errno(err, "cannot make the agent's own %s", place->path);
	folder = rein_mounts_open(root->store, name);
	tree = folder < 0 ? folder : rein_mounts_copy(folder);
	if (tree < 0)
		return rein_fail(err, -tree, "cannot make the agent's own %s: %s", place->path, strerror(-tree));
	r = rein_root_attach(root, tree, place->path, err);
	return r < 0 ? r : rein_root_finish_later(root, rein_take_fd(&tree), rein_root_attributes(place->access), err);
}

static int put_hidden(struct rein_root *root, const struct rein_place *place, struct rein_error *err)
{
	return rein_root_bind(root, place->directory ? root->blank_folder : root->blank_file, place->path,
			      rein_root_attributes(0), err);
}

/* A placeholder that may not be read looks as one that was there. */
static int put_held(struct rein_root *root, const struct rein_place *place, struct rein_error *err)
{
	const struct rein_held *held = root->launch->of[REIN_MECH_NAMESPACES];

	if (place->access & REIN_ACCESS_READ)
		return put_plain(root, place, err);
	return held && rein_held_is_needless(held, place->path) ? 0 : put_hidden(root, place, err);
}

static int put_bare(struct rein_root *root, const struct rein_place *place, struct rein_error *err)
{
	return make_bare(root, place->path, err);
}

static int put_link(struct rein_root *root, const struct rein_place *place, struct rein_error *err)
{
	if (symlinkat(place->target, root->top, place->path + 1) && errno != EEXIST)
		return rein_fail_errno(err, "cannot make the link %s in the agent's root", place->path);
	return 0;
}

static int (*const putters[])(struct rein_root *, const struct rein_place *, struct rein_error *) = {
	[REIN_PLACE_TREE] = put_plain,
	[REIN_PLACE_PRIVATE] = put_private,
	[REIN_PLACE_HIDDEN] = put_hidden,
	[REIN_PLACE_HELD] = put_held,
	[REIN_PLACE_HINGE] = put_plain,
	[REIN_PLACE_LINK] = put_link,
	[REIN_PLACE_PROC] = rein_root_put_proc,
	[REIN_PLACE_DEVICES] = rein_root_put_devices,
	[REIN_PLACE_TERMINALS] = rein_root_put_terminals,
	[REIN_PLACE_DEVICE] = put_device,
	[REIN_PLACE_SOCKET] = put_plain,
	[REIN_PLACE_BARE] = put_bare,
	[REIN_PLACE_PIN] = put_plain,
};

/* Whether the place stands among what is ours to make, rather than in a tree of the host. */
static bool stands_on_own(const struct rein_root *root, size_t index)
{
	const struct rein_view *view = &root->launch->plan->view;
	const struct rein_place *place = &view->places.items[index];
	const struct rein_place *above;
	REIN_AUTO_FREE char *parent = strdup(place->path);

	if (!parent || !strcmp(place->path, "/"))
		return false;
	*(strrchr(parent, '/') + (strrchr(parent, '/') == parent)) = 0;
	above = rein_view_find(view, parent);
	return !above || above->own;
}

static int put(struct rein_root *root, size_t index, struct rein_error *err)
{
	const struct rein_place *place = &root->launch->plan->view.places.items[index];
	int r = 0;

	if (place->kind == REIN_PLACE_LINK || place->kind == REIN_PLACE_BARE)
		r = make_parents(root, place->path, err);
	else if (stands_on_own(root, index))
		r = rein_root_make(root, place->path, place->directory, err);
	if (!r)
		r = putters[place->kind](root, place, err);
	if (r < 0 && place->rule)
		return rein_context(err, "%s:%d: %s", place->rule->origin.file, place->rule->origin.line,
				    place->rule->origin.text);
	return r;
}

int rein_root_fill(struct rein_root *root, struct rein_error *err)
{
	const struct rein_view *view = &root->launch->plan->view;
	int r = 0;

	for (size_t i = 0; !r && i < view->places.count; i++)
		r = put(root, i, err);
	return r < 0 ? r : rein_root_put_siblings(root, err);
}

static int finish(struct rein_root *root, struct rein_error *err)
{
	int sealed = rein_root_seal_vault(root, err);

	if (sealed < 0)
		return sealed;
	for (size_t i = 0; i < root->unfinished.count; i++) {
		int r = rein_mounts_restrict(root->unfinished.items[i].fd, root->unfinished.items[i].attributes, false);

		if (r < 0)
			return failed(err, r, "cannot restrict a folder of the agent's own");
	}
	return 0;
}

int rein_root_enter(struct rein_root *root, struct rein_error *err)
{
	int r = finish(root, err);

	if (r < 0)
		return r;
	/* The old root ends up stacked on the new one and is taken off it, with all of the host beneath. */
	if (fchdir(root->top) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
		return rein_fail_errno(err, "cannot enter the agent's root");
	return 0;
}

void rein_root_close(struct rein_root *root)
{
	const int fds[] = {root->host, root->base,	 root->store,	    root->vault,
			   root->top,  root->blank_file, root->blank_folder};

	for (size_t i = 0; i < REIN_COUNT(fds); i++)
		rein_cleanup_fd(&fds[i]);
	for (size_t i = 0; i < root->unfinished.count; i++)
		close(root->unfinished.items[i].fd);
	for (size_t i = 0; i < root->bare.count; i++)
		free(root->bare.items[i]);
	rein_vec_free(&root->unfinished);
	rein_vec_free(&root->bare);
}
