/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_CEILING_H
#define REIN_PROFILE_CEILING_H

#include "profile/policy.h"

/* The parts of rein_ceiling_apply (resolve.h). Each bounds `policy` by `ceiling` and leaves the latter as it is. */

int rein_ceiling_paths(struct rein_policy *policy, const struct rein_policy *ceiling, struct rein_error *err);
int rein_ceiling_sockets(struct rein_policy *policy, const struct rein_policy *ceiling, struct rein_error *err);
int rein_ceiling_network(struct rein_policy *policy, const struct rein_policy *ceiling, struct rein_error *err);
int rein_ceiling_hosts(struct rein_policy *policy, const struct rein_policy *ceiling, struct rein_error *err);
int rein_ceiling_breakers(struct rein_policy *policy, const struct rein_policy *ceiling, struct rein_error *err);

/* Copies into the policy's strings; text is NULL without memory. */
struct rein_origin rein_origin_adopt(struct rein_policy *policy, const struct rein_origin *origin);
/* `origin` with ` (cut to WHAT by FILE:LINE)` after its text. */
struct rein_origin rein_origin_cut(struct rein_policy *policy, const struct rein_origin *origin, const char *what,
				   const struct rein_origin *by);

#endif
