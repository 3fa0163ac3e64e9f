/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/explaining.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/explain.h"
#include "base/cleanup.h"
#include "profile/words.h"

static bool covers(const struct rein_net_rule *rule, const struct rein_address_refusal *refusal)
{
	unsigned whole = rule->prefix_bits / 8, rest = rule->prefix_bits % 8;

	if (rule->direction != refusal->direction || rule->family != refusal->family ||
	    rule->protocol != refusal->protocol || memcmp(rule->address, refusal->address, whole))
		return false;
	return !rest || !((rule->address[whole] ^ refusal->address[whole]) >> (8 - rest));
}

/* The rule that comes closest: one that refuses it, else one that allows the address at other ports. */
static const struct rein_net_rule *closest(const struct rein_address_refusal *refusal)
{
	const struct rein_policy *policy = refusal->refused.agent->launch->policy;
	const struct rein_net_rule *near = NULL;

	for (size_t i = 0; i < policy->net.count; i++) {
		const struct rein_net_rule *rule = &policy->net.items[i];

		if (!covers(rule, refusal))
			continue;
		if (rule->verdict == REIN_VERDICT_ALLOW)
			near = rule;
		else if (refusal->port >= rule->port_low && refusal->port <= rule->port_high)
			return rule;
	}
	return near;
}

static void address_text(const struct rein_address_refusal *refusal, char *ret_text)
{
	inet_ntop(refusal->family == REIN_NET_V6 ? AF_INET6 : AF_INET, refusal->address, ret_text, INET6_ADDRSTRLEN);
}

static char *object_of(const struct rein_address_refusal *refusal)
{
	bool v6 = refusal->family == REIN_NET_V6;
	char address[INET6_ADDRSTRLEN] = "?", *object;

	address_text(refusal, address);
	if (asprintf(&object, "%s%s%s:%u/%s", v6 ? "[" : "", address, v6 ? "]" : "", refusal->port,
		     rein_protocol_name(refusal->protocol)) < 0)
		return NULL;
	return object;
}

static const char *doing(const char *op)
{
	static const struct {
		const char *op, *words;
	} all[] = {{"connect", "connect to"},	{"send", "send to"},   {"bind", "listen on"},  {"listen", "listen on"},
		   {"receive", "receive from"}, {"sendto", "send to"}, {"sendmsg", "send to"}, {"sendmmsg", "send to"}};

	for (size_t i = 0; i < REIN_COUNT(all); i++)
		if (!strcmp(all[i].op, op))
			return all[i].words;
	return "reach";
}

static void write_reason(FILE *out, const struct rein_address_refusal *refusal, const struct rein_net_rule *rule)
{
	if (rule && rule->verdict != REIN_VERDICT_ALLOW) {
		rein_write_rule(out, &rule->origin);
		fprintf(out, " denies it");
		return;
	}
	rein_write_no_rule(out, &refusal->refused);
	fprintf(out, " allows it");
	if (rule && (refusal->port < rule->port_low || refusal->port > rule->port_high)) {
		fprintf(out, " (");
		rein_write_rule(out, &rule->origin);
		fprintf(out, " allows this address at other ports)");
	}
}

static char *why(const struct rein_address_refusal *refusal, const char *object, const struct rein_net_rule *rule)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	rein_write_subject(out, &refusal->refused);
	fprintf(out, " tried to %s %s; ", doing(refusal->refused.op), object);
	write_reason(out, refusal, rule);
	rein_write_outcome(out, &refusal->refused);
	fclose(out);
	return text;
}

static json_t *remedy(const struct rein_address_refusal *refusal, const struct rein_net_rule *rule)
{
	char address[INET6_ADDRSTRLEN] = "?", list[32];
	REIN_AUTO_FREE char *item = NULL;

	if (rule && rule->verdict != REIN_VERDICT_ALLOW)
		return NULL;
	address_text(refusal, address);
	snprintf(list, sizeof(list), "network.%s", rein_net_direction_name(refusal->direction));
	if (asprintf(&item, "{cidr: \"%s/%d\", port: %u%s}", address, refusal->family == REIN_NET_V6 ? 128 : 32,
		     refusal->port, refusal->protocol == IPPROTO_UDP ? ", protocol: udp" : "") < 0)
		return NULL;
	return rein_remedy(list, item);
}

void rein_explain_refused_address(const struct rein_address_refusal *refusal)
{
	REIN_AUTO_FREE char *object = object_of(refusal);
	const struct rein_net_rule *rule = closest(refusal);
	bool denied = rule && rule->verdict != REIN_VERDICT_ALLOW;

	rein_emit_refusal(&refusal->refused, object, denied ? &rule->origin : NULL, why(refusal, object, rule),
			  remedy(refusal, rule));
}

void rein_explain_uncopied(struct rein_agent *agent, pid_t pid, const char *comm, const char *op, int error)
{
	const struct rein_refused refused = {
		.agent = agent, .pid = pid, .comm = comm, .op = op, .mechanism = REIN_MECH_BROKER, .error = error};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out) {
		rein_write_subject(out, &refused);
		fprintf(out,
			" made the system call %s; without root rein makes it in a program's place, and the kernel "
			"lets it "
			"have no descriptor of one that may be executed and not read",
			op);
		rein_write_outcome(out, &refused);
		fclose(out);
	}
	rein_emit_refusal(&refused, NULL, NULL, text, NULL);
}

static const char *family_name(int family)
{
	static const char *const names[] = {
		[AF_UNIX] = "UNIX",	[AF_INET] = "IPv4", [AF_INET6] = "IPv6",  [AF_NETLINK] = "netlink",
		[AF_PACKET] = "packet", [AF_ALG] = "ALG",   [AF_VSOCK] = "vsock", [AF_BLUETOOTH] = "Bluetooth",
		[AF_CAN] = "CAN",	[AF_RDS] = "RDS",   [AF_TIPC] = "TIPC",	  [AF_XDP] = "XDP",
		[AF_KEY] = "IPsec key", [AF_KCM] = "KCM",   [AF_SMC] = "SMC",
	};

	return family >= 0 && (size_t)family < REIN_COUNT(names) && names[family] ? names[family] : NULL;
}

static void socket_text(uint32_t kind, char *ret_text, size_t size)
{
	int family = (int)(kind >> 16), type = (int)(kind >> 8 & 0xff), protocol = (int)(kind & 0xff);
	const char *name = family_name(family);

	if (name)
		snprintf(ret_text, size, "%s%s socket", type == SOCK_RAW ? "raw " : "", name);
	else
		snprintf(ret_text, size, "socket of family %d", family);
	if (type != SOCK_RAW && (family == AF_INET || family == AF_INET6))
		snprintf(ret_text + strlen(ret_text), size - strlen(ret_text), " of type %d and protocol %d", type,
			 protocol);
}

void rein_explain_refused_socket(const struct rein_refused *refused, uint32_t kind)
{
	char object[96], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	socket_text(kind, object, sizeof(object));
	if (out) {
		rein_write_subject(out, refused);
		fprintf(out, " tried to make a %s, which no address rule could confine", object);
		rein_write_outcome(out, refused);
		fclose(out);
	}
	rein_emit_refusal(refused, object, NULL, text, NULL);
}
