/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_LINKS_H
#define REIN_MECH_BPF_LINKS_H

#include "base/vec.h"
#include "mech/bpf_pins.h"

/*
 * Descriptors of the links that attach what is pinned. While somebody holds them, whoever removes the names under
 * REIN_PINS detaches nothing; so each agent's supervisor does.
 */
REIN_VEC_TYPE(rein_links, int);

/* Opens the links of pins->config.build. -ENOENT if one is missing or attached to another parent. */
int rein_links_open(const struct rein_pins *pins, struct rein_links *ret_links, struct rein_error *err);
/* Holds those of the build whose turn it is now instead. What is held stays where that build's are not whole. */
int rein_links_follow(const struct rein_pins *pins, struct rein_links *links, struct rein_error *err);
void rein_links_close(struct rein_links *links);

#endif
