/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/landlock_net.h"

#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"

/* Beside bpf-net more ports than this are not worth a rule each. */
#define EXTRA_MAX 4096
#define DNS_PORT 53

static const struct {
	enum rein_landlock_net right;
	enum rein_net_direction direction;
	uint8_t protocol;
} kinds[] = {
	{REIN_LANDLOCK_BIND_TCP, REIN_NET_LISTEN, IPPROTO_TCP},
	{REIN_LANDLOCK_CONNECT_TCP, REIN_NET_CONNECT, IPPROTO_TCP},
	{REIN_LANDLOCK_BIND_UDP, REIN_NET_LISTEN, IPPROTO_UDP},
	{REIN_LANDLOCK_CONNECT_SEND_UDP, REIN_NET_CONNECT, IPPROTO_UDP},
};

static uint64_t right_of(const struct rein_net_rule *rule)
{
	for (size_t i = 0; i < REIN_COUNT(kinds); i++)
		if (kinds[i].direction == rule->direction && kinds[i].protocol == rule->protocol)
			return kinds[i].right;
	return 0;
}

/* Adds the rights of all rules of one family, or of any where `family` is 0. */
static void collect(const struct rein_policy *policy, int family, bool any_address, uint8_t *rights)
{
	for (size_t i = 0; i < policy->net.count; i++) {
		const struct rein_net_rule *rule = &policy->net.items[i];

		if (rule->verdict != REIN_VERDICT_ALLOW || (family && (int)rule->family != family) ||
		    (any_address && rule->prefix_bits))
			continue;
		for (unsigned port = rule->port_low; port <= rule->port_high; port++)
			rights[port] |= (uint8_t)right_of(rule);
	}
}

/* Beside bpf-net, which knows what names bring: their ports, and the one that leads to the supervisor's answers. */
static void collect_hosts(const struct rein_policy *policy, uint8_t *rights)
{
	for (size_t i = 0; i < policy->hosts.count; i++) {
		const struct rein_host_rule *rule = &policy->hosts.items[i];
		uint64_t right =
			rule->protocol == IPPROTO_TCP ? REIN_LANDLOCK_CONNECT_TCP : REIN_LANDLOCK_CONNECT_SEND_UDP;

		for (unsigned port = rule->port_low; rule->verdict == REIN_VERDICT_ALLOW && port <= rule->port_high;
		     port++)
			rights[port] |= (uint8_t)right;
	}
	rights[DNS_PORT] |= REIN_LANDLOCK_CONNECT_TCP;
}

static size_t count(const struct rein_landlock_ports *ports, uint64_t right)
{
	size_t n = 0;

	for (size_t port = 1; port < REIN_COUNT(ports->rights); port++)
		n += (ports->rights[port] & right) != 0;
	return n;
}

/* A socket that sends without a bind gets a port from the kernel, which ABI 10 asks about as port 0. */
static void allow_autobind(struct rein_landlock_ports *ports)
{
	if (count(ports, REIN_LANDLOCK_CONNECT_SEND_UDP))
		ports->rights[0] |= REIN_LANDLOCK_BIND_UDP;
}

void rein_landlock_ports_compute(const struct rein_plan *plan, uint64_t can_handle,
				 struct rein_landlock_ports *ret_ports)
{
	static uint8_t other[65536]; /* not on the stack; the process has one thread */
	bool alone = plan->host_network && !plan->use[REIN_MECH_BPF_NET];

	memset(ret_ports, 0, sizeof(*ret_ports));
	memset(other, 0, sizeof(other));
	ret_ports->handled = can_handle;
	if (plan->use[REIN_MECH_BPF_NET])
		ret_ports->handled &= REIN_LANDLOCK_CONNECT_TCP;
	if (plan->names)
		collect_hosts(plan->policy, ret_ports->rights);
	collect(plan->policy, alone ? REIN_NET_V4 : 0, alone, ret_ports->rights);
	if (alone) {
		collect(plan->policy, REIN_NET_V6, true, other);
		for (size_t port = 0; port < sizeof(other); port++)
			ret_ports->rights[port] &= other[port];
	}
	/* Who connects is the supervisor, which is not confined here: of the agent's own attempts none has to pass. */
	if (plan->by_broker) {
		ret_ports->handled &= REIN_LANDLOCK_CONNECT_TCP | REIN_LANDLOCK_BIND_TCP;
		memset(ret_ports->rights, 0, sizeof(ret_ports->rights));
		return;
	}
	allow_autobind(ret_ports);
	if (plan->use[REIN_MECH_BPF_NET] && count(ret_ports, REIN_LANDLOCK_CONNECT_TCP) > EXTRA_MAX)
		ret_ports->handled = 0;
	for (size_t i = 0; i < REIN_COUNT(kinds); i++)
		if (count(ret_ports, kinds[i].right) == 65535)
			ret_ports->handled &= ~(uint64_t)kinds[i].right; /* nothing is left to refuse */
}

int rein_landlock_ports_add(int ruleset_fd, const struct rein_landlock_ports *ports, struct rein_error *err)
{
	for (size_t port = 0; port < REIN_COUNT(ports->rights); port++) {
		struct rein_landlock_port rule = {.allowed = ports->rights[port] & ports->handled, .port = port};

		if (rule.allowed && rein_landlock_add(ruleset_fd, REIN_LANDLOCK_NET_PORT, &rule))
			return rein_fail_errno(err, "cannot allow port %zu in Landlock", port);
	}
	return 0;
}
