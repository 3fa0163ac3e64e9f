/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_SAMPLER_H
#define REIN_AGENT_SAMPLER_H

#include "agent/agent.h"

/* Looks every 10 ms at what the kernel counts anyway and charges the breakers that the plan left to sampling. Needs
 * agent->proc_fd. Also keeps the peaks against limits. */
int rein_sampler_open(struct rein_agent *agent, struct rein_error *err);
void rein_sampler_close(struct rein_agent *agent);

/* Peaks since the start, as a JSON object that the caller owns: {"processes": N, "memory": BYTES}; an empty object
 * before the first look. */
json_t *rein_sampler_peaks(const struct rein_agent *agent);

/* What sampling of `meter` misses, as one sentence for the plan; NULL for a meter that cannot be sampled. */
const char *rein_sampler_misses(enum rein_meter meter);

#endif
