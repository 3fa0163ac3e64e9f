/* SPDX-License-Identifier: GPL-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/units.h"
#include "plan/planning.h"

/*
 * Lines with sha256. The launch checks again what it then runs; here a person learns how the content is kept and what
 * it costs and, where the options ask for it, whether the file holds it. No option degrades such a line: it says what
 * may not run as much as what may.
 */

static bool refuse(struct rein_plan_line *line, const struct rein_error *err)
{
	rein_planning_note(line, "%s", err->text);
	return false;
}

/* Reads the whole file, so only for who asks. */
static bool holds(const struct rein_path_rule *rule, const char *real, uint64_t size, struct rein_error *err)
{
	REIN_AUTO_FD int fd = open(real, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char found[REIN_DIGEST_ROOM];

	if (fd < 0)
		return rein_fail_errno(err, "cannot be read, so its content cannot be checked") == 0;
	if (rein_digest_file(fd, -1, size, found, err) < 0)
		return false;
	return !strcmp(found, rule->sha256) ||
	       rein_fail(err, EKEYREJECTED, REIN_DIGEST_DIFFERS, rule->sha256, found) == 0;
}

static const char *rounded_size(char text[REIN_UNITS_MAX], uint64_t bytes)
{
	uint64_t unit = bytes < 1 << 20 ? 1 << 10 : 1 << 20;

	return rein_size_format(text, (bytes + unit - 1) / unit * unit);
}

/* The place that decides about the folder of `path`; NULL: none. */
static const struct rein_place *folder_of(const struct rein_view *view, const char *path)
{
	REIN_AUTO_FREE char *folder = strdup(path);

	if (!folder)
		return NULL;
	folder[strrchr(folder, '/') - folder + (strrchr(folder, '/') == folder)] = 0;
	return rein_view_find(view, folder);
}

static const char writable[] =
	"its folder can be written and executed, so other content can run there in its place: take "
	"one of the two from the folder";
static const char open_to_others[] =
	"its folder can be executed as a whole, so what somebody outside puts in its place would run: to keep that out "
	"takes overlayfs (modprobe overlay) and no mounts below the folder; or name files instead of the folder";

/* Whether whoever replaces the file from outside would put other content in reach of the agent, to run. */
static bool is_exposed(const struct rein_planning *planning, const struct rein_place *folder)
{
	bool covered = planning->machine->overlay && folder && (folder->shielded || folder->sheltered);

	return folder && !folder->own && (folder->access & REIN_ACCESS_EXECUTE) && !covered;
}

/* Copies count as memory of the agent. A start that they use up ends without a word of why. */
static bool fits(struct rein_planning *planning, const struct statx *stx)
{
	const struct rein_limit_rule *memory = &planning->policy->limits[REIN_LIMIT_MEMORY];

	if (!(stx->stx_attributes & STATX_ATTR_VERITY))
		planning->copied += stx->stx_size;
	return !memory->origin.file || planning->copied < memory->value;
}

static void note_keeping(struct rein_plan_line *line, const struct statx *stx)
{
	char size[REIN_UNITS_MAX], names[80] = "";

	if (stx->stx_nlink > 1)
		snprintf(names, sizeof(names), "; not under its other names (%u hard links)", stx->stx_nlink - 1);
	if (stx->stx_attributes & STATX_ATTR_VERITY)
		rein_planning_note(line, "only with the content of its sha256, which fs-verity keeps%s", names);
	else
		rein_planning_note(line, "only with the content of its sha256: a private copy of %s in memory%s",
				   rounded_size(size, stx->stx_size), names);
}

bool rein_planning_digest(struct rein_planning *planning, struct rein_plan_line *line,
			  const struct rein_path_rule *rule)
{
	REIN_AUTO_FREE char *real = realpath(rule->path, NULL);
	const struct rein_place *place = real ? rein_view_find(&planning->plan->view, real) : NULL;
	struct rein_error err = {0};
	const struct rein_place *folder = real ? folder_of(&planning->plan->view, real) : NULL;
	struct statx stx;

	if (!place || !place->verified_by)
		return true; /* a line that denies has taken it */
	if (statx(AT_FDCWD, real, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &stx) ||
	    faccessat(AT_FDCWD, real, R_OK, AT_EACCESS)) {
		rein_fail_errno(&err, "cannot be read, so its content cannot be checked");
		return refuse(line, &err);
	}
	if (planning->options->digests && !holds(rule, real, stx.stx_size, &err))
		return refuse(line, &err);
	if (is_exposed(planning, folder)) {
		rein_planning_note(line, "%s", folder->access & REIN_ACCESS_WRITE ? writable : open_to_others);
		return false;
	}
	/* Of several lines for one file, one has the copy. */
	if (place->verified_by == rule && !fits(planning, &stx)) {
		rein_planning_note(line, "limits.memory leaves no room for the private copy that the agent would run");
		return false;
	}
	note_keeping(line, &stx);
	return true;
}
