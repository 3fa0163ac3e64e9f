/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_EVENT_H
#define REIN_AGENT_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan/plan.h"

/* One thing that happened, on its way to the audit log (design.md section 6). */

enum rein_kind {
	REIN_KIND_START,
	REIN_KIND_EXEC,
	REIN_KIND_ALLOW,
	REIN_KIND_DENY,
	REIN_KIND_ASK,
	REIN_KIND_ANSWER,
	REIN_KIND_TRIP,
	REIN_KIND_STATE,
	REIN_KIND_NOTE,
	REIN_KIND_LOST,
	REIN_KIND_DEGRADE,
	REIN_KIND_END,
	REIN_KIND_COUNT,
};

/* The word in logs; "unknown" for what is no kind. */
const char *rein_kind_name(enum rein_kind kind);
/* Whether `word` names a kind; then *ret_kind is it. */
bool rein_kind_parse(const char *word, enum rein_kind *ret_kind);

/* Strings are borrowed for the time of the call that takes the event; NULL and 0 mean: not known, not written. */
struct rein_event {
	enum rein_kind kind;
	enum rein_verdict verdict;
	uint64_t mono_ns; /* CLOCK_MONOTONIC; 0: now */
	uint64_t note;	  /* number of the note it stands under; 0: the last one before `mono_ns`, if any */
	pid_t pid, ppid;
	const char *exe, *comm;
	const char *op;	    /* what was tried, such as "openat", "connect", "kill" */
	const char *object; /* on what: a path, "192.0.2.1:443/tcp"; bytes as they came, any escaping is the writer's */
	const struct rein_origin *rule; /* NULL: no rule names it, which denies */
	enum rein_mechanism mechanism;
	const char *why;   /* one English sentence */
	const char *meter; /* name; NULL: no meter */
	uint64_t meter_used, meter_limit;
	int error;	/* positive errno that the caller saw, 0 if none */
	uint64_t lost;	/* of kind LOST: how many were not written; of NOTE: refused; else those lost just before */
	json_t *detail; /* further fields of start, state and end; borrowed */
};

/* Where events go. The supervisor knows no more of the audit than this. */
struct rein_sink {
	/* Returns 0 or -errno; -ENOSPC and -EIO let the supervisor freeze the agent under `audit: strict`. */
	int (*emit)(void *context, const struct rein_event *event, struct rein_error *err);
	/* Writes what is still owed, such as counts of what a flood left out. Called about once a second after events,
	 * and before the end. May be NULL. */
	int (*flush)(void *context, struct rein_error *err);
	void *context;
};

#endif
