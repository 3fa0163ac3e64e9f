/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/lookup.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "agent/breakers.h"
#include "agent/dns_cache.h"
#include "agent/explaining.h"
#include "agent/hosts_file.h"
#include "agent/inside.h"
#include "agent/name_budget.h"
#include "agent/upstream.h"
#include "base/cleanup.h"

#define SECOND_NS 1000000000ULL
#define OPEN_LEAST_S 60	  /* an address stays open at least so long after it was last answered, */
#define OPEN_MOST_S 3600  /* and at most so long, which is also the most that an answer claims for itself */
#define NEGATIVE_TTL_S 30 /* how long it is believed that there is no such name */
#define FILE_TTL_S 60	  /* of what stands in /etc/hosts */

/* A question on its way to the servers. */
struct pending {
	bool used;
	struct rein_dns_question question;
	struct rein_asker asker;
};

struct rein_lookup {
	struct rein_agent *agent;
	rein_lookup_reply reply;
	void *context;
	struct rein_names *names;
	struct rein_name_budget *budget;
	struct rein_dns_cache *cache;
	struct rein_upstream *upstream;
	struct rein_hosts hosts;
	struct pending pending[REIN_UPSTREAM_MAX];
};

static const struct rein_policy *policy_of(const struct rein_lookup *lookup)
{
	return lookup->agent->launch->policy;
}

static struct rein_dns_answer answer_of(const struct rein_dns_question *question, enum rein_dns_code code, uint32_t ttl)
{
	struct rein_dns_answer answer = {.code = code, .ttl = ttl};

	memcpy(answer.canonical, question->name, sizeof(answer.canonical));
	return answer;
}

static void reply_code(struct rein_lookup *lookup, const struct rein_asker *asker,
		       const struct rein_dns_question *question, enum rein_dns_code code)
{
	struct rein_dns_answer answer = answer_of(question, code, NEGATIVE_TTL_S);

	lookup->reply(lookup->context, asker, question, &answer);
}

/* An exact line that allows the name, else the first that decides. */
static const struct rein_host_rule *rule_of(const struct rein_policy *policy, const char *name)
{
	const struct rein_host_rule *rule = rein_names_rule(policy, name);

	for (size_t i = 0; rule && rule->verdict == REIN_VERDICT_ALLOW && i < policy->hosts.count; i++) {
		const struct rein_host_rule *other = &policy->hosts.items[i];

		if (other->verdict == REIN_VERDICT_ALLOW && !other->wildcard && strcmp(other->name, name) == 0)
			return other;
	}
	return rule;
}

static uint64_t open_until(uint32_t ttl, uint64_t now_ns)
{
	uint32_t seconds = ttl < OPEN_LEAST_S ? OPEN_LEAST_S : ttl > OPEN_MOST_S ? OPEN_MOST_S : ttl;

	return now_ns + seconds * SECOND_NS;
}

/* What cidr lines declare of this machine and its networks is theirs alone: a name opens no further port there. */
static enum rein_name_reason admit(struct rein_lookup *lookup, const char *name, const struct rein_ip *ip,
				   uint64_t until_ns, uint64_t now_ns)
{
	int r;

	if (rein_ip_is_inside(ip))
		return rein_ip_is_declared(policy_of(lookup), ip) ? REIN_NAME_ALLOWED : REIN_NAME_INSIDE;
	r = rein_names_bring(lookup->names, name, ip, until_ns, now_ns);
	return !r ? REIN_NAME_ALLOWED : r == -EACCES ? REIN_NAME_DENIED_ADDRESS : REIN_NAME_NO_ROOM;
}

/* Leaves those addresses in the answer that the agent may be told, and opens them first. */
static void settle(struct rein_lookup *lookup, const struct rein_dns_question *question, const struct rein_asker *asker,
		   struct rein_dns_answer *answer)
{
	uint64_t now_ns = rein_now_ns(), until_ns = open_until(answer->ttl, now_ns);
	const struct rein_host_rule *rule = rule_of(policy_of(lookup), question->name);
	size_t kept = 0, found = answer->count;

	for (size_t i = 0; i < found; i++) {
		const struct rein_ip ip = answer->ips[i];
		enum rein_name_reason reason = admit(lookup, question->name, &ip, until_ns, now_ns);

		if (reason == REIN_NAME_ALLOWED)
			answer->ips[kept++] = ip;
		else
			rein_explain_refused_name(lookup->agent, question->name, &ip, rule, reason);
	}
	answer->count = kept;
	if (found && !kept)
		answer->code = REIN_DNS_NO_NAME;
	lookup->reply(lookup->context, asker, question, answer);
}

static void bound_ttl(struct rein_dns_answer *answer)
{
	uint32_t most = answer->count ? OPEN_MOST_S : NEGATIVE_TTL_S;

	if (answer->ttl > most)
		answer->ttl = most;
}

static void answered(void *context, unsigned token, const struct rein_dns_answer *said)
{
	struct rein_lookup *lookup = context;
	struct pending pending = lookup->pending[token];
	struct rein_dns_answer answer;

	lookup->pending[token].used = false;
	if (!said) {
		reply_code(lookup, &pending.asker, &pending.question, REIN_DNS_FAILED);
		return;
	}
	answer = *said;
	bound_ttl(&answer);
	rein_dns_cache_put(lookup->cache, &pending.question, &answer, rein_now_ns());
	settle(lookup, &pending.question, &pending.asker, &answer);
}

static void forward(struct rein_lookup *lookup, const struct rein_dns_question *question,
		    const struct rein_asker *asker)
{
	unsigned token = 0;

	while (token < REIN_UPSTREAM_MAX && lookup->pending[token].used)
		token++;
	if (token == REIN_UPSTREAM_MAX) {
		reply_code(lookup, asker, question, REIN_DNS_FAILED);
		return;
	}
	lookup->pending[token] = (struct pending){true, *question, *asker};
	if (rein_upstream_ask(lookup->upstream, question->name, question->type, token) < 0) {
		lookup->pending[token].used = false;
		reply_code(lookup, asker, question, REIN_DNS_FAILED);
	}
}

/* The file is the system's own word, so it may lead anywhere; what it says was opened at the start. */
static bool answer_from_file(struct rein_lookup *lookup, const struct rein_dns_question *question,
			     const struct rein_asker *asker)
{
	struct rein_dns_answer answer = answer_of(question, REIN_DNS_OK, FILE_TTL_S);
	enum rein_net_family family = question->type == REIN_DNS_A ? REIN_NET_V4 : REIN_NET_V6;
	bool found = false;

	for (size_t i = 0; i < lookup->hosts.count; i++) {
		const struct rein_hosts_entry *entry = &lookup->hosts.items[i];

		if (strcmp(entry->name, question->name) != 0)
			continue;
		found = true;
		if (entry->ip.family == family && answer.count < REIN_DNS_ADDRESSES)
			answer.ips[answer.count++] = entry->ip;
	}
	if (found)
		lookup->reply(lookup->context, asker, question, &answer);
	return found;
}

/* RFC 6761: what it stands for is known, and opens nothing. */
static bool answer_localhost(struct rein_lookup *lookup, const struct rein_dns_question *question,
			     const struct rein_asker *asker)
{
	struct rein_dns_answer answer = answer_of(question, REIN_DNS_OK, FILE_TTL_S);
	bool v6 = question->type == REIN_DNS_AAAA;

	if (strcmp(question->name, "localhost") != 0 && !rein_hostname_matches("localhost", true, question->name))
		return false;
	if (v6 || question->type == REIN_DNS_A) {
		answer.count = 1;
		answer.ips[0] =
			v6 ? (struct rein_ip){REIN_NET_V6, {[15] = 1}} : (struct rein_ip){REIN_NET_V4, {127, 0, 0, 1}};
	}
	lookup->reply(lookup->context, asker, question, &answer);
	return true;
}

/* Nothing but addresses: text and services carry data back, and HTTPS records hide names from whoever looks later. */
static bool is_answerable(const struct rein_dns_question *question)
{
	return question->type == REIN_DNS_A || question->type == REIN_DNS_AAAA;
}

static void answer_allowed(struct rein_lookup *lookup, const struct rein_dns_question *question,
			   const struct rein_asker *asker, const struct rein_host_rule *rule)
{
	struct rein_dns_answer answer;

	if (!is_answerable(question)) {
		reply_code(lookup, asker, question, REIN_DNS_OK);
	} else if (answer_from_file(lookup, question, asker)) {
		return;
	} else if (rein_dns_cache_get(lookup->cache, question, rein_now_ns(), &answer)) {
		settle(lookup, question, asker, &answer);
	} else if (rule->wildcard && !rein_name_budget_take(lookup->budget, rule, question->name)) {
		rein_explain_refused_name(lookup->agent, question->name, NULL, rule, REIN_NAME_BUDGET);
		reply_code(lookup, asker, question, REIN_DNS_REFUSED);
	} else {
		forward(lookup, question, asker);
	}
}

/* Each question is charged before anything is done about it. One that its breaker stops is refused where that denies;
 * where it stops the agent there is nobody to answer, and the agent asks again. */
static bool charge(struct rein_lookup *lookup, const struct rein_dns_question *question, const struct rein_asker *asker)
{
	struct rein_agent *agent = lookup->agent;
	struct rein_refused refused = {.agent = agent, .op = "resolve", .mechanism = REIN_MECH_SUPERVISOR};
	struct rein_charged charged = rein_breakers_charge(agent->launch->state, REIN_METER_NET_DNS_QUERIES,
							   REIN_MECH_BPF_NET, 1, false, rein_now_ns());

	if (charged.passed)
		return true;
	if (charged.tripped)
		rein_breakers_tripped(agent, charged.breaker, 1, 0, NULL);
	else
		rein_explain_refused_charge(&refused, charged.breaker, 1, question->name);
	if (agent->launch->state->breakers[charged.breaker].on_trip == REIN_ON_TRIP_DENY)
		reply_code(lookup, asker, question, REIN_DNS_REFUSED);
	return false;
}

void rein_lookup_ask(struct rein_lookup *lookup, const struct rein_dns_question *question,
		     const struct rein_asker *asker)
{
	const struct rein_host_rule *rule = rule_of(policy_of(lookup), question->name);
	enum rein_life life = lookup->agent->life;

	if (life == REIN_LIFE_ENDING || life == REIN_LIFE_ENDED || lookup->agent->holds)
		return;
	if (!charge(lookup, question, asker))
		return;
	if (rule && rule->verdict == REIN_VERDICT_ALLOW) {
		answer_allowed(lookup, question, asker, rule);
		return;
	}
	if (!rule && answer_localhost(lookup, question, asker))
		return;
	rein_explain_refused_name(lookup->agent, question->name, NULL, rule, REIN_NAME_DENIED);
	reply_code(lookup, asker, question, REIN_DNS_NO_NAME);
}

void rein_lookup_garbled(struct rein_lookup *lookup)
{
	rein_explain_refused_name(lookup->agent, NULL, NULL, NULL, REIN_NAME_GARBLED);
}

/* The agent's C library may answer from the file without asking: what it says is open from the start, and stays so. */
static int bring_file(struct rein_lookup *lookup, struct rein_error *err)
{
	for (size_t i = 0; i < lookup->hosts.count; i++) {
		const struct rein_hosts_entry *entry = &lookup->hosts.items[i];
		int r = rein_names_bring(lookup->names, entry->name, &entry->ip, REIN_NAMES_FOR_EVER, rein_now_ns());

		if (r < 0 && r != -EACCES)
			return rein_fail(err, -r, "cannot enter %s of /etc/hosts: %s", entry->name, strerror(-r));
	}
	return 0;
}

static int fill(struct rein_lookup *lookup, struct rein_error *err)
{
	const struct rein_launch *launch = lookup->agent->launch;
	int r;

	lookup->names = rein_names_new(launch->policy, launch->names_fd);
	lookup->budget = rein_name_budget_new(launch->policy);
	lookup->cache = rein_dns_cache_new();
	if (!lookup->names || !lookup->budget || !lookup->cache || rein_hosts_read("/etc/hosts", &lookup->hosts) < 0)
		return rein_fail(err, ENOMEM, "no memory for the agent's questions about names");
	r = bring_file(lookup, err);
	return r ? r : rein_upstream_open(&lookup->agent->loop, answered, lookup, &lookup->upstream, err);
}

int rein_lookup_open(struct rein_agent *agent, rein_lookup_reply reply, void *context, struct rein_lookup **ret_lookup,
		     struct rein_error *err)
{
	struct rein_lookup *lookup = calloc(1, sizeof(*lookup));
	int r;

	if (!lookup)
		return rein_fail(err, ENOMEM, "no memory for the agent's questions about names");
	lookup->agent = agent;
	lookup->reply = reply;
	lookup->context = context;
	r = fill(lookup, err);
	if (r < 0)
		rein_lookup_close(lookup);
	else
		*ret_lookup = lookup;
	return r;
}

void rein_lookup_close(struct rein_lookup *lookup)
{
	if (!lookup)
		return;
	rein_upstream_close(lookup->upstream);
	rein_dns_cache_free(lookup->cache);
	rein_name_budget_free(lookup->budget);
	rein_names_free(lookup->names);
	rein_vec_free(&lookup->hosts);
	free(lookup);
}
