/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/addressed.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/explain.h"
#include "base/cleanup.h"

/* An address in the terms of a policy. */
struct endpoint {
	enum rein_net_family family;
	uint8_t address[16];
	uint16_t port;
};

static bool endpoint_of(const union rein_address *address, struct endpoint *ret)
{
	*ret = (struct endpoint){0};
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

static bool matches(const struct rein_net_rule *rule, enum rein_net_family family, const uint8_t *address,
		    uint16_t port, uint8_t protocol)
{
	return rule->direction == REIN_NET_CONNECT && rule->family == family && rule->protocol == protocol &&
	       port >= rule->port_low && port <= rule->port_high && covers(rule->address, rule->prefix_bits, address);
}

bool rein_policy_connects(const struct rein_policy *policy, enum rein_net_family family, const uint8_t *address,
			  uint16_t port, uint8_t protocol)
{
	bool allowed = false;

	for (size_t i = 0; i < policy->net.count; i++) {
		const struct rein_net_rule *rule = &policy->net.items[i];

		if (!matches(rule, family, address, port, protocol))
			continue;
		if (rule->verdict != REIN_VERDICT_ALLOW)
			return false;
		allowed = true;
	}
	return allowed;
}

static bool loopback(const struct endpoint *to)
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

static void record(struct rein_agent *agent, const struct rein_question *q, enum rein_net_direction direction,
		   const struct endpoint *to, int protocol)
{
	char comm[16];

	rein_question_comm(q, comm);
	rein_explain_address(agent, rein_question_pid(q), comm, direction == REIN_NET_LISTEN ? "listen" : "connect",
			     direction, to->family, to->address, to->port, (uint8_t)protocol, REIN_MECH_BROKER, EPERM);
}

void rein_addressed_text(const struct rein_question *q, int arg, char *ret_text, size_t size)
{
	union rein_address address;
	struct endpoint to;
	char text[INET6_ADDRSTRLEN] = "";

	ret_text[0] = '\0';
	if (rein_question_address(q, arg, &address))
		return;
	if (address.any.sa_family == AF_UNIX)
		snprintf(ret_text, size, "%s%.107s", address.un.sun_path[0] ? "" : "@",
			 address.un.sun_path + !address.un.sun_path[0]);
	if (!endpoint_of(&address, &to))
		return;
	inet_ntop(to.family == REIN_NET_V4 ? AF_INET : AF_INET6, to.address, text, sizeof(text));
	snprintf(ret_text, size, to.family == REIN_NET_V4 ? "%s:%u" : "[%s]:%u", text, to.port);
}

bool rein_addressed_allows(struct rein_agent *agent, const struct rein_question *q)
{
	const struct rein_launch *launch = agent->launch;
	union rein_address address;
	struct endpoint to;
	int protocol;

	if (q->nr != SYS_connect || rein_question_address(q, 1, &address) || !endpoint_of(&address, &to))
		return true;
	/* The loopback of its own network namespace reaches nobody but the agent. */
	if (!launch->plan->host_network && loopback(&to))
		return true;
	if (rein_policy_connects(launch->policy, to.family, to.address, to.port, IPPROTO_TCP))
		return true;
	protocol = socket_option(q, SO_PROTOCOL, IPPROTO_TCP);
	if (rein_policy_connects(launch->policy, to.family, to.address, to.port, (uint8_t)protocol))
		return true;
	record(agent, q, REIN_NET_CONNECT, &to, protocol);
	return false;
}

struct rein_verdict_on_call rein_addressed_listen(struct rein_agent *agent, const struct rein_question *q)
{
	union rein_address address = {0};
	socklen_t length = sizeof(address);
	struct endpoint at;
	REIN_AUTO_FD int copy = -1;

	if (q->nr != SYS_listen)
		return (struct rein_verdict_on_call){REIN_REPLY_PASS, 0};
	copy = rein_question_descriptor(q, (int)q->args[0]);
	if (copy < 0)
		return (struct rein_verdict_on_call){REIN_REPLY_REFUSE, copy == -EBADF ? EBADF : EPERM};
	if (getsockname(copy, &address.any, &length))
		return (struct rein_verdict_on_call){REIN_REPLY_REFUSE, errno};
	if (endpoint_of(&address, &at) && !at.port) {
		record(agent, q, REIN_NET_LISTEN, &at, IPPROTO_TCP);
		return (struct rein_verdict_on_call){REIN_REPLY_REFUSE, EPERM};
	}
	return (struct rein_verdict_on_call){REIN_REPLY_DONE, listen(copy, (int)q->args[1]) ? -errno : 0};
}
