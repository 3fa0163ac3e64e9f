/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/report.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/line.h"
#include "audit/tally.h"
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/walk.h"
#include "profile/words.h"

#define DENIALS_MOST 50
#define TRIPS_MOST 100

struct rein_report {
	char *path, *agent;
	const char *name; /* last part of path */
	int folder_fd;
	json_t *end, *trips, *degraded;
	uint64_t kinds[REIN_KIND_COUNT], lost;
	bool started;
	struct rein_tally *denials;
};

static void let_go(struct rein_report *report)
{
	if (report->folder_fd >= 0)
		close(report->folder_fd);
	rein_tally_free(report->denials);
	json_decref(report->end);
	json_decref(report->trips);
	json_decref(report->degraded);
	free(report->path);
	free(report->agent);
	free(report);
}

/* The file under a name that is not there yet, beside its own. */
static int open_draft(const struct rein_report *report, char *ret_name, size_t size, struct rein_error *err)
{
	int fd;

	snprintf(ret_name, size, ".rein-report.%d", (int)getpid());
	fd = openat(report->folder_fd, ret_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST && !unlinkat(report->folder_fd, ret_name, 0))
		fd = openat(report->folder_fd, ret_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 ? rein_fail_errno(err, "cannot write the report %s", report->path) : fd;
}

static int open_folder(struct rein_report *report, const char *workspace, struct rein_error *err)
{
	report->folder_fd = rein_walk_to_folder(report->path, workspace, &report->name, err);
	if (report->folder_fd < 0) {
		rein_context(err, "cannot open the folder of the report %s", report->path);
		return report->folder_fd;
	}
	return 0;
}

/* Says now what would go wrong at the end, when the work is done and nobody looks. */
static int try_out(const struct rein_report *report, struct rein_error *err)
{
	REIN_AUTO_FD int fd = -1;
	struct stat status;
	char name[64];

	if (!*report->name ||
	    (!fstatat(report->folder_fd, report->name, &status, AT_SYMLINK_NOFOLLOW) && !S_ISREG(status.st_mode)))
		return rein_fail(err, EINVAL, "the report %s must be a regular file, or not be there yet",
				 report->path);
	fd = open_draft(report, name, sizeof(name), err);
	if (fd < 0)
		return fd;
	unlinkat(report->folder_fd, name, 0);
	return 0;
}

int rein_report_name(struct rein_report *report, const char *agent, struct rein_error *err)
{
	char *copy = strdup(agent);

	if (!copy)
		return rein_fail(err, ENOMEM, "no memory for the report");
	free(report->agent);
	report->agent = copy;
	return 0;
}

int rein_report_open(const char *path, const char *workspace, struct rein_report **ret_report, struct rein_error *err)
{
	struct rein_report *report = calloc(1, sizeof(*report));
	int r;

	if (!report)
		return rein_fail(err, ENOMEM, "no memory for the report");
	report->folder_fd = -1;
	report->path = strdup(path);
	report->agent = strdup("");
	report->denials = rein_tally_new();
	report->trips = json_array();
	report->degraded = json_array();
	if (report->path && report->agent && report->denials)
		r = open_folder(report, workspace, err);
	else
		r = rein_fail(err, ENOMEM, "no memory for the report");
	if (!r)
		r = try_out(report, err);
	if (r < 0) {
		let_go(report);
		return r;
	}
	*ret_report = report;
	return 0;
}

static json_t *text(const char *bytes)
{
	REIN_AUTO_FREE char *escaped = bytes ? rein_escape(bytes, strlen(bytes)) : NULL;

	return escaped ? json_string(escaped) : json_null();
}

static void take_trip(struct rein_report *report, const struct rein_event *event)
{
	if (json_array_size(report->trips) < TRIPS_MOST)
		json_array_append_new(report->trips,
				      json_pack("{s:o, s:o, s:I, s:I, s:i, s:o}", "breaker", text(event->object),
						"meter", text(event->meter), "used", (json_int_t)event->meter_used,
						"limit", (json_int_t)event->meter_limit, "pid", (int)event->pid, "why",
						text(event->why)));
}

void rein_report_take(struct rein_report *report, const struct rein_event *event)
{
	if ((unsigned)event->kind >= REIN_KIND_COUNT)
		return;
	report->kinds[event->kind]++;
	if (event->kind == REIN_KIND_DENY)
		rein_tally_add(report->denials, event);
	if (event->kind == REIN_KIND_LOST)
		report->lost += event->lost;
	if (event->kind == REIN_KIND_START)
		report->started = true;
	if (event->kind == REIN_KIND_TRIP)
		take_trip(report, event);
	if (event->kind == REIN_KIND_DEGRADE)
		json_array_append_new(report->degraded,
				      json_pack("{s:o, s:o}", "what", text(event->object), "why", text(event->why)));
	if (event->kind == REIN_KIND_END && event->detail) {
		json_decref(report->end);
		report->end = json_deep_copy(event->detail);
	}
}

static json_t *kinds_json(const struct rein_report *report)
{
	json_t *kinds = json_object();

	for (int i = 0; i < REIN_KIND_COUNT; i++)
		json_object_set_new(kinds, rein_kind_name((enum rein_kind)i),
				    json_integer((json_int_t)report->kinds[i]));
	return kinds;
}

static json_t *report_json(const struct rein_report *report, int code, const char *why)
{
	json_t *whole = json_pack("{s:i, s:s, s:b}", "v", 1, "agent", report->agent, "started", report->started);

	/* The end's own words first: code, signal, verdicts, meters, peaks, breakers. */
	if (report->end)
		json_object_update_missing(whole, report->end);
	json_object_set_new(whole, "code", json_integer(code));
	if (why)
		json_object_set_new(whole, "why", text(why));
	json_object_set_new(whole, "counts", kinds_json(report));
	json_object_set_new(whole, "denials", rein_tally_json(report->denials, DENIALS_MOST));
	json_object_set_new(whole, "denials_not_listed", json_integer((json_int_t)rein_tally_rest(report->denials)));
	json_object_set(whole, "trips", report->trips);
	json_object_set(whole, "degraded", report->degraded);
	json_object_set_new(whole, "lost", json_integer((json_int_t)report->lost));
	return whole;
}

static int write_report(const struct rein_report *report, int code, const char *why, struct rein_error *err)
{
	json_t *whole = report_json(report, code, why);
	REIN_AUTO_FILE FILE *out = NULL;
	char draft[64];
	int fd = open_draft(report, draft, sizeof(draft), err), r = fd;

	if (fd >= 0) {
		out = fdopen(fd, "w");
		r = !out || json_dumpf(whole, out, JSON_INDENT(2)) || fputc('\n', out) == EOF || fflush(out) ||
				    renameat(report->folder_fd, draft, report->folder_fd, report->name)
			    ? rein_fail_errno(err, "cannot write the report %s", report->path)
			    : 0;
		if (r < 0)
			unlinkat(report->folder_fd, draft, 0);
		if (!out)
			close(fd);
	}
	json_decref(whole);
	return r;
}

int rein_report_close(struct rein_report *report, int code, const char *why, struct rein_error *err)
{
	int r = write_report(report, code, why, err);

	let_go(report);
	return r;
}
