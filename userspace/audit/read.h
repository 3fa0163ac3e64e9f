/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AUDIT_READ_H
#define REIN_AUDIT_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* Reading logs back, for people and scripts. Nothing here trusts a line: it may be anything. */

/* Opens a log, a regular file, for reading. The caller closes *ret_log. */
int rein_log_open_for_reading(const char *path, FILE **ret_log, struct rein_error *err);

/*
 * The next line as an object that the caller owns; *ret_line NULL at the end, for now. A line that is no JSON object
 * comes as {"kind": "unreadable", "raw": ...}; one that is still being written is left for the next call.
 */
int rein_log_next(FILE *log, json_t **ret_line, struct rein_error *err);

/* Which lines a person wants to see. NULL and 0: all. */
struct rein_log_filter {
	const char *kind, *agent;
	bool denied; /* verdict deny */
};
bool rein_log_wanted(const struct rein_log_filter *filter, const json_t *line);

/*
 * Finds the log that `name` means: a file, an agent's id, or for NULL the newest of all, below STATE/audit. The caller
 * frees *ret_path. -ENOENT says what was looked for.
 */
int rein_log_find(const char *state_dir, const char *name, char **ret_path, struct rein_error *err);

#endif
