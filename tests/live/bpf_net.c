/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <rein/event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "harness/harness.h"
#include "harness/sockets.h"

/* bpf-net by its effects: what a call answers, and what arrives. */

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* What the child tries; it answers with the errno. */
struct attempt {
	int family, type;
	const char *to;
	uint16_t port;
	bool send; /* by sendto() without connect() */
};

static int attempt(void *argument)
{
	const struct attempt *at = argument;
	union address address = address_of(at->to, at->port);
	int fd = socket(at->family, at->type, 0), r;

	if (fd < 0)
		return errno;
	if (at->send)
		r = (int)sendto(fd, "x", 1, 0, &address.any, size_of(&address));
	else
		r = connect(fd, &address.any, size_of(&address));
	return r < 0 ? errno : 0;
}

Test(bpf_net, connects_where_it_may_and_nowhere_else)
{
	struct caged caged;
	uint16_t port = 0, other = 0;
	int server, elsewhere;

	caged_open(&caged);
	server = open_server(SOCK_STREAM, "127.0.0.1", &port);
	elsewhere = open_server(SOCK_STREAM, "127.0.0.1", &other);
	caged_allow(&caged, REIN_NET_CONNECT, IPPROTO_TCP, "127.0.0.0", 8, port, port);
	caged_start(&caged, true, false);
	const struct {
		struct attempt attempt;
		int error;
	} cases[] = {
		{{AF_INET, SOCK_STREAM, "127.0.0.1", port, false}, 0},
		{{AF_INET6, SOCK_STREAM, "::ffff:127.0.0.1", port, false}, 0},
		{{AF_INET, SOCK_STREAM, "127.0.0.1", other, false}, EPERM},
		{{AF_INET6, SOCK_STREAM, "::ffff:127.0.0.1", other, false}, EPERM},
		{{AF_INET6, SOCK_STREAM, "::1", port, false}, EPERM},
		{{AF_INET, SOCK_STREAM, "192.0.2.1", port, false}, EPERM},
		{{AF_INET, SOCK_DGRAM, "127.0.0.1", port, false}, EPERM},
		{{AF_INET, SOCK_DGRAM, "127.0.0.1", port, true}, EPERM},
		{{AF_INET6, SOCK_DGRAM, "::ffff:127.0.0.1", port, true}, EPERM},
		{{AF_INET6, SOCK_DGRAM, "::1", port, true}, EPERM},
	};
	for (size_t i = 0; i < REIN_COUNT(cases); i++) {
		struct attempt it = cases[i].attempt;
		int error = caged_run(&caged, attempt, &it);

		cr_expect(error == cases[i].error || (it.family == AF_INET6 && error == EAFNOSUPPORT), "case %zu: %s",
			  i, strerror(error));
	}
	cr_expect_not(readable(elsewhere, 0));
	caged_stop(&caged);
	close(server);
	close(elsewhere);
}

static int open_socket(void *argument)
{
	const int *what = argument;

	return socket(what[0], what[1], what[2]) < 0 ? errno : 0;
}

Test(bpf_net, only_tcp_and_udp_sockets_exist)
{
	static const struct {
		int what[3], error;
	} cases[] = {
		{{AF_INET, SOCK_STREAM, 0}, 0},
		{{AF_INET6, SOCK_DGRAM, IPPROTO_UDP}, 0},
		{{AF_INET, SOCK_RAW, IPPROTO_RAW}, EPERM},
		{{AF_INET6, SOCK_RAW, IPPROTO_ICMPV6}, EPERM},
		{{AF_INET, SOCK_DGRAM, IPPROTO_ICMP}, EPERM},
		{{AF_INET, SOCK_STREAM, IPPROTO_MPTCP}, EPERM},
		{{AF_INET, SOCK_STREAM, IPPROTO_SCTP}, EPERM},
		{{AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE}, EPERM},
	};
	struct caged caged;

	caged_open(&caged);
	caged_start(&caged, true, false);
	for (size_t i = 0; i < REIN_COUNT(cases); i++) {
		int what[3] = {cases[i].what[0], cases[i].what[1], cases[i].what[2]};
		int error = caged_run(&caged, open_socket, what);

		/* What this kernel lacks, or root's ping range forbids, is refused too. */
		cr_expect(error == cases[i].error || (cases[i].error && (error == EPROTONOSUPPORT || error == EACCES)),
			  "case %zu: %s", i, strerror(error));
	}
	caged_stop(&caged);
}

static int bind_to(void *argument)
{
	const struct attempt *at = argument;
	union address address = address_of(at->to, at->port);
	int fd = socket(at->family, at->type, 0);

	return bind(fd, &address.any, size_of(&address)) ? errno : 0;
}

Test(bpf_net, binds_where_it_may_listen)
{
	struct caged caged;

	caged_open(&caged);
	caged_allow(&caged, REIN_NET_LISTEN, IPPROTO_TCP, "127.0.0.0", 8, 47000, 47999);
	caged_start(&caged, true, false);
	const struct {
		struct attempt attempt;
		int error;
	} cases[] = {
		{{AF_INET, SOCK_STREAM, "127.0.0.1", 47123, false}, 0},
		{{AF_INET6, SOCK_STREAM, "::ffff:127.0.0.1", 47123, false}, 0},
		{{AF_INET, SOCK_STREAM, "127.0.0.1", 46999, false}, EPERM},
		{{AF_INET, SOCK_STREAM, "0.0.0.0", 47123, false}, EPERM},
		{{AF_INET6, SOCK_STREAM, "::", 47123, false}, EPERM},
		{{AF_INET, SOCK_DGRAM, "127.0.0.1", 47123, false}, EPERM},
		{{AF_INET, SOCK_STREAM, "127.0.0.1", 0, false}, 0},
	};
	for (size_t i = 0; i < REIN_COUNT(cases); i++) {
		struct attempt it = cases[i].attempt;
		int error = caged_run(&caged, bind_to, &it);

		cr_expect(error == cases[i].error || (it.family == AF_INET6 && error == EAFNOSUPPORT), "case %zu: %s",
			  i, strerror(error));
	}
	caged_stop(&caged);
}

/* Serves one connection in the cage, and says on `ready` at which port. */
struct serving {
	int type, ready;
	const char *at;
	uint16_t port;
};

static int serve_tcp(void *argument)
{
	const struct serving *serving = argument;
	union address address = address_of(serving->at, serving->port);
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1, peer;
	char text[6] = "";

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, &address.any, size_of(&address)) || listen(fd, 4) || getsockname(fd, &address.any, &size) ||
	    write(serving->ready, &address.v4.sin_port, 2) != 2)
		return 1;
	peer = accept(fd, NULL, NULL);
	if (peer < 0 || read(peer, text, 5) != 5 || write(peer, text, 5) != 5)
		return 2;
	return 0;
}

/* Whether a connection from outside to a server in the cage works, both ways, in at most so many milliseconds. */
static bool served(struct caged *caged, uint16_t port, int ms, int *ret_errno)
{
	int ready[2], fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct serving serving = {.at = "127.0.0.1", .port = port};
	struct pollfd done = {.fd = fd, .events = POLLOUT};
	union address to;
	char text[6] = "";
	bool works = false;
	pid_t child;

	cr_assert_eq(pipe(ready), 0);
	serving.ready = ready[1];
	child = caged_fork(caged);
	if (!child)
		_exit(serve_tcp(&serving));
	close(ready[1]);
	to = address_of("127.0.0.1", 0);
	if (read(ready[0], &to.v4.sin_port, 2) == 2) {
		connect(fd, &to.any, sizeof(to.v4));
		works = poll(&done, 1, ms) == 1 && write(fd, "hello", 5) == 5 && readable(fd, ms) &&
			read(fd, text, 5) == 5 && !strcmp(text, "hello");
	}
	kill(child, SIGKILL);
	*ret_errno = caged_wait(child);
	close(fd);
	close(ready[0]);
	return works;
}

Test(bpf_net, is_reached_at_ports_that_it_listens_on_only)
{
	struct caged caged;
	int error;

	caged_open(&caged);
	caged_allow(&caged, REIN_NET_LISTEN, IPPROTO_TCP, "127.0.0.1", 32, 47001, 47001);
	caged_start(&caged, true, false);
	cr_expect(served(&caged, 47001, HARNESS_PATIENCE_MS, &error), "%d", error);
	/* A port of the kernel's choice may be bound, as clients do, and nothing reaches it. */
	cr_expect_not(served(&caged, 0, 700, &error));
	cr_expect_gt(caged.launch.state->denials, 0);
	caged_stop(&caged);
}

/* A datagram server in the cage: answers the first datagram, then writes to whom it was never written by. */
static int serve_udp(void *argument)
{
	const struct serving *serving = argument;
	union address address = address_of("127.0.0.1", 47002), peer, stranger = address_of("127.0.0.1", serving->port);
	socklen_t size = sizeof(peer);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char byte;

	if (bind(fd, &address.any, sizeof(address.v4)) || write(serving->ready, "r", 1) != 1)
		return 1;
	if (recvfrom(fd, &byte, 1, 0, &peer.any, &size) != 1 || sendto(fd, &byte, 1, 0, &peer.any, size) != 1)
		return 2;
	return sendto(fd, &byte, 1, 0, &stranger.any, sizeof(stranger.v4)) < 0 && errno == EPERM ? 0 : 3;
}

Test(bpf_net, a_datagram_server_answers_and_does_not_call)
{
	struct caged caged;
	struct serving serving = {0};
	uint16_t ours, port;
	union address to = address_of("127.0.0.1", 47002);
	int ready[2], fd, stranger;
	char byte;
	pid_t child;

	caged_open(&caged);
	fd = open_server(SOCK_DGRAM, "127.0.0.1", &ours);
	stranger = open_server(SOCK_DGRAM, "127.0.0.1", &port);
	caged_allow(&caged, REIN_NET_LISTEN, IPPROTO_UDP, "127.0.0.1", 32, 47002, 47002);
	caged_start(&caged, true, false);
	cr_assert_eq(pipe(ready), 0);
	serving.ready = ready[1];
	serving.port = port;
	child = caged_fork(&caged);
	if (!child)
		_exit(serve_udp(&serving));
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	cr_assert_eq(sendto(fd, "q", 1, 0, &to.any, sizeof(to.v4)), 1);
	cr_expect(readable(fd, HARNESS_PATIENCE_MS));
	cr_expect_eq(caged_wait(child), 0);
	cr_expect_not(readable(stranger, 0));
	caged_stop(&caged);
}

static int call_many(void *argument)
{
	const struct serving *serving = argument;
	union address to = address_of("127.0.0.1", serving->port);
	int passed = 0;

	for (int i = 0; i < 40; i++) {
		int fd = socket(AF_INET, serving->type, 0);

		if (serving->type == SOCK_DGRAM)
			to.v4.sin_port = htons((uint16_t)(20000 + i));
		for (int again = 0; again < 2; again++)
			if (serving->type == SOCK_DGRAM)
				passed += sendto(fd, "x", 1, 0, &to.any, sizeof(to.v4)) == 1;
		if (serving->type == SOCK_STREAM)
			passed += connect(fd, &to.any, sizeof(to.v4)) == 0;
		close(fd);
	}
	return passed;
}

/* A datagram peer is a connection once, however often it is sent to. */
Test(bpf_net, connections_and_new_peers_stop_at_the_burst)
{
	static const struct {
		int type, protocol, passed;
	} kinds[] = {{SOCK_STREAM, IPPROTO_TCP, 7}, {SOCK_DGRAM, IPPROTO_UDP, 14}};

	for (size_t i = 0; i < REIN_COUNT(kinds); i++) {
		struct serving serving = {.type = kinds[i].type};
		struct caged caged;
		int server;

		caged_open(&caged);
		server = open_server(kinds[i].type, "127.0.0.1", &serving.port);
		caged_allow(&caged, REIN_NET_CONNECT, kinds[i].protocol, "127.0.0.1", 32, 1, 65535);
		caged_break(&caged, REIN_MECH_BPF_NET, REIN_METER_NET_CONNECTS, CAGED_NEVER, 7, REIN_ON_TRIP_DENY);
		caged_start(&caged, true, false);
		cr_expect_eq(caged_run(&caged, call_many, &serving), kinds[i].passed);
		cr_expect_eq(caged.launch.state->meters[REIN_METER_NET_CONNECTS], 7);
		caged_stop(&caged);
		close(server);
	}
}

#define LET_IN 5

static int listen_and_count(void *argument)
{
	const struct serving *serving = argument;
	union address at = address_of("127.0.0.1", 47004);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), got = 0;
	char data[2000];

	if (bind(fd, &at.any, sizeof(at.v4)) || write(serving->ready, "r", 1) != 1)
		return 255;
	while (readable(fd, got < LET_IN ? HARNESS_PATIENCE_MS : 300) && recv(fd, data, sizeof(data), 0) > 0)
		got++;
	return got;
}

Test(bpf_net, what_comes_in_is_metered_too)
{
	struct serving serving = {0};
	union address to = address_of("127.0.0.1", 47004);
	struct caged caged;
	char data[1000] = {0}, byte;
	int ready[2], fd;
	uint16_t port;
	pid_t child;

	caged_open(&caged);
	cr_assert_eq(pipe(ready), 0);
	serving.ready = ready[1];
	fd = open_server(SOCK_DGRAM, "127.0.0.1", &port);
	caged_allow(&caged, REIN_NET_LISTEN, IPPROTO_UDP, "127.0.0.1", 32, 47004, 47004);
	caged_break(&caged, REIN_MECH_BPF_NET, REIN_METER_NET_RX_BYTES, CAGED_NEVER, LET_IN * 1008, REIN_ON_TRIP_DENY);
	caged_start(&caged, true, false);
	child = caged_fork(&caged);
	if (!child)
		_exit(listen_and_count(&serving));
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	for (int i = 0; i < 20; i++)
		cr_expect_eq(sendto(fd, data, sizeof(data), 0, &to.any, sizeof(to.v4)), (ssize_t)sizeof(data));
	cr_expect_eq(caged_wait(child), LET_IN);
	caged_stop(&caged);
	close(fd);
}

/* A policy of thousands of rules decides like a small one; what a hook then costs is counted by tests/bench/vm. */
Test(bpf_net, ten_thousand_rules)
{
	struct attempt here, gap;
	struct caged caged;
	char text[32];

	caged_open(&caged);
	for (int i = 0; i < 10000; i++) {
		snprintf(text, sizeof(text), "127.%d.%d.0", i / 250, i % 250);
		caged_allow(&caged, REIN_NET_CONNECT, IPPROTO_UDP, text, 24, 7, 7);
	}
	caged_start(&caged, true, false);
	here = (struct attempt){AF_INET, SOCK_DGRAM, "127.39.249.9", 7, true};
	gap = (struct attempt){AF_INET, SOCK_DGRAM, "127.39.250.9", 7, true};
	cr_expect_eq(caged_run(&caged, attempt, &here), 0);
	cr_expect_eq(caged_run(&caged, attempt, &gap), EPERM);
	caged_stop(&caged);
}
