/* SPDX-License-Identifier: GPL-2.0 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "agent/registry.h"
#include "audit/audit.h"
#include "audit/line.h"
#include "audit/read.h"
#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/logline.h"
#include "cmd/options.h"
#include "cmd/print.h"

static const struct rein_usage usage = {
	.takes = REIN_OPTION_JSON | REIN_OPTION_FOLLOW | REIN_OPTION_KIND | REIN_OPTION_DENIED,
	.max_arguments = 1,
	.arguments = "at most one agent or file",
	.misuse = 2,
};

/* One showing of a log. */
struct showing {
	const struct rein_options *options;
	struct rein_log_filter filter;
	FILE *log;
	json_t *heading; /* the last note, owned; NULL: none, or it was shown */
	bool ended;	 /* the agent's last event was shown */
};

/* A note heads what follows it; where a filter leaves it out, it is shown with the first of that which is shown. */
static void keep_heading(struct showing *showing, json_t *line)
{
	json_decref(showing->heading);
	showing->heading = json_incref(line);
}

static void show_heading(struct showing *showing, const json_t *line)
{
	const json_t *heading = showing->heading, *under = json_object_get(line, "note");

	if (!heading || showing->options->json || !json_equal(json_object_get(heading, "note"), under))
		return;
	if (heading != line)
		rein_logline_print(stdout, heading);
	json_decref(showing->heading);
	showing->heading = NULL;
}

static void show(struct showing *showing, json_t *line)
{
	const char *kind = json_string_value(json_object_get(line, "kind"));

	showing->ended = kind && !strcmp(kind, rein_kind_name(REIN_KIND_END));
	if (rein_logline_is_heading(line))
		keep_heading(showing, line);
	if (!rein_log_wanted(&showing->filter, line))
		return;
	show_heading(showing, line);
	if (showing->options->json)
		rein_logline_print_json(stdout, line);
	else
		rein_logline_print(stdout, line);
}

static int show_rest(struct showing *showing, struct rein_error *err)
{
	json_t *line;
	int r;

	while (!(r = rein_log_next(showing->log, &line, err)) && line) {
		show(showing, line);
		json_decref(line);
	}
	if (!r && (fflush(stdout) || ferror(stdout)))
		return rein_fail_errno(err, "cannot print the log");
	return r;
}

/* Waits until the log was written to. 0: the reader of our output is gone. */
static int wait_for_more(int inotify, struct rein_error *err)
{
	struct pollfd fds[] = {{inotify, POLLIN, 0}, {STDOUT_FILENO, 0, 0}};
	char events[4096] __attribute__((aligned(8)));

	if (poll(fds, REIN_COUNT(fds), -1) < 0 && errno != EINTR)
		return rein_fail_errno(err, "cannot wait for the log");
	if (fds[1].revents & (POLLERR | POLLHUP))
		return 0;
	if (fds[0].revents & POLLIN && read(inotify, events, sizeof(events)) < 0)
		return rein_fail_errno(err, "cannot wait for the log");
	return 1;
}

static int follow(struct showing *showing, const char *path, struct rein_error *err)
{
	REIN_AUTO_FD int inotify = inotify_init1(IN_CLOEXEC);
	int r;

	if (inotify < 0 || inotify_add_watch(inotify, path, IN_MODIFY) < 0)
		return rein_fail_errno(err, "cannot watch %s", path);
	/* Watched first, read after: nothing that is written in between is missed. */
	do {
		r = show_rest(showing, err);
	} while (!r && !showing->ended && (r = wait_for_more(inotify, err)) > 0 && !(r = 0));
	return r;
}

static int check_kind(const char *kind, struct rein_error *err)
{
	enum rein_kind known;

	if (!kind || rein_kind_parse(kind, &known))
		return 0;
	return rein_fail(
		err, EINVAL,
		"\"%s\" is no kind of event: there are start, exec, allow, deny, ask, answer, trip, state, note, "
		"lost, degrade and end",
		kind);
}

static int show_log(const struct rein_options *options, struct rein_error *err)
{
	struct showing showing = {.options = options, .filter = {.kind = options->kind, .denied = options->denied}};
	REIN_AUTO_FREE char *path = NULL;
	REIN_AUTO_FILE FILE *log = NULL;
	struct rein_places places;
	int r = rein_places_find(&places, err);

	if (!r)
		r = rein_log_find(places.state, options->arguments[0], &path, err);
	if (!r)
		r = rein_log_open_for_reading(path, &log, err);
	if (r < 0)
		return r;
	showing.log = log;
	r = options->follow ? follow(&showing, path, err) : show_rest(&showing, err);
	json_decref(showing.heading);
	return r;
}

int rein_cmd_log(int argc, char **argv)
{
	struct rein_options options;
	struct rein_error err = {0};
	int code;

	if (!rein_options_read(argc, argv, &usage, &options, &code))
		return code;
	if (check_kind(options.kind, &err) < 0)
		return rein_say_error(&err, 2);
	return show_log(&options, &err) < 0 ? rein_say_error(&err, 1) : 0;
}
