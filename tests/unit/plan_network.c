/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "harness/machines.h"

static struct rein_net_rule rule(const char *address, uint8_t bits, uint16_t low, uint16_t high)
{
	struct rein_net_rule ret = {.origin = {.file = "test.yaml", .line = 3, .text = "network"},
				    .verdict = REIN_VERDICT_ALLOW,
				    .family = strchr(address, ':') ? REIN_NET_V6 : REIN_NET_V4,
				    .protocol = IPPROTO_TCP,
				    .prefix_bits = bits,
				    .port_low = low,
				    .port_high = high};

	cr_assert_eq(inet_pton(ret.family == REIN_NET_V4 ? AF_INET : AF_INET6, address, ret.address), 1);
	return ret;
}

struct expected {
	bool refused, host_network, bpf, by_broker, unix_sockets;
};

static void expect(const char *name, const struct rein_machine *machine, const struct rein_net_rule *rules,
		   size_t count, struct expected expected)
{
	struct rein_policy policy = policy_empty();
	struct rein_plan plan;

	for (size_t i = 0; i < count; i++)
		*rein_vec_add(&policy.net) = rules[i];
	plan = plan_of(&policy, machine, &(struct rein_plan_options){.agent_uid = 1000});
	cr_expect_eq(plan.refused, expected.refused, "%s", name);
	cr_expect_eq(plan.host_network, expected.host_network, "%s", name);
	cr_expect_eq(plan.use[REIN_MECH_BPF_NET], expected.bpf, "%s", name);
	cr_expect_eq(plan.by_broker, expected.by_broker, "%s", name);
	cr_expect_eq(plan.unix_sockets, expected.unix_sockets, "%s", name);
	cr_expect_eq(!(plan.namespaces & REIN_NS_NET), expected.host_network, "%s", name);
	rein_plan_free(&plan);
	rein_vec_free(&policy.net);
}

#define EXPECT(name, machine, rules, ...) \
	expect(name, machine, rules, REIN_COUNT(rules), (struct expected){__VA_ARGS__})

Test(plan_network, nothing_declared_is_a_network_of_its_own)
{
	struct rein_machine root = machine_root(), user = machine_user(), old = machine_bookworm();

	expect("root", &root, NULL, 0, (struct expected){.unix_sockets = true});
	expect("user", &user, NULL, 0, (struct expected){.unix_sockets = true});
	expect("6.1", &old, NULL, 0, (struct expected){.unix_sockets = true});
}

Test(plan_network, root_keeps_addresses_on_the_host_network)
{
	struct rein_machine root = machine_root(), old = machine_root();
	struct rein_net_rule rules[] = {rule("192.0.2.0", 24, 443, 443), rule("2001:db8::", 32, 1, 65535),
					rule("127.0.0.1", 32, 3000, 3999), rule("198.51.100.7", 32, 53, 53)};

	rules[2].direction = REIN_NET_LISTEN;
	rules[3].verdict = REIN_VERDICT_DENY;
	old.landlock_abi = 2;
	EXPECT("root", &root, rules, .host_network = true, .bpf = true, .unix_sockets = true);
	EXPECT("root on 6.1", &old, rules, .host_network = true, .bpf = true, .unix_sockets = false);
}

Test(plan_network, loopback_without_root_is_the_agents_own)
{
	struct rein_machine user = machine_user();
	struct rein_net_rule rules[] = {rule("127.0.0.1", 32, 3000, 3999), rule("::1", 128, 3000, 3999)};

	EXPECT("loopback", &user, rules, .unix_sockets = true);
}

Test(plan_network, addresses_without_root_are_refused)
{
	struct rein_machine user = machine_user(), old = machine_bookworm();
	struct rein_net_rule host[] = {rule("192.0.2.1", 32, 443, 443)};
	struct rein_net_rule half[] = {rule("0.0.0.0", 0, 443, 443)};
	struct rein_net_rule wide[] = {rule("126.0.0.0", 7, 443, 443)};
	struct rein_net_rule udp[] = {rule("0.0.0.0", 0, 53, 53), rule("::", 0, 53, 53)};

	udp[0].protocol = udp[1].protocol = IPPROTO_UDP;
	EXPECT("datagrams", &user, udp, .refused = true, .unix_sockets = true);
	user.seccomp_acts = false;
	EXPECT("one host", &user, host, .refused = true, .unix_sockets = true);
	EXPECT("IPv4 only", &user, half, .refused = true, .unix_sockets = true);
	EXPECT("more than loopback", &user, wide, .refused = true, .unix_sockets = true);
	EXPECT("no Landlock for ports", &old, host, .refused = true, .unix_sockets = true);
}

Test(plan_network, the_broker_keeps_addresses_of_tcp_without_root)
{
	struct rein_machine user = machine_user(), scopeless = machine_user(), deaf = machine_user();
	struct rein_net_rule host[] = {rule("192.0.2.1", 32, 443, 443)};
	struct rein_net_rule mixed[] = {rule("192.0.2.0", 24, 443, 443), rule("192.0.2.7", 32, 443, 443),
					rule("127.0.0.1", 32, 3000, 3999), rule("::", 0, 8080, 8080)};
	struct rein_net_rule beside[] = {rule("192.0.2.1", 32, 443, 443), rule("192.0.2.1", 32, 53, 53)};
	struct rein_net_rule no_datagrams[] = {rule("192.0.2.1", 32, 443, 443), rule("0.0.0.0", 0, 53, 53)};

	mixed[1].verdict = no_datagrams[1].verdict = REIN_VERDICT_DENY;
	mixed[3].direction = REIN_NET_LISTEN;
	beside[1].protocol = no_datagrams[1].protocol = IPPROTO_UDP;
	scopeless.landlock_abi = 5;
	deaf.facts[REIN_MECH_BROKER].works = false;
	EXPECT("one host", &user, host, .host_network = true, .by_broker = true, .unix_sockets = true);
	EXPECT("ABI 5", &scopeless, host, .host_network = true, .by_broker = true, .unix_sockets = false);
	EXPECT("allowed, denied, loopback, listening", &user, mixed, .host_network = true, .by_broker = true,
	       .unix_sockets = true);
	EXPECT("UDP beside", &user, beside, .refused = true, .host_network = true, .by_broker = true,
	       .unix_sockets = true);
	EXPECT("UDP denied", &user, no_datagrams, .host_network = true, .by_broker = true, .unix_sockets = true);
	EXPECT("no broker", &deaf, host, .refused = true, .unix_sockets = true);
}

Test(plan_network, ports_of_every_address_without_root)
{
	struct rein_machine user = machine_user(), old = machine_bookworm(), scopeless = machine_user();
	struct rein_net_rule both[] = {rule("0.0.0.0", 0, 443, 443), rule("::", 0, 443, 443)};
	struct rein_net_rule uneven[] = {rule("0.0.0.0", 0, 80, 443), rule("::", 0, 443, 443)};
	struct rein_net_rule beside[] = {rule("0.0.0.0", 0, 443, 443), rule("::", 0, 443, 443),
					 rule("127.0.0.1", 32, 3000, 3000)};
	struct rein_net_rule denied[] = {rule("0.0.0.0", 0, 443, 443), rule("::", 0, 443, 443),
					 rule("10.0.0.0", 8, 443, 443)};

	struct rein_net_rule listen[] = {rule("0.0.0.0", 0, 8080, 8080), rule("::", 0, 8080, 8080)};
	struct rein_machine deaf = machine_user();

	deaf.facts[REIN_MECH_BROKER].works = false;
	listen[0].direction = listen[1].direction = REIN_NET_LISTEN;
	EXPECT("listening", &user, listen, .host_network = true, .unix_sockets = true);
	EXPECT("listening without a broker", &deaf, listen, .refused = true, .host_network = true,
	       .unix_sockets = true);
	denied[2].verdict = REIN_VERDICT_DENY;
	scopeless.landlock_abi = 5;
	EXPECT("both families", &user, both, .host_network = true, .unix_sockets = true);
	EXPECT("ABI 5", &scopeless, both, .host_network = true, .unix_sockets = false);
	EXPECT("ABI 2", &old, both, .refused = true, .unix_sockets = true);
	EXPECT("more ports of one family", &user, uneven, .host_network = true, .by_broker = true,
	       .unix_sockets = true);
	user.seccomp_acts = false;
	EXPECT("more ports of one family", &user, uneven, .refused = true, .host_network = true, .unix_sockets = true);
	EXPECT("a port of loopback only", &user, beside, .refused = true, .host_network = true, .unix_sockets = true);
	EXPECT("an address denied", &user, denied, .refused = true, .host_network = true, .unix_sockets = true);
}

Test(plan_network, a_question_that_nobody_answers_is_refused)
{
	struct rein_machine root = machine_root();
	struct rein_net_rule ask[] = {rule("192.0.2.1", 32, 443, 443)};

	ask[0].verdict = REIN_VERDICT_ASK;
	EXPECT("ask", &root, ask, .refused = true, .unix_sockets = true);
}

Test(plan_network, says_addresses_and_ports_in_words)
{
	struct rein_machine root = machine_root();
	struct rein_policy policy = policy_empty();
	struct rein_plan plan;

	*rein_vec_add(&policy.net) = rule("192.0.2.0", 24, 80, 443);
	*rein_vec_add(&policy.net) = rule("::1", 128, 53, 53);
	policy.net.items[1].direction = REIN_NET_LISTEN;
	policy.net.items[1].protocol = IPPROTO_UDP;
	plan = plan_of(&policy, &root, &(struct rein_plan_options){.agent_uid = 1000});
	cr_expect_eq(line_with(&plan, "may connect to 192.0.2.0/24 tcp port 80-443")->by[0], REIN_MECH_BPF_NET);
	cr_expect_eq(line_with(&plan, "may listen on ::1/128 udp port 53")->by[0], REIN_MECH_BPF_NET);
	rein_plan_free(&plan);
	rein_vec_free(&policy.net);
}

static struct rein_host_rule host(const char *name, enum rein_verdict verdict)
{
	return (struct rein_host_rule){.origin = {.file = "test.yaml", .line = 4, .text = "network"},
				       .verdict = verdict,
				       .name = name,
				       .wildcard = true,
				       .protocol = IPPROTO_TCP,
				       .port_low = 443,
				       .port_high = 443};
}

Test(plan_network, names_take_root)
{
	struct rein_machine root = machine_root(), user = machine_user();
	struct rein_policy policy = policy_empty();
	struct rein_plan plan;

	*rein_vec_add(&policy.hosts) = host("example.org", REIN_VERDICT_ALLOW);
	*rein_vec_add(&policy.hosts) = host("bad.example.org", REIN_VERDICT_DENY);
	plan = plan_of(&policy, &root, &(struct rein_plan_options){.agent_uid = 1000});
	cr_expect(plan.names && plan.host_network && !plan.refused && plan.use[REIN_MECH_BPF_NET]);
	cr_expect_eq(line_with(&plan, "may connect to the host *.example.org tcp port 443")->by[1], REIN_MECH_BPF_NET);
	cr_expect_eq(line_with(&plan, "what no line allows is not found by name")->keeping, REIN_KEPT);
	rein_plan_free(&plan);
	plan = plan_of(&policy, &user, &(struct rein_plan_options){.agent_uid = 1000});
	cr_expect(plan.refused && !plan.names && !plan.host_network);
	cr_expect_eq(line_with(&plan, "may connect to the host *.example.org")->keeping, REIN_REFUSED);
	cr_expect_eq(line_with(&plan, "may not connect to the host *.bad.example.org")->keeping, REIN_KEPT);
	rein_plan_free(&plan);
	rein_vec_free(&policy.hosts);
}

Test(plan_network, a_name_cannot_be_denied_where_every_address_is_allowed)
{
	struct rein_machine root = machine_root();
	struct rein_policy policy = policy_empty();
	struct rein_plan plan;

	*rein_vec_add(&policy.hosts) = host("example.org", REIN_VERDICT_DENY);
	*rein_vec_add(&policy.net) = rule("0.0.0.0", 0, 1, 65535);
	plan = plan_of(&policy, &root, &(struct rein_plan_options){.agent_uid = 1000});
	cr_expect_eq(line_with(&plan, "may not connect to the host")->keeping, REIN_REFUSED);
	rein_plan_free(&plan);
	policy.net.items[0] = rule("192.0.2.0", 24, 1, 65535);
	plan = plan_of(&policy, &root, &(struct rein_plan_options){.agent_uid = 1000});
	cr_expect(!plan.names && plan.refused, "nobody looks at names");
	rein_plan_free(&plan);
	*rein_vec_add(&policy.hosts) = host("org", REIN_VERDICT_ALLOW);
	plan = plan_of(&policy, &root, &(struct rein_plan_options){.agent_uid = 1000});
	cr_expect_not(plan.refused);
	cr_expect(*line_with(&plan, "may not connect to the host")->note);
	rein_plan_free(&plan);
	rein_vec_free(&policy.net);
	rein_vec_free(&policy.hosts);
}

Test(plan_network, no_network_namespace_is_a_refusal)
{
	struct rein_machine user = machine_user();
	struct rein_policy policy = policy_empty();
	struct rein_plan plan;

	user.namespaces &= ~(unsigned)REIN_NS_NET;
	plan = plan_of(&policy, &user, &(struct rein_plan_options){.agent_uid = 1000, .degrade = true});
	cr_expect(plan.refused);
	cr_expect_not(plan.host_network);
	rein_plan_free(&plan);
}
