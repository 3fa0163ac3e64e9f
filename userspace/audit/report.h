/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AUDIT_REPORT_H
#define REIN_AUDIT_REPORT_H

#include "agent/event.h"

/*
 * What `rein run --report FILE` leaves for scripts: one JSON object about the whole run (doc/audit.md). It is gathered
 * from the events and written once, when the agent is gone: until then nothing of it is where the agent could reach it.
 */
struct rein_report;

/* Sees to it that FILE can be written, and holds its folder. `workspace`: of the agent, real; no link in it is
 * followed. */
int rein_report_open(const char *path, const char *workspace, struct rein_report **ret_report, struct rein_error *err);
/* The agent's id, once it has one. */
int rein_report_name(struct rein_report *report, const char *agent, struct rein_error *err);
void rein_report_take(struct rein_report *report, const struct rein_event *event);
/* Writes it whole or not at all, and lets go of it in any case. An agent that never started has a report too. `code` is
 * what `rein run` exits with, `why` what it said if it could not start, else NULL. */
int rein_report_close(struct rein_report *report, int code, const char *why, struct rein_error *err);

#endif
