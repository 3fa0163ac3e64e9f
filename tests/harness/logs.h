/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_HARNESS_LOGS_H
#define REIN_TESTS_HARNESS_LOGS_H

#include "audit/audit.h"

/* A scratch folder for one test: a log, and the state that signs it. */
struct rein_scratch_log {
	char folder[64], log[96], state[96];
};

void rein_scratch_log_make(struct rein_scratch_log *scratch);
void rein_scratch_log_remove(struct rein_scratch_log *scratch);
/* Opens it as agent `tester-0001`; fails the test if that cannot be done. */
struct rein_audit *rein_scratch_log_open(const struct rein_scratch_log *scratch);
/* The same where it is to be refused: the error's sentence; the test fails if it opens. Returns -errno. */
int rein_scratch_log_refused(const struct rein_scratch_log *scratch, struct rein_error *ret_err);
/* Writes `lines` denials and closes it. */
void rein_scratch_log_write(const struct rein_scratch_log *scratch, int lines);
struct rein_audit_verdict rein_scratch_log_verify(const struct rein_scratch_log *scratch, int expected);

int rein_audit_emit(struct rein_audit *audit, const struct rein_event *event);
/* "cat" was refused to open a key. */
extern const struct rein_event rein_a_denial;

/* A whole file as text, which the caller frees; and back. */
char *rein_slurp(const char *path);
void rein_spill(const char *path, const char *text);

#endif
