/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_ADDRESSED_H
#define REIN_AGENT_ADDRESSED_H

#include "agent/destination.h"
#include "agent/verdict.h"

/* Calls about addresses, where neither BPF nor the broker decides about them. */

/* False for a connect() or bind() to an address that the policy does not name, which is then recorded. True for
 * everything else: Landlock or an empty network decide, on the memory that the kernel itself reads. */
bool rein_addressed_allows(struct rein_agent *agent, const struct rein_question *q);

/*
 * listen() where no BPF confines the host's network: Landlock and the broker check bind(), but a TCP socket that was
 * never bound listens on a port of the kernel's choice, on every address. The broker listens on its own copy of the
 * socket, which it has looked at, so that nothing can be put in its place. PASS for other calls.
 */
struct rein_verdict_on_call rein_addressed_listen(struct rein_agent *agent, const struct rein_question *q);

/* Records that the policy does not name the address of this call. */
void rein_addressed_record(struct rein_agent *agent, const struct rein_question *q, const struct rein_destination *to);

#endif
