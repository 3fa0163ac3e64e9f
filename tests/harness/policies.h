/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_HARNESS_POLICIES_H
#define REIN_TESTS_HARNESS_POLICIES_H

#include "mech/mech.h"

/* A policy and a plan made by hand, for tests of what is built from them. */
struct rein_trial_plan {
	struct rein_policy policy;
	struct rein_plan plan;
	struct rein_machine machine;
	struct rein_launch launch;
	struct rein_state state;
	struct rein_breaker_rule breakers[REIN_BREAKERS_MAX];
};

/* With "@default" allowed, an IPC namespace and a network of its own, UNIX sockets and no broker. */
void rein_trial_plan_init(struct rein_trial_plan *trial);
void rein_trial_plan_free(struct rein_trial_plan *trial);
void rein_trial_plan_syscall(struct rein_trial_plan *trial, enum rein_verdict verdict, const char *name);
/* A breaker that the broker keeps. */
void rein_trial_plan_breaker(struct rein_trial_plan *trial, enum rein_meter meter, uint64_t burst,
			     enum rein_on_trip on_trip);

#endif
