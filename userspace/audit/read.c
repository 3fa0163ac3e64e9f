/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/read.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/escape.h"

#define SUFFIX ".jsonl"

int rein_log_open_for_reading(const char *path, FILE **ret_log, struct rein_error *err)
{
	REIN_AUTO_FD int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return rein_fail_errno(err, "cannot open the audit log %s", path);
	if (fstat(fd, &status))
		return rein_fail_errno(err, "cannot look at the audit log %s", path);
	if (!S_ISREG(status.st_mode))
		return rein_fail(err, EINVAL, "%s is no audit log: it is not a regular file", path);
	*ret_log = fdopen(fd, "re");
	if (!*ret_log)
		return rein_fail_errno(err, "cannot read the audit log %s", path);
	rein_take_fd(&fd);
	return 0;
}

static json_t *unreadable(const char *line, size_t length)
{
	REIN_AUTO_FREE char *raw = rein_escape(line, length);

	return json_pack("{s:s, s:s}", "kind", "unreadable", "raw", raw ? raw : "");
}

int rein_log_next(FILE *log, json_t **ret_line, struct rein_error *err)
{
	REIN_AUTO_FREE char *line = NULL;
	long start = ftell(log);
	size_t room = 0;
	ssize_t n;

	*ret_line = NULL;
	clearerr(log);
	n = getline(&line, &room, log);
	if (n <= 0)
		return ferror(log) ? rein_fail(err, EIO, "cannot read the audit log") : 0;
	if (line[n - 1] != '\n')
		return fseek(log, start, SEEK_SET) ? rein_fail_errno(err, "cannot read the audit log") : 0;
	*ret_line = json_loadb(line, (size_t)n - 1, 0, NULL);
	if (!json_is_object(*ret_line)) {
		json_decref(*ret_line);
		*ret_line = unreadable(line, (size_t)n - 1);
	}
	return *ret_line ? 0 : rein_fail(err, ENOMEM, "no memory to read the audit log");
}

static bool is(const json_t *line, const char *key, const char *wanted)
{
	const char *value = json_string_value(json_object_get(line, key));

	return value && !strcmp(value, wanted);
}

bool rein_log_wanted(const struct rein_log_filter *filter, const json_t *line)
{
	return (!filter->kind || is(line, "kind", filter->kind)) &&
	       (!filter->agent || is(line, "agent", filter->agent)) && (!filter->denied || is(line, "verdict", "deny"));
}

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* The log in `folder` that was written last; NULL if there is none. The caller frees. */
static char *newest(const char *folder)
{
	REIN_AUTO_DIR DIR *dir = opendir(folder);
	struct timespec best = {0};
	REIN_AUTO_FREE char *name = NULL;
	struct dirent *entry;
	char *path = NULL;

	while (dir && (entry = readdir(dir))) {
		const char *suffix = strrchr(entry->d_name, '.');
		struct stat status;

		if (!suffix || strcmp(suffix, SUFFIX) || fstatat(dirfd(dir), entry->d_name, &status, 0) ||
		    (name && !is_newer(&status.st_mtim, &best)))
			continue;
		best = status.st_mtim;
		free(name);
		name = strdup(entry->d_name);
	}
	return name && asprintf(&path, "%s/%s", folder, name) >= 0 ? path : NULL;
}

int rein_log_find(const char *state_dir, const char *name, char **ret_path, struct rein_error *err)
{
	REIN_AUTO_FREE char *folder = NULL, *of_agent = NULL;

	if (asprintf(&folder, "%s/audit", state_dir) < 0 ||
	    asprintf(&of_agent, "%s/%s" SUFFIX, folder, name ? name : "") < 0)
		return rein_fail(err, ENOMEM, "no memory for the name of a log");
	if (!name) {
		*ret_path = newest(folder);
		return *ret_path ? 0
				 : rein_fail(err, ENOENT, "there is no audit log in %s yet: `rein run` writes one",
					     folder);
	}
	if (!strchr(name, '/') && !access(of_agent, F_OK)) {
		*ret_path = rein_take_pointer(&of_agent);
		return 0;
	}
	if (access(name, F_OK))
		return rein_fail(err, ENOENT, "%s is neither a file nor an agent with a log in %s", name, folder);
	*ret_path = strdup(name);
	return *ret_path ? 0 : rein_fail(err, ENOMEM, "no memory for the name of a log");
}
