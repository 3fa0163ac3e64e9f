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

/* The allow rules of the ceiling, sorted so that a network is followed by those that lie within it. */
REIN_VEC_TYPE(bounds, const struct rein_net_rule *);

static void bounds_free(struct bounds *bounds)
{
	rein_vec_free(bounds);
}

/* By direction, protocol, family, address and prefix. */
static int compare_networks(const struct rein_net_rule *a, const struct rein_net_rule *b)
{
	int order = (int)a->direction - (int)b->direction;

	if (!order)
		order = (int)a->protocol - (int)b->protocol;
	if (!order)
		order = (int)a->family - (int)b->family;
	if (!order)
		order = memcmp(a->address, b->address, sizeof(a->address));
	return order ? order : (int)a->prefix_bits - (int)b->prefix_bits;
}

static int compare_bounds(const void *a, const void *b)
{
	return compare_networks(*(const struct rein_net_rule *const *)a, *(const struct rein_net_rule *const *)b);
}

static int bounds_collect(const struct rein_policy *ceiling, struct bounds *ret_bounds, struct rein_error *err)
{
	size_t i;

	for (i = 0; i < ceiling->net.count; i++) {
		const struct rein_net_rule **bound;

		if (ceiling->net.items[i].verdict != REIN_VERDICT_ALLOW)
			continue;
		bound = rein_vec_add(ret_bounds);
		if (!bound)
			return rein_fail(err, ENOMEM, "out of memory");
		*bound = &ceiling->net.items[i];
	}
	if (ret_bounds->count)
		qsort(ret_bounds->items, ret_bounds->count, sizeof(*ret_bounds->items), compare_bounds);
	return 0;
}

/* The first bound that does not sort before `key`. */
static size_t lower_bound(const struct bounds *bounds, const struct rein_net_rule *key)
{
	size_t low = 0, high = bounds->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_networks(bounds->items[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct rein_network network_of(const struct rein_net_rule *rule)
{
	struct rein_network network = {.family = rule->family, .prefix_bits = rule->prefix_bits};

	memcpy(network.address, rule->address, sizeof(network.address));
	return network;
}

/* What of `rule` is left by `bound`, one of whose networks holds the other; false if nothing. */
static bool intersect(const struct rein_net_rule *rule, const struct rein_net_rule *bound,
		      struct rein_net_rule *ret_cut)
{
	*ret_cut = *rule;
	if (bound->prefix_bits > rule->prefix_bits) {
		memcpy(ret_cut->address, bound->address, sizeof(ret_cut->address));
		ret_cut->prefix_bits = bound->prefix_bits;
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

static int bound_one(struct rein_policy *policy, struct net_rules *result, const struct rein_net_rule *rule,
		     const struct rein_net_rule *bound, bool *whole, struct rein_error *err)
{
	struct rein_net_rule cut;

	if (!intersect(rule, bound, &cut))
		return 0;
	*whole = same_reach(rule, &cut);
	return *whole ? keep(result, rule, err) : cut_rule(policy, result, rule, bound, &cut, err);
}

/* The bounds that hold the rule's network: one question for each shorter prefix. */
static int bound_from_above(struct rein_policy *policy, struct net_rules *result, const struct rein_net_rule *rule,
			    const struct bounds *bounds, bool *whole, struct rein_error *err)
{
	struct rein_net_rule key = *rule;
	unsigned bits;
	size_t i;
	int r = 0;

	for (bits = 0; bits <= rule->prefix_bits && r == 0 && !*whole; bits++) {
		key.prefix_bits = (uint8_t)bits;
		memcpy(key.address, rule->address, sizeof(key.address));
		rein_address_mask(key.address, bits);
		for (i = lower_bound(bounds, &key); i < bounds->count && r == 0 && !*whole; i++) {
			if (compare_networks(bounds->items[i], &key) != 0)
				break;
			r = bound_one(policy, result, rule, bounds->items[i], whole, err);
		}
	}
	return r;
}

/* The bounds that lie within the rule's network: in the sorted list they follow it. */
static int bound_from_below(struct rein_policy *policy, struct net_rules *result, const struct rein_net_rule *rule,
			    const struct bounds *bounds, struct rein_error *err)
{
	struct rein_network network = network_of(rule);
	struct rein_net_rule key = *rule;
	bool whole = false;
	size_t i;
	int r = 0;

	key.prefix_bits++;
	for (i = lower_bound(bounds, &key); i < bounds->count && r == 0; i++) {
		const struct rein_net_rule *bound = bounds->items[i];
		struct rein_network inner = network_of(bound);

		if (bound->direction != rule->direction || bound->protocol != rule->protocol ||
		    !rein_network_contains(&network, &inner))
			break;
		r = bound_one(policy, result, rule, bound, &whole, err);
	}
	return r;
}

static int bound_rule(struct rein_policy *policy, struct net_rules *result, const struct rein_net_rule *rule,
		      const struct bounds *bounds, struct rein_error *err)
{
	bool whole = false;
	int r = bound_from_above(policy, result, rule, bounds, &whole, err);

	/* Nothing that another bound could add. */
	return r < 0 || whole ? r : bound_from_below(policy, result, rule, bounds, err);
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
	__attribute__((cleanup(bounds_free))) struct bounds bounds = {0};
	int r = bounds_collect(ceiling, &bounds, err);
	size_t i;

	for (i = 0; i < policy->net.count && r == 0; i++) {
		const struct rein_net_rule *rule = &policy->net.items[i];
		unsigned list = rule->direction == REIN_NET_CONNECT ? REIN_LIST_CONNECT : REIN_LIST_LISTEN;

		if (rule->verdict == REIN_VERDICT_ALLOW && (ceiling->declared & list))
			r = bound_rule(policy, &result, rule, &bounds, err);
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
