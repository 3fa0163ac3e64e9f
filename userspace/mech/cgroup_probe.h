/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_CGROUP_PROBE_H
#define REIN_MECH_CGROUP_PROBE_H

#include "plan/machine.h"

#define REIN_CGROUP_PATH_MAX 544
#define REIN_CGROUP_PLAIN "-plain" /* after cgroup_parent: where agents without BPF and self-tests live */

/* Finds where agents' cgroups can be made, and fires: a child is born in one, frozen, killed, and it is removed. */
void rein_cgroup_probe(struct rein_machine *machine);

#endif
