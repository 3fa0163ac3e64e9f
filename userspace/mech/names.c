/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/names.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "mech/port_bitmap.h"
#include "profile/address.h"
#include "profile/hostname.h"

static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};

struct brought {
	struct rein_named_key key;
	struct rein_named_entry entry;
};

struct rein_names {
	const struct rein_policy *policy;
	int map_fd;
	REIN_VEC(struct brought) brought; /* at most REIN_NAMED_MAX */
};

struct rein_names *rein_names_new(const struct rein_policy *policy, int map_fd)
{
	struct rein_names *names = calloc(1, sizeof(*names));

	if (names) {
		names->policy = policy;
		names->map_fd = map_fd;
	}
	return names;
}

void rein_names_free(struct rein_names *names)
{
	if (names)
		rein_vec_free(&names->brought);
	free(names);
}

static bool concerns(const struct rein_host_rule *rule, const char *name)
{
	return rein_hostname_matches(rule->name, rule->wildcard, name);
}

/* The ports of one protocol that the hosts allow to a name. */
static void ports_of_name(const struct rein_policy *policy, const char *name, uint8_t protocol,
			  struct rein_port_bitmap *ret_ports)
{
	memset(ret_ports, 0, sizeof(*ret_ports));
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < policy->hosts.count; i++) {
			const struct rein_host_rule *rule = &policy->hosts.items[i];

			if (rule->protocol != protocol || !concerns(rule, name))
				continue;
			if (pass == 0 && rule->verdict == REIN_VERDICT_ALLOW)
				rein_ports_add(ret_ports, rule->port_low, rule->port_high);
			else if (pass == 1 && rule->verdict != REIN_VERDICT_ALLOW)
				rein_ports_remove(ret_ports, rule->port_low, rule->port_high);
		}
}

/* Without what cidr lines deny, or would ask about. */
static void remove_denied(const struct rein_policy *policy, const struct rein_ip *ip, uint8_t protocol,
			  struct rein_port_bitmap *ports)
{
	struct rein_network inner = {.family = ip->family, .prefix_bits = ip->family == REIN_NET_V4 ? 32 : 128};

	memcpy(inner.address, ip->address, sizeof(inner.address));
	for (size_t i = 0; i < policy->net.count; i++) {
		const struct rein_net_rule *rule = &policy->net.items[i];
		struct rein_network outer = {.family = rule->family, .prefix_bits = rule->prefix_bits};

		memcpy(outer.address, rule->address, sizeof(outer.address));
		if (rule->verdict != REIN_VERDICT_ALLOW && rule->direction == REIN_NET_CONNECT &&
		    rule->protocol == protocol && rein_network_contains(&outer, &inner))
			rein_ports_remove(ports, rule->port_low, rule->port_high);
	}
}

static struct brought *find(const struct rein_names *names, const struct rein_named_key *key)
{
	for (size_t i = 0; i < names->brought.count; i++)
		if (!memcmp(&names->brought.items[i].key, key, sizeof(*key)))
			return &names->brought.items[i];
	return NULL;
}

static uint64_t last_of(const struct rein_named_entry *entry)
{
	uint64_t last = 0;

	for (size_t i = 0; i < REIN_NAMED_RANGES; i++)
		if (entry->ranges[i].until_ns > last)
			last = entry->ranges[i].until_ns;
	return last;
}

/* The place of what has expired longest ago; what flows there is cut. NULL: nothing has. */
static struct brought *evict(struct rein_names *names, uint64_t now_ns)
{
	struct brought *oldest = NULL;

	for (size_t i = 0; i < names->brought.count; i++) {
		struct brought *brought = &names->brought.items[i];

		if (last_of(&brought->entry) < now_ns &&
		    (!oldest || last_of(&brought->entry) < last_of(&oldest->entry)))
			oldest = brought;
	}
	if (oldest && names->map_fd >= 0)
		bpf_map_delete_elem(names->map_fd, &oldest->key);
	return oldest;
}

static struct brought *find_or_add(struct rein_names *names, const struct rein_named_key *key, uint64_t now_ns)
{
	struct brought *brought = find(names, key);

	if (brought)
		return brought;
	brought = names->brought.count < REIN_NAMED_MAX ? rein_vec_add(&names->brought) : evict(names, now_ns);
	if (brought)
		*brought = (struct brought){.key = *key};
	return brought;
}

static struct rein_named_range *place_of(struct rein_named_entry *entry, struct rein_port_range ports, uint64_t now_ns)
{
	struct rein_named_range *free_place = NULL;

	for (size_t i = 0; i < REIN_NAMED_RANGES; i++) {
		struct rein_named_range *range = &entry->ranges[i];

		if (range->until_ns && range->ports.low == ports.low && range->ports.high == ports.high)
			return range;
		if (range->until_ns < now_ns && (!free_place || range->until_ns < free_place->until_ns))
			free_place = range;
	}
	return free_place;
}

static int enter_range(struct rein_named_entry *entry, struct rein_port_range ports, uint64_t until_ns, uint64_t now_ns)
{
	struct rein_named_range *range = place_of(entry, ports, now_ns);

	if (!range)
		return -ENOSPC;
	if (range->ports.low != ports.low || range->ports.high != ports.high)
		*range = (struct rein_named_range){0};
	range->ports = ports;
	if (range->until_ns < until_ns)
		range->until_ns = until_ns;
	return 0;
}

static int enter(struct rein_names *names, const struct rein_named_key *key, const struct rein_port_range *ranges,
		 size_t count, uint64_t until_ns, uint64_t now_ns)
{
	struct brought *brought = find_or_add(names, key, now_ns);
	struct rein_named_entry entry;
	int r = brought ? 0 : -ENOSPC;

	if (brought)
		entry = brought->entry;
	for (size_t i = 0; i < count && !r; i++)
		r = enter_range(&entry, ranges[i], until_ns, now_ns);
	if (!r && names->map_fd >= 0 && bpf_map_update_elem(names->map_fd, key, &entry, BPF_ANY))
		r = -errno;
	if (!r)
		brought->entry = entry;
	return r;
}

static int bring(struct rein_names *names, const char *name, const struct rein_ip *ip, uint8_t protocol,
		 uint64_t until_ns, uint64_t now_ns)
{
	struct rein_named_key key = {.family = (uint8_t)ip->family, .protocol = protocol};
	struct rein_port_range ranges[REIN_NAMED_RANGES];
	struct rein_port_bitmap ports;
	size_t count;

	memcpy(key.address, ip->address, sizeof(key.address));
	ports_of_name(names->policy, name, protocol, &ports);
	remove_denied(names->policy, ip, protocol, &ports);
	count = rein_ports_ranges(&ports, ranges, REIN_NAMED_RANGES);
	if (count == 0)
		return -EACCES;
	return count > REIN_NAMED_RANGES ? -ENOSPC : enter(names, &key, ranges, count, until_ns, now_ns);
}

int rein_names_bring(struct rein_names *names, const char *name, const struct rein_ip *ip, uint64_t until_ns,
		     uint64_t now_ns)
{
	int result = -EACCES;

	for (size_t i = 0; i < REIN_COUNT(protocols); i++) {
		int r = bring(names, name, ip, protocols[i], until_ns, now_ns);

		if (r < 0 && r != -EACCES)
			return r;
		if (!r)
			result = 0;
	}
	return result;
}

bool rein_names_brought(const struct rein_names *names, const struct rein_ip *ip, uint8_t protocol, uint16_t port,
			uint64_t now_ns)
{
	struct rein_named_key key = {.family = (uint8_t)ip->family, .protocol = protocol};
	const struct brought *brought;

	memcpy(key.address, ip->address, sizeof(key.address));
	brought = find(names, &key);
	for (size_t i = 0; brought && i < REIN_NAMED_RANGES; i++) {
		const struct rein_named_range *range = &brought->entry.ranges[i];

		if (range->until_ns && now_ns <= range->until_ns && port >= range->ports.low &&
		    port <= range->ports.high)
			return true;
	}
	return false;
}

static bool is_open(const struct rein_policy *policy, const char *name)
{
	struct rein_port_range range;
	struct rein_port_bitmap ports;

	for (size_t i = 0; i < REIN_COUNT(protocols); i++) {
		ports_of_name(policy, name, protocols[i], &ports);
		if (rein_ports_ranges(&ports, &range, 1))
			return true;
	}
	return false;
}

const struct rein_host_rule *rein_names_rule(const struct rein_policy *policy, const char *name)
{
	bool open = is_open(policy, name);

	for (size_t i = 0; i < policy->hosts.count; i++) {
		const struct rein_host_rule *rule = &policy->hosts.items[i];

		if ((rule->verdict == REIN_VERDICT_ALLOW) == open && concerns(rule, name))
			return rule;
	}
	return NULL;
}
