/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_BASE_ERROR_H
#define REIN_BASE_ERROR_H

#include <errno.h>

/*
 * An error on its way up: the errno that decides and the sentence that a person reads. Every function that can fail
 * takes one last and returns 0 or -errno; callers put context in front as it passes. The caller owns the struct, which
 * needs no cleaning up. `err` may be NULL where nobody will read it.
 */
struct rein_error {
	int code; /* positive errno */
	char text[1024];
};

/* Records a new error; returns -code, so that `return rein_fail(err, ENOENT, ...)` is the idiom. code is positive. */
int rein_fail(struct rein_error *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Records `fmt: strerror(errno)`; returns -errno. */
int rein_fail_errno(struct rein_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts `fmt: ` in front of what err says; returns -err->code. */
int rein_context(struct rein_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
