/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <string.h>

#include "agent/explaining.h"
#include "agent/name_budget.h"
#include "base/cleanup.h"

/* Names that were not found, and addresses that were left out, by what rein decided. */

static void why_denied(FILE *out, const struct rein_refused *refused, const struct rein_host_rule *rule)
{
	if (rule) {
		rein_write_rule(out, &rule->origin);
		fprintf(out, " denies it");
		return;
	}
	rein_write_no_rule(out, refused);
	fprintf(out, " allows it");
}

static void why_garbled(FILE *out, const struct rein_refused *refused, const struct rein_host_rule *rule)
{
	fprintf(out, "it was no question about a host name that could be understood");
}

static void why_budget(FILE *out, const struct rein_refused *refused, const struct rein_host_rule *rule)
{
	rein_write_rule(out, &rule->origin);
	fprintf(out,
		" allows at most %d different names, of %d bytes together, since names carry data to whoever owns "
		"the domain",
		REIN_NAME_BUDGET_NAMES, REIN_NAME_BUDGET_BYTES);
}

static void why_inside(FILE *out, const struct rein_refused *refused, const struct rein_host_rule *rule)
{
	fprintf(out, "that is an address of this machine or of private networks, which no cidr line declares");
}

static void why_denied_address(FILE *out, const struct rein_refused *refused, const struct rein_host_rule *rule)
{
	fprintf(out, "lines that deny addresses leave it no port");
}

static void why_no_room(FILE *out, const struct rein_refused *refused, const struct rein_host_rule *rule)
{
	fprintf(out, "names have brought more addresses than are kept for one agent");
}

static const struct {
	const char *deed; /* after "the agent" */
	void (*why)(FILE *out, const struct rein_refused *refused, const struct rein_host_rule *rule);
	const char *outcome;
	bool by_rule; /* the rule is what refused it */
} reasons[] = {
	[REIN_NAME_DENIED] = {"asked for the address of", why_denied, "no such name was found (NXDOMAIN)", true},
	[REIN_NAME_GARBLED] = {"sent something to port 53", why_garbled, "it was refused (FORMERR)", false},
	[REIN_NAME_BUDGET] = {"asked for the address of", why_budget, "it was refused (REFUSED)", true},
	[REIN_NAME_INSIDE] = {"was led by", why_inside, "it was left out of the answer", false},
	[REIN_NAME_DENIED_ADDRESS] = {"was led by", why_denied_address, "it was left out of the answer", false},
	[REIN_NAME_NO_ROOM] = {"was led by", why_no_room, "it was left out of the answer", false},
};

static char *object_of(const char *name, const struct rein_ip *ip)
{
	char address[INET6_ADDRSTRLEN] = "?", *object;

	if (!name || !ip)
		return name ? strdup(name) : NULL;
	inet_ntop(ip->family == REIN_NET_V6 ? AF_INET6 : AF_INET, ip->address, address, sizeof(address));
	return asprintf(&object, "%s -> %s", name, address) < 0 ? NULL : object;
}

static char *why(const struct rein_refused *refused, const char *name, const struct rein_ip *ip,
		 const struct rein_host_rule *rule, enum rein_name_reason reason)
{
	char address[INET6_ADDRSTRLEN] = "", *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (ip)
		inet_ntop(ip->family == REIN_NET_V6 ? AF_INET6 : AF_INET, ip->address, address, sizeof(address));
	rein_write_subject(out, refused);
	fprintf(out, " %s%s%s%s%s; ", reasons[reason].deed, name ? " " : "", name ?: "", ip ? " to " : "", address);
	reasons[reason].why(out, refused, rule);
	fprintf(out, ", so %s.", reasons[reason].outcome);
	fclose(out);
	return text;
}

/* What would let it pass: the name, or the address as a cidr. */
static json_t *remedy(const char *name, const struct rein_ip *ip, const struct rein_host_rule *rule,
		      enum rein_name_reason reason)
{
	char address[INET6_ADDRSTRLEN] = "?";
	REIN_AUTO_FREE char *item = NULL;
	bool v6 = ip && ip->family == REIN_NET_V6;
	int r = -1;

	if (reason == REIN_NAME_DENIED && !rule) {
		r = asprintf(&item, "{host: %s, port: 443}", name);
	} else if (reason == REIN_NAME_INSIDE) {
		inet_ntop(v6 ? AF_INET6 : AF_INET, ip->address, address, sizeof(address));
		r = asprintf(&item, "{cidr: \"%s/%d\", port: %u}", address, v6 ? 128 : 32, rule->port_low);
	}
	if (r < 0)
		item = NULL;
	return rein_remedy("network.connect", item);
}

void rein_explain_refused_name(struct rein_agent *agent, const char *name, const struct rein_ip *ip,
			       const struct rein_host_rule *rule, enum rein_name_reason reason)
{
	struct rein_refused refused = {.agent = agent, .op = "resolve", .mechanism = REIN_MECH_SUPERVISOR};
	REIN_AUTO_FREE char *object = object_of(name, ip);

	rein_emit_refusal(&refused, object, rule && reasons[reason].by_rule ? &rule->origin : NULL,
			  why(&refused, name, ip, rule, reason), remedy(name, ip, rule, reason));
}
