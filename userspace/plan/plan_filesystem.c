/* SPDX-License-Identifier: GPL-2.0 */
#include <fts.h>
#include <rein/label.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "plan/planning.h"
#include "profile/words.h"

/*
 * Path rules. The view has worked out what each comes to here; mounts and Landlock both keep that one view, and
 * bpf-file what it denies.
 */

static bool absent(const struct rein_view *view, const struct rein_path_rule *rule)
{
	for (size_t i = 0; i < view->absent.count; i++)
		if (view->absent.items[i].rule == rule)
			return true;
	return false;
}

static bool held(const struct rein_view *view, const struct rein_path_rule *rule)
{
	for (size_t i = 0; i < view->places.count; i++)
		if (view->places.items[i].rule == rule && view->places.items[i].kind == REIN_PLACE_HELD)
			return true;
	return false;
}

/* How many names a file has that is there, 0 for anything else. */
static unsigned long names_of(const struct rein_path_rule *rule)
{
	struct stat st;

	return lstat(rule->path, &st) == 0 && S_ISREG(st.st_mode) ? (unsigned long)st.st_nlink : 0;
}

/* Whether a folder has more in it than labels look at for other names. */
static bool is_large(const struct rein_path_rule *rule)
{
	char *const roots[] = {(char *)rule->path, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_XDEV | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	size_t entries = 0;

	while (walk && entries <= REIN_LABEL_LOOK_MAX && fts_read(walk))
		entries++;
	if (walk)
		fts_close(walk);
	return entries > REIN_LABEL_LOOK_MAX;
}

/*
 * A carve-out is a mount over one name, and goes with what it was made over: other names of the same file, made before
 * the start, are not under it, nor what somebody outside puts there later. bpf-file knows the file and the name.
 */
static void keep_denial(struct rein_planning *planning, struct rein_plan_line *line, const struct rein_path_rule *rule)
{
	bool labelled = rein_planning_has(planning, REIN_MECH_BPF_FILE);
	bool missing = held(&planning->plan->view, rule);

	if (labelled)
		rein_planning_keep(line, REIN_MECH_BPF_FILE);
	if (missing)
		rein_planning_note(line,
				   "not there yet; the name is held while the agent runs, so that it cannot make it");
	else if (!labelled && names_of(rule) > 1)
		rein_planning_note(line,
				   "kept by a mount over this name; the file has %lu names (hard links), and the "
				   "others are not kept",
				   names_of(rule));
	else if (labelled && is_large(rule))
		rein_planning_note(line,
				   "kept as a file and by its name; other names (hard links) of files in it are "
				   "looked for in %d entries only",
				   REIN_LABEL_LOOK_MAX);
	else if (labelled)
		rein_planning_note(line, "kept as a file and by its name, whatever path leads there");
	else
		rein_planning_note(line, "kept by a mount over this name; what somebody outside the agent puts in its "
					 "place is not kept");
}

/* The kernel opens for reading what it executes, and Landlock asks for both rights. */
static void note_reading(struct rein_plan_line *line, const struct rein_view *view, const struct rein_path_rule *rule)
{
	REIN_AUTO_FREE char *real = realpath(rule->path, NULL);
	const struct rein_place *place = real ? rein_view_find(view, real) : NULL;

	if (place && !(place->access & REIN_ACCESS_READ))
		rein_planning_note(line, "what is executed can be read as well");
}

static void keep(struct rein_planning *planning, struct rein_plan_line *line, const struct rein_path_rule *rule)
{
	rein_planning_keep(line, REIN_MECH_NAMESPACES);
	if (rule->verdict == REIN_VERDICT_ALLOW && rein_planning_has(planning, REIN_MECH_LANDLOCK))
		rein_planning_keep(line, REIN_MECH_LANDLOCK);
	if (rule->verdict == REIN_VERDICT_ALLOW && rule->list == REIN_ACCESS_EXECUTE && !rule->sha256)
		note_reading(line, &planning->plan->view, rule);
	if (rule->verdict == REIN_VERDICT_DENY)
		keep_denial(planning, line, rule);
}

static void path_line(struct rein_planning *planning, const struct rein_path_rule *rule)
{
	struct rein_plan_line *line =
		rein_planning_rule(planning, &rule->origin, rule->verdict, rein_access_name(rule->list), rule->path);

	if (rule->verdict == REIN_VERDICT_ASK)
		rein_planning_refuse(planning, line, rule->optional, "nobody can be asked yet: allow it or deny it");
	else if (absent(&planning->plan->view, rule))
		rein_planning_skip(line,
				   line->denies ? "not there, and its name is not held (if_missing)" : "not there");
	else if (!(planning->machine->namespaces & REIN_NS_MOUNT))
		rein_planning_refuse(planning, line, rule->optional, "no mount namespace can be made here");
	else if (!rule->sha256 || rein_planning_digest(planning, line, rule))
		keep(planning, line, rule);
}

void rein_planning_filesystem(struct rein_planning *planning)
{
	const struct rein_policy *policy = planning->policy;

	for (size_t i = 0; i < policy->paths.count; i++)
		path_line(planning, &policy->paths.items[i]);
}
