/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_NAMESPACES_H
#define REIN_MECH_NAMESPACES_H

#include "mech/mech.h"

/*
 * The agent's namespaces and what it sees of the file system in them. The clone itself is the launch's work, with
 * plan->namespaces; apply runs in the agent's init, in those namespaces, with all privileges there. It leaves the
 * process in launch->directory. A terminal of the agent's own comes from /dev/ptmx after that, so that its name under
 * /dev/pts is right for the agent.
 */
extern const struct rein_mech rein_mech_namespaces;

#endif
