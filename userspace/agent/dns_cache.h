/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_DNS_CACHE_H
#define REIN_AGENT_DNS_CACHE_H

#include "agent/dns_message.h"

/* Answers for as long as they are good. Bounded: each question has one place, and takes it from whoever had it. */

struct rein_dns_cache;

/* NULL without memory. */
struct rein_dns_cache *rein_dns_cache_new(void);
void rein_dns_cache_free(struct rein_dns_cache *cache);

/* Keeps the answer for answer->ttl seconds. */
void rein_dns_cache_put(struct rein_dns_cache *cache, const struct rein_dns_question *question,
			const struct rein_dns_answer *answer, uint64_t now_ns);
/* False: there is none. The answer's ttl is what is left of it, at least 1. */
bool rein_dns_cache_get(const struct rein_dns_cache *cache, const struct rein_dns_question *question, uint64_t now_ns,
			struct rein_dns_answer *ret_answer);

#endif
