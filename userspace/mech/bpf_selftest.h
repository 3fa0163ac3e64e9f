/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_BPF_SELFTEST_H
#define REIN_MECH_BPF_SELFTEST_H

#include "plan/machine.h"

/*
 * Fire the programs against a child in a cgroup of its own and fill machine->facts. What no launch or `rein up` has
 * pinned yet is loaded first, and stays for the launch that follows. What has fired once is believed from then on, as
 * long as it is pinned, whole and attached to the same parent.
 */
void rein_bpf_selftest_net(struct rein_machine *machine);
void rein_bpf_selftest_trace(struct rein_machine *machine);
/* Of the two ways to attach, the one that fires stays: sets machine->bpf_lsm or bpf_fmod_ret. */
void rein_bpf_selftest_file(struct rein_machine *machine);

/* From here on nothing is believed: everything is fired anew. Harmless where nothing is pinned. */
void rein_bpf_selftest_forget(void);

#endif
