/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_GUARD_H
#define REIN_PROFILE_GUARD_H

#include "profile/resolve.h"

/*
 * What rein itself keeps an agent from writing, whatever a profile says, since it would decide over the next run or
 * over the person's own tools. Added as deny rules of origin "built in", once all files are loaded.
 */

/* A profile file that lies in what the agent may write. One that is reached by a link there is refused: the link cannot
 * be held. */
int rein_guard_profile(struct rein_resolver *resolver, const char *file);

/* Where the policy uses $GIT_COMMON_DIR: what decides which repository git uses. */
int rein_guard_checkout(struct rein_resolver *resolver);

#endif
