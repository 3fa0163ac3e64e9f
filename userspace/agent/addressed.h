/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_ADDRESSED_H
#define REIN_AGENT_ADDRESSED_H

#include "agent/verdict.h"

/* Calls about addresses, where no BPF sees them. */

/* False for a connect() to an address that the policy does not name, which is then recorded. True for everything else:
 * Landlock or an empty network decide, on the memory that the kernel itself reads. */
bool rein_addressed_allows(struct rein_agent *agent, const struct rein_question *q);

/*
 * listen() where Landlock alone confines the network: it checks bind(), but a TCP socket that was never bound listens
 * on a port of the kernel's choice, on every address. The broker listens on its own copy of the socket, which it has
 * looked at, so that nothing can be put in its place. PASS for other calls.
 */
struct rein_verdict_on_call rein_addressed_listen(struct rein_agent *agent, const struct rein_question *q);

/* The address in argument `arg` for people: "192.0.2.1:443", "[::1]:80", a path; "" if it cannot be read. */
void rein_addressed_text(const struct rein_question *q, int arg, char *ret_text, size_t size);

#endif
