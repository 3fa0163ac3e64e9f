/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_BASE_UNITS_H
#define REIN_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Amounts as people write them: sizes `512`, `20MiB`, `1GB`; durations `30s`, `1h`; rates `5/s`, `20MiB/m`. Whole
 * numbers only, no sign, no space, exact case; a number without a unit is bytes, never a duration. Errors are EINVAL
 * or ERANGE and quote the text.
 */

#define REIN_UNITS_MAX 48 /* room that any formatted amount fits in */

/* A plain count such as `200`. */
int rein_count_parse(const char *text, uint64_t *ret_count, struct rein_error *err);
/* Units B KiB MiB GiB TiB, kB MB GB TB; none: bytes. */
int rein_size_parse(const char *text, uint64_t *ret_bytes, struct rein_error *err);
/* Units ms s m h; one is required. */
int rein_duration_parse(const char *text, uint64_t *ret_ns, struct rein_error *err);
/* AMOUNT/s or AMOUNT/m; the amount is a size if `bytes`, else a count. *ret_units may be 0. */
int rein_rate_parse(const char *text, bool bytes, uint64_t *ret_units, uint64_t *ret_period_ns, struct rein_error *err);

/* The reverse, exact: what comes out parses back to the same number (durations: to the millisecond). Return `text`. */
const char *rein_count_format(char text[REIN_UNITS_MAX], uint64_t count);
const char *rein_size_format(char text[REIN_UNITS_MAX], uint64_t bytes);
const char *rein_duration_format(char text[REIN_UNITS_MAX], uint64_t ns);
const char *rein_rate_format(char text[REIN_UNITS_MAX], bool bytes, uint64_t units, uint64_t period_ns);

#endif
