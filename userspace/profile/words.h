/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_WORDS_H
#define REIN_PROFILE_WORDS_H

#include <stdbool.h>

#include "profile/policy.h"

/*
 * The words of design.md section 2 and the numbers behind them: one table each. The *_name functions never return NULL
 * (a number outside the table is "unknown"); the *_parse functions leave the result alone and return false where the
 * word is none of theirs.
 */

const char *rein_meter_name(enum rein_meter meter);
bool rein_meter_parse(const char *word, enum rein_meter *ret_meter);
/* Whether the meter counts bytes rather than things. */
bool rein_meter_is_bytes(enum rein_meter meter);
/* Whether it counts what sockets do. */
bool rein_meter_is_network(enum rein_meter meter);

const char *rein_on_trip_name(enum rein_on_trip on_trip);
bool rein_on_trip_parse(const char *word, enum rein_on_trip *ret_on_trip);

const char *rein_exactness_name(enum rein_exactness exactness);
bool rein_exactness_parse(const char *word, enum rein_exactness *ret_exactness);

const char *rein_verdict_name(enum rein_verdict verdict);
bool rein_verdict_parse(const char *word, enum rein_verdict *ret_verdict);

const char *rein_limit_name(enum rein_limit_kind kind);
bool rein_limit_parse(const char *word, enum rein_limit_kind *ret_kind);

const char *rein_audit_mode_name(enum rein_audit_mode mode);
bool rein_audit_mode_parse(const char *word, enum rein_audit_mode *ret_mode);

/* "read", "write" or "execute"; `access` is one bit. */
const char *rein_access_name(enum rein_access access);

const char *rein_net_direction_name(enum rein_net_direction direction);

/* "tcp", "udp" and IPPROTO_TCP, IPPROTO_UDP. */
const char *rein_protocol_name(uint8_t protocol);
bool rein_protocol_parse(const char *word, uint8_t *ret_protocol);

#endif
