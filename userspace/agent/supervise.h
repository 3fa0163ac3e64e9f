/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_SUPERVISE_H
#define REIN_AGENT_SUPERVISE_H

#include "agent/agent.h"

/* What one run of an agent is given. Everything is borrowed for the time of rein_supervise. */
struct rein_run {
	struct rein_launch *launch; /* prepared */
	struct rein_sink sink;
	char *const *argv, *const *envp; /* of the command */
	/* What the context of `sink` wants to watch in the loop; NULL, once it may not any more. NULL: nothing. */
	void (*attend)(void *context, struct rein_loop *loop);
	const char *directory; /* the agent's folder in the registry, for the control socket */
	uid_t starter;	       /* who started it, and may give orders */
	bool ci;
};

/* How it ended. */
struct rein_outcome {
	bool started;	/* the command's exec succeeded */
	int code;	/* not started: 125, 126 or 127 */
	char why[1024]; /* not started, or ended by rein: one sentence; else "" */
	int status;	/* started: wait status of the command; -1 if it never came */
	enum rein_end_cause cause;
	uint64_t denials;   /* that were recorded or counted */
	uint64_t unwritten; /* events that the audit could not take */
};

/*
 * Starts the agent, watches it and returns when every process of it is gone. Blocks signals meanwhile and passes them
 * on. Returns 0 with *ret_outcome filled, or -errno when rein itself could not go on, with the agent dead.
 */
int rein_supervise(const struct rein_run *run, struct rein_outcome *ret_outcome, struct rein_error *err);

/* The exit code of `rein run` (design.md section 5), without --fail-on-deny. */
int rein_outcome_code(const struct rein_outcome *outcome);

#endif
