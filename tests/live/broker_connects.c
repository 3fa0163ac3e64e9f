/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Addresses without BPF: the broker makes the agent's connections. What counts is what arrives at listeners outside.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/brokered.h"
#include "harness/harness.h"
#include "harness/sandbox.h"
#include "harness/sockets.h"
#include "mech/landlock.h"

#define RACES 1000

static struct rein_trial_plan trial;
static struct rein_brokered brokered;
static int open_door, shut_door; /* listeners outside: one that the policy names, one that it does not */
static uint16_t open_port, shut_port;
static int descriptors_before;

static int count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void allow(enum rein_net_direction direction, enum rein_verdict verdict, const char *address, uint16_t port)
{
	struct rein_net_rule *rule = rein_vec_add(&trial.policy.net);

	*rule = (struct rein_net_rule){
		.origin = {"trial.yaml", 60, 1, "network"},
		.verdict = verdict,
		.direction = direction,
		.family = strchr(address, ':') ? REIN_NET_V6 : REIN_NET_V4,
		.prefix_bits = strchr(address, ':') ? 128 : 32,
		.protocol = IPPROTO_TCP,
		.port_low = port,
		.port_high = port,
	};
	inet_pton(rule->family == REIN_NET_V4 ? AF_INET : AF_INET6, address, rule->address);
}

static void setup(void)
{
	rein_trial_plan_init(&trial);
	memset(&brokered, 0, sizeof(brokered));
	rein_brokered_folder_enter();
	rein_mech_landlock.probe(&trial.machine);
	if (trial.machine.landlock_abi < 4)
		harness_skip("connections by the broker (Landlock here governs no ports)");
	trial.plan.use[REIN_MECH_BROKER] = trial.plan.use[REIN_MECH_LANDLOCK] = true;
	trial.plan.host_network = trial.plan.by_broker = true;
	open_door = open_server(SOCK_STREAM, "127.0.0.1", &open_port);
	shut_door = open_server(SOCK_STREAM, "127.0.0.1", &shut_port);
	allow(REIN_NET_CONNECT, REIN_VERDICT_ALLOW, "127.0.0.1", open_port);
	descriptors_before = count_descriptors();
}

static void teardown(void)
{
	rein_trial_plan_free(&trial);
	rein_brokered_folder_leave();
	close(open_door);
	close(shut_door);
}

TestSuite(broker_connects, .init = setup, .fini = teardown, .timeout = 120);

/* How many connections have arrived, and takes them. */
static int arrivals(int door)
{
	int n = 0;

	while (readable(door, 0)) {
		int fd = accept(door, NULL, NULL);

		cr_assert_geq(fd, 0);
		close(fd);
		n++;
	}
	return n;
}

static int run(int (*attempt)(void))
{
	int status = rein_brokered_run(&brokered, &trial, attempt, 60000);

	cr_assert(WIFEXITED(status), "status %#x", status);
	while (count_descriptors() != descriptors_before)
		sched_yield(); /* none of its copies stays, but they are closed elsewhere */
	return WEXITSTATUS(status);
}

/* errno of a connect(), 0 if it came through. */
static int try(const char *address, uint16_t port, int flags)
{
	union address to = address_of(address, port);
	int fd = socket(to.any.sa_family, SOCK_STREAM | flags, 0);
	int r = connect(fd, &to.any, size_of(&to)) ? errno : 0;

	close(fd);
	return r;
}

static int as_bare(void)
{
	union address to = address_of("127.0.0.1", open_port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), error = -1;
	struct pollfd writable = {fd, POLLOUT, 0};
	socklen_t length = sizeof(error);

	HOLDS(try("127.0.0.1", open_port, 0) == 0);
	HOLDS(connect(fd, &to.any, size_of(&to)) == 0 || errno == EINPROGRESS);
	HOLDS(poll(&writable, 1, 10000) == 1 && writable.revents == POLLOUT);
	HOLDS(!getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) && !error);
	HOLDS(connect(fd, &to.any, size_of(&to)) == 0 || errno == EISCONN);
	HOLDS(send(fd, "x", 1, 0) == 1);
	HOLDS(fcntl(fd, F_GETFL) & O_NONBLOCK);
	/* "Any" address is loopback, which is named; so is IPv4 in IPv6 clothes. */
	HOLDS(try("0.0.0.0", open_port, 0) == 0);
	HOLDS(try("::ffff:127.0.0.1", open_port, 0) == 0);
	return 0;
}

Test(broker_connects, what_is_named_arrives_as_bare)
{
	int r = run(as_bare);

	cr_assert_eq(r, 0, "line %d", r - 1);
	cr_assert_eq(brokered.nr_events, 0);
	cr_assert_eq(arrivals(open_door), 4);
}

static int knock(void)
{
	union address to = address_of("127.0.0.1", shut_port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	static const int on = 1;

	HOLDS(try("127.0.0.1", shut_port, 0) == EPERM);
	HOLDS(try("127.0.0.1", shut_port, SOCK_NONBLOCK) == EPERM);
	HOLDS(try("0.0.0.0", shut_port, 0) == EPERM);
	HOLDS(try("::ffff:127.0.0.1", shut_port, 0) == EPERM);
	HOLDS(try("::ffff:0.0.0.0", shut_port, 0) == EPERM);
	HOLDS(try("::1", shut_port, 0) == EPERM);
	HOLDS(try("127.0.0.2", open_port, 0) == EPERM);
	HOLDS(sendto(fd, "x", 1, MSG_FASTOPEN, &to.any, size_of(&to)) < 0 && errno == EPERM);
	HOLDS(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)) && errno == EPERM);
	HOLDS(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, "\x83\x07\x04\x7f\0\0\x01", 8) && errno == EPERM);
	HOLDS(socket(AF_INET, SOCK_DGRAM, 0) < 0 && errno == EPERM);
	HOLDS(sendto(fd, "x", 1, MSG_NOSIGNAL, &to.any, size_of(&to)) < 0);
	return 0;
}

Test(broker_connects, what_is_not_named_arrives_nowhere)
{
	int r = run(knock);

	cr_assert_eq(r, 0, "line %d", r - 1);
	cr_assert_eq(arrivals(shut_door), 0);
	cr_assert_eq(rein_brokered_count(&brokered, REIN_KIND_DENY, "connect"), 7);
}

static int deny_inside(void)
{
	return try("127.0.0.1", shut_port, 0) != EPERM || try("0.0.0.0", shut_port, 0) != EPERM;
}

Test(broker_connects, a_deny_beats_the_allow)
{
	allow(REIN_NET_CONNECT, REIN_VERDICT_ALLOW, "127.0.0.1", shut_port);
	allow(REIN_NET_CONNECT, REIN_VERDICT_DENY, "127.0.0.1", shut_port);
	cr_assert_eq(run(deny_inside), 0);
	cr_assert_eq(arrivals(shut_door), 0);
}

static volatile bool over;
static union address target;
static int changing;

static void *change_port(void *data)
{
	while (!over) {
		__atomic_store_n(&target.v4.sin_port, htons(open_port), __ATOMIC_SEQ_CST);
		__atomic_store_n(&target.v4.sin_port, htons(shut_port), __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void *change_family(void *data)
{
	while (!over) {
		__atomic_store_n(&target.any.sa_family, AF_UNIX, __ATOMIC_SEQ_CST);
		__atomic_store_n(&target.any.sa_family, AF_INET, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/* A UNIX socket, about which nobody asks, and one of TCP take turns under one number. */
static void *change_descriptor(void *data)
{
	int of_unix = socket(AF_UNIX, SOCK_STREAM, 0);

	while (!over) {
		int of_internet = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

		dup2(of_unix, changing);
		dup2(of_internet, changing);
		close(of_internet);
	}
	return NULL;
}

/* Until the broker has refused at least one: else nobody raced. */
static int race(void *(*rewrite)(void *), uint16_t port, bool meets_meter)
{
	bool refused = false;
	pthread_t thread;

	target = address_of("127.0.0.1", port);
	changing = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	pthread_create(&thread, NULL, rewrite, NULL);
	for (int i = 0; i < RACES || !refused; i++) {
		int fd = rewrite == change_descriptor ? changing : socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

		refused |= connect(fd, &target.any, sizeof(target.v4)) && errno == (meets_meter ? EDQUOT : EPERM);
		if (fd != changing)
			close(fd);
	}
	over = true;
	pthread_join(thread, NULL);
	return 0;
}

static int race_port(void)
{
	return race(change_port, open_port, false);
}

static int race_family(void)
{
	return race(change_family, shut_port, false);
}

static int race_descriptor(void)
{
	return race(change_descriptor, shut_port, false);
}

static int arrived; /* at the open door, whose queue must not fill */

static void take_open(struct rein_brokered *unused)
{
	arrived += arrivals(open_door);
}

Test(broker_connects, an_address_rewritten_while_it_is_judged_reaches_nobody)
{
	int (*const races[])(void) = {race_port, race_family, race_descriptor};

	brokered.tick = take_open;
	brokered.every_ms = 1;
	for (size_t i = 0; i < sizeof(races) / sizeof(races[0]); i++) {
		cr_assert_eq(run(races[i]), 0);
		cr_assert_eq(arrivals(shut_door), 0, "race %zu", i);
		cr_assert_gt(brokered.nr_events, 0, "nothing was refused: no race %zu", i);
	}
	cr_assert_gt(arrived, 0, "nothing was let through: no race of ports");
}

/* A listener whose queue is full: connecting to it takes as long as the asker will wait. */
static void fill_queue(void)
{
	union address to = address_of("127.0.0.1", open_port);

	cr_assert_eq(listen(open_door, 0), 0);
	for (int i = 0; i < 3; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		cr_assert(connect(fd, &to.any, size_of(&to)) == 0 || errno == EINPROGRESS);
	}
	descriptors_before = count_descriptors();
}

static void *hang(void *data)
{
	try("127.0.0.1", open_port, 0);
	return NULL;
}

static void *go_on(void *data)
{
	for (int i = 0; i < 10; i++)
		if (try("127.0.0.1", shut_port, 0) != 0)
			*(int *)data = 1;
	return NULL;
}

static int hang_one_of_many(void)
{
	pthread_t threads[64], hanging;
	int failed = 0;

	pthread_create(&hanging, NULL, hang, NULL);
	for (int i = 0; i < 64; i++)
		pthread_create(&threads[i], NULL, go_on, &failed);
	for (int i = 0; i < 64; i++)
		pthread_join(threads[i], NULL);
	return failed; /* and the hanging one dies in its call */
}

static void take_all(struct rein_brokered *unused)
{
	arrivals(shut_door);
}

Test(broker_connects, one_that_hangs_holds_up_nobody)
{
	allow(REIN_NET_CONNECT, REIN_VERDICT_ALLOW, "127.0.0.1", shut_port);
	fill_queue();
	brokered.tick = take_all;
	brokered.every_ms = 1;
	cr_assert_eq(run(hang_one_of_many), 0);
}

static void on_alarm(int signal)
{
}

static int be_interrupted(void)
{
	const struct sigaction plain = {.sa_handler = on_alarm};
	const struct itimerval soon = {.it_value = {0, 200000}};
	const struct timeval brief = {0, 200000};
	union address to = address_of("127.0.0.1", open_port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sigaction(SIGALRM, &plain, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	HOLDS(connect(fd, &to.any, size_of(&to)) < 0 && errno == EINTR);
	HOLDS(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	HOLDS(connect(fd, &to.any, size_of(&to)) < 0 && errno == EALREADY);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof(brief));
	HOLDS(connect(fd, &to.any, size_of(&to)) < 0 && errno == EINPROGRESS);
	return 0;
}

Test(broker_connects, signals_and_timeouts_end_it_as_bare)
{
	int r;

	fill_queue();
	r = run(be_interrupted);
	cr_assert_eq(r, 0, "line %d", r - 1);
}

static int die_in_it(void)
{
	int ends[2], status;
	pid_t child;
	char byte;

	HOLDS(!pipe(ends));
	child = fork();
	if (!child) {
		close(ends[0]);
		_exit(write(ends[1], "x", 1) != 1 || try("127.0.0.1", open_port, 0));
	}
	HOLDS(read(ends[0], &byte, 1) == 1);
	for (int i = 0; i < 10; i++)
		HOLDS(try("127.0.0.1", shut_port, 0) == EPERM); /* the broker is past the child's question by now */
	HOLDS(!kill(child, SIGKILL) && waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	return try("127.0.0.1", shut_port, 0) != EPERM;
}

Test(broker_connects, who_is_killed_in_it_leaves_nothing)
{
	int r;

	fill_queue();
	r = run(die_in_it);
	cr_assert_eq(r, 0, "line %d", r - 1);
}

static int refused_binds(void)
{
	union address at = address_of("127.0.0.1", open_port), to = at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr off = {.sa_family = AF_UNSPEC};

	at.v4.sin_port = htons(shut_port);
	HOLDS(bind(fd, &at.any, size_of(&at)) && errno == EPERM);
	HOLDS(listen(fd, 1) && errno == EPERM);
	/* The port that the kernel gave it for a connection stays when that is dissolved. */
	HOLDS(connect(fd, &to.any, size_of(&to)) == 0 && connect(fd, &off, sizeof(off)) == 0);
	HOLDS(listen(fd, 1) && errno == EPERM);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	at.v4.sin_port = 0;
	HOLDS(bind(fd, &at.any, size_of(&at)) == 0); /* as clients do */
	HOLDS(listen(fd, 1) && errno == EPERM);
	return 0;
}

static int named_bind(void)
{
	union address at = address_of("127.0.0.1", 45671);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	static const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	HOLDS(bind(fd, &at.any, size_of(&at)) == 0 && listen(fd, 1) == 0);
	return try("127.0.0.1", 45671, 0) != EPERM;
}

Test(broker_connects, it_listens_where_a_line_says)
{
	int r = run(refused_binds);

	cr_assert_eq(r, 0, "line %d", r - 1);
	cr_assert_eq(rein_brokered_count(&brokered, REIN_KIND_DENY, "listen"), 3);
	allow(REIN_NET_LISTEN, REIN_VERDICT_ALLOW, "127.0.0.1", 45671);
	r = run(named_bind);
	cr_assert_eq(r, 0, "line %d", r - 1);
}

static int race_the_meter(void)
{
	return race(change_family, open_port, true);
}

Test(broker_connects, connections_are_charged_before_they_are_made)
{
	rein_trial_plan_breaker(&trial, REIN_METER_NET_CONNECTS, 5, REIN_ON_TRIP_DENY);
	cr_assert_eq(run(race_the_meter), 0);
	cr_assert_eq(arrivals(open_door), 5); /* the queue has room for more */
	cr_assert_eq(rein_brokered_count(&brokered, REIN_KIND_TRIP, NULL), 1);
}

/* What is not of the internet is as it always was. */
static int other_families(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/nowhere/at/all"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), pair[2];

	HOLDS(connect(fd, (struct sockaddr *)&un, sizeof(un)) && errno != EPERM);
	HOLDS(connect(fd, NULL, 16) && errno == EFAULT);
	HOLDS(connect(fd, (void *)8, 100000) && errno == EINVAL);
	HOLDS(connect(-1, (struct sockaddr *)&un, sizeof(un)) && errno == EBADF);
	HOLDS(connect(0, (struct sockaddr *)&un, sizeof(un)) && errno == ENOTSOCK);
	HOLDS(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair) && send(pair[0], "x", 1, 0) == 1);
	fd = socket(AF_NETLINK, SOCK_RAW, 0);
	HOLDS(!bind(fd, &(struct sockaddr){.sa_family = AF_NETLINK}, 12));
	return 0;
}

Test(broker_connects, other_families_are_as_they_were)
{
	int r = run(other_families);

	cr_assert_eq(r, 0, "line %d", r - 1);
	cr_assert_eq(brokered.nr_events, 0);
}
