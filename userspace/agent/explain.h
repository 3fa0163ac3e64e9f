/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_EXPLAIN_H
#define REIN_AGENT_EXPLAIN_H

#include <rein/event.h>

#include "agent/agent.h"

/* From what a hook saw to what a person reads: finds the rule that decided and says why in one sentence. */

/* A raw event of BPF, as the ring delivers it: emits it, or hands a trip to rein_breakers_tripped. */
void rein_explain_raw(struct rein_agent *agent, const struct rein_raw_event *raw, size_t size);

/* An address was refused. */
void rein_explain_address(struct rein_agent *agent, pid_t pid, const char *comm, const char *op,
			  enum rein_net_direction direction, enum rein_net_family family, const uint8_t *address,
			  uint16_t port, uint8_t protocol, enum rein_mechanism mechanism, int error);

/* A call on a socket was refused since rein cannot have a copy of that, to make the call in the asker's place. */
void rein_explain_uncopied(struct rein_agent *agent, pid_t pid, const char *comm, const char *op, int error);

/* A system call was refused by number or registers. `architecture` as in struct seccomp_data; `object` is what it was
 * about, NULL if not known. */
void rein_explain_syscall(struct rein_agent *agent, pid_t pid, const char *comm, int nr, uint32_t architecture,
			  const char *object, enum rein_mechanism mechanism, int error);

#endif
