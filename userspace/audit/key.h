/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AUDIT_KEY_H
#define REIN_AUDIT_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* The ed25519 key that signs the heads of this user's logs. */
struct rein_key;

#define REIN_SIGNATURE_HEX 129 /* 128 digits and the NUL */
#define REIN_PUBLIC_HEX 65

/* Reads STATE/key. -ENOENT: none was made yet; a key that others may read or that is not the caller's is refused. */
int rein_key_read(const char *state_dir, struct rein_key **ret_key, struct rein_error *err);
/* The same, but makes one (0600) where there is none. */
int rein_key_make(const char *state_dir, struct rein_key **ret_key, struct rein_error *err);
/* Forgets it. */
void rein_key_free(struct rein_key *key);

const char *rein_key_public(const struct rein_key *key);
void rein_key_sign(const struct rein_key *key, const void *bytes, size_t length, char ret_hex[REIN_SIGNATURE_HEX]);
bool rein_key_verify(const struct rein_key *key, const void *bytes, size_t length, const char *signature_hex);

#endif
