/* SPDX-License-Identifier: GPL-2.0 */
#include "plan/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan/path.h"
#include "plan/view_build.h"
#include "plan/view_nodes.h"

/*
 * One pass over the sorted nodes. Two stacks hold what is open at the current path: the frames (rules at and above it)
 * and the places that stand at and above it. Work is proportional to the number of nodes and the depth of paths.
 */

/* The rules at and above a node. */
struct frame {
	const char *path; /* borrowed from the node */
	unsigned allow, deny;
	const struct rein_path_rule *allowed_by, *written_by, *denied_by;
	bool guarded;
	bool program; /* guarded as rein's program alone is */
	bool own;     /* inside a file system of the agent's own */
};

struct builder {
	struct rein_view *view;
	REIN_VEC(struct frame) frames;
	struct rein_open_places open;
};

static int no_memory(struct rein_error *err)
{
	return rein_fail(err, ENOMEM, "out of memory");
}

static int cannot(const struct rein_path_rule *rule, const char *path, const char *why, struct rein_error *err)
{
	if (!rule)
		return rein_fail(err, EPERM, "%s %s", path, why);
	return rein_fail(err, EPERM, "%s:%d: %s: %s %s", rule->origin.file, rule->origin.line, rule->origin.text, path,
			 why);
}

/* The place that covers the current path, after everything that does not was closed. NULL: none. */
static const struct rein_place *cover(const struct builder *builder)
{
	return builder->open.count ? &builder->view->places.items[builder->open.items[builder->open.count - 1]] : NULL;
}

static void close_places(struct builder *builder, const char *path)
{
	const struct rein_place *place;

	while ((place = cover(builder)) && !rein_path_within(path, place->path))
		builder->open.count--;
}

static int put(struct builder *builder, const struct rein_place *place, const char *path, size_t length,
	       struct rein_error *err)
{
	struct rein_place *slot = rein_vec_add(&builder->view->places);
	size_t *open;

	if (!slot)
		return no_memory(err);
	*slot = *place;
	slot->target = NULL;
	slot->path = strndup(path, length);
	if (!slot->path || (place->target && !(slot->target = strdup(place->target))))
		return no_memory(err);
	if (slot->kind == REIN_PLACE_LINK || slot->kind == REIN_PLACE_BARE)
		return 0; /* it decides about nothing */
	open = rein_vec_add(&builder->open);
	if (!open)
		return no_memory(err);
	*open = builder->view->places.count - 1;
	return 0;
}

/* Can things be moved about in it? */
static bool movable(const struct rein_place *place)
{
	return place && (place->access & REIN_ACCESS_WRITE) &&
	       (place->kind == REIN_PLACE_TREE || place->kind == REIN_PLACE_PRIVATE ||
		place->kind == REIN_PLACE_HINGE || place->kind == REIN_PLACE_HELD);
}

/*
 * Nothing stands on a path whose folders can be renamed away and made anew, so each folder in between becomes a mount
 * point of its own: renaming or removing it fails with EBUSY.
 */
static int put_hinges(struct builder *builder, const char *path, struct rein_error *err)
{
	const struct rein_place *above = cover(builder);
	struct rein_place hinge = {.kind = REIN_PLACE_HINGE, .directory = true};
	size_t length;
	int r = 0;

	if (!movable(above))
		return 0;
	hinge.access = above->access;
	hinge.own = above->own;
	hinge.rule = above->rule;
	length = strcmp(above->path, "/") ? strlen(above->path) : 0;
	for (length = rein_path_next(path, length); !r && path[length]; length = rein_path_next(path, length))
		r = put(builder, &hinge, path, length, err);
	return r;
}

static int emit(struct builder *builder, const struct rein_place *place, const char *path, struct rein_error *err)
{
	int r = put_hinges(builder, path, err);

	return r < 0 ? r : put(builder, place, path, strlen(path), err);
}

static unsigned effective(const struct frame *frame)
{
	/* A denied read takes everything, as view_nodes.c says in its mask. */
	return frame->guarded && !frame->program ? 0 : frame->allow & ~frame->deny;
}

static unsigned access_of(const struct rein_place *place)
{
	return place ? place->access : 0;
}

/* What all places at this node have in common. */
static struct rein_place draft(const struct builder *builder, const struct frame *frame, const struct rein_node *node,
			       enum rein_place_kind kind, unsigned access)
{
	const struct rein_place *above = cover(builder);
	unsigned taken = access_of(above) & ~access;

	return (struct rein_place){
		.kind = kind,
		.access = access,
		.taken = taken,
		.directory = node->directory,
		.own = frame->own,
		.rule = taken && frame->denied_by ? frame->denied_by : frame->allowed_by,
		.target = node->target,
	};
}

static bool standard_device(const char *path)
{
	static const char *const names[] = {"null", "zero",  "full",   "random", "urandom", "tty",
					    "ptmx", "stdin", "stdout", "stderr", "fd"};

	for (size_t i = 0; i < REIN_COUNT(names); i++)
		if (!strncmp(path, "/dev/", 5) && !strcmp(path + 5, names[i]))
			return true;
	return false;
}

/* A denial inside what is the agent's own anyway. */
static int place_own(struct builder *builder, struct frame *frame, const struct rein_node *node, struct rein_error *err)
{
	const struct rein_place *above = cover(builder);
	unsigned access = above->access & ~frame->deny;
	enum rein_place_kind kind = REIN_PLACE_HELD;
	struct rein_place place;

	if (above->kind == REIN_PLACE_DEVICES || above->kind == REIN_PLACE_PROC) {
		if (!node->exists || (above->kind == REIN_PLACE_DEVICES && !standard_device(node->path)))
			return 0;
		kind = access ? REIN_PLACE_TREE : REIN_PLACE_HIDDEN;
	}
	if (access == above->access)
		return 0;
	if (above->kind == REIN_PLACE_DEVICES && access)
		return cannot(frame->denied_by, node->path, "is a device: only read, which takes all, can be denied",
			      err);
	place = draft(builder, frame, node, kind, access);
	return emit(builder, &place, node->path, err);
}

static int place_missing(struct builder *builder, struct frame *frame, const struct rein_node *node,
			 struct rein_error *err)
{
	struct rein_place place = draft(builder, frame, node, REIN_PLACE_HELD, effective(frame));

	return movable(cover(builder)) && place.taken ? emit(builder, &place, node->path, err) : 0;
}

/* Host trees beneath a place of the agent's own have the access that rules beneath that place give. */
static bool leaves_own(const struct builder *builder, struct frame *frame, const struct rein_node *node)
{
	const struct rein_place *above = cover(builder);

	if (!frame->own || !node->allow || !above || above->kind == REIN_PLACE_PROC ||
	    (above->kind == REIN_PLACE_DEVICES && standard_device(node->path)))
		return false;
	frame->allow = node->allow;
	frame->own = false;
	return true;
}

/*
 * Stands even where the folder above gives as much, since the folder gives it to any content. What is checked once
 * must not change: no line that lets the folder be written reaches it, and one for the file itself is a contradiction.
 */
static int put_shield(struct builder *builder, const char *path, struct rein_error *err)
{
	struct rein_place place;
	size_t length;

	rein_view_shield(builder->view, &builder->open, path, &length);
	if (!length)
		return 0;
	place = *cover(builder);
	place.taken = 0;
	place.shielded = true;
	place.sheltered = false;
	return put(builder, &place, path, length, err);
}

static int place_verified(struct builder *builder, struct frame *frame, const struct rein_node *node,
			  struct rein_error *err)
{
	struct rein_place place;
	int r;

	if (node->allow & ~frame->deny & REIN_ACCESS_WRITE)
		return cannot(node->verified_by, node->path,
			      "may be written by another line, so its content cannot be kept", err);
	r = put_shield(builder, node->path, err);
	if (r < 0)
		return r;
	place = draft(builder, frame, node, REIN_PLACE_TREE, effective(frame) & ~(unsigned)REIN_ACCESS_WRITE);
	place.rule = place.verified_by = node->verified_by;
	return emit(builder, &place, node->path, err);
}

static int place_plain(struct builder *builder, struct frame *frame, const struct rein_node *node,
		       struct rein_error *err)
{
	const struct rein_place *above = cover(builder);
	bool bound = leaves_own(builder, frame, node);
	unsigned access = effective(frame);
	bool device = bound && (above->kind == REIN_PLACE_DEVICES || above->kind == REIN_PLACE_DEVICE);
	struct rein_place place;

	if (frame->own && node->verified_by)
		return cannot(node->verified_by, node->path, "is the agent's own, so nobody knows its content", err);
	if (frame->own)
		return place_own(builder, frame, node, err);
	if (!node->exists)
		return place_missing(builder, frame, node, err);
	if (node->verified_by && (access & REIN_ACCESS_EXECUTE))
		return place_verified(builder, frame, node, err);
	if (access == access_of(above) && !bound)
		return 0;
	if (!access && (!above || bound))
		return 0; /* there is nothing to hide */
	place = draft(builder, frame, node, device ? REIN_PLACE_DEVICE : REIN_PLACE_TREE, access);
	if (!access)
		place.kind = REIN_PLACE_HIDDEN;
	return emit(builder, &place, node->path, err);
}

static int place_private(struct builder *builder, struct frame *frame, const struct rein_node *node,
			 struct rein_error *err)
{
	const struct rein_place *above = cover(builder);
	struct rein_place place;

	/* Where the host has no such folder and shows its own, there is nowhere to put it. */
	if (above && !above->own && (!node->exists || above->kind == REIN_PLACE_HIDDEN))
		return 0;
	frame->own = true;
	place = draft(builder, frame, node, REIN_PLACE_PRIVATE, effective(frame));
	place.directory = true;
	return emit(builder, &place, node->path, err);
}

/* What every process needs and no rule must name; the agent's own in full. */
static int place_kernel(struct builder *builder, struct frame *frame, const struct rein_node *node,
			enum rein_place_kind kind, unsigned always, struct rein_error *err)
{
	unsigned access = (always | (frame->allow & REIN_ACCESS_WRITE)) & ~frame->deny;
	struct rein_place place;

	if (!(access & REIN_ACCESS_READ))
		return cannot(frame->denied_by, node->path, "is needed by every process and cannot be denied", err);
	frame->own = true;
	place = draft(builder, frame, node, kind, access);
	place.directory = true;
	return emit(builder, &place, node->path, err);
}

static int place_proc(struct builder *builder, struct frame *frame, const struct rein_node *node,
		      struct rein_error *err)
{
	return place_kernel(builder, frame, node, REIN_PLACE_PROC, REIN_ACCESS_READ, err);
}

static int place_devices(struct builder *builder, struct frame *frame, const struct rein_node *node,
			 struct rein_error *err)
{
	return place_kernel(builder, frame, node, REIN_PLACE_DEVICES, REIN_ACCESS_READ | REIN_ACCESS_WRITE, err);
}

static int place_terminals(struct builder *builder, struct frame *frame, const struct rein_node *node,
			   struct rein_error *err)
{
	return place_kernel(builder, frame, node, REIN_PLACE_TERMINALS, REIN_ACCESS_READ | REIN_ACCESS_WRITE, err);
}

static int place_link(struct builder *builder, struct frame *frame, const struct rein_node *node,
		      struct rein_error *err)
{
	const struct rein_place *above = cover(builder);
	struct rein_place place = {.kind = REIN_PLACE_LINK, .target = node->target, .own = true};

	if (node->denied_by && movable(above) && !above->own) {
		place = draft(builder, frame, node, REIN_PLACE_PIN, above->access & ~(unsigned)REIN_ACCESS_WRITE);
		return emit(builder, &place, node->path, err);
	}
	/* In a tree of the host the link is there by itself, and /dev has the usual ones. */
	if (above && !above->own)
		return 0;
	if (above && (above->kind == REIN_PLACE_PROC || standard_device(node->path)))
		return 0;
	return emit(builder, &place, node->path, err);
}

static int place_sys(struct builder *builder, struct frame *frame, const struct rein_node *node, struct rein_error *err)
{
	frame->allow &= ~REIN_ACCESS_WRITE;
	return place_plain(builder, frame, node, err);
}

static int place_socket(struct builder *builder, struct frame *frame, const struct rein_node *node,
			struct rein_error *err)
{
	struct rein_place place = draft(builder, frame, node, REIN_PLACE_SOCKET, 0);

	if (frame->deny & REIN_ACCESS_READ)
		return place_plain(builder, frame, node, err);
	place.taken = 0;
	place.own = false;
	return emit(builder, &place, node->path, err);
}

static int (*const placers[REIN_ROLE_COUNT])(struct builder *, struct frame *, const struct rein_node *,
					     struct rein_error *) = {
	[REIN_ROLE_PLAIN] = place_plain,     [REIN_ROLE_SOCKET] = place_socket,
	[REIN_ROLE_LINK] = place_link,	     [REIN_ROLE_SYS] = place_sys,
	[REIN_ROLE_PRIVATE] = place_private, [REIN_ROLE_TERMINALS] = place_terminals,
	[REIN_ROLE_DEVICES] = place_devices, [REIN_ROLE_PROC] = place_proc,
};

/* Opens the node's frame: what the ones above say and what it says itself. */
static struct frame *open_frame(struct builder *builder, const struct rein_node *node)
{
	struct frame frame = {0}, *slot;

	while (builder->frames.count &&
	       !rein_path_within(node->path, builder->frames.items[builder->frames.count - 1].path))
		builder->frames.count--;
	if (builder->frames.count)
		frame = builder->frames.items[builder->frames.count - 1];
	frame.path = node->path;
	frame.allow |= node->allow;
	frame.deny |= node->deny;
	frame.program = node->program && !node->guarded && !frame.guarded;
	frame.guarded |= node->guarded || node->program;
	if (node->allowed_by)
		frame.allowed_by = node->allowed_by;
	if (node->written_by)
		frame.written_by = node->written_by;
	if (node->denied_by)
		frame.denied_by = node->denied_by;
	slot = rein_vec_add(&builder->frames);
	if (slot)
		*slot = frame;
	return slot;
}

static int place_bare(struct builder *builder, const struct frame *frame, const struct rein_node *node,
		      struct rein_error *err)
{
	struct rein_place place = {.kind = REIN_PLACE_BARE, .directory = true, .own = true};

	if (!node->bare || cover(builder) || frame->guarded || (frame->deny & REIN_ACCESS_READ) ||
	    !strcmp(node->path, "/"))
		return 0;
	return emit(builder, &place, node->path, err);
}

static int visit(struct builder *builder, const struct rein_node *node, struct rein_error *err)
{
	struct frame *frame = open_frame(builder, node);
	unsigned reach;
	int r;

	if (!frame)
		return no_memory(err);
	close_places(builder, node->path);
	reach = frame->own ? node->allow : frame->allow;
	if (frame->guarded && (reach & ~frame->deny & REIN_ACCESS_WRITE))
		return cannot(
			frame->written_by, node->path,
			"is rein's own; an agent that could write there could free itself: deny it, or allow less",
			err);
	r = placers[node->role](builder, frame, node, err);
	return r < 0 ? r : place_bare(builder, frame, node, err);
}

static int check_crossing(const struct rein_view *view, const struct rein_crossing *crossing, struct rein_error *err)
{
	REIN_AUTO_FREE char *folder = strdup(crossing->link);
	const struct rein_place *place;

	if (!folder)
		return no_memory(err);
	folder[strrchr(folder, '/') - folder + (strrchr(folder, '/') == folder)] = 0;
	place = rein_view_find(view, folder);
	if (!place || place->own || !(place->access & REIN_ACCESS_WRITE))
		return 0;
	/* Within one writable tree the agent can put what it likes where the link leads, so the link gives it nothing.
	 */
	if (rein_path_within(crossing->end, place->path))
		return 0;
	return rein_fail(err, EPERM,
			 "%s:%d: %s: %s is a symbolic link in a folder that the agent may write, so it could have "
			 "aimed it: name "
			 "what it leads to",
			 crossing->origin->file, crossing->origin->line, crossing->origin->text, crossing->link);
}

static int build(struct builder *builder, const struct rein_nodes *nodes, struct rein_error *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < nodes->items.count; i++)
		r = visit(builder, &nodes->items.items[i], err);
	for (size_t i = 0; !r && i < nodes->crossings.count; i++)
		r = check_crossing(builder->view, &nodes->crossings.items[i], err);
	return r;
}

int rein_view_compute(const struct rein_policy *policy, const struct rein_view_own *own, struct rein_view *ret_view,
		      struct rein_error *err)
{
	struct rein_view view = {0};
	struct builder builder = {.view = &view};
	struct rein_nodes nodes;
	int r = rein_nodes_collect(policy, own, &nodes, err);

	if (!r)
		r = build(&builder, &nodes, err);
	view.absent.items = rein_take_pointer(&nodes.absent.items);
	view.absent.count = nodes.absent.count;
	rein_nodes_free(&nodes);
	rein_vec_free(&builder.frames);
	rein_vec_free(&builder.open);
	if (r < 0) {
		rein_view_free(&view);
		return r;
	}
	*ret_view = view;
	return 0;
}
