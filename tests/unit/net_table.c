/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mech/net_table.h"

/* The table against the meaning of the rules: an address and port is allowed if some rule allows it and none refuses.
 */

static struct rein_net_rule rule_v4(enum rein_verdict verdict, const char *address, unsigned bits, unsigned low,
				    unsigned high)
{
	struct rein_net_rule rule = {
		.verdict = verdict,
		.direction = REIN_NET_CONNECT,
		.family = REIN_NET_V4,
		.prefix_bits = (uint8_t)bits,
		.protocol = IPPROTO_TCP,
		.port_low = (uint16_t)low,
		.port_high = (uint16_t)high,
	};
	unsigned a, b, c, d;

	cr_assert_eq(sscanf(address, "%u.%u.%u.%u", &a, &b, &c, &d), 4);
	memcpy(rule.address, (uint8_t[]){(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d}, 4);
	return rule;
}

static bool prefix_covers(const uint8_t *prefix, unsigned bits, const uint8_t *address)
{
	for (unsigned i = 0; i < bits; i++)
		if (((prefix[i / 8] ^ address[i / 8]) >> (7 - i % 8)) & 1)
			return false;
	return true;
}

static bool meant(const struct rein_policy *policy, const struct rein_net_key *key, unsigned port)
{
	bool allowed = false;

	for (size_t i = 0; i < policy->net.count; i++) {
		const struct rein_net_rule *rule = &policy->net.items[i];

		if (rule->direction != key->direction || rule->family != key->family ||
		    rule->protocol != key->protocol || port < rule->port_low || port > rule->port_high ||
		    !prefix_covers(rule->address, rule->prefix_bits, key->address))
			continue;
		if (rule->verdict != REIN_VERDICT_ALLOW)
			return false;
		allowed = true;
	}
	return allowed;
}

static bool entry_has(const struct rein_net_table *table, const struct rein_net_entry *entry, unsigned port)
{
	if (entry->nr_ranges == REIN_NET_USE_BITMAP)
		return (table->bitmaps.items[entry->bitmap].words[port / 64] >> (port % 64)) & 1;
	for (unsigned i = 0; i < entry->nr_ranges; i++)
		if (port >= entry->ranges[i].low && port <= entry->ranges[i].high)
			return true;
	return false;
}

/* What the kernel's trie does: the longest row that covers the key alone decides. */
static bool decides(const struct rein_net_table *table, const struct rein_net_key *key, unsigned port)
{
	const struct rein_net_row *best = NULL;

	for (size_t i = 0; i < table->rows.count; i++) {
		const struct rein_net_row *row = &table->rows.items[i];

		if (row->key.direction == key->direction && row->key.family == key->family &&
		    row->key.protocol == key->protocol &&
		    prefix_covers(row->key.address, row->key.prefix_bits - REIN_NET_KEY_BASE_BITS, key->address) &&
		    (!best || row->key.prefix_bits > best->key.prefix_bits))
			best = row;
	}
	return best && entry_has(table, &best->entry, port);
}

static struct rein_net_table table_of(struct rein_net_rule *rules, size_t count)
{
	struct rein_policy policy = {.net = {.items = rules, .count = count}};
	struct rein_net_table table = {0};

	cr_assert_eq(rein_net_table_make(&policy, &table, NULL), 0);
	return table;
}

static struct rein_net_key key_v4(const char *address)
{
	struct rein_net_rule rule = rule_v4(REIN_VERDICT_ALLOW, address, 32, 0, 0);
	struct rein_net_key key = {.family = REIN_NET_V4, .protocol = IPPROTO_TCP};

	memcpy(key.address, rule.address, 4);
	return key;
}

Test(net_table, nothing_declared_is_nothing_allowed)
{
	struct rein_net_table table = table_of(NULL, 0);

	cr_assert_eq(table.rows.count, 0);
	rein_net_table_free(&table);
}

Test(net_table, a_narrow_rule_adds_to_the_wide_one)
{
	struct rein_net_rule rules[] = {
		rule_v4(REIN_VERDICT_ALLOW, "10.1.0.0", 16, 8080, 8080),
		rule_v4(REIN_VERDICT_ALLOW, "10.0.0.0", 8, 443, 443),
	};
	struct rein_net_table table = table_of(rules, 2);
	struct rein_net_key inside = key_v4("10.1.2.3"), beside = key_v4("10.2.2.3");

	cr_assert(decides(&table, &inside, 443));
	cr_assert(decides(&table, &inside, 8080));
	cr_assert(decides(&table, &beside, 443));
	cr_assert_not(decides(&table, &beside, 8080));
	rein_net_table_free(&table);
}

Test(net_table, a_wide_refusal_beats_a_narrow_permission)
{
	struct rein_net_rule rules[] = {
		rule_v4(REIN_VERDICT_ALLOW, "10.1.2.3", 32, 1, 65535),
		rule_v4(REIN_VERDICT_DENY, "10.0.0.0", 8, 22, 22),
		rule_v4(REIN_VERDICT_ASK, "10.1.0.0", 16, 25, 25),
	};
	struct rein_net_table table = table_of(rules, 3);
	struct rein_net_key key = key_v4("10.1.2.3");

	cr_assert_not(decides(&table, &key, 22));
	cr_assert_not(decides(&table, &key, 25));
	cr_assert(decides(&table, &key, 23));
	cr_assert(decides(&table, &key, 65535));
	cr_assert_not(decides(&table, &key, 0));
	rein_net_table_free(&table);
}

Test(net_table, mapped_addresses_are_ipv4)
{
	struct rein_net_rule rule = {
		.verdict = REIN_VERDICT_ALLOW,
		.family = REIN_NET_V6,
		.address = {[10] = 0xff, [11] = 0xff, 10, 1},
		.prefix_bits = 96 + 16,
		.protocol = IPPROTO_TCP,
		.port_low = 1,
		.port_high = 2,
	};
	struct rein_net_table table = table_of(&rule, 1);
	struct rein_net_key key = key_v4("10.1.9.9");

	cr_assert(decides(&table, &key, 2));
	cr_assert_eq(table.rows.items[0].key.prefix_bits, REIN_NET_KEY_BASE_BITS + 16);
	rein_net_table_free(&table);
}

Test(net_table, all_of_ipv6_is_not_ipv4)
{
	struct rein_net_rule rule = {
		.verdict = REIN_VERDICT_ALLOW,
		.family = REIN_NET_V6,
		.protocol = IPPROTO_TCP,
		.port_high = 65535,
	};
	struct rein_net_table table = table_of(&rule, 1);
	struct rein_net_key key = key_v4("10.1.9.9");

	cr_assert_not(decides(&table, &key, 2));
	rein_net_table_free(&table);
}

Test(net_table, host_bits_of_a_prefix_do_not_matter)
{
	struct rein_net_rule rules[] = {
		rule_v4(REIN_VERDICT_ALLOW, "10.1.2.3", 8, 1, 1),
		rule_v4(REIN_VERDICT_ALLOW, "10.9.9.9", 8, 2, 2),
	};
	struct rein_net_table table = table_of(rules, 2);
	struct rein_net_key key = key_v4("10.200.0.1");

	cr_assert_eq(table.rows.count, 1);
	cr_assert(decides(&table, &key, 1) && decides(&table, &key, 2));
	rein_net_table_free(&table);
}

Test(net_table, many_ranges_share_one_bitmap)
{
	struct rein_net_rule rules[40];

	for (unsigned i = 0; i < 20; i++)
		rules[i] = rule_v4(REIN_VERDICT_ALLOW, "10.0.0.0", 8, 10 * i, 10 * i + 3);
	for (unsigned i = 20; i < 40; i++) {
		rules[i] = rule_v4(REIN_VERDICT_ALLOW, "10.0.0.0", 16, 10, 11);
		rules[i].address[1] = (uint8_t)i;
	}
	struct rein_net_table table = table_of(rules, 40);
	struct rein_net_key key = key_v4("10.25.0.1");

	cr_assert_eq(table.rows.count, 21);
	cr_assert_eq(table.bitmaps.count, 1);
	cr_assert(decides(&table, &key, 193));
	cr_assert_not(decides(&table, &key, 194));
	rein_net_table_free(&table);
}

static struct rein_net_rule random_rule(void)
{
	static const unsigned bits[] = {0, 1, 7, 8, 9, 24, 31, 32};
	struct rein_net_rule rule = rule_v4((enum rein_verdict)(rand() % 6 ? REIN_VERDICT_ALLOW : rand() % 2),
					    "0.0.0.0", bits[rand() % 8], (unsigned)rand() % 200, 0);

	rule.port_high = (uint16_t)(rule.port_low + rand() % (rand() % 5 ? 8 : 60000));
	rule.direction = (enum rein_net_direction)(rand() % 2);
	rule.protocol = rand() % 3 ? IPPROTO_TCP : IPPROTO_UDP;
	rule.family = rand() % 2 ? REIN_NET_V4 : REIN_NET_V6;
	if (rule.family == REIN_NET_V6 && rand() % 2)
		rule.prefix_bits = (uint8_t)(rule.prefix_bits * 4);
	for (int i = 0; i < (rule.family == REIN_NET_V4 ? 4 : 16); i++)
		rule.address[i] = (uint8_t)(rand() % 2 ? 0 : 1 << rand() % 8);
	return rule;
}

Test(net_table, means_what_the_rules_mean)
{
	srand(7);
	for (int round = 0; round < 60; round++) {
		struct rein_net_rule rules[40];
		size_t count = (size_t)rand() % 40;
		struct rein_policy policy = {.net = {.items = rules, .count = count}};

		for (size_t i = 0; i < count; i++)
			rules[i] = random_rule();
		struct rein_net_table table = table_of(rules, count);

		for (int probe = 0; probe < 2000; probe++) {
			struct rein_net_rule at = count && rand() % 4 ? rules[(size_t)rand() % count] : random_rule();
			struct rein_net_key key = {.direction = (uint8_t)at.direction,
						   .family = (uint8_t)at.family,
						   .protocol = at.protocol};
			unsigned port = rand() % 2 ? at.port_low + (unsigned)rand() % 12 : (unsigned)rand() % 65536;

			memcpy(key.address, at.address, 16);
			key.address[rand() % 4] ^= (uint8_t)(rand() % 3 ? 0 : 1 << rand() % 8);
			cr_assert_eq(decides(&table, &key, port & 0xffff), meant(&policy, &key, port & 0xffff));
		}
		rein_net_table_free(&table);
	}
}
