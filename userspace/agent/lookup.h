/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_LOOKUP_H
#define REIN_AGENT_LOOKUP_H

#include <sys/socket.h>

#include "agent/agent.h"
#include "agent/dns_message.h"

/*
 * What the agent is told about names: those that a line allows, from /etc/hosts or from the system's servers, without
 * addresses that no name may lead to. Every address is open before the answer that names it leaves.
 */

struct rein_lookup;

/* Whom an answer goes to; its fields are the name server's. */
struct rein_asker {
	int socket; /* index of one of its own */
	struct sockaddr_storage address;
	socklen_t size;
	int client; /* by TCP: index, else -1 */
	unsigned serial;
};

typedef void (*rein_lookup_reply)(void *context, const struct rein_asker *asker,
				  const struct rein_dns_question *question, const struct rein_dns_answer *answer);

int rein_lookup_open(struct rein_agent *agent, rein_lookup_reply reply, void *context, struct rein_lookup **ret_lookup,
		     struct rein_error *err);
void rein_lookup_close(struct rein_lookup *lookup);

/* Answers now, later, or, where the agent is stopped, never. */
void rein_lookup_ask(struct rein_lookup *lookup, const struct rein_dns_question *question,
		     const struct rein_asker *asker);
/* What came was no question that can be answered. */
void rein_lookup_garbled(struct rein_lookup *lookup);

#endif
