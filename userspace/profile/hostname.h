/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_HOSTNAME_H
#define REIN_PROFILE_HOSTNAME_H

#include <stdbool.h>

#include "base/error.h"

/* Host names as profiles write them: `api.example.org`, or `*.example.org` for every name beneath it. */

#define REIN_HOSTNAME_MAX 254 /* bytes of a name and its NUL */

/*
 * Lower-cases `text` into *ret_name, without the `*.` of a wildcard. Letters, digits, `-` and `_`; no trailing dot, no
 * number that is an address, labels of 1 to 63 bytes, 253 bytes in all. Errors are EINVAL and quote the text.
 */
int rein_hostname_parse(const char *text, char ret_name[REIN_HOSTNAME_MAX], bool *ret_wildcard, struct rein_error *err);

/* Whether every byte of `name` is one that a name in lower case can have. */
bool rein_hostname_is_plain(const char *name);

/* Whether the pattern stands for `name`, both in lower case. A wildcard stands for names beneath it at any depth, and
 * not for the domain itself. */
bool rein_hostname_matches(const char *pattern, bool wildcard, const char *name);

/* Whether every name of the inner pattern is one of the outer. */
bool rein_hostname_contains(const char *outer, bool outer_wildcard, const char *inner, bool inner_wildcard);

#endif
