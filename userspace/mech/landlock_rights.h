/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_LANDLOCK_RIGHTS_H
#define REIN_MECH_LANDLOCK_RIGHTS_H

#include "base/landlock_abi.h"
#include "plan/view.h"

/* What each ABI can refuse, and what each kind of place is allowed of it. Pure. */

/* Everything that a kernel with this ABI can be asked to refuse. */
struct rein_landlock_ruleset rein_landlock_handled(int abi);

/* Rights for a place, of those that are handled; 0: it needs no rule. */
uint64_t rein_landlock_rights(const struct rein_place *place, uint64_t handled);

#endif
