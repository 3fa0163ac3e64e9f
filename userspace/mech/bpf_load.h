/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_LOAD_H
#define REIN_MECH_BPF_LOAD_H

#include "mech/bpf_pins.h"

/* Loads every program, attaches the cgroup programs to machine->cgroup_parent and pins all of it into REIN_PINS, which
 * is empty. On error what is pinned there is for the caller to remove. */
int rein_bpf_load(const struct rein_machine *machine, struct rein_error *err);

/*
 * Replaces the programs of another build of the same ABI under the agents that run: what they may do is judged at every
 * instant, by the one build or the other. The maps stay. However it is cut short, doing it again repairs it.
 */
int rein_bpf_update(const struct rein_machine *machine, const struct rein_pins_config *before, struct rein_error *err);

/* Tells this build's programs from others'. */
uint64_t rein_bpf_build(void);
/* 0 but in tests, which set it to be another build. */
extern uint64_t rein_bpf_salt;

/* A map that only one agent uses; `room` in entries, of a ring in bytes. Returns the descriptor. */
int rein_bpf_make_trie(unsigned room);
int rein_bpf_make_ports(unsigned room);
int rein_bpf_make_peers(void);
int rein_bpf_make_names(unsigned room);
int rein_bpf_make_ring(void);

#endif
