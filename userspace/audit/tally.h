/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AUDIT_TALLY_H
#define REIN_AUDIT_TALLY_H

#include <jansson.h>

#include "agent/event.h"

/* Denials of one run by what was tried on what: bounded, so that a flood of ever new names costs no memory. */
struct rein_tally;

struct rein_tally *rein_tally_new(void);
void rein_tally_free(struct rein_tally *tally);
void rein_tally_add(struct rein_tally *tally, const struct rein_event *event);
/* The most frequent `most` as [{count, op, object, errno, rule, why}, ...]; the caller owns it. */
json_t *rein_tally_json(const struct rein_tally *tally, size_t most);
/* Denials that found the table full: they are in no row. */
uint64_t rein_tally_rest(const struct rein_tally *tally);

#endif
