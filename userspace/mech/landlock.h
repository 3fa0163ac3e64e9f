/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_LANDLOCK_H
#define REIN_MECH_LANDLOCK_H

#include "mech/mech.h"

/*
 * Landlock over the same view as the mounts. Applied last but for seccomp, by the process that becomes the command;
 * covers every process that it makes. Rights that the kernel's ABI does not know are left to the other mechanisms, as
 * the plan says.
 */
extern const struct rein_mech rein_mech_landlock;

#endif
