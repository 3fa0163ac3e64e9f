/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_LINT_H
#define REIN_PROFILE_LINT_H

#include "profile/policy.h"

/* What is legal in a policy and looks like a mistake all the same. */

struct rein_warning {
	const struct rein_origin *origin; /* of the policy; NULL: about the policy as a whole */
	char text[400];			  /* one sentence: what, and what to do */
};

REIN_VEC_TYPE(rein_warnings, struct rein_warning);

/* Adds the policy's warnings to *warnings, which the caller frees with rein_vec_free; they refer to the policy. */
int rein_policy_lint(const struct rein_policy *policy, struct rein_warnings *warnings, struct rein_error *err);

#endif
