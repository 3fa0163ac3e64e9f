/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/supervise.h"

#include <sys/wait.h>

/* Exit codes that rein promises, see design.md section 5 and cmd/cmd.h. */
static const int code_of_cause[] = {
	[REIN_END_BREAKER] = 122, [REIN_END_WALL_TIME] = 124,  [REIN_END_PERSON] = 124,
	[REIN_END_AUDIT] = 124,	  [REIN_END_SUPERVISOR] = 124,
};

int rein_outcome_code(const struct rein_outcome *outcome)
{
	/* A breaker can end the command before the init has said that it began; only what runs can trip one. */
	if (!outcome->started && outcome->cause != REIN_END_BREAKER)
		return outcome->code ? outcome->code : 125;
	if (outcome->cause != REIN_END_ITSELF)
		return code_of_cause[outcome->cause];
	if (outcome->status < 0)
		return 124;
	return WIFSIGNALED(outcome->status) ? 128 + WTERMSIG(outcome->status) : WEXITSTATUS(outcome->status);
}
