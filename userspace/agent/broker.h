/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_BROKER_H
#define REIN_AGENT_BROKER_H

#include "agent/agent.h"
#include "agent/question.h"

/*
 * The broker answers the system calls that the seccomp filter hands to the supervisor: it meters those that a breaker
 * counts, before they happen, and records those that the policy refuses. It never lets a call through on the strength
 * of memory that the agent can rewrite: what it lets through is still subject to every other mechanism.
 */

/* Takes over the listener `notify_fd` and joins agent->loop. */
int rein_broker_open(struct rein_agent *agent, int notify_fd, struct rein_error *err);
void rein_broker_close(struct rein_agent *agent);
/* Answers the calls that waited for a breaker that froze or throttled; called when the last hold is gone. */
void rein_broker_resume(struct rein_agent *agent);

/* The listener, for who answers in the broker's place. Only while there is a broker. */
int rein_broker_listener(const struct rein_agent *agent);

/* Whether the asker still waits: what was copied of it before was its own then, and not of one that got its number. */
bool rein_broker_awaited(const struct rein_agent *agent, const struct rein_question *q);

/* Whether the broker has refused and recorded this call shortly before `time_ns` (CLOCK_MONOTONIC), so that a hook that
 * saw it come back need not record it again. True once for each refusal. */
bool rein_broker_told(struct rein_agent *agent, pid_t pid, int nr, uint64_t time_ns);

#endif
