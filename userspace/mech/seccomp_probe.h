/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_SECCOMP_PROBE_H
#define REIN_MECH_SECCOMP_PROBE_H

#include "plan/machine.h"

/* The self-tests of seccomp and the broker: a child under a filter is refused a call, and has another answered. */
void rein_seccomp_probe(struct rein_machine *machine);

#endif
