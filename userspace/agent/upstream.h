/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_UPSTREAM_H
#define REIN_AGENT_UPSTREAM_H

#include "agent/dns_message.h"
#include "base/loop.h"

/*
 * The system's name servers, as /etc/resolv.conf has them now, asked on the loop: each server in turn with a socket, a
 * port and an id of the question's own; by TCP where the answer was too long; twice around before giving up.
 */

struct rein_upstream;

#define REIN_UPSTREAM_MAX 64 /* questions under way at once */

/* `answer` is NULL where no server gave one. Called from the loop, once for each question. */
typedef void (*rein_upstream_answered)(void *context, unsigned token, const struct rein_dns_answer *answer);

int rein_upstream_open(struct rein_loop *loop, rein_upstream_answered answered, void *context,
		       struct rein_upstream **ret_upstream, struct rein_error *err);
/* What is under way is forgotten. */
void rein_upstream_close(struct rein_upstream *upstream);

/* Asks. `token` comes back with the answer. -EBUSY: too many are under way. */
int rein_upstream_ask(struct rein_upstream *upstream, const char *name, uint16_t type, unsigned token);

#endif
