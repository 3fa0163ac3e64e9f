/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/dns_cache.h"

#include <stdlib.h>
#include <string.h>

#define PLACES 512
#define SECOND_NS 1000000000ULL

struct place {
	char name[REIN_HOSTNAME_MAX];
	uint16_t type;
	uint64_t until_ns; /* 0: empty */
	struct rein_dns_answer answer;
};

struct rein_dns_cache {
	struct place places[PLACES];
};

struct rein_dns_cache *rein_dns_cache_new(void)
{
	return calloc(1, sizeof(struct rein_dns_cache));
}

void rein_dns_cache_free(struct rein_dns_cache *cache)
{
	free(cache);
}

/* FNV-1a. An agent that has two names collide asks more often, which is counted. */
static size_t place_of(const struct rein_dns_question *question)
{
	uint64_t hash = 0xcbf29ce484222325ULL ^ question->type;

	for (const char *p = question->name; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3ULL;
	return (size_t)(hash % PLACES);
}

void rein_dns_cache_put(struct rein_dns_cache *cache, const struct rein_dns_question *question,
			const struct rein_dns_answer *answer, uint64_t now_ns)
{
	struct place *place = &cache->places[place_of(question)];

	memcpy(place->name, question->name, sizeof(place->name));
	place->type = question->type;
	place->answer = *answer;
	place->until_ns = now_ns + answer->ttl * SECOND_NS;
}

bool rein_dns_cache_get(const struct rein_dns_cache *cache, const struct rein_dns_question *question, uint64_t now_ns,
			struct rein_dns_answer *ret_answer)
{
	const struct place *place = &cache->places[place_of(question)];

	if (place->until_ns <= now_ns || place->type != question->type || strcmp(place->name, question->name) != 0)
		return false;
	*ret_answer = place->answer;
	ret_answer->ttl = (uint32_t)((place->until_ns - now_ns + SECOND_NS - 1) / SECOND_NS);
	return true;
}
