/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_FACTS_H
#define REIN_MECH_BPF_FACTS_H

#include "mech/bpf_pins.h"

/*
 * What has been found out about what is pinned lives and ends with the pins. bpffs is root's, so a launch may believe
 * what an earlier one's self-test saw, as long as the same programs are attached in the same place.
 */

/* -EPROTO: of a build that writes them differently. */
int rein_facts_read(struct rein_pins_facts *ret_facts);
/* Pins, or changes, them; with the pins' lock held. */
int rein_facts_write(const struct rein_pins_facts *facts, struct rein_error *err);

/* Tells one load of programs from another: a time. */
uint64_t rein_facts_now(void);

/*
 * Whether that mechanism's self-test was fired before, by this very build's programs, which are whole and attached to
 * the present parent of all agents. Fills config and facts of *ret_pins then, and opens nothing.
 */
bool rein_facts_recall(const struct rein_machine *machine, enum rein_mechanism mechanism, struct rein_pins *ret_pins);
/* The self-test of `mechanism` has fired what `fired` tells of; nothing happens if that has been replaced since. */
void rein_facts_keep(enum rein_mechanism mechanism, const struct rein_pins *fired);

#endif
