/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AUDIT_LINE_H
#define REIN_AUDIT_LINE_H

#include "agent/event.h"
#include "audit/chain.h"

/* From an event to its line in the log (doc/audit.md). */

/* What the log adds to an event. */
struct rein_line_place {
	const char *agent;
	uint64_t seq;
	int64_t time_ns;  /* CLOCK_REALTIME of the event */
	uint64_t mono_ns; /* CLOCK_MONOTONIC of the event */
	const char *prev;
};

/* The line, compact JSON without newline, keys in the order of the contract; the caller frees. NULL without memory. */
char *rein_line_format(const struct rein_event *event, const struct rein_line_place *place);

#endif
