/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_BREAKERS_H
#define REIN_AGENT_BREAKERS_H

#include "agent/agent.h"

/* The states of an agent's breakers over time: what a trip does, cooling down, half-opening, closing, resetting. */

/*
 * Compiles the plan's breakers into state->breakers, breakers_of and nr_breakers; all closed and full. Breakers that
 * were degraded away are left out of breakers_of. -E2BIG past REIN_BREAKERS_MAX, -ERANGE for a rate that the arithmetic
 * cannot hold exactly. Pure.
 */
int rein_breakers_compile(const struct rein_plan *plan, bool ci, struct rein_state *state, struct rein_error *err);

int rein_breakers_open(struct rein_agent *agent, struct rein_error *err);
void rein_breakers_close(struct rein_agent *agent);

/* What a charge came to, over all breakers of its meter. */
struct rein_charged {
	bool passed;  /* no breaker refused */
	int breaker;  /* that refused, -1 if none */
	bool tripped; /* by this very charge: rein_breakers_tripped must be called */
};

/* Charges every breaker of `meter` that `by` keeps, and the meter's own count (also of what was refused only if
 * `happened`). For the broker and the sampler; BPF does the same in the kernel. */
struct rein_charged rein_breakers_charge(struct rein_state *state, enum rein_meter meter, enum rein_mechanism by,
					 uint64_t n, bool happened, uint64_t now_ns);

/* One breaker in userspace's hands; pure but for the atomics. */

/* Forgives what is owed beyond one burst. */
void rein_breaker_forgive(struct rein_breaker *breaker, uint64_t now_ns);
/* How many units of the burst are taken now; may be more than the burst while some are owed. */
uint64_t rein_breaker_level(const struct rein_breaker *breaker, uint64_t now_ns);
/* How long until `need_ns` worth of units (at most one burst) would pass; 0: now. */
uint64_t rein_breaker_wait_ns(const struct rein_breaker *breaker, uint64_t need_ns, uint64_t now_ns);
/* Whether the total for the agent's life leaves no room for n more units. */
bool rein_breaker_spent(const struct rein_breaker *breaker, uint64_t n);

/* Breaker `index` has tripped over `amount` units: says so in the audit, and freezes, kills, throttles or starts its
 * cool-down. `pid` and `comm` are of the process that did it, 0 and NULL if unknown. */
void rein_breakers_tripped(struct rein_agent *agent, int index, uint64_t amount, pid_t pid, const char *comm);

/* Trips every breaker of `meter` that is sampled, because what process `pid` does cannot be seen; `pid` as the agent
 * numbers it. Does nothing to those that are open. */
void rein_breakers_blind(struct rein_agent *agent, enum rein_meter meter, pid_t pid);

/* A person's word. name NULL: all. Returns -ENOENT for a name that no breaker has. reset closes (keeping the arrival
 * time unless `refill`), clears the latch and releases the hold; trip opens as if the meter had. `by` names the person.
 */
int rein_breakers_reset(struct rein_agent *agent, const char *name, bool refill, const char *by,
			struct rein_error *err);
int rein_breakers_trip(struct rein_agent *agent, const char *name, const char *by, struct rein_error *err);

/* State as JSON, for ps, plan and the end record: an array of objects. The caller owns it. */
json_t *rein_breakers_json(const struct rein_agent *agent);
/* Totals by meter as a JSON object, null where nobody counts; the caller owns it. */
json_t *rein_meters_json(const struct rein_agent *agent);

#endif
