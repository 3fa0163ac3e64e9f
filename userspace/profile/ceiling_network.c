/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "profile/address.h"
#include "profile/ceiling.h"
#include "profile/resolve.h"

/* Allowed networks intersect: of two that meet one holds the other, and their ports have a common range. */

#define RULES_MAX 65536 /* more than this from one ceiling is a mistake, or an attack on whoever starts the agent */

REIN_VEC_TYPE(net_rules, struct rein_net_rule);

static void net_rules_free(struct net_rules *rules)
{
	rein_vec_free(rules);
}

static struct rein_network network_of(const struct rein_net_rule *rule)
{
	struct rein_network network = {.family = rule->family, .prefix_bits = rule->prefix_bits};

	memcpy(network.address, rule->address, sizeof(network.address));
	return network;
}

/* What both allow, into *ret_cut (whose other fields are those of `rule`); false if nothing. */
static bool intersect(const struct rein_net_rule *rule, const struct rein_net_rule *bound,
		      struct rein_net_rule *ret_cut)
{
	struct rein_network ours = network_of(rule), theirs = network_of(bound);

	if (rule->direction != bound->direction || rule->protocol != bound->protocol)
		return false;
	*ret_cut = *rule;
	if (rein_network_contains(&ours, &theirs)) {
		memcpy(ret_cut->address, bound->address, sizeof(ret_cut->address));
		ret_cut->prefix_bits = bound->prefix_bits;
	} else if (!rein_network_contains(&theirs, &ours)) {
		return false;
	}
	if (bound->port_low > ret_cut->port_low)
		ret_cut->port_low = bound->port_low;
	if (bound->port_high < ret_cut->port_high)
		ret_cut->port_high = bound->port_high;
	return ret_cut->port_low <= ret_cut->port_high;
}

static bool same_reach(const struct rein_net_rule *a, const struct rein_net_rule *b)
{
	return a->prefix_bits == b->prefix_bits && a->port_low == b->port_low && a->port_high == b->port_high;
}

static int keep(struct net_rules *result, const struct rein_net_rule *rule, struct rein_error *err)
{
	struct rein_net_rule *slot;

	if (result->count == RULES_MAX)
		return rein_fail(err, E2BIG, "the ceiling cuts the policy's addresses into more than %d rules",
				 RULES_MAX);
	slot = rein_vec_add(result);
	if (!slot)
		return rein_fail(err, ENOMEM, "out of memory");
	*slot = *rule;
	return 0;
}

static int cut_rule(struct rein_policy *policy, struct net_rules *result, const struct rein_net_rule *rule,
		    const struct rein_net_rule *bound, struct rein_net_rule *cut, struct rein_error *err)
{
	char address[INET6_ADDRSTRLEN], what[96];

	inet_ntop(cut->family == REIN_NET_V6 ? AF_INET6 : AF_INET, cut->address, address, sizeof(address));
	snprintf(what, sizeof(what), "%s/%u port %u-%u", address, cut->prefix_bits, cut->port_low, cut->port_high);
	cut->origin = rein_origin_cut(policy, &rule->origin, what, &bound->origin);
	return cut->origin.text ? keep(result, cut, err) : rein_fail(err, ENOMEM, "out of memory");
}

static int bound_rule(struct rein_policy *policy, struct net_rules *result, const struct rein_net_rule *rule,
		      const struct rein_policy *ceiling, struct rein_error *err)
{
	struct rein_net_rule cut;
	size_t i;
	int r = 0;

	for (i = 0; i < ceiling->net.count && r == 0; i++) {
		const struct rein_net_rule *bound = &ceiling->net.items[i];

		if (bound->verdict != REIN_VERDICT_ALLOW || !intersect(rule, bound, &cut))
			continue;
		/* Nothing another bound could add. */
		if (same_reach(rule, &cut))
			return keep(result, rule, err);
		r = cut_rule(policy, result, rule, bound, &cut, err);
	}
	return r;
}

static int join_denies(struct rein_policy *policy, struct net_rules *result, const struct rein_policy *ceiling,
		       struct rein_error *err)
{
	size_t i;
	int r = 0;

	for (i = 0; i < ceiling->net.count && r == 0; i++) {
		struct rein_net_rule rule = ceiling->net.items[i];

		if (rule.verdict == REIN_VERDICT_ALLOW)
			continue;
		rule.origin = rein_origin_adopt(policy, &rule.origin);
		r = rule.origin.text ? keep(result, &rule, err) : rein_fail(err, ENOMEM, "out of memory");
	}
	return r;
}

int rein_ceiling_network(struct rein_policy *policy, const struct rein_policy *ceiling, struct rein_error *err)
{
	__attribute__((cleanup(net_rules_free))) struct net_rules result = {0};
	size_t i;
	int r = 0;

	for (i = 0; i < policy->net.count && r == 0; i++) {
		const struct rein_net_rule *rule = &policy->net.items[i];
		unsigned list = rule->direction == REIN_NET_CONNECT ? REIN_LIST_CONNECT : REIN_LIST_LISTEN;

		if (rule->verdict == REIN_VERDICT_ALLOW && (ceiling->declared & list))
			r = bound_rule(policy, &result, rule, ceiling, err);
		else
			r = keep(&result, rule, err);
	}
	if (r == 0)
		r = join_denies(policy, &result, ceiling, err);
	if (r < 0)
		return r;
	rein_vec_free(&policy->net);
	policy->net.items = result.items;
	policy->net.count = result.count;
	policy->net.room = result.room;
	result = (struct net_rules){0};
	return 0;
}
