/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_HARNESS_AGENTS_H
#define REIN_TESTS_HARNESS_AGENTS_H

#include "agent/agent.h"

/*
 * An agent without processes: the supervisor's own struct with a real loop and real breakers, a socket in place of its
 * init (what is sent there can be counted) and a sink that keeps what it is told.
 */

struct rein_told {
	enum rein_kind kind;
	enum rein_verdict verdict;
	char op[32], object[64], why[1024], meter[32];
	uint64_t used, limit, note;
	int error;
	int line; /* of the rule; 0: none */
};

struct rein_trial_agent {
	struct rein_agent agent;
	struct rein_launch launch;
	struct rein_machine machine;
	struct rein_policy policy;
	struct rein_plan plan;
	struct rein_state state;
	struct rein_breaker_rule rules[REIN_BREAKERS_MAX];
	struct rein_plan_breaker planned[REIN_BREAKERS_MAX];
	int init_end; /* the other end of agent.init_socket */
	struct rein_told told[256];
	size_t nr_told;
};

/* Begins an agent `coding-agent-7f3a`; add breakers, then start it. */
void rein_trial_agent_init(struct rein_trial_agent *trial);
/* Adds a breaker at line 10 + its index of `p.yaml` and returns its rule, to be changed before the start. Defaults:
 * meter delete.files kept by the broker, 1/m, burst 10, probe 2, freeze. */
struct rein_breaker_rule *rein_trial_agent_breaker(struct rein_trial_agent *trial, const char *name,
						   enum rein_on_trip on_trip);
/* Compiles the breakers, opens them and calls the agent running. */
void rein_trial_agent_start(struct rein_trial_agent *trial, bool ci);
/* Runs the loop until something of `kind` with `op` was told, at most five seconds; fails the test then. */
const struct rein_told *rein_trial_agent_await(struct rein_trial_agent *trial, enum rein_kind kind, const char *op);
/* The last thing told of `kind`, NULL if none. */
const struct rein_told *rein_trial_agent_last(const struct rein_trial_agent *trial, enum rein_kind kind);
size_t rein_trial_agent_count(const struct rein_trial_agent *trial, enum rein_kind kind);
void rein_trial_agent_free(struct rein_trial_agent *trial);

#endif
