/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_CGROUP_H
#define REIN_MECH_CGROUP_H

#include "mech/mech.h"

/*
 * One cgroup2 folder for each agent, and groups of the memory and pids controllers where they can be had: in the same
 * folder with version 2, in folders of the same name with version 1.
 */
extern const struct rein_mech rein_mech_cgroup;

/* In the supervisor, after the clone and before the init goes on: puts the init into the version 1 groups, whose
 * children follow it. Nothing to do elsewhere. */
int rein_cgroup_adopt(struct rein_launch *launch, pid_t init, struct rein_error *err);
/* Stops or continues every process, without a signal that they could notice. Returns when it is ordered, not done. */
int rein_cgroup_freeze(const struct rein_launch *launch, bool frozen, struct rein_error *err);
/* Kills every process, frozen ones too. 0 or -errno. */
int rein_cgroup_kill(const struct rein_launch *launch);
/* Whether any process is left, zombies not counted. */
bool rein_cgroup_populated(const struct rein_launch *launch);

#endif
