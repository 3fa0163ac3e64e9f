/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "harness/policies.h"
#include "mech/syscall_filter.h"

/* Options of sockets that would lead past what confines the host's network, where that is not BPF. */

#define HIGH (1ULL << 32) /* the kernel ignores the upper half */

static const struct {
	uint64_t level, option;
	bool passes; /* TCP_KEEPIDLE and TCP_KEEPCNT have the numbers of options that are refused at other levels */
} options[] = {
	{IPPROTO_TCP, TCP_FASTOPEN_CONNECT, false},
	{IPPROTO_TCP | HIGH, TCP_FASTOPEN_CONNECT | HIGH, false},
	{IPPROTO_TCP, TCP_ULP, false},
	{IPPROTO_IP, IP_OPTIONS, false},
	{IPPROTO_IPV6 | HIGH, IPV6_RTHDR, false},
	{IPPROTO_IPV6, IPV6_2292PKTOPTIONS | HIGH, false},
	{IPPROTO_TCP, TCP_KEEPIDLE, true},
	{IPPROTO_TCP, TCP_KEEPCNT, true},
	{IPPROTO_TCP, TCP_NODELAY, true},
	{SOL_SOCKET, TCP_FASTOPEN_CONNECT, true},
	{IPPROTO_IPV6, IPV6_V6ONLY, true},
	{IPPROTO_IP, IP_TOS, true},
};

static bool passes(const struct rein_trial_plan *trial, uint64_t level, uint64_t option)
{
	const uint64_t args[6] = {0, level, option};
	struct rein_filter filter;
	struct rein_error err = {0};

	cr_assert_eq(rein_filter_decide(&trial->plan, &filter, &err), 0, "%s", err.text);
	return rein_filter_allows(&filter, SYS_setsockopt, args);
}

Test(socket_options, none_leads_past_landlock_and_the_broker)
{
	struct rein_trial_plan trial;

	rein_trial_plan_init(&trial);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		cr_expect(passes(&trial, options[i].level, options[i].option), "row %zu in its own network", i);
	trial.plan.host_network = true;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		cr_expect_eq(passes(&trial, options[i].level, options[i].option), options[i].passes, "row %zu", i);
	rein_trial_plan_free(&trial);
}
