/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_PRIVILEGES_H
#define REIN_MECH_PRIVILEGES_H

#include "mech/mech.h"

extern const struct rein_mech rein_mech_privileges;

/* Whether this process has the privileges in the first user namespace that tier B needs. */
bool rein_privileges_full(void);

/*
 * Becomes launch->who for good and keeps no privileges: in a user namespace the ids are those mapped, otherwise they
 * are set. Clears supplementary groups or sets the identity's. Used by the init and by the agent's first process.
 */
int rein_privileges_become(const struct rein_launch *launch, struct rein_error *err);

/* Empties every capability set, sets no_new_privs, locks securebits where it may. */
int rein_privileges_drop(struct rein_error *err);

#endif
