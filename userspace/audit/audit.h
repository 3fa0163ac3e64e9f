/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AUDIT_AUDIT_H
#define REIN_AUDIT_AUDIT_H

#include "agent/event.h"

/* The audit log: JSON Lines, hash-chained, its head signed and kept outside the log (design.md section 6). */

struct rein_audit;

struct rein_audit_options {
	const char *path; /* of the log; made 0600 if missing, appended to (its chain checked and continued) if not */
	const char *state_dir; /* rein_places.state: key and heads */
	const char *agent;     /* id */
	const char *workspace; /* whose links lead no log astray; NULL where the path is none that somebody typed */
};

int rein_audit_open(const struct rein_audit_options *options, struct rein_audit **ret_audit, struct rein_error *err);
/* The sink that writes to it. A flood is bounded: past the budget, denials are counted and the count written as `lost`.
 */
struct rein_sink rein_audit_sink(struct rein_audit *audit);
/* Writes counts that are still owed. Called about once a second and before the end. -ENOSPC also where they could be
 * written, but an event that found no room would still find none. */
int rein_audit_flush(struct rein_audit *audit, struct rein_error *err);
void rein_audit_close(struct rein_audit *audit);

struct rein_audit_verdict {
	uint64_t lines;
	uint64_t bad_line;	 /* first line that does not fit, from 1; 0: none */
	char why[512];		 /* what is wrong with it, or with the end; if whole, what could not be told */
	bool head_known;	 /* a signed head was found, so that the end is known to be the end */
	uint64_t unsigned_lines; /* whole lines behind the signed head: rein was killed, or is still writing */
	uint64_t unwritten;	 /* events that happened and that the log could not take, as the head says */
};

/* Checks the chain and, if a head is known, that the end is the end. Returns 0 if whole, -EBADMSG if not, other errors
 * where it cannot be read. */
int rein_audit_verify(const char *path, const char *state_dir, struct rein_audit_verdict *ret_verdict,
		      struct rein_error *err);

/* One line of a log as a sentence for people, without control bytes; the caller frees it. */
char *rein_audit_sentence(const json_t *line);

#endif
