/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

json_t *trial_events(const struct trial *trial)
{
	FILE *log = fopen(trial->audit, "re");
	json_t *events = json_array();
	char *line = NULL;
	size_t room = 0;

	while (log && getline(&line, &room, log) > 0) {
		json_error_t error;
		json_t *event;

		if (!strchr(line, '\n'))
			break; /* still being written */
		event = json_loads(line, 0, &error);
		cr_assert(event != NULL, "%s: not JSON: %s", trial->audit, line);
		json_array_append_new(events, event);
	}
	free(line);
	if (log)
		fclose(log);
	return events;
}

static bool matches(const json_t *event, const char *kind, const char *key, const char *value)
{
	const char *is = json_string_value(json_object_get(event, "kind"));
	const json_t *field;
	char *text;
	bool found;

	if (!is || strcmp(is, kind) != 0)
		return false;
	if (!key)
		return true;
	field = json_object_get(event, key);
	text = field ? json_dumps(field, JSON_ENCODE_ANY) : NULL;
	found = text && strstr(text, value);
	free(text);
	return found;
}

int trial_count(const struct trial *trial, const char *kind, const char *key, const char *value)
{
	json_t *events = trial_events(trial);
	json_t *event;
	size_t i;
	int count = 0;

	json_array_foreach (events, i, event)
		count += matches(event, kind, key, value);
	json_decref(events);
	return count;
}

/* Waits for a change of the folder that `path` is in; -1 at the deadline. */
static int wait_change(int inotify_fd, uint64_t deadline_ns)
{
	struct pollfd poll_fd = {.fd = inotify_fd, .events = POLLIN};
	uint64_t now = harness_now_ns();
	char buffer[4096];

	if (now >= deadline_ns || poll(&poll_fd, 1, (int)((deadline_ns - now) / 1000000 + 1)) == 0)
		return -1;
	return read(inotify_fd, buffer, sizeof(buffer)) > 0 ? 0 : -1;
}

static int watch_folder_of(const char *path)
{
	char copy[PATH_MAX];
	int fd = inotify_init1(IN_CLOEXEC);

	snprintf(copy, sizeof(copy), "%s", path);
	cr_assert(fd >= 0 && inotify_add_watch(fd, dirname(copy), IN_CREATE | IN_MODIFY | IN_MOVED_TO) >= 0,
		  "cannot watch the folder of %s", path);
	return fd;
}

void trial_wait_event(const struct trial *trial, const char *kind, const char *key, const char *value)
{
	uint64_t deadline = harness_now_ns() + (uint64_t)HARNESS_PATIENCE_MS * 1000000;
	int fd = watch_folder_of(trial->audit);

	while (trial_count(trial, kind, key, value) == 0)
		cr_assert(wait_change(fd, deadline) == 0, "no %s event with %s %s came", kind, key ? key : "any",
			  value ? value : "value");
	close(fd);
}

void harness_wait_file(const char *path)
{
	uint64_t deadline = harness_now_ns() + (uint64_t)HARNESS_PATIENCE_MS * 1000000;
	int fd = watch_folder_of(path);

	while (access(path, F_OK))
		cr_assert(wait_change(fd, deadline) == 0, "%s did not come", path);
	close(fd);
}

const char *trial_agent(const struct trial *trial)
{
	static char id[128];
	json_t *events;

	trial_wait_event(trial, "start", NULL, NULL);
	events = trial_events(trial);
	snprintf(id, sizeof(id), "%s", json_string_value(json_object_get(json_array_get(events, 0), "agent")));
	json_decref(events);
	return id;
}

void trial_verify(const struct trial *trial)
{
	OUTCOME outcome = run_program((const char *const[]){harness_rein(), "verify", trial->audit, NULL}, NULL);

	cr_assert_eq(outcome.code, 0, "the audit's chain is broken: %s%s", outcome.out, outcome.err);
}
