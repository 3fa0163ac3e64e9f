/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/net_table.h"

#include <string.h>

#include "base/cleanup.h"
#include "mech/port_bitmap.h"

#define MAPPED_BITS 96 /* ::ffff:0:0/96, IPv4 in IPv6 clothes */

/* A rule as the table sees it. */
struct item {
	struct rein_net_key key;
	const struct rein_net_rule *rule;
};
REIN_VEC_TYPE(item_vec, struct item);

/* One prefix on the way down to the current one: all that it and those above it say. */
struct frame {
	struct rein_net_key key;
	struct rein_port_bitmap allow, refuse, verdict;
	uint32_t bitmap; /* index of `verdict` among the table's, if it is there */
	bool has_bitmap;
};
REIN_VEC_TYPE(frame_vec, struct frame);

static void mask(uint8_t address[16], unsigned bits)
{
	for (unsigned i = 0; i<16; i++, bits = bits> 8 ? bits - 8 : 0)
		address[i] &= bits >= 8 ? 0xff : (uint8_t)(0xff00 >> bits);
}

static bool is_mapped(const struct rein_net_rule *rule)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return rule->family == REIN_NET_V6 && rule->prefix_bits >= MAPPED_BITS &&
	       !memcmp(rule->address, prefix, sizeof(prefix));
}

static void item_fill(struct item *item, const struct rein_net_rule *rule)
{
	bool mapped = is_mapped(rule), v4 = mapped || rule->family == REIN_NET_V4;
	unsigned bits = rule->prefix_bits - (mapped ? MAPPED_BITS : 0);

	item->rule = rule;
	item->key = (struct rein_net_key){
		.prefix_bits = REIN_NET_KEY_BASE_BITS + bits,
		.direction = (uint8_t)rule->direction,
		.family = v4 ? REIN_NET_V4 : REIN_NET_V6,
		.protocol = rule->protocol,
	};
	memcpy(item->key.address, rule->address + (mapped ? 12 : 0), v4 ? 4 : 16);
	mask(item->key.address, bits);
}

/* Everything but the prefix length, then that: a prefix comes directly before what it covers. */
static int compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int r = memcmp(&x->key.direction, &y->key.direction, sizeof(x->key) - sizeof(x->key.prefix_bits));

	return r ? r : (int)x->key.prefix_bits - (int)y->key.prefix_bits;
}

static bool covers(const struct rein_net_key *wide, const struct rein_net_key *narrow)
{
	uint8_t address[16];

	if (wide->direction != narrow->direction || wide->family != narrow->family ||
	    wide->protocol != narrow->protocol || wide->prefix_bits > narrow->prefix_bits)
		return false;
	memcpy(address, narrow->address, sizeof(address));
	mask(address, wide->prefix_bits - REIN_NET_KEY_BASE_BITS);
	return !memcmp(address, wide->address, sizeof(address));
}

/* Whether the ports fit into an entry's ranges. */
static bool fill_ranges(const struct rein_port_bitmap *bitmap, struct rein_net_entry *entry)
{
	size_t count = rein_ports_ranges(bitmap, entry->ranges, REIN_NET_RANGES);

	entry->nr_ranges = (uint32_t)count;
	return count <= REIN_NET_RANGES;
}

/* A bitmap that says the same as the one above is shared: thousands of prefixes under one rule need one. */
static int use_bitmap(struct rein_net_table *table, struct frame *frame, const struct frame *above,
		      struct rein_net_entry *entry)
{
	struct rein_port_bitmap *bitmap;

	*entry = (struct rein_net_entry){.nr_ranges = REIN_NET_USE_BITMAP};
	frame->has_bitmap = true;
	if (above && above->has_bitmap && !memcmp(&above->verdict, &frame->verdict, sizeof(frame->verdict))) {
		entry->bitmap = frame->bitmap = above->bitmap;
		return 0;
	}
	bitmap = rein_vec_add(&table->bitmaps);
	if (!bitmap)
		return -ENOMEM;
	*bitmap = frame->verdict;
	entry->bitmap = frame->bitmap = (uint32_t)table->bitmaps.count - 1;
	return 0;
}

static int add_row(struct rein_net_table *table, struct frame *frame, const struct frame *above)
{
	struct rein_net_row *row = rein_vec_add(&table->rows);

	if (!row)
		return -ENOMEM;
	row->key = frame->key;
	for (size_t i = 0; i < REIN_COUNT(frame->verdict.words); i++)
		frame->verdict.words[i] = frame->allow.words[i] & ~frame->refuse.words[i];
	return fill_ranges(&frame->verdict, &row->entry) ? 0 : use_bitmap(table, frame, above, &row->entry);
}

/* A frame that begins with what the prefixes above it say. The one above is the one before it. */
static struct frame *push(struct frame_vec *stack, const struct rein_net_key *key)
{
	struct frame *frame;

	while (stack->count && !covers(&stack->items[stack->count - 1].key, key))
		stack->count--;
	frame = rein_vec_add(stack);
	if (!frame)
		return NULL;
	memset(frame, 0, sizeof(*frame));
	if (stack->count > 1) {
		frame->allow = frame[-1].allow;
		frame->refuse = frame[-1].refuse;
	}
	frame->key = *key;
	return frame;
}

/* Adds the rows for sorted items: those of equal keys together make one row. */
static int add_rows(struct rein_net_table *table, const struct item_vec *items, struct frame_vec *stack)
{
	for (size_t i = 0; i < items->count;) {
		const struct rein_net_key *key = &items->items[i].key;
		struct frame *frame = push(stack, key);
		int r;

		if (!frame)
			return -ENOMEM;
		for (; i < items->count && !memcmp(key, &items->items[i].key, sizeof(*key)); i++) {
			const struct rein_net_rule *rule = items->items[i].rule;

			rein_ports_add(rule->verdict == REIN_VERDICT_ALLOW ? &frame->allow : &frame->refuse,
				       rule->port_low, rule->port_high);
		}
		r = add_row(table, frame, stack->count > 1 ? frame - 1 : NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

int rein_net_table_make(const struct rein_policy *policy, struct rein_net_table *ret_table, struct rein_error *err)
{
	struct rein_net_table table = {0};
	struct item_vec items = {0};
	struct frame_vec stack = {0};
	int r = 0;

	for (size_t i = 0; !r && i < policy->net.count; i++) {
		struct item *item = rein_vec_add(&items);

		if (item)
			item_fill(item, &policy->net.items[i]);
		else
			r = -ENOMEM;
	}
	if (items.count)
		qsort(items.items, items.count, sizeof(*items.items), compare);
	if (!r)
		r = add_rows(&table, &items, &stack);
	rein_vec_free(&items);
	rein_vec_free(&stack);
	if (r < 0) {
		rein_net_table_free(&table);
		return rein_fail(err, -r, "no memory for %zu network rules", policy->net.count);
	}
	*ret_table = table;
	return 0;
}

void rein_net_table_free(struct rein_net_table *table)
{
	rein_vec_free(&table->rows);
	rein_vec_free(&table->bitmaps);
}
