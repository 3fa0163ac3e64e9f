/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>

#include "plan/planning.h"
#include "profile/hostname.h"
#include "profile/words.h"

/*
 * Host names. The supervisor is the agent's only name server: it answers what these lines allow and has bpf-net let the
 * addresses through before the answer leaves.
 */

bool rein_planning_names(const struct rein_planning *planning)
{
	for (size_t i = 0; i < planning->policy->hosts.count; i++)
		if (planning->policy->hosts.items[i].verdict == REIN_VERDICT_ALLOW)
			return true;
	return false;
}

struct place_text {
	char text[REIN_HOSTNAME_MAX + 40];
};

static struct place_text place_text(const struct rein_host_rule *rule)
{
	struct place_text ret;
	int used = snprintf(ret.text, sizeof(ret.text), "%s%s %s port %u", rule->wildcard ? "*." : "", rule->name,
			    rein_protocol_name(rule->protocol), rule->port_low);

	if (rule->port_high != rule->port_low)
		snprintf(ret.text + used, sizeof(ret.text) - (size_t)used, "-%u", rule->port_high);
	return ret;
}

/* A line that allows ports of the rule at addresses of whatever name; of every address where `whole`. */
static const struct rein_net_rule *opened_by(const struct rein_policy *policy, const struct rein_host_rule *rule,
					     bool whole)
{
	for (size_t i = 0; i < policy->net.count; i++) {
		const struct rein_net_rule *other = &policy->net.items[i];

		if (other->verdict == REIN_VERDICT_ALLOW && other->direction == REIN_NET_CONNECT &&
		    other->protocol == rule->protocol && other->port_low <= rule->port_high &&
		    other->port_high >= rule->port_low && (!whole || !other->prefix_bits))
			return other;
	}
	return NULL;
}

static void keep(struct rein_plan_line *line)
{
	rein_planning_keep(line, REIN_MECH_SUPERVISOR);
	rein_planning_keep(line, REIN_MECH_BPF_NET);
}

/* What is reached without a name, or by any, no name keeps. */
static void deny(struct rein_planning *planning, struct rein_plan_line *line, const struct rein_host_rule *rule)
{
	const struct rein_net_rule *whole = opened_by(planning->policy, rule, true),
				   *some = opened_by(planning->policy, rule, false);

	if (whole || (some && !planning->plan->names)) {
		some = whole ?: some;
		rein_planning_refuse(planning, line, rule->optional,
				     "%.100s:%d allows addresses at such ports, by whatever name they were found%s; "
				     "allow hosts there instead",
				     some->origin.file, some->origin.line, whole ? ": all of them" : "");
		return;
	}
	rein_planning_keep(line, REIN_MECH_BPF_NET);
	if (planning->plan->names)
		rein_planning_keep(line, REIN_MECH_SUPERVISOR);
	if (some)
		rein_planning_note(line, "addresses that %.100s:%d allows are reached without a name",
				   some->origin.file, some->origin.line);
}

static void host_line(struct rein_planning *planning, const struct rein_host_rule *rule)
{
	struct rein_plan_line *line = rein_planning_rule(planning, &rule->origin, rule->verdict, "connect to the host",
							 place_text(rule).text);

	if (rule->verdict == REIN_VERDICT_ASK)
		rein_planning_refuse(planning, line, rule->optional, "nobody can be asked yet: allow it or deny it");
	else if (planning->scope == REIN_SCOPE_BPF && rule->verdict == REIN_VERDICT_ALLOW)
		keep(line);
	else if (planning->scope == REIN_SCOPE_BPF)
		deny(planning, line, rule);
	else if (rule->verdict == REIN_VERDICT_DENY && planning->scope == REIN_SCOPE_ISOLATED)
		rein_planning_keep(line, REIN_MECH_NAMESPACES);
	else
		rein_planning_refuse(planning, line, rule->optional,
				     "host names take bpf-net, which lets through the addresses that they bring, and "
				     "which does not work here (%.200s): start as root",
				     planning->machine->facts[REIN_MECH_BPF_NET].detail);
}

static void names_line(struct rein_planning *planning)
{
	struct rein_plan_line *line =
		rein_planning_line(planning, NULL,
				   "what no line allows is not found by name: port 53 of every address "
				   "is the supervisor's, which answers");

	keep(line);
	rein_planning_note(line, "an address that an allowed name brings is open at that line's ports, to other names "
				 "on it too");
}

void rein_planning_hosts(struct rein_planning *planning)
{
	planning->plan->names = planning->scope == REIN_SCOPE_BPF && rein_planning_names(planning);
	if (planning->plan->names)
		names_line(planning);
	for (size_t i = 0; i < planning->policy->hosts.count; i++)
		host_line(planning, &planning->policy->hosts.items[i]);
}
