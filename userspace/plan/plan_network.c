/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan/planning.h"
#include "profile/words.h"

/*
 * Network rules. With bpf-net addresses and ports are decided in the kernel, on the host's network. Without it there
 * is Landlock, which knows TCP ports and no addresses; the broker, which knows both and costs a round trip a call; and
 * the network namespace, which has nothing but loopback.
 */

#define ABI_TCP 4	   /* of Landlock: connect and bind of TCP */
#define ABI_SCOPES 6	   /* abstract UNIX sockets and signals */
#define ABI_UDP 10	   /* the same for UDP */
#define ABI_RESOLVE_UNIX 9 /* UNIX sockets by path */

static bool loopback(const struct rein_net_rule *rule)
{
	static const uint8_t one[16] = {[15] = 1};

	if (rule->family == REIN_NET_V4)
		return rule->prefix_bits >= 8 && rule->address[0] == 127;
	return rule->prefix_bits == 128 && memcmp(rule->address, one, sizeof(one)) == 0;
}

static bool any_address(const struct rein_net_rule *rule)
{
	return rule->prefix_bits == 0 && rule->protocol == IPPROTO_TCP;
}

/* Whether an allowed any-address rule of `family` covers the rule's ports in its direction. */
static bool covered(const struct rein_policy *policy, const struct rein_net_rule *rule, enum rein_net_family family)
{
	for (size_t i = 0; i < policy->net.count; i++) {
		const struct rein_net_rule *other = &policy->net.items[i];

		if (other->verdict == REIN_VERDICT_ALLOW && any_address(other) && other->family == family &&
		    other->direction == rule->direction && other->port_low <= rule->port_low &&
		    other->port_high >= rule->port_high)
			return true;
	}
	return false;
}

/* Whether Landlock, which sees ports only, allows exactly this rule: all addresses of both families have the ports. */
static bool by_port(const struct rein_planning *planning, const struct rein_net_rule *rule)
{
	return planning->machine->landlock_abi >= ABI_TCP && rule->protocol == IPPROTO_TCP &&
	       covered(planning->policy, rule, REIN_NET_V4) && covered(planning->policy, rule, REIN_NET_V6);
}

/* Whether Landlock keeps every line, or at least one that allows more than loopback. */
static bool ports_suffice(const struct rein_planning *planning, bool for_all)
{
	const struct rein_policy *policy = planning->policy;

	for (size_t i = 0; i < policy->net.count; i++) {
		const struct rein_net_rule *rule = &policy->net.items[i];
		bool allow = rule->verdict == REIN_VERDICT_ALLOW;

		if (for_all && !(allow && by_port(planning, rule)))
			return false;
		if (!for_all && allow && !loopback(rule) && by_port(planning, rule))
			return true;
	}
	return for_all;
}

static bool anything(const struct rein_net_rule *rule)
{
	return true;
}

static bool beyond_loopback(const struct rein_net_rule *rule)
{
	return !loopback(rule);
}

static bool streams_beyond_loopback(const struct rein_net_rule *rule)
{
	return rule->protocol == IPPROTO_TCP && !loopback(rule);
}

static bool allows(const struct rein_policy *policy, bool (*what)(const struct rein_net_rule *))
{
	for (size_t i = 0; i < policy->net.count; i++)
		if (policy->net.items[i].verdict == REIN_VERDICT_ALLOW && what(&policy->net.items[i]))
			return true;
	return false;
}

/*
 * Beside the broker Landlock has to refuse the connections of TCP that the agent makes itself. Datagrams with an
 * address would all have to be seen: so the agent can make no sockets for them.
 */
static bool broker_suffices(const struct rein_planning *planning)
{
	return rein_planning_has(planning, REIN_MECH_BROKER) && planning->machine->seccomp_acts &&
	       rein_planning_has(planning, REIN_MECH_LANDLOCK) && planning->machine->landlock_abi >= ABI_TCP &&
	       allows(planning->policy, streams_beyond_loopback);
}

static enum rein_scope scope(const struct rein_planning *planning)
{
	const struct rein_policy *policy = planning->policy;

	if (rein_planning_has(planning, REIN_MECH_BPF_NET))
		return allows(policy, anything) || rein_planning_names(planning) ? REIN_SCOPE_BPF : REIN_SCOPE_ISOLATED;
	if (!allows(policy, beyond_loopback))
		return REIN_SCOPE_ISOLATED;
	if (ports_suffice(planning, true))
		return REIN_SCOPE_PORTS;
	if (broker_suffices(planning))
		return REIN_SCOPE_BROKER;
	return ports_suffice(planning, false) ? REIN_SCOPE_PORTS : REIN_SCOPE_ISOLATED;
}

static void keep_bpf(struct rein_planning *planning, struct rein_plan_line *line, const struct rein_net_rule *rule)
{
	rein_planning_keep(line, REIN_MECH_BPF_NET);
}

static void keep_broker(struct rein_planning *planning, struct rein_plan_line *line, const struct rein_net_rule *rule)
{
	if (rule->protocol == IPPROTO_TCP)
		rein_planning_keep(line, REIN_MECH_BROKER);
	else if (rule->verdict == REIN_VERDICT_DENY)
		rein_planning_keep(line, REIN_MECH_SECCOMP); /* it can make no such socket */
	else
		rein_planning_refuse(planning, line, rule->optional,
				     "UDP takes bpf-net on the host's network: start as root");
}

static void keep_isolated(struct rein_planning *planning, struct rein_plan_line *line, const struct rein_net_rule *rule)
{
	if (rule->verdict == REIN_VERDICT_DENY && loopback(rule)) {
		rein_planning_refuse(planning, line, rule->optional,
				     "without root nothing here refuses an address of the agent's own loopback; leave "
				     "the line out or start as root");
	} else if (rule->verdict == REIN_VERDICT_DENY) {
		rein_planning_keep(line, REIN_MECH_NAMESPACES);
	} else if (loopback(rule)) {
		rein_planning_keep(line, REIN_MECH_NAMESPACES);
		if (planning->machine->landlock_abi >= (rule->protocol == IPPROTO_TCP ? ABI_TCP : ABI_UDP))
			rein_planning_keep(line, REIN_MECH_LANDLOCK);
		rein_planning_note(line, "the loopback is the agent's own: servers of the host are not on it");
	} else {
		rein_planning_refuse(
			planning, line, rule->optional,
			"addresses take bpf-net, which needs root, or, for TCP, Landlock and a broker that can act for "
			"the agent (`rein doctor` says what it lacks); %s",
			planning->machine->landlock_abi < ABI_TCP
				? "this kernel's Landlock governs no ports either (that is ABI 4, kernel 6.7)"
				: "without root only TCP ports of 0.0.0.0/0 and ::/0 alike can be kept");
	}
}

/* A socket that listens without having been bound gets a port that no rule names: the broker sees whether it was. */
static void keep_port(struct rein_planning *planning, struct rein_plan_line *line, const struct rein_net_rule *rule)
{
	bool listens = rule->direction == REIN_NET_LISTEN;

	if (listens && !rein_planning_has(planning, REIN_MECH_BROKER)) {
		rein_planning_refuse(planning, line, rule->optional,
				     "on the host's network listening takes the broker, which does not work here (%s)",
				     planning->machine->facts[REIN_MECH_BROKER].detail);
		return;
	}
	rein_planning_keep(line, REIN_MECH_LANDLOCK);
	if (listens)
		rein_planning_keep(line, REIN_MECH_BROKER);
}

static void keep_ports(struct rein_planning *planning, struct rein_plan_line *line, const struct rein_net_rule *rule)
{
	if (rule->verdict == REIN_VERDICT_DENY)
		rein_planning_refuse(planning, line, rule->optional,
				     "Landlock allows ports and cannot deny addresses; start as root for bpf-net");
	else if (by_port(planning, rule))
		keep_port(planning, line, rule);
	else
		rein_planning_refuse(
			planning, line, rule->optional,
			"beside lines for every address Landlock would open this one to every address "
			"too; start as root for bpf-net, or allow the same TCP ports for 0.0.0.0/0 and ::/0");
}

static void (*const keepers[REIN_SCOPE_COUNT])(struct rein_planning *, struct rein_plan_line *,
					       const struct rein_net_rule *) = {
	[REIN_SCOPE_ISOLATED] = keep_isolated,
	[REIN_SCOPE_BPF] = keep_bpf,
	[REIN_SCOPE_PORTS] = keep_ports,
	[REIN_SCOPE_BROKER] = keep_broker,
};

struct place_text {
	char text[INET6_ADDRSTRLEN + 40];
};

static struct place_text place_text(const struct rein_net_rule *rule)
{
	char address[INET6_ADDRSTRLEN] = "?";
	struct place_text ret;
	int used;

	inet_ntop(rule->family == REIN_NET_V4 ? AF_INET : AF_INET6, rule->address, address, sizeof(address));
	used = snprintf(ret.text, sizeof(ret.text), "%s/%u %s port %u", address, rule->prefix_bits,
			rein_protocol_name(rule->protocol), rule->port_low);
	if (rule->port_high != rule->port_low)
		snprintf(ret.text + used, sizeof(ret.text) - (size_t)used, "-%u", rule->port_high);
	return ret;
}

static void address_line(struct rein_planning *planning, const struct rein_net_rule *rule)
{
	struct rein_plan_line *line = rein_planning_rule(
		planning, &rule->origin, rule->verdict,
		rule->direction == REIN_NET_CONNECT ? "connect to" : "listen on", place_text(rule).text);

	if (rule->verdict == REIN_VERDICT_ASK)
		rein_planning_refuse(planning, line, rule->optional, "nobody can be asked yet: allow it or deny it");
	else
		keepers[planning->scope](planning, line, rule);
}

static bool missing(const struct rein_view *view, const struct rein_unix_rule *rule)
{
	for (size_t i = 0; i < view->absent.count; i++)
		if (view->absent.items[i].socket == rule)
			return true;
	return false;
}

static bool reachable(const struct rein_view *view, const char *path)
{
	REIN_AUTO_FREE char *real = realpath(path, NULL);
	const struct rein_place *place = real ? rein_view_find(view, real) : NULL;

	return place && place->kind == REIN_PLACE_SOCKET;
}

/* A socket by its path: one that is allowed has a place in the view, one that is denied is hidden there. */
static void socket_line(struct rein_planning *planning, const struct rein_unix_rule *rule)
{
	bool allow = rule->verdict == REIN_VERDICT_ALLOW;
	struct rein_plan_line *line =
		rein_planning_rule(planning, &rule->origin, rule->verdict, "connect to the socket", rule->path);

	if (rule->verdict == REIN_VERDICT_ASK)
		rein_planning_refuse(planning, line, rule->optional, "nobody can be asked yet: allow it or deny it");
	else if (missing(&planning->plan->view, rule))
		rein_planning_skip(line, "not there");
	else if (reachable(&planning->plan->view, rule->path) != allow)
		rein_planning_refuse(planning, line, rule->optional,
				     allow ? "a line that denies it, or a folder above it, for reading hides it"
					   : "another line allows it");
	else
		rein_planning_keep(line, REIN_MECH_NAMESPACES);
	if (line->keeping == REIN_KEPT && allow && planning->machine->landlock_abi >= ABI_RESOLVE_UNIX)
		rein_planning_keep(line, REIN_MECH_LANDLOCK);
}

static const char *const scope_words[REIN_SCOPE_COUNT] = {
	[REIN_SCOPE_ISOLATED] =
		"what no line allows on the network is refused: it has a network of its own, loopback only",
	[REIN_SCOPE_BPF] = "what no line allows on the network is refused, by address and port",
	[REIN_SCOPE_PORTS] =
		"what no line allows on the network is refused, by TCP port; all other protocols are refused",
	[REIN_SCOPE_BROKER] =
		"what no line allows on the network is refused, by TCP address and port; no other protocols",
};

/* Within its own network Landlock keeps the ports, as far as it knows protocols; beyond that the agent's processes
 * can talk to each other, and to nobody else. */
static void keep_own_network(const struct rein_planning *planning, struct rein_plan_line *line)
{
	int abi = planning->machine->landlock_abi;

	rein_planning_keep(line, REIN_MECH_NAMESPACES);
	if (abi >= ABI_TCP)
		rein_planning_keep(line, REIN_MECH_LANDLOCK);
	if (abi < ABI_UDP)
		rein_planning_note(line, "its own processes can talk to each other over %s of that loopback",
				   abi >= ABI_TCP ? "any UDP port" : "any port");
}

/* Only the supervisor, which no Landlock confines, connects: so the agent's own attempts can all be refused there. */
static void keep_by_broker(struct rein_plan_line *line)
{
	rein_planning_keep(line, REIN_MECH_BROKER);
	rein_planning_keep(line, REIN_MECH_LANDLOCK);
	rein_planning_note(line, "each such call is a round trip to the supervisor, which makes it for the agent");
}

static void scope_line(struct rein_planning *planning)
{
	struct rein_plan_line *line = rein_planning_line(planning, NULL, "%s", scope_words[planning->scope]);

	if (planning->scope == REIN_SCOPE_BPF)
		rein_planning_keep(line, REIN_MECH_BPF_NET);
	else if (planning->scope == REIN_SCOPE_PORTS)
		rein_planning_keep(line, REIN_MECH_LANDLOCK);
	else if (planning->scope == REIN_SCOPE_BROKER)
		keep_by_broker(line);
	else if (planning->machine->namespaces & REIN_NS_NET)
		keep_own_network(planning, line);
	else
		rein_planning_lack(planning, line, REIN_MECH_NAMESPACES, "no network namespace can be made here");
	if (planning->scope != REIN_SCOPE_ISOLATED)
		rein_planning_keep(line, REIN_MECH_SECCOMP);
}

/* Abstract names belong to the network namespace; in the host's only Landlock's scope keeps them apart. */
static void unix_line(struct rein_planning *planning)
{
	bool apart = planning->scope == REIN_SCOPE_ISOLATED || planning->machine->landlock_abi >= ABI_SCOPES;
	struct rein_plan_line *line =
		rein_planning_line(planning, NULL,
				   "UNIX sockets of others are out of reach: abstract ones, and those "
				   "in folders that no line allows");

	planning->plan->unix_sockets = apart;
	rein_planning_keep(line, REIN_MECH_NAMESPACES);
	if (!apart) {
		rein_planning_keep(line, REIN_MECH_SECCOMP);
		rein_planning_note(line,
				   "the agent can make no UNIX sockets at all: to keep abstract ones apart on the "
				   "host's network takes Landlock ABI 6 (kernel 6.12)");
	} else if (planning->scope != REIN_SCOPE_ISOLATED) {
		rein_planning_keep(line, REIN_MECH_LANDLOCK);
	}
	if (apart && planning->machine->landlock_abi < ABI_RESOLVE_UNIX)
		rein_planning_note(line, "a socket inside a folder that a line allows to read can be connected to; "
					 "Landlock refuses that from ABI 9 (kernel 7.1)");
}

void rein_planning_scope(struct rein_planning *planning)
{
	planning->scope = scope(planning);
	planning->plan->host_network = planning->scope != REIN_SCOPE_ISOLATED;
	planning->plan->by_broker = planning->scope == REIN_SCOPE_BROKER;
	scope_line(planning);
	unix_line(planning);
}

void rein_planning_network(struct rein_planning *planning)
{
	const struct rein_policy *policy = planning->policy;

	for (size_t i = 0; i < policy->net.count; i++)
		address_line(planning, &policy->net.items[i]);
	rein_planning_hosts(planning);
	for (size_t i = 0; i < policy->sockets.count; i++)
		socket_line(planning, &policy->sockets.items[i]);
}
