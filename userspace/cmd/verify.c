/* SPDX-License-Identifier: GPL-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/registry.h"
#include "audit/audit.h"
#include "audit/read.h"
#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/print.h"

static const struct rein_usage usage = {
	.takes = REIN_OPTION_JSON,
	.min_arguments = 1,
	.max_arguments = 1,
	.arguments = "one agent or file",
	.misuse = 2,
};

static void print_line(const char *word, enum rein_colour colour, const char *path)
{
	printf("%s%s%s: ", rein_colour(stdout, colour), word, rein_colour(stdout, REIN_COLOUR_PLAIN));
	rein_print_safe(stdout, path, strlen(path));
}

static void print_whole(const char *path, const struct rein_audit_verdict *verdict)
{
	print_line("whole", REIN_COLOUR_GOOD, path);
	if (!verdict->lines)
		printf(", and empty");
	else
		printf(", %" PRIu64 " line%s", verdict->lines, verdict->lines == 1 ? "" : "s");
	if (verdict->why[0])
		printf("; but %s", verdict->why);
	if (verdict->unwritten)
		printf("; %" PRIu64 " events happened that the disk could not take", verdict->unwritten);
	putchar('\n');
}

static void print_broken(const char *path, const struct rein_audit_verdict *verdict)
{
	print_line("BROKEN", REIN_COLOUR_BAD, path);
	if (verdict->bad_line)
		printf(", line %" PRIu64, verdict->bad_line);
	printf(": ");
	rein_print_safe(stdout, verdict->why, strlen(verdict->why));
	putchar('\n');
}

static int print_json(const char *path, const struct rein_audit_verdict *verdict, bool whole)
{
	json_t *object = json_pack("{s:b, s:I, s:b, s:I, s:I}", "whole", whole, "lines", (json_int_t)verdict->lines,
				   "head_known", verdict->head_known, "unsigned_lines",
				   (json_int_t)verdict->unsigned_lines, "unwritten", (json_int_t)verdict->unwritten);

	/* A path that is not UTF-8 is left out: the caller named it. */
	json_object_set_new(object, "log", json_string(path));
	if (verdict->bad_line)
		json_object_set_new(object, "bad_line", json_integer((json_int_t)verdict->bad_line));
	if (verdict->why[0])
		json_object_set_new(object, "why", json_string(verdict->why));
	return rein_print_json(stdout, object);
}

static int verify(const struct rein_options *options, const char *state, struct rein_error *err)
{
	REIN_AUTO_FREE char *path = NULL;
	struct rein_audit_verdict verdict;
	int r = rein_log_find(state, options->arguments[0], &path, err);

	/* A log that is gone may have left its head behind. */
	if (r == -ENOENT)
		path = strdup(options->arguments[0]);
	else if (r < 0)
		return r;
	r = path ? rein_audit_verify(path, state, &verdict, err) : -ENOMEM;
	if (r && r != -EBADMSG)
		return r;
	if (options->json && print_json(path, &verdict, !r))
		return rein_fail(err, EIO, "cannot print the verdict");
	if (!options->json && r)
		print_broken(path, &verdict);
	else if (!options->json)
		print_whole(path, &verdict);
	return r ? 1 : 0;
}

int rein_cmd_verify(int argc, char **argv)
{
	struct rein_options options;
	struct rein_places places;
	struct rein_error err = {0};
	int code, r;

	if (!rein_options_read(argc, argv, &usage, &options, &code))
		return code;
	r = rein_places_find(&places, &err);
	if (!r)
		r = verify(&options, places.state, &err);
	return r < 0 ? rein_say_error(&err, 1) : r;
}
