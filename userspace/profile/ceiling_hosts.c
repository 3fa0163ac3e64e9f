/* SPDX-License-Identifier: GPL-2.0 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "profile/ceiling.h"
#include "profile/hostname.h"
#include "profile/resolve.h"

/*
 * Allowed hosts intersect with those of the ceiling: of two patterns that meet one holds the other. A name may bring
 * any address, so of the ceiling's cidr lines only such as name every address, of both families, leave a host as it is.
 */

#define RULES_MAX 65536

REIN_VEC_TYPE(host_rules, struct rein_host_rule);

static void host_rules_free(struct host_rules *rules)
{
	rein_vec_free(rules);
}

static int keep(struct host_rules *result, const struct rein_host_rule *rule, struct rein_error *err)
{
	struct rein_host_rule *slot;

	if (result->count == RULES_MAX)
		return rein_fail(err, E2BIG, "the ceiling cuts the policy's hosts into more than %d rules", RULES_MAX);
	slot = rein_vec_add(result);
	if (!slot)
		return rein_fail(err, ENOMEM, "out of memory");
	*slot = *rule;
	return 0;
}

/* What of `rule` is left by `bound`; false if nothing. */
static bool intersect(const struct rein_host_rule *rule, const struct rein_host_rule *bound,
		      struct rein_host_rule *ret_cut)
{
	*ret_cut = *rule;
	if (bound->verdict != REIN_VERDICT_ALLOW || bound->protocol != rule->protocol)
		return false;
	if (!rein_hostname_contains(bound->name, bound->wildcard, rule->name, rule->wildcard)) {
		if (!rein_hostname_contains(rule->name, rule->wildcard, bound->name, bound->wildcard))
			return false;
		ret_cut->name = bound->name;
		ret_cut->wildcard = bound->wildcard;
	}
	if (bound->port_low > ret_cut->port_low)
		ret_cut->port_low = bound->port_low;
	if (bound->port_high < ret_cut->port_high)
		ret_cut->port_high = bound->port_high;
	return ret_cut->port_low <= ret_cut->port_high;
}

static bool same_reach(const struct rein_host_rule *a, const struct rein_host_rule *b)
{
	return a->wildcard == b->wildcard && a->port_low == b->port_low && a->port_high == b->port_high &&
	       strcmp(a->name, b->name) == 0;
}

static int cut_rule(struct rein_policy *policy, struct host_rules *result, const struct rein_host_rule *rule,
		    const struct rein_origin *by, struct rein_host_rule *cut, struct rein_error *err)
{
	char what[REIN_HOSTNAME_MAX + 32];

	snprintf(what, sizeof(what), "%s%s port %u-%u", cut->wildcard ? "*." : "", cut->name, cut->port_low,
		 cut->port_high);
	cut->name = rein_policy_text(policy, "%s", cut->name);
	cut->origin = rein_origin_cut(policy, &rule->origin, what, by);
	return cut->name && cut->origin.text ? keep(result, cut, err) : rein_fail(err, ENOMEM, "out of memory");
}

/* Whether the ceiling allows every address of the family at the rule's ports. */
static bool any_address(const struct rein_policy *ceiling, const struct rein_host_rule *rule,
			enum rein_net_family family)
{
	for (size_t i = 0; i < ceiling->net.count; i++) {
		const struct rein_net_rule *bound = &ceiling->net.items[i];

		if (bound->verdict == REIN_VERDICT_ALLOW && bound->direction == REIN_NET_CONNECT &&
		    bound->family == family && !bound->prefix_bits && bound->protocol == rule->protocol &&
		    bound->port_low <= rule->port_low && bound->port_high >= rule->port_high)
			return true;
	}
	return false;
}

static int bound_rule(struct rein_policy *policy, struct host_rules *result, const struct rein_host_rule *rule,
		      const struct rein_policy *ceiling, struct rein_error *err)
{
	int r = 0;

	if (any_address(ceiling, rule, REIN_NET_V4) && any_address(ceiling, rule, REIN_NET_V6))
		return keep(result, rule, err);
	for (size_t i = 0; i < ceiling->hosts.count && r == 0; i++) {
		const struct rein_host_rule *bound = &ceiling->hosts.items[i];
		struct rein_host_rule cut;

		if (!intersect(rule, bound, &cut))
			continue;
		if (same_reach(rule, &cut))
			return keep(result, rule, err);
		r = cut_rule(policy, result, rule, &bound->origin, &cut, err);
	}
	return r;
}

static int join_denies(struct rein_policy *policy, struct host_rules *result, const struct rein_policy *ceiling,
		       struct rein_error *err)
{
	int r = 0;

	for (size_t i = 0; i < ceiling->hosts.count && r == 0; i++) {
		struct rein_host_rule rule = ceiling->hosts.items[i];

		if (rule.verdict == REIN_VERDICT_ALLOW)
			continue;
		rule.origin = rein_origin_adopt(policy, &rule.origin);
		rule.name = rein_policy_text(policy, "%s", rule.name);
		r = rule.origin.text && rule.name ? keep(result, &rule, err) : rein_fail(err, ENOMEM, "out of memory");
	}
	return r;
}

int rein_ceiling_hosts(struct rein_policy *policy, const struct rein_policy *ceiling, struct rein_error *err)
{
	__attribute__((cleanup(host_rules_free))) struct host_rules result = {0};
	int r = 0;

	for (size_t i = 0; i < policy->hosts.count && r == 0; i++) {
		const struct rein_host_rule *rule = &policy->hosts.items[i];

		if (rule->verdict == REIN_VERDICT_ALLOW && (ceiling->declared & REIN_LIST_CONNECT))
			r = bound_rule(policy, &result, rule, ceiling, err);
		else
			r = keep(&result, rule, err);
	}
	if (r == 0)
		r = join_denies(policy, &result, ceiling, err);
	if (r < 0)
		return r;
	rein_vec_free(&policy->hosts);
	policy->hosts.items = result.items;
	policy->hosts.count = result.count;
	policy->hosts.room = result.room;
	result = (struct host_rules){0};
	return 0;
}
