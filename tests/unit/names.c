/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "agent/dns_cache.h"
#include "agent/hosts_file.h"
#include "agent/inside.h"
#include "agent/name_budget.h"
#include "base/cleanup.h"
#include "mech/names.h"

/* Which addresses names bring, for which ports and how long; and what bounds that. */

static struct rein_policy policy;

static void host(enum rein_verdict verdict, const char *name, bool wildcard, uint8_t protocol, uint16_t low,
		 uint16_t high)
{
	*rein_vec_add(&policy.hosts) = (struct rein_host_rule){
		.origin = {.file = "p.yaml", .line = (int)policy.hosts.count + 1, .text = "host"},
		.verdict = verdict,
		.name = name,
		.wildcard = wildcard,
		.protocol = protocol,
		.port_low = low,
		.port_high = high,
	};
}

static void cidr(enum rein_verdict verdict, struct rein_ip ip, uint8_t bits, uint16_t low, uint16_t high)
{
	struct rein_net_rule *rule = rein_vec_add(&policy.net);

	*rule = (struct rein_net_rule){
		.verdict = verdict,
		.family = ip.family,
		.prefix_bits = bits,
		.protocol = IPPROTO_TCP,
		.port_low = low,
		.port_high = high,
	};
	memcpy(rule->address, ip.address, sizeof(rule->address));
}

static void tear_down(void)
{
	rein_vec_free(&policy.hosts);
	rein_vec_free(&policy.net);
}

TestSuite(names, .fini = tear_down);

static const struct rein_ip one = {REIN_NET_V4, {198, 51, 100, 1}}, two = {REIN_NET_V4, {198, 51, 100, 2}};

Test(names, ports_of_the_lines_that_name_it)
{
	struct rein_names *names;

	host(REIN_VERDICT_ALLOW, "example.org", true, IPPROTO_TCP, 400, 500);
	host(REIN_VERDICT_ALLOW, "a.example.org", false, IPPROTO_UDP, 53, 53);
	host(REIN_VERDICT_DENY, "a.example.org", false, IPPROTO_TCP, 450, 460);
	host(REIN_VERDICT_DENY, "shut.example.org", false, IPPROTO_TCP, 0, 65535);
	cidr(REIN_VERDICT_DENY, (struct rein_ip){REIN_NET_V4, {198, 51, 100}}, 24, 443, 443);
	names = rein_names_new(&policy, -1);
	cr_assert_eq(rein_names_bring(names, "a.example.org", &one, 1000, 10), 0);
	cr_expect(rein_names_brought(names, &one, IPPROTO_TCP, 400, 1000));
	cr_expect(rein_names_brought(names, &one, IPPROTO_TCP, 461, 1000));
	cr_expect(rein_names_brought(names, &one, IPPROTO_UDP, 53, 1000));
	cr_expect_not(rein_names_brought(names, &one, IPPROTO_TCP, 455, 1000), "denied by name");
	cr_expect_not(rein_names_brought(names, &one, IPPROTO_TCP, 443, 1000), "denied by address");
	cr_expect_not(rein_names_brought(names, &one, IPPROTO_TCP, 501, 1000));
	cr_expect_not(rein_names_brought(names, &two, IPPROTO_TCP, 400, 1000));
	cr_expect_eq(rein_names_bring(names, "shut.example.org", &two, 1000, 10), -EACCES);
	cr_expect_eq(rein_names_bring(names, "example.org", &two, 1000, 10), -EACCES);
	cr_expect_not(rein_names_brought(names, &two, IPPROTO_TCP, 400, 0));
	rein_names_free(names);
}

Test(names, each_port_for_its_own_time)
{
	struct rein_names *names;

	host(REIN_VERDICT_ALLOW, "a.org", false, IPPROTO_TCP, 443, 443);
	host(REIN_VERDICT_ALLOW, "b.org", false, IPPROTO_TCP, 22, 22);
	names = rein_names_new(&policy, -1);
	cr_assert_eq(rein_names_bring(names, "a.org", &one, 100, 10), 0);
	cr_assert_eq(rein_names_bring(names, "b.org", &one, 200, 10), 0);
	cr_assert_eq(rein_names_bring(names, "a.org", &one, 50, 10), 0); /* a shorter time takes nothing away */
	cr_expect(rein_names_brought(names, &one, IPPROTO_TCP, 443, 100));
	cr_expect_not(rein_names_brought(names, &one, IPPROTO_TCP, 443, 101));
	cr_expect(rein_names_brought(names, &one, IPPROTO_TCP, 443, 0), "it once was");
	cr_expect(rein_names_brought(names, &one, IPPROTO_TCP, 22, 200));
	rein_names_free(names);
}

Test(names, a_full_table_takes_the_place_of_what_is_over)
{
	struct rein_ip ip = {.family = REIN_NET_V6};
	struct rein_names *names;

	host(REIN_VERDICT_ALLOW, "a.org", false, IPPROTO_TCP, 443, 443);
	names = rein_names_new(&policy, -1);
	for (unsigned i = 0; i < REIN_NAMED_MAX; i++) {
		ip.address[14] = (uint8_t)(i >> 8);
		ip.address[15] = (uint8_t)i;
		cr_assert_eq(rein_names_bring(names, "a.org", &ip, 100 + i, 10), 0);
	}
	cr_expect_eq(rein_names_bring(names, "a.org", &one, 500, 100), -ENOSPC);
	cr_expect_eq(rein_names_bring(names, "a.org", &one, 500, 102), 0);
	ip.address[14] = ip.address[15] = 0;
	cr_expect_not(rein_names_brought(names, &ip, IPPROTO_TCP, 443, 0));
	cr_expect(rein_names_brought(names, &one, IPPROTO_TCP, 443, 500));
	rein_names_free(names);
}

Test(names, the_line_that_decides)
{
	host(REIN_VERDICT_ALLOW, "example.org", true, IPPROTO_TCP, 443, 443);
	host(REIN_VERDICT_DENY, "bad.example.org", false, IPPROTO_TCP, 0, 65535);
	host(REIN_VERDICT_ASK, "ask.example.org", false, IPPROTO_TCP, 443, 443);
	cr_expect_eq(rein_names_rule(&policy, "a.example.org"), &policy.hosts.items[0]);
	cr_expect_eq(rein_names_rule(&policy, "bad.example.org"), &policy.hosts.items[1]);
	cr_expect_eq(rein_names_rule(&policy, "ask.example.org"), &policy.hosts.items[2]);
	cr_expect_null(rein_names_rule(&policy, "example.org"));
}

Test(names, inside_is_nobodys_on_the_internet)
{
	static const struct {
		struct rein_ip ip;
		bool inside;
	} cases[] = {
		{{REIN_NET_V4, {0, 0, 0, 0}}, true},
		{{REIN_NET_V4, {10, 1, 2, 3}}, true},
		{{REIN_NET_V4, {100, 127, 0, 1}}, true},
		{{REIN_NET_V4, {127, 1, 2, 3}}, true},
		{{REIN_NET_V4, {169, 254, 169, 254}}, true},
		{{REIN_NET_V4, {172, 31, 0, 1}}, true},
		{{REIN_NET_V4, {192, 168, 1, 1}}, true},
		{{REIN_NET_V4, {224, 0, 0, 1}}, true},
		{{REIN_NET_V4, {255, 255, 255, 255}}, true},
		{{REIN_NET_V4, {8, 8, 8, 8}}, false},
		{{REIN_NET_V4, {172, 32, 0, 1}}, false},
		{{REIN_NET_V6, {[15] = 1}}, true},
		{{REIN_NET_V6, {[10] = 0xff, 0xff, 8, 8, 8, 8}}, true},
		{{REIN_NET_V6, {0xfd, 1}}, true},
		{{REIN_NET_V6, {0xfe, 0x80}}, true},
		{{REIN_NET_V6, {0xff, 2}}, true},
		{{REIN_NET_V6, {0, 0x64, 0xff, 0x9b, [12] = 10, 0, 0, 1}}, true},
		{{REIN_NET_V6, {0, 0x64, 0xff, 0x9b, [12] = 8, 8, 8, 8}}, false},
		{{REIN_NET_V6, {0x20, 2, 127, 0, 0, 1}}, true},
		{{REIN_NET_V6, {0x26, 6, [15] = 1}}, false},
	};

	for (size_t i = 0; i < REIN_COUNT(cases); i++)
		cr_expect_eq(rein_ip_is_inside(&cases[i].ip), cases[i].inside, "case %zu", i);
}

Test(names, a_cidr_line_declares_an_address)
{
	struct rein_ip ten = {REIN_NET_V4, {10, 1, 2, 3}};

	cr_expect_not(rein_ip_is_declared(&policy, &ten));
	cidr(REIN_VERDICT_DENY, (struct rein_ip){REIN_NET_V4, {10}}, 8, 0, 65535);
	cr_expect_not(rein_ip_is_declared(&policy, &ten));
	cidr(REIN_VERDICT_ALLOW, (struct rein_ip){REIN_NET_V4, {10}}, 8, 80, 80);
	cr_expect(rein_ip_is_declared(&policy, &ten));
}

Test(names, a_wildcard_has_a_budget_of_names_and_bytes)
{
	struct rein_name_budget *budget;
	char name[REIN_HOSTNAME_MAX];
	int passed = 0;

	host(REIN_VERDICT_ALLOW, "a.org", true, IPPROTO_TCP, 443, 443);
	host(REIN_VERDICT_ALLOW, "b.org", true, IPPROTO_TCP, 443, 443);
	budget = rein_name_budget_new(&policy);
	for (int i = 0; i < 2 * REIN_NAME_BUDGET_NAMES; i++) {
		snprintf(name, sizeof(name), "n%d.a.org", i);
		passed += rein_name_budget_take(budget, &policy.hosts.items[0], name);
	}
	cr_expect_eq(passed, REIN_NAME_BUDGET_NAMES);
	cr_expect(rein_name_budget_take(budget, &policy.hosts.items[0], "n0.a.org"), "known already");
	for (passed = 0; passed < REIN_NAME_BUDGET_NAMES; passed++) {
		snprintf(name, sizeof(name), "%0100d.b.org", passed);
		if (!rein_name_budget_take(budget, &policy.hosts.items[1], name))
			break;
	}
	cr_expect_eq(passed, REIN_NAME_BUDGET_BYTES / 101);
	rein_name_budget_free(budget);
}

Test(names, the_cache_forgets_in_time)
{
	const struct rein_dns_question question = {.type = REIN_DNS_A, .name = "a.org"},
				       other = {.type = REIN_DNS_AAAA, .name = "a.org"};
	struct rein_dns_answer answer = {.ttl = 2, .count = 1, .ips = {{REIN_NET_V4, {1, 2, 3, 4}}}}, found;
	struct rein_dns_cache *cache = rein_dns_cache_new();
	const uint64_t second = 1000000000ULL;

	rein_dns_cache_put(cache, &question, &answer, second);
	cr_assert(rein_dns_cache_get(cache, &question, 2 * second, &found));
	cr_expect(found.ttl == 1 && found.count == 1);
	cr_expect_not(rein_dns_cache_get(cache, &other, 2 * second, &found));
	cr_expect_not(rein_dns_cache_get(cache, &question, 3 * second, &found));
	answer.ttl = 0;
	rein_dns_cache_put(cache, &question, &answer, second);
	cr_expect_not(rein_dns_cache_get(cache, &question, second, &found));
	rein_dns_cache_free(cache);
}

Test(names, the_hosts_file_of_the_system)
{
	char path[] = "/tmp/rein-hosts-XXXXXX";
	static const char text[] = "# comment\n127.0.0.1\tlocalhost Other.Name # more\n::1 localhost\nrubbish x\n"
				   "192.0.2.1\n192.0.2.300 bad\n192.0.2.2 a..b ok.name";
	struct rein_hosts hosts;
	int fd = mkstemp(path);

	cr_assert_eq(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
	close(fd);
	cr_assert_eq(rein_hosts_read(path, &hosts), 0);
	cr_assert_eq(hosts.count, 4);
	cr_expect_str_eq(hosts.items[1].name, "other.name");
	cr_expect_eq(hosts.items[2].ip.family, REIN_NET_V6);
	cr_expect_str_eq(hosts.items[3].name, "ok.name");
	rein_vec_free(&hosts);
	unlink(path);
	cr_expect_eq(rein_hosts_read("/nonexistent/hosts", &hosts), 0);
	cr_expect_eq(hosts.count, 0);
}
