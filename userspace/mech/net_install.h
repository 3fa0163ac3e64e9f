/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_NET_INSTALL_H
#define REIN_MECH_NET_INSTALL_H

#include "mech/bpf_slot.h"
#include "mech/net_table.h"

/* Gives the slot's agent this table for its network policy. */
int rein_net_install(struct rein_slot *slot, const struct rein_net_table *table, struct rein_error *err);

#endif
