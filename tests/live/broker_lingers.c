/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whoever closes the last descriptor of a socket that is set to linger waits for its data to leave. The broker copies
 * the agent's sockets; where the agent closes its own meanwhile, the copy is the last.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/brokered.h"
#include "harness/harness.h"
#include "harness/sandbox.h"
#include "harness/sockets.h"
#include "mech/landlock.h"

#define PORTS 45000
#define LINGERERS 200

static struct rein_trial_plan trial;
static struct rein_brokered brokered;
static uint16_t port; /* of this test alone */

static void allow(enum rein_net_direction direction)
{
	struct rein_net_rule *rule = rein_vec_add(&trial.policy.net);

	*rule = (struct rein_net_rule){
		.origin = {"trial.yaml", 60, 1, "network"},
		.verdict = REIN_VERDICT_ALLOW,
		.direction = direction,
		.family = REIN_NET_V4,
		.prefix_bits = 32,
		.address = {127, 0, 0, 1},
		.protocol = IPPROTO_TCP,
		.port_low = port,
		.port_high = port,
	};
}

static void setup(void)
{
	port = (uint16_t)(PORTS + getpid() % 5000);
	rein_trial_plan_init(&trial);
	memset(&brokered, 0, sizeof(brokered));
	rein_brokered_folder_enter();
	rein_mech_landlock.probe(&trial.machine);
	if (trial.machine.landlock_abi < 4)
		harness_skip("sockets by the broker (Landlock here governs no ports)");
	trial.plan.use[REIN_MECH_BROKER] = trial.plan.use[REIN_MECH_LANDLOCK] = true;
	trial.plan.host_network = trial.plan.by_broker = true;
	allow(REIN_NET_CONNECT);
	allow(REIN_NET_LISTEN);
}

static void teardown(void)
{
	rein_trial_plan_free(&trial);
	rein_brokered_folder_leave();
}

TestSuite(broker_lingers, .init = setup, .fini = teardown, .timeout = 120);

static union address door;

/* Connected, set to linger far longer than a test may take, and full of what nobody will read. */
static int make_lingering(void)
{
	static const struct linger long_time = {.l_onoff = 1, .l_linger = 1000};
	static const int small = 4096;
	static const char much[65536];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	if (connect(fd, &door.any, size_of(&door)) ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &long_time, sizeof(long_time)))
		return -1;
	while (send(fd, much, sizeof(much), MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		;
	return fd;
}

static int lingering;
static unsigned asked;
static int (*ask)(void);

/* Keeps the broker at a copy until there is nothing to copy. */
static void *keep_asking(void *data)
{
	do
		__atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);
	while (ask() == 0 || (errno != EBADF && errno != ENOSYS)); /* ENOSYS: the broker is gone */
	return NULL;
}

static void on_signal(int signal)
{
}

/* Where the agent's own close is the last, that is what lingers; its alarm ends it. */
static void close_hurriedly(int fd)
{
	const struct itimerval often = {{0, 1000}, {0, 1000}}, never = {0};
	sigset_t alarm;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	close(fd);
	setitimer(ITIMER_REAL, &never, NULL);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
}

/* A connect that turns out to be the last to hold the socket lingers itself, as it does without rein. */
static void hurry_asker(pthread_t thread)
{
	struct timespec until;

	do {
		pthread_kill(thread, SIGUSR1);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 50000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
	} while (pthread_timedjoin_np(thread, NULL, &until) == ETIMEDOUT);
}

static int close_while_asking(int round)
{
	pthread_t thread;

	lingering = make_lingering();
	HOLDS(lingering >= 0);
	asked = 0;
	HOLDS(!pthread_create(&thread, NULL, keep_asking, NULL));
	while (__atomic_load_n(&asked, __ATOMIC_SEQ_CST) < 2 + (unsigned)round % 5)
		;
	close_hurriedly(lingering);
	hurry_asker(thread);
	return 0;
}

static int attack(void)
{
	const struct sigaction plain = {.sa_handler = on_signal};
	static const int on = 1, small = 4096;
	int fd = socket(AF_INET, SOCK_STREAM, 0), r = 0;
	sigset_t alarm;

	HOLDS(!sigaction(SIGALRM, &plain, NULL) && !sigaction(SIGUSR1, &plain, NULL));
	HOLDS(!prctl(PR_SET_PDEATHSIG, SIGKILL));
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	door = address_of("127.0.0.1", port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	HOLDS(!bind(fd, &door.any, size_of(&door)) && !listen(fd, LINGERERS));
	for (int i = 0; i < LINGERERS && !r; i++)
		r = close_while_asking(i);
	return r;
}

static int ask_to_bind(void)
{
	return bind(lingering, &door.any, size_of(&door));
}

static int ask_to_listen(void)
{
	return listen(lingering, 1);
}

static int ask_to_connect(void)
{
	return connect(lingering, &door.any, size_of(&door));
}

static int ask_elsewhere(void)
{
	union address elsewhere = address_of("127.0.0.2", port);

	return connect(lingering, &elsewhere.any, size_of(&elsewhere));
}

/* Each call is answered, so the broker's loop has stood still nowhere. */
static void expect_answers(int (*how)(void))
{
	int status;

	ask = how;
	status = rein_brokered_run(&brokered, &trial, attack, 60000);
	cr_assert(WIFEXITED(status), "status %#x", status);
	cr_assert_eq(WEXITSTATUS(status), 0, "line %d", WEXITSTATUS(status) - 1);
}

Test(broker_lingers, a_bind_of_what_lingers_does_not_stop_the_broker)
{
	expect_answers(ask_to_bind);
}

Test(broker_lingers, a_listen_of_what_lingers_does_not_stop_the_broker)
{
	expect_answers(ask_to_listen);
}

Test(broker_lingers, a_connect_of_what_lingers_does_not_stop_the_broker)
{
	expect_answers(ask_to_connect);
}

Test(broker_lingers, a_refusal_for_what_lingers_does_not_stop_the_broker)
{
	expect_answers(ask_elsewhere);
}

static int bind_again(void)
{
	int refused = 0;

	door = address_of("127.0.0.1", port);
	for (int i = 0; i < 1000; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		refused += bind(fd, &door.any, size_of(&door)) != 0;
		close(fd);
	}
	return refused != 0;
}

Test(broker_lingers, a_port_is_free_once_the_agent_has_closed_its_socket)
{
	cr_assert_eq(rein_brokered_run(&brokered, &trial, bind_again, 20000), 0, "the broker still held a copy");
}
