/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_PORT_BITMAP_H
#define REIN_MECH_PORT_BITMAP_H

#include <stddef.h>

#include <rein/net.h>

/* Sets of ports. All of it is pure. */

void rein_ports_add(struct rein_port_bitmap *bitmap, unsigned low, unsigned high);
void rein_ports_remove(struct rein_port_bitmap *bitmap, unsigned low, unsigned high);
/* Writes the set as at most `max` ranges in ascending order; returns how many it has, which may be more. */
size_t rein_ports_ranges(const struct rein_port_bitmap *bitmap, struct rein_port_range *ret_ranges, size_t max);

#endif
