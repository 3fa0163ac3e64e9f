/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/breakers.h"
#include "harness/brokered.h"

static struct rein_trial_plan trial;
static struct rein_brokered brokered;

static void setup(void)
{
	rein_trial_plan_init(&trial);
	memset(&brokered, 0, sizeof(brokered));
	rein_brokered_folder_enter();
}

static void teardown(void)
{
	rein_trial_plan_free(&trial);
	rein_brokered_folder_leave();
}

TestSuite(broker_addresses, .init = setup, .fini = teardown, .timeout = 60);

static int connect_to(const char *address, int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int r;

	inet_pton(AF_INET, address, &to.sin_addr);
	r = connect(fd, (struct sockaddr *)&to, sizeof(to)) ? errno : 0;
	close(fd);
	return r;
}

static int connects(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/nowhere/at/all"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0 || errno == EPERM)
		return 1;
	if (connect_to("192.0.2.1", 443) != EPERM || connect_to("127.0.0.1", 1) == EPERM)
		return 2;
	/* Nonsense of every kind is the kernel's to answer. */
	if (connect(fd, NULL, 16) == 0 || errno != EFAULT || connect(fd, (void *)8, 100000) == 0 || errno != EINVAL)
		return 3;
	return connect(fd, (struct sockaddr *)&un, 0) == 0 || errno == EPERM ? 4 : 0;
}

Test(broker_addresses, connects_to_undeclared_addresses_are_refused_and_recorded)
{
	trial.plan.use[REIN_MECH_BROKER] = true;
	cr_assert_eq(rein_brokered_run(&brokered, &trial, connects, 10000), 0);
	cr_assert_eq(brokered.nr_events, 1);
	cr_assert_eq(rein_brokered_count(&brokered, REIN_KIND_DENY, "connect"), 1);
	cr_assert(strstr(brokered.events[0].object, "192.0.2.1"), "%s", brokered.events[0].object);
}

static void allow(enum rein_net_direction direction, const char *address, unsigned bits, uint16_t low, uint16_t high)
{
	struct rein_net_rule *rule = rein_vec_add(&trial.policy.net);

	*rule = (struct rein_net_rule){
		.origin = {"trial.yaml", 60, 1, "network"},
		.verdict = REIN_VERDICT_ALLOW,
		.direction = direction,
		.family = REIN_NET_V4,
		.prefix_bits = (uint8_t)bits,
		.protocol = IPPROTO_TCP,
		.port_low = low,
		.port_high = high,
	};
	inet_pton(AF_INET, address, rule->address);
}

static int bind_to(const char *address, int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int r;

	inet_pton(AF_INET, address, &at.sin_addr);
	r = bind(fd, (struct sockaddr *)&at, sizeof(at)) ? errno : 0;
	close(fd);
	return r;
}

/* On the host's network every address must be named; in one of its own the loopback's ports, as Landlock has it. */
static int declared_addresses(void)
{
	return (connect_to("127.0.0.1", 3) == EPERM) | (connect_to("127.0.0.2", 3) != EPERM) << 1 |
	       (connect_to("127.0.0.1", 5) != EPERM) << 2 | (bind_to("127.0.0.1", 45678) == EPERM) << 3 |
	       (bind_to("127.0.0.1", 45679) != EPERM) << 4 | (bind_to("0.0.0.0", 45678) != EPERM) << 5 |
	       (connect_to("127.0.0.1", 2) != EPERM) << 6;
}

static int own_network(void)
{
	return (connect_to("127.0.0.1", 3) == EPERM) | (connect_to("127.0.0.2", 3) == EPERM) << 1 |
	       (connect_to("127.0.0.1", 5) != EPERM) << 2 | (bind_to("0.0.0.0", 45678) == EPERM) << 3 |
	       (bind_to("127.0.0.1", 45679) != EPERM) << 4 | (connect_to("127.0.0.1", 2) != EPERM) << 5;
}

Test(broker_addresses, only_declared_addresses)
{
	int status;

	trial.plan.use[REIN_MECH_BROKER] = true;
	trial.plan.use[REIN_MECH_LANDLOCK] = true;
	trial.machine.landlock_abi = 7;
	allow(REIN_NET_CONNECT, "127.0.0.1", 32, 1, 4);
	allow(REIN_NET_LISTEN, "127.0.0.1", 32, 45678, 45678);
	allow(REIN_NET_CONNECT, "127.0.0.1", 32, 2, 2);
	trial.policy.net.items[2].verdict = REIN_VERDICT_DENY;
	status = rein_brokered_run(&brokered, &trial, own_network, 10000);
	cr_assert_eq(status, 0, "status %#x", status);
	cr_assert_eq(brokered.nr_events, 3);
	trial.plan.host_network = true;
	status = rein_brokered_run(&brokered, &trial, declared_addresses, 10000);
	cr_assert_eq(status, 0, "status %#x", status);
	cr_assert_eq(rein_brokered_count(&brokered, REIN_KIND_DENY, "connect"), 3);
	cr_assert_eq(rein_brokered_count(&brokered, REIN_KIND_DENY, "bind"), 2);
}

/* listen() is the broker's where Landlock stands alone. */
static int listens(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int unbound = socket(AF_INET, SOCK_STREAM, 0), bound = socket(AF_INET, SOCK_STREAM, 0);
	int named = socket(AF_UNIX, SOCK_STREAM, 0);

	if (listen(unbound, 5) == 0 || errno != EPERM)
		return 1;
	if (bind(bound, (struct sockaddr *)&at, sizeof(at)) || listen(bound, 5))
		return 2;
	if (bind(named, (struct sockaddr *)&un, sizeof(un)) || listen(named, 5))
		return 3;
	if (connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&un, sizeof(un)))
		return 4;
	return listen(-1, 5) == 0 || errno != EBADF ? 5 : 0;
}

Test(broker_addresses, listening_needs_a_bound_socket)
{
	trial.plan.use[REIN_MECH_BROKER] = true;
	trial.plan.host_network = true;
	allow(REIN_NET_LISTEN, "127.0.0.0", 8, 0, 65535);
	int status = rein_brokered_run(&brokered, &trial, listens, 10000);

	cr_assert_eq(status, 0, "status %#x", status);
}

static int listen_unbound(void)
{
	return listen(socket(AF_INET, SOCK_STREAM, 0), 5) ? errno : 0;
}

Test(broker_addresses, a_rule_for_port_0_lets_the_kernel_pick)
{
	trial.plan.use[REIN_MECH_BROKER] = true;
	trial.plan.host_network = true;
	allow(REIN_NET_LISTEN, "0.0.0.0", 0, 0, 0);
	cr_assert_eq(rein_brokered_run(&brokered, &trial, listen_unbound, 10000), 0);
}
