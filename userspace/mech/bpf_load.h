/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_LOAD_H
#define REIN_MECH_BPF_LOAD_H

#include "mech/bpf_pins.h"

/* Loads every program, attaches the cgroup programs to machine->cgroup_parent and pins all of it into REIN_PINS, which
 * is empty. On error what is pinned there is for the caller to remove. */
int rein_bpf_load(const struct rein_machine *machine, struct rein_error *err);

/* Tells this build's programs from others'. */
uint64_t rein_bpf_build(void);

/* A map that only one agent uses; `room` in entries, of a ring in bytes. Returns the descriptor. */
int rein_bpf_make_trie(unsigned room);
int rein_bpf_make_ports(unsigned room);
int rein_bpf_make_peers(void);
int rein_bpf_make_ring(void);

#endif
