/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_NAME_BUDGET_H
#define REIN_AGENT_NAME_BUDGET_H

#include "profile/policy.h"

/*
 * Whoever owns a domain sees each name that is asked for beneath it: names carry data out. So a wildcard line lets an
 * agent ask for so many different names in its life, of so many bytes together; the same name again is free.
 */

#define REIN_NAME_BUDGET_NAMES 512
#define REIN_NAME_BUDGET_BYTES 16384 /* of what stands in front of the domain */

struct rein_name_budget;

/* One for each host of the policy; NULL without memory. */
struct rein_name_budget *rein_name_budget_new(const struct rein_policy *policy);
void rein_name_budget_free(struct rein_name_budget *budget);

/* Whether `name`, which the wildcard line `rule` of that policy allows, may be asked for; it is then counted. */
bool rein_name_budget_take(struct rein_name_budget *budget, const struct rein_host_rule *rule, const char *name);

#endif
