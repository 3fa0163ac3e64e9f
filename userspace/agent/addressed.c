/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/addressed.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/explain.h"
#include "base/cleanup.h"
#include "mech/syscall_groups.h"

static bool destination_of(const union rein_address *address, struct rein_destination *ret)
{
	*ret = (struct rein_destination){.protocol = IPPROTO_TCP};
	if (address->any.sa_family == AF_INET) {
		ret->family = REIN_NET_V4;
		memcpy(ret->address, &address->v4.sin_addr, 4);
		ret->port = ntohs(address->v4.sin_port);
		return true;
	}
	if (address->any.sa_family != AF_INET6)
		return false;
	ret->port = ntohs(address->v6.sin6_port);
	ret->family = IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr) ? REIN_NET_V4 : REIN_NET_V6;
	if (ret->family == REIN_NET_V4)
		memcpy(ret->address, address->v6.sin6_addr.s6_addr + 12, 4);
	else
		memcpy(ret->address, &address->v6.sin6_addr, 16);
	return true;
}

static bool covers(const uint8_t *prefix, unsigned bits, const uint8_t *address)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(prefix, address, whole))
		return false;
	return !rest || !((prefix[whole] ^ address[whole]) >> (8 - rest));
}

bool rein_policy_names(const struct rein_policy *policy, const struct rein_destination *to, bool any_address)
{
	bool allowed = false;

	for (size_t i = 0; i < policy->net.count; i++) {
		const struct rein_net_rule *rule = &policy->net.items[i];

		if (rule->direction != to->direction || rule->protocol != to->protocol || to->port < rule->port_low ||
		    to->port > rule->port_high)
			continue;
		if (!any_address &&
		    (rule->family != to->family || !covers(rule->address, rule->prefix_bits, to->address)))
			continue;
		if (rule->verdict != REIN_VERDICT_ALLOW)
			return false;
		allowed = true;
	}
	return allowed;
}

static bool loopback(const struct rein_destination *to)
{
	static const uint8_t v6[16] = {[15] = 1};

	return to->family == REIN_NET_V4 ? to->address[0] == 127 : !memcmp(to->address, v6, sizeof(v6));
}

static int socket_option(const struct rein_question *q, int option, int otherwise)
{
	REIN_AUTO_FD int copy = rein_question_descriptor(q, (int)q->args[0]);
	int value = otherwise;
	socklen_t length = sizeof(value);

	if (copy < 0 || getsockopt(copy, SOL_SOCKET, option, &value, &length))
		return otherwise;
	return value;
}

static void record(struct rein_agent *agent, const struct rein_question *q, const struct rein_destination *to)
{
	char comm[16];

	rein_question_comm(q, comm);
	rein_explain_address(agent, rein_question_pid(q), comm, rein_syscall_name(q->nr), to->direction, to->family,
			     to->address, to->port, to->protocol, REIN_MECH_BROKER, EPERM);
}

void rein_addressed_text(const struct rein_question *q, int arg, char *ret_text, size_t size)
{
	union rein_address address;
	struct rein_destination to;
	char text[INET6_ADDRSTRLEN] = "";

	ret_text[0] = '\0';
	if (rein_question_address(q, arg, &address))
		return;
	if (address.any.sa_family == AF_UNIX)
		snprintf(ret_text, size, "%s%.107s", address.un.sun_path[0] ? "" : "@",
			 address.un.sun_path + !address.un.sun_path[0]);
	if (!destination_of(&address, &to))
		return;
	inet_ntop(to.family == REIN_NET_V4 ? AF_INET : AF_INET6, to.address, text, sizeof(text));
	snprintf(ret_text, size, to.family == REIN_NET_V4 ? "%s:%u" : "[%s]:%u", text, to.port);
}

/*
 * A network of its own reaches nobody: there the policy is what Landlock makes of it, ports of TCP whatever the
 * address, and nothing where Landlock knows no ports (below ABI 4).
 */
static bool named(const struct rein_launch *launch, const struct rein_destination *to)
{
	const struct rein_plan *plan = launch->plan;
	bool own = !plan->host_network && (to->direction == REIN_NET_LISTEN || loopback(to));

	if (own && (to->protocol != IPPROTO_TCP || !plan->use[REIN_MECH_LANDLOCK] || launch->machine->landlock_abi < 4))
		return true;
	return rein_policy_names(launch->policy, to, own);
}

bool rein_addressed_allows(struct rein_agent *agent, const struct rein_question *q)
{
	union rein_address address;
	struct rein_destination to;

	if ((q->nr != SYS_connect && q->nr != SYS_bind) || rein_question_address(q, 1, &address) ||
	    !destination_of(&address, &to))
		return true;
	to.direction = q->nr == SYS_bind ? REIN_NET_LISTEN : REIN_NET_CONNECT;
	if (named(agent->launch, &to))
		return true;
	to.protocol = (uint8_t)socket_option(q, SO_PROTOCOL, IPPROTO_TCP);
	if (named(agent->launch, &to))
		return true;
	record(agent, q, &to);
	return false;
}

/* Whether listening on this socket opens no port that no rule names. A rule for port 0 names any that the kernel picks.
 */
static bool may_listen(struct rein_agent *agent, const struct rein_question *q, const union rein_address *address)
{
	struct rein_destination at;

	if (!destination_of(address, &at))
		return true;
	at.direction = REIN_NET_LISTEN;
	if (at.port || named(agent->launch, &at))
		return true;
	record(agent, q, &at);
	return false;
}

struct rein_verdict_on_call rein_addressed_listen(struct rein_agent *agent, const struct rein_question *q)
{
	union rein_address address = {0};
	socklen_t length = sizeof(address);
	REIN_AUTO_FD int copy = -1;

	if (q->nr != SYS_listen)
		return (struct rein_verdict_on_call){REIN_REPLY_PASS, 0};
	copy = rein_question_descriptor(q, (int)q->args[0]);
	if (copy < 0)
		return (struct rein_verdict_on_call){REIN_REPLY_REFUSE, copy == -EBADF ? EBADF : EPERM};
	if (getsockname(copy, &address.any, &length))
		return (struct rein_verdict_on_call){REIN_REPLY_REFUSE, errno};
	if (!may_listen(agent, q, &address))
		return (struct rein_verdict_on_call){REIN_REPLY_REFUSE, EPERM};
	return (struct rein_verdict_on_call){REIN_REPLY_DONE, listen(copy, (int)q->args[1]) ? -errno : 0};
}
