/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <rein/event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "harness/harness.h"
#include "harness/sockets.h"

/* bpf-net's breakers by the bytes that a receiver gets. */

/* A receiver in a network namespace of its own, joined to this one by a pair of interfaces. It counts in memory that
 * both see: for UDP IP payload, for TCP what arrives of the stream, which is less. */
struct receiver {
	pid_t process;
	char interface[16];
	uint64_t *bytes;
};

#define FAR_PORT 47003

/* Tests run side by side: each has a net of its own in the range for benchmarks. */
static char near[16], far[16];

static void choose_net(void)
{
	unsigned pid = (unsigned)getpid();

	snprintf(near, sizeof(near), "198.%u.%u.%u", 18 + (pid >> 14) % 2, (pid >> 6) % 256, pid % 64 * 4 + 1);
	snprintf(far, sizeof(far), "198.%u.%u.%u", 18 + (pid >> 14) % 2, (pid >> 6) % 256, pid % 64 * 4 + 2);
}

static int shell(const char *command)
{
	return system(command) ? -1 : 0;
}

static void count_datagrams(int fd, uint64_t *bytes)
{
	static char data[65536];

	for (;;) {
		ssize_t n = recv(fd, data, sizeof(data), 0);

		if (n >= 0)
			__atomic_fetch_add(bytes, (uint64_t)n + 8, __ATOMIC_SEQ_CST);
	}
}

static void count_streams(int fd, uint64_t *bytes)
{
	static char data[65536];
	struct pollfd polled[80] = {{.fd = fd, .events = POLLIN}};
	nfds_t count = 1;

	for (;;) {
		poll(polled, count, -1);
		if (polled[0].revents && count < REIN_COUNT(polled))
			polled[count++] = (struct pollfd){.fd = accept(fd, NULL, NULL), .events = POLLIN};
		for (nfds_t i = 1; i < count; i++) {
			ssize_t n = polled[i].revents ? read(polled[i].fd, data, sizeof(data)) : 0;

			if (polled[i].revents && n <= 0)
				polled[i].fd = -1;
			else
				__atomic_fetch_add(bytes, (uint64_t)n, __ATOMIC_SEQ_CST);
		}
	}
}

static _Noreturn void receive(int type, int channel, uint64_t *bytes)
{
	union address at = address_of(far, FAR_PORT);
	int fd, room = 8 << 20;
	char byte, command[128];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(command, sizeof(command), "ip addr add %s/30 dev far && ip link set far up", far);
	if (unshare(CLONE_NEWNET) || write(channel, "u", 1) != 1 || read(channel, &byte, 1) != 1 || shell(command))
		_exit(1);
	fd = socket(AF_INET, type, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (bind(fd, &at.any, sizeof(at.v4)) || (type == SOCK_STREAM && listen(fd, 64)) || write(channel, "r", 1) != 1)
		_exit(2);
	if (type == SOCK_STREAM)
		count_streams(fd, bytes);
	count_datagrams(fd, bytes);
	_exit(3);
}

#define WARM_UP (500 * harness_slow())

/* A new interface drops packets for a moment. What is sent last arrives last, so nothing of this is left to be counted
 * when it has. */
static void warm_up(struct receiver *receiver, int type)
{
	static const char data[2000];
	union address to = address_of(far, FAR_PORT);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	cr_assert_eq(connect(fd, &to.any, sizeof(to.v4)), 0);
	for (int i = 0; i < WARM_UP && !__atomic_load_n(receiver->bytes, __ATOMIC_SEQ_CST); i++) {
		send(fd, data, 1, 0);
		poll(NULL, 0, 10);
	}
	send(fd, data, sizeof(data), 0);
	for (int i = 0; i < WARM_UP && __atomic_load_n(receiver->bytes, __ATOMIC_SEQ_CST) < sizeof(data); i++)
		poll(NULL, 0, 10);
	cr_assert_geq(__atomic_exchange_n(receiver->bytes, 0, __ATOMIC_SEQ_CST), sizeof(data));
	close(fd);
}

static void open_receiver(struct receiver *receiver, int type)
{
	char command[200], byte;
	int channel[2];

	choose_net();
	receiver->bytes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(receiver->interface, sizeof(receiver->interface), "rt%d", getpid());
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, channel), 0);
	receiver->process = fork();
	if (!receiver->process)
		receive(type, channel[1], receiver->bytes);
	cr_assert_eq(read(channel[0], &byte, 1), 1);
	snprintf(command, sizeof(command),
		 "ip link add %s type veth peer name far netns %d && ip addr add %s/30 dev %s && ip link set %s up",
		 receiver->interface, receiver->process, near, receiver->interface, receiver->interface);
	if (shell(command))
		cr_skip_test("no pair of interfaces can be made here");
	cr_assert_eq(write(channel[0], "g", 1), 1);
	cr_assert_eq(read(channel[0], &byte, 1), 1);
	close(channel[0]);
	close(channel[1]);
	warm_up(receiver, type);
}

static void close_receiver(struct receiver *receiver)
{
	char command[64];

	kill(receiver->process, SIGKILL);
	waitpid(receiver->process, NULL, 0);
	snprintf(command, sizeof(command), "ip link del %s", receiver->interface);
	shell(command);
	munmap(receiver->bytes, 4096);
}

struct flood {
	int type, senders;
	unsigned seed;
};

static int open_sender(int type)
{
	union address to = address_of(far, FAR_PORT);
	int fd = socket(AF_INET, type, 0);

	return connect(fd, &to.any, sizeof(to.v4)) ? -1 : fd;
}

static void *send_on(void *argument)
{
	static const char data[32768];
	const struct flood *flood = argument;
	unsigned seed = flood->seed + (unsigned)gettid();
	int fd = open_sender(flood->type);

	for (;;) {
		size_t size = 1 + (size_t)rand_r(&seed) % (rand_r(&seed) % 4 ? 1400 : sizeof(data));

		/* A closed breaker refuses at once: give the processor away, the test is about bytes. */
		if (send(fd, data, size, MSG_NOSIGNAL) < 0)
			sched_yield();
	}
	return NULL;
}

/* Half of them threads, half processes; killed by the test. */
static int send_all(struct flood *flood)
{
	pthread_t thread;

	for (int i = 1; i < flood->senders; i++) {
		if (i % 2)
			pthread_create(&thread, NULL, send_on, flood);
		else if (!fork())
			send_on(flood);
	}
	send_on(flood);
	return 0;
}

/*
 * What arrives is bounded at every moment looked at, not only in the end. The clock is read before and after what it is
 * about, so that no packet's time falls out.
 */
static void flood_far(int type, int senders, unsigned seed)
{
	struct flood flood = {.type = type, .senders = senders, .seed = seed};
	const uint64_t rate = 200000, burst = 300000 + seed;
	struct receiver receiver;
	struct caged caged;
	uint64_t begin, seen = 0;
	struct rein_bucket *bucket;
	pid_t child;

	caged_open(&caged);
	open_receiver(&receiver, type);
	caged_allow(&caged, REIN_NET_CONNECT, type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP, far, 32, FAR_PORT,
		    FAR_PORT);
	caged_break(&caged, REIN_MECH_BPF_NET, REIN_METER_NET_TX_BYTES, rate, burst, REIN_ON_TRIP_DENY);
	caged_start(&caged, true, false);
	bucket = &caged.launch.state->breakers[0].bucket;
	begin = caged_now_ns();
	child = caged_fork(&caged);
	if (!child)
		_exit(send_all(&flood));
	/* Twenty looks, and on a slow machine as many more as the flood takes to meet the breaker. */
	for (int look = 0; look < 20 || (look < 2000 && (seen <= burst / 2 || !bucket->trips)); look++) {
		uint64_t allowed;

		poll(NULL, 0, 25);
		/* As a supervisor that resets a breaker without a cool-down: what goes through is still the rate's. */
		bucket->state = REIN_BREAKER_CLOSED;
		seen = __atomic_load_n(receiver.bytes, __ATOMIC_SEQ_CST);
		allowed = burst + rate * (caged_now_ns() - begin) / 1000000000 + 1;
		cr_assert_leq(seen, allowed, "%d senders, look %d", senders, look);
	}
	cr_expect_gt(seen, burst / 2, "%d senders: the breaker is not what bounds it", senders);
	cr_expect_gt(bucket->trips, 0);
	kill(child, SIGKILL);
	caged_stop(&caged);
	waitpid(child, NULL, 0);
	close_receiver(&receiver);
}

Test(bpf_flood, datagrams_arrive_within_burst_and_rate_exactly, .timeout = 60)
{
	static const int mixes[] = {1, 3, 16, 64};

	for (size_t i = 0; i < REIN_COUNT(mixes); i++)
		flood_far(SOCK_DGRAM, mixes[i], (unsigned)i);
}

Test(bpf_flood, streams_arrive_within_burst_and_rate_exactly, .timeout = 60)
{
	static const int mixes[] = {1, 4, 32};

	for (size_t i = 0; i < REIN_COUNT(mixes); i++)
		flood_far(SOCK_STREAM, mixes[i], 10 + (unsigned)i);
}

static int send_until_refused(void *argument)
{
	int fd = open_sender(SOCK_DGRAM);
	char data[1000] = {0};

	if (fd < 0)
		return errno;

	for (int i = 0; i < 1000; i++)
		if (send(fd, data, sizeof(data), 0) < 0)
			return errno == EPERM ? 0 : 1;
	return 2;
}

/* The latch stops all of the agent's packets, other breakers or none; the event says who did it. */
Test(bpf_flood, a_trip_that_freezes_latches_and_is_told_once)
{
	struct rein_raw_event event;
	struct receiver receiver;
	struct caged caged;

	caged_open(&caged);
	open_receiver(&receiver, SOCK_DGRAM);
	caged_allow(&caged, REIN_NET_CONNECT, IPPROTO_UDP, far, 32, FAR_PORT, FAR_PORT);
	caged_break(&caged, REIN_MECH_BPF_NET, REIN_METER_NET_TX_BYTES, CAGED_NEVER, 10080, REIN_ON_TRIP_FREEZE);
	caged_start(&caged, true, false);
	cr_expect_eq(caged_run(&caged, send_until_refused, NULL), 0);
	cr_expect_eq(caged.launch.state->latch, 1 + REIN_ON_TRIP_FREEZE);
	cr_expect_eq(caged.launch.state->meters[REIN_METER_NET_TX_BYTES], 10 * 1008);
	cr_assert(caged_event(&caged, &event));
	cr_expect_eq(event.kind, REIN_EVENT_TRIP);
	cr_expect_eq(event.amount, 1008);
	cr_expect_eq(event.port, FAR_PORT);
	cr_expect_not(caged_event(&caged, &event));
	/* Even a connect is refused now. */
	cr_expect_eq(caged_run(&caged, send_until_refused, NULL), EPERM);
	cr_expect_leq(*receiver.bytes, 10080);
	caged_stop(&caged);
	close_receiver(&receiver);
}
