/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_SAMPLER_H
#define REIN_AGENT_SAMPLER_H

#include "agent/agent.h"

/*
 * Looks every 10 ms at what the kernel counts anyway and charges the breakers that the plan left to sampling; needs
 * agent->proc_fd. Where it has none it only looks once a second, for the peaks. Missed are: what is written between
 * two looks, children that end in between and that nobody waits for, and a page written again before it reached the
 * disk. A process that does not let itself be looked into (a program of mode 0711) trips the breakers of writes.
 */
int rein_sampler_open(struct rein_agent *agent, struct rein_error *err);
void rein_sampler_close(struct rein_agent *agent);

/* Peaks since the start, as a JSON object that the caller owns: {"processes": N, "memory": BYTES}; an empty object
 * before the first look. */
json_t *rein_sampler_peaks(const struct rein_agent *agent);

#endif
