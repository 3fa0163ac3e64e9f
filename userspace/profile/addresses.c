/* SPDX-License-Identifier: GPL-2.0 */
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/address.h"
#include "profile/hostname.h"
#include "profile/resolve.h"
#include "profile/words.h"

/* Whom to: the rules about addresses and host names. */

#define ASK_LATER                                                                                                  \
	"asking a person is not part of this version of rein, so nobody would ever be asked; move what is listed " \
	"here to allow or deny"

/* What of a rule is the same whether it names addresses or a host. */
struct reach {
	enum rein_net_direction direction;
	enum rein_verdict verdict;
	struct rein_port_range ports;
	uint8_t protocol;
};

static int resolve_port(struct rein_resolver *resolver, const struct rein_raw_net *raw, struct reach *reach)
{
	reach->ports = (struct rein_port_range){0, 65535};
	/* What one binds to have the kernel pick a port. Nobody connects to it. */
	if (raw->port && reach->direction == REIN_NET_LISTEN && strcmp(raw->port->text, "0") == 0)
		reach->ports.high = 0;
	else if (raw->port && rein_ports_parse(raw->port->text, &reach->ports, resolver->err) < 0)
		return rein_place_error(resolver, raw->port);
	reach->protocol = IPPROTO_TCP;
	if (raw->protocol && !rein_protocol_parse(raw->protocol->text, &reach->protocol))
		return rein_refuse_at(resolver, raw->protocol, "protocol: \"%.64s\" is neither tcp nor udp",
				      raw->protocol->text);
	return 0;
}

static const char *or_nothing(const struct rein_raw_text *text)
{
	return text ? text->text : "";
}

static struct rein_origin net_origin(const struct rein_resolver *resolver, const struct rein_raw_net *raw,
				     const struct reach *reach)
{
	return rein_origin_at(resolver, raw->line, raw->column, "network.%s.%s: {%s: %s%s%s%s%s}",
			      rein_net_direction_name(reach->direction), rein_verdict_name(reach->verdict),
			      raw->host ? "host" : "cidr", raw->host ? raw->host->text : raw->cidr->text,
			      raw->port ? ", port: " : "", or_nothing(raw->port), raw->protocol ? ", protocol: " : "",
			      or_nothing(raw->protocol));
}

static int add_network(struct rein_resolver *resolver, const struct rein_raw_net *raw, const struct reach *reach)
{
	struct rein_network network;
	struct rein_net_rule *rule;

	if (rein_network_parse(raw->cidr->text, &network, resolver->err) < 0)
		return rein_place_error(resolver, raw->cidr);
	rule = rein_vec_add(&resolver->policy->net);
	if (!rule)
		return rein_out_of_memory(resolver);
	*rule = (struct rein_net_rule){
		.origin = net_origin(resolver, raw, reach),
		.verdict = reach->verdict,
		.direction = reach->direction,
		.family = network.family,
		.prefix_bits = network.prefix_bits,
		.protocol = reach->protocol,
		.port_low = reach->ports.low,
		.port_high = reach->ports.high,
		.optional = raw->optional,
	};
	memcpy(rule->address, network.address, sizeof(rule->address));
	return rule->origin.text ? 0 : rein_out_of_memory(resolver);
}

static int add_host(struct rein_resolver *resolver, const struct rein_raw_net *raw, const struct reach *reach)
{
	char name[REIN_HOSTNAME_MAX];
	struct rein_host_rule *rule;
	bool wildcard;

	if (reach->direction != REIN_NET_CONNECT)
		return rein_refuse_at(resolver, raw->host, "host is for network.connect; what listens has an address");
	if (rein_hostname_parse(raw->host->text, name, &wildcard, resolver->err) < 0)
		return rein_place_error(resolver, raw->host);
	rule = rein_vec_add(&resolver->policy->hosts);
	if (!rule)
		return rein_out_of_memory(resolver);
	*rule = (struct rein_host_rule){
		.origin = net_origin(resolver, raw, reach),
		.verdict = reach->verdict,
		.name = rein_policy_text(resolver->policy, "%s", name),
		.wildcard = wildcard,
		.protocol = reach->protocol,
		.port_low = reach->ports.low,
		.port_high = reach->ports.high,
		.optional = raw->optional,
	};
	return rule->origin.text && rule->name ? 0 : rein_out_of_memory(resolver);
}

static int add_rule(struct rein_resolver *resolver, const struct rein_raw_net *raw, struct reach reach)
{
	const struct rein_raw_text at = {.line = raw->line, .column = raw->column};
	int r;

	if (raw->host && raw->cidr)
		return rein_refuse_at(resolver, &at, "a rule has a cidr or a host, not both; make it two");
	if (!raw->host && !raw->cidr)
		return rein_refuse_at(resolver, &at,
				      "a rule needs a cidr, such as {cidr: 127.0.0.1/32, port: 443}, or a host, such "
				      "as {host: example.org, port: 443}");
	r = resolve_port(resolver, raw, &reach);
	if (r < 0)
		return r;
	return raw->host ? add_host(resolver, raw, &reach) : add_network(resolver, raw, &reach);
}

int rein_resolve_addresses(struct rein_resolver *resolver, const struct rein_raw_net_rules *raw,
			   enum rein_net_direction direction)
{
	unsigned i;
	int r = 0;

	if (!raw)
		return 0;
	if (raw->ask && raw->ask->count)
		return rein_refuse_later(resolver, raw->ask->line, raw->ask->column, ASK_LATER);
	if (raw->allow)
		resolver->policy->declared |= direction == REIN_NET_CONNECT ? REIN_LIST_CONNECT : REIN_LIST_LISTEN;
	for (i = 0; r == 0 && raw->allow && i < raw->allow->count; i++)
		r = add_rule(resolver, &raw->allow->items[i], (struct reach){direction, REIN_VERDICT_ALLOW, {0, 0}, 0});
	for (i = 0; r == 0 && raw->deny && i < raw->deny->count; i++)
		r = add_rule(resolver, &raw->deny->items[i], (struct reach){direction, REIN_VERDICT_DENY, {0, 0}, 0});
	return r;
}
