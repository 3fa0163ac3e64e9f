/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_BASE_DIGEST_H
#define REIN_BASE_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* SHA-256 as text: 64 lower-case hexadecimal digits and a NUL. */
#define REIN_DIGEST_ROOM 65

/* Reads a digest as people write it, in either case. False, with ret_digest untouched, if it is none. */
bool rein_digest_parse(const char *text, char ret_digest[REIN_DIGEST_ROOM]);

/*
 * The digest of what the file `from` holds from its beginning, `size` bytes as its owner says, each read once; written
 * to `to` as it is read unless that is -1. What is shorter or longer than that is an error (-ESTALE): it changes while
 * it is read, or has no content of its own. Moves no file offset of `from`.
 */
int rein_digest_file(int from, int to, uint64_t size, char ret_digest[REIN_DIGEST_ROOM], struct rein_error *err);

/* What is wrong with a file that holds other content than a profile names, and what to do: expected, found. */
#define REIN_DIGEST_DIFFERS                                                                                   \
	"holds other content than the line names: sha256 expected %s, found %s; put the new digest there if " \
	"you trust the file as it is now, else put back the file"

#endif
