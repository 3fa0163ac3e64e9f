/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_NAMESERVER_H
#define REIN_AGENT_NAMESERVER_H

#include "agent/agent.h"

/*
 * The agent's name server: sockets on loopback, UDP and TCP of both families, at one port of the kernel's choice, which
 * state->name_port says. bpf-net leads there what the agent sends to port 53 of anybody.
 */

/* Nothing where the plan needs none. The BPF programs redirect from here on. */
int rein_nameserver_open(struct rein_agent *agent, struct rein_error *err);
void rein_nameserver_close(struct rein_agent *agent);

#endif
