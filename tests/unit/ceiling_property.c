/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/address.h"
#include "profile/path.h"
#include "profile/raw.h"
#include "profile/resolve.h"

/*
 * What a ceiling is for, in one sentence each, with random policies and ceilings over a small world: a path or an
 * address is allowed in the end if and only if the policy and the ceiling allow it.
 */

#define ROUNDS 2000

static uint32_t seed = 12345;

static unsigned pick(unsigned below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static struct rein_policy *parse(const char *text)
{
	static const struct rein_profile_context context = {0};
	REIN_AUTO_POLICY struct rein_policy *policy = calloc(1, sizeof(*policy));
	REIN_AUTO_RAW struct rein_raw_profile *raw = NULL;
	struct rein_error err = {0};
	struct rein_resolver resolver = {.context = &context, .policy = policy, .file = "random", .err = &err};

	cr_assert_not_null(policy);
	cr_assert_eq(rein_raw_parse(text, strlen(text), "random", &raw, &err), 0, "%s", err.text);
	cr_assert_eq(rein_resolver_run(&resolver, raw), 0, "%s", err.text);
	return rein_take_pointer(&policy);
}

/* A path of up to three of the letters a b c below a folder that does not exist. */
static void write_path(FILE *out)
{
	unsigned depth = pick(4);

	fputs("/none", out);
	while (depth--)
		fprintf(out, "/%c", 'a' + (int)pick(3));
}

static void write_paths(FILE *out, const char *list)
{
	unsigned count = pick(4);

	fprintf(out, "%s: [", list);
	while (count--) {
		write_path(out);
		fputs(", ", out);
	}
	fputs("], ", out);
}

static void write_addresses(FILE *out)
{
	unsigned count = pick(4);

	while (count--) {
		unsigned bits = 28 + pick(5), low = 1 + pick(4), high = low + pick(4);

		fprintf(out, "{cidr: 10.0.0.%u/%u, port: %u-%u, protocol: %s}, ", pick(16) & ~((1U << (32 - bits)) - 1),
			bits, low, high, pick(2) ? "tcp" : "udp");
	}
}

static struct rein_policy *random_policy(void)
{
	static const char *const lists[] = {"read", "write", "execute"};
	REIN_AUTO_FREE char *text = NULL;
	size_t length, i;
	FILE *out = open_memstream(&text, &length);

	cr_assert_not_null(out);
	fputs("rein: 1\nfilesystem: {", out);
	for (i = 0; i < REIN_COUNT(lists); i++)
		if (pick(3))
			write_paths(out, lists[i]);
	fputs("}\nnetwork: {", out);
	if (pick(4)) {
		fputs("connect: [", out);
		write_addresses(out);
		fputs("], ", out);
	}
	fputs("}\n", out);
	fclose(out);
	return parse(text);
}

/* Reading comes with writing and with executing. */
static bool allows_path(const struct rein_policy *policy, unsigned list, const char *path)
{
	unsigned lists = list == REIN_ACCESS_READ ? REIN_ACCESS_READ | REIN_ACCESS_WRITE | REIN_ACCESS_EXECUTE : list;
	size_t i;

	for (i = 0; i < policy->paths.count; i++)
		if ((policy->paths.items[i].list & lists) && rein_path_contains(policy->paths.items[i].path, path))
			return true;
	return false;
}

static bool allows_address(const struct rein_policy *policy, unsigned address, unsigned port, int protocol)
{
	const struct rein_network inner = {REIN_NET_V4, {10, 0, 0, (uint8_t)address}, 32};
	size_t i;

	for (i = 0; i < policy->net.count; i++) {
		const struct rein_net_rule *rule = &policy->net.items[i];
		struct rein_network outer = {.family = rule->family, .prefix_bits = rule->prefix_bits};

		memcpy(outer.address, rule->address, sizeof(outer.address));
		if (rule->protocol == protocol && rule->port_low <= port && port <= rule->port_high &&
		    rein_network_contains(&outer, &inner))
			return true;
	}
	return false;
}

/* Whether the ceiling lets the list reach the path: the list itself where it is there, else reading where that is. */
static bool ceiling_allows(const struct rein_policy *ceiling, unsigned list, const char *path)
{
	if (list != REIN_ACCESS_READ && (ceiling->declared & list))
		return allows_path(ceiling, list, path);
	if (!(ceiling->declared & REIN_LIST_READ))
		return true;
	for (size_t i = 0; i < ceiling->paths.count; i++)
		if ((ceiling->paths.items[i].list & (REIN_ACCESS_READ | REIN_ACCESS_WRITE)) &&
		    rein_path_contains(ceiling->paths.items[i].path, path))
			return true;
	return false;
}

static void check_path(const struct rein_policy *before, const struct rein_policy *ceiling,
		       const struct rein_policy *after, const char *path)
{
	static const unsigned lists[] = {REIN_ACCESS_WRITE, REIN_ACCESS_EXECUTE};
	size_t i;

	for (i = 0; i < REIN_COUNT(lists); i++)
		cr_assert_eq(allows_path(after, lists[i], path),
			     allows_path(before, lists[i], path) && ceiling_allows(ceiling, lists[i], path), "%s",
			     path);
	cr_assert(!allows_path(after, REIN_ACCESS_READ, path) || allows_path(before, REIN_ACCESS_READ, path));
	/* Reading that no other list brings along. */
	if (!(ceiling->declared & (REIN_LIST_WRITE | REIN_LIST_EXECUTE)))
		cr_assert_eq(allows_path(after, REIN_ACCESS_READ, path),
			     allows_path(before, REIN_ACCESS_READ, path) &&
				     ceiling_allows(ceiling, REIN_ACCESS_READ, path),
			     "%s", path);
}

static void check_paths(const struct rein_policy *before, const struct rein_policy *ceiling,
			const struct rein_policy *after)
{
	char path[] = "/none/a/a/a";
	unsigned i;

	for (i = 0; i < 27; i++) {
		path[6] = (char)('a' + i % 3);
		path[8] = (char)('a' + i / 3 % 3);
		path[10] = (char)('a' + i / 9);
		check_path(before, ceiling, after, path);
	}
}

static void check_addresses(const struct rein_policy *before, const struct rein_policy *ceiling,
			    const struct rein_policy *after)
{
	static const int protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	bool constrains = ceiling->declared & REIN_LIST_CONNECT;
	unsigned i;

	for (i = 0; i < 16 * 8 * 2; i++) {
		unsigned address = i % 16, port = 1 + i / 16 % 8;
		int protocol = protocols[i / 128];

		cr_assert_eq(allows_address(after, address, port, protocol),
			     allows_address(before, address, port, protocol) &&
				     (!constrains || allows_address(ceiling, address, port, protocol)));
	}
}

Test(ceiling_property, allowed_in_the_end_is_what_both_allow)
{
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t here = seed;
		REIN_AUTO_POLICY struct rein_policy *after = random_policy(), *before = NULL, *ceiling = NULL;
		struct rein_error err = {0};

		seed = here;
		before = random_policy();
		ceiling = random_policy();
		cr_assert_eq(rein_ceiling_apply(after, ceiling, &err), 0, "%s", err.text);
		check_paths(before, ceiling, after);
		check_addresses(before, ceiling, after);
	}
}
