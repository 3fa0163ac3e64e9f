/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_ENVIRONMENT_H
#define REIN_AGENT_ENVIRONMENT_H

#include "mech/mech.h"

/*
 * The environment of the agent's command, made from `from` (NULL-terminated): what the policy keeps, what it sets, and
 * HOME, USER, LOGNAME, SHELL and TMPDIR as they are for the agent's user. Variables that make the dynamic loader or the
 * C library load code are kept only if a rule names them without a wildcard. The first of a name counts. *ret_envp is
 * NULL-terminated and freed with rein_environment_free. -ENOMEM.
 */
int rein_environment_build(const struct rein_policy *policy, char *const *from, const struct rein_identity *who,
			   char ***ret_envp, struct rein_error *err);
void rein_environment_free(char **envp);

/* Takes out of PATH, in place, the folders that `view` hides from the agent. */
void rein_environment_trim_path(char **envp, const struct rein_view *view);

#endif
