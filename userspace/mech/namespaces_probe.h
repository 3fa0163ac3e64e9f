/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_NAMESPACES_PROBE_H
#define REIN_MECH_NAMESPACES_PROBE_H

#include "plan/machine.h"

/* Clones a child into each namespace and builds in it what an agent needs; fills machine->namespaces and the fact. */
void rein_namespaces_probe(struct rein_machine *machine);

/* Fires what shields a folder (plan/view_shield.c) in a child and fills machine->overlay. Costs about a launch. */
void rein_namespaces_probe_overlay(struct rein_machine *machine);

#endif
