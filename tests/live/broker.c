/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/breakers.h"
#include "harness/brokered.h"

static struct rein_trial_plan trial;
static struct rein_brokered brokered;
static char folder[64];

static void setup(void)
{
	rein_trial_plan_init(&trial);
	memset(&brokered, 0, sizeof(brokered));
	strcpy(folder, "/tmp/rein-broker-XXXXXX");
	cr_assert(mkdtemp(folder) && !chdir(folder));
}

static void teardown(void)
{
	char command[128];

	rein_trial_plan_free(&trial);
	cr_assert_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(broker, .init = setup, .fini = teardown, .timeout = 60);

static void make_files(int n)
{
	char name[32];

	for (int i = 0; i < n; i++) {
		FILE *file;

		snprintf(name, sizeof(name), "file%d", i);
		file = fopen(name, "w");
		fputs("content\n", file);
		fclose(file);
	}
}

static int files_with_content(void)
{
	char name[32];
	struct stat st;
	int n = 0;

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		n += !stat(name, &st) && st.st_size;
	}
	return n;
}

static uint64_t used(enum rein_meter meter)
{
	return trial.state.meters[meter];
}

static int unlink_all(void)
{
	char name[32];
	int refused = 0;

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		if (unlink(name) && errno == EDQUOT)
			refused++;
	}
	return refused;
}

Test(broker, deny_lets_exactly_the_burst_through)
{
	make_files(100);
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 30, REIN_ON_TRIP_DENY);
	int status = rein_brokered_run(&brokered, &trial, unlink_all, 10000);

	cr_assert_eq(files_with_content(), 70);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 70, "status %#x", status);
	cr_assert_eq(rein_brokered_count(&brokered, REIN_KIND_TRIP, NULL), 1);
	cr_assert_geq(rein_brokered_count(&brokered, REIN_KIND_DENY, "unlink"), 69);
}

/* Every way to end content that is known here, each on a file of its own. */
static int end_content(void)
{
	int fd = open("file4", O_RDWR);
	int refused = 0;

	refused += unlink("file0") && errno == EDQUOT;
	refused += unlinkat(AT_FDCWD, "file1", 0) && errno == EDQUOT;
	refused += rename("other", "file2") && errno == EDQUOT;
	refused += syscall(SYS_renameat2, AT_FDCWD, "other", AT_FDCWD, "file3", 0) && errno == EDQUOT;
	refused += ftruncate(fd, 0) && errno == EDQUOT;
	refused += truncate("file5", 1) && errno == EDQUOT;
	refused += open("file6", O_WRONLY | O_TRUNC) < 0 && errno == EDQUOT;
	refused += open("file7", O_RDONLY | O_TRUNC) < 0 && errno == EDQUOT;
	refused += creat("file8", 0600) < 0 && errno == EDQUOT;
	refused += fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8) && errno == EDQUOT;
	refused += openat(AT_FDCWD, "./././file9", O_RDWR | O_CREAT | O_TRUNC, 0600) < 0 && errno == EDQUOT;
	return refused;
}

Test(broker, no_way_to_end_content_is_uncounted)
{
	int status;

	make_files(10);
	cr_assert_geq(creat("other", 0600), 0);
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 1, REIN_ON_TRIP_DENY);
	status = rein_brokered_run(&brokered, &trial, end_content, 10000);
	cr_assert(WIFEXITED(status), "status %#x", status);
	cr_assert_eq(WEXITSTATUS(status), 10, "%d of 11 refused, one is the burst", WEXITSTATUS(status));
	cr_assert_eq(files_with_content(), 9);
}

/* What makes new files, or looks, or grows: none of it ends content. */
static int build(void)
{
	char name[32];
	int fd;

	for (int i = 100; i < 200; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if (fd < 0 || write(fd, "x", 1) != 1 || ftruncate(fd, 100) || close(fd))
			return 1;
	}
	for (int i = 100; i < 200; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		if (rename(name, "renamed") || rename("renamed", name))
			return 2;
	}
	return 0;
}

Test(broker, work_that_ends_nothing_is_free)
{
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 1, REIN_ON_TRIP_DENY);
	cr_assert_eq(rein_brokered_run(&brokered, &trial, build, 10000), 0);
	cr_assert_eq(used(REIN_METER_DELETE_FILES), 0);
}

static int many_of_each(void)
{
	char name[32];

	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "new%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0600)); /* create */
		close(open(name, O_WRONLY));		     /* write */
		mkdir("folder", 0700);			     /* create, the first time */
		chmod(name, 0640);			     /* chmod */
		rename(name, "moved");			     /* rename; delete from the second on */
	}
	return 0;
}

Test(broker, meters_count_what_they_are_named_for)
{
	for (enum rein_meter meter = REIN_METER_WRITE_FILES; meter <= REIN_METER_CHMOD_FILES; meter++)
		rein_trial_plan_breaker(&trial, meter, 1000, REIN_ON_TRIP_DENY);
	cr_assert_eq(rein_brokered_run(&brokered, &trial, many_of_each, 10000), 0);
	cr_assert_eq(used(REIN_METER_CREATE_FILES), 21);
	cr_assert_eq(used(REIN_METER_WRITE_FILES), 20);
	cr_assert_eq(used(REIN_METER_CHMOD_FILES), 20);
	cr_assert_eq(used(REIN_METER_RENAME_FILES), 20);
	cr_assert_eq(used(REIN_METER_DELETE_FILES), 19);
}

static int fork_and_exec(void)
{
	for (int i = 0; i < 5; i++) {
		int status = -1;
		pid_t child = fork();

		if (child < 0)
			return errno == EDQUOT ? 50 + i : 1;
		if (!child) {
			execl("/bin/true", "true", NULL);
			_exit(errno == EDQUOT ? 77 : 1);
		}
		if (waitpid(child, &status, 0) != child)
			return 2;
		if (status)
			return WEXITSTATUS(status) + i;
	}
	return 0;
}

Test(broker, forks_are_counted_before_they_happen)
{
	rein_trial_plan_breaker(&trial, REIN_METER_FORK_COUNT, 3, REIN_ON_TRIP_DENY);
	int status = rein_brokered_run(&brokered, &trial, fork_and_exec, 10000);

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 53, "status %#x", status);
}

Test(broker, execs_are_counted_before_they_happen)
{
	rein_trial_plan_breaker(&trial, REIN_METER_EXEC_COUNT, 2, REIN_ON_TRIP_DENY);
	int status = rein_brokered_run(&brokered, &trial, fork_and_exec, 10000);

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 79, "status %#x", status);
}

static int attempts(void)
{
	int r = unshare(CLONE_NEWUSER) == 0 || errno != EPERM;

	r |= mount("a", "/b", "c", 0, NULL) == 0 || errno != EPERM;
	r |= chmod(".", 04755) == 0 || errno != EPERM;
	r |= socket(AF_PACKET, SOCK_RAW, 0) >= 0 || errno != EPERM;
	r |= syscall(SYS_io_uring_setup, 8, NULL) == 0 || errno != ENOSYS;
	return r;
}

Test(broker, refusals_are_recorded)
{
	trial.plan.use[REIN_MECH_BROKER] = true;
	cr_assert_eq(rein_brokered_run(&brokered, &trial, attempts, 10000), 0);
	cr_assert_eq(brokered.nr_events, 4);
	cr_assert_eq(rein_brokered_count(&brokered, REIN_KIND_DENY, "unshare"), 1);
	cr_assert_eq(rein_brokered_count(&brokered, REIN_KIND_DENY, "mount"), 1);
	cr_assert_eq(rein_brokered_count(&brokered, REIN_KIND_DENY, "chmod"), 1);
	cr_assert_eq(rein_brokered_count(&brokered, REIN_KIND_DENY, "socket"), 1);
	cr_assert_eq(brokered.events[0].pid, brokered.child);
	cr_assert_eq(brokered.events[0].error, EPERM);
}

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

Test(broker, connects_to_undeclared_addresses_are_refused_and_recorded)
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
	       (bind_to("127.0.0.1", 45679) != EPERM) << 4 | (bind_to("0.0.0.0", 45678) != EPERM) << 5;
}

static int own_network(void)
{
	return (connect_to("127.0.0.1", 3) == EPERM) | (connect_to("127.0.0.2", 3) == EPERM) << 1 |
	       (connect_to("127.0.0.1", 5) != EPERM) << 2 | (bind_to("0.0.0.0", 45678) == EPERM) << 3 |
	       (bind_to("127.0.0.1", 45679) != EPERM) << 4;
}

Test(broker, only_declared_addresses)
{
	int status;

	trial.plan.use[REIN_MECH_BROKER] = true;
	trial.plan.use[REIN_MECH_LANDLOCK] = true;
	trial.machine.landlock_abi = 7;
	allow(REIN_NET_CONNECT, "127.0.0.1", 32, 1, 4);
	allow(REIN_NET_LISTEN, "127.0.0.1", 32, 45678, 45678);
	status = rein_brokered_run(&brokered, &trial, own_network, 10000);
	cr_assert_eq(status, 0, "status %#x", status);
	cr_assert_eq(brokered.nr_events, 2);
	trial.plan.host_network = true;
	status = rein_brokered_run(&brokered, &trial, declared_addresses, 10000);
	cr_assert_eq(status, 0, "status %#x", status);
	cr_assert_eq(rein_brokered_count(&brokered, REIN_KIND_DENY, "connect"), 2);
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

Test(broker, listening_needs_a_bound_socket)
{
	trial.plan.use[REIN_MECH_BROKER] = true;
	trial.plan.host_network = true;
	allow(REIN_NET_LISTEN, "127.0.0.0", 8, 0, 65535);
	int status = rein_brokered_run(&brokered, &trial, listens, 10000);

	cr_assert_eq(status, 0, "status %#x", status);
}

/* A flood of refusals in one thread does not keep another waiting. */
static void *flood(void *data)
{
	for (int i = 0; i < 20000; i++)
		syscall(SYS_unshare, CLONE_NEWUSER);
	return NULL;
}

static int flood_and_work(void)
{
	pthread_t id;

	if (pthread_create(&id, NULL, flood, NULL))
		return 1;
	for (int i = 0; i < 50; i++)
		if (unlink("nothing") == 0 || errno != ENOENT)
			return 2;
	return pthread_join(id, NULL);
}

Test(broker, a_flood_of_refusals_starves_nobody)
{
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 1000, REIN_ON_TRIP_DENY);
	cr_assert_eq(rein_brokered_run(&brokered, &trial, flood_and_work, 30000), 0);
	cr_assert_eq(brokered.nr_events, 20000, "%zu", brokered.nr_events);
}

/* Children that ask and are killed while they do. */
static int kill_askers(void)
{
	for (int i = 0; i < 300; i++) {
		pid_t child = fork();

		if (!child)
			for (;;)
				syscall(SYS_unshare, CLONE_NEWUSER);
		sched_yield();
		kill(child, SIGKILL);
		if (waitpid(child, NULL, 0) != child)
			return 1;
	}
	return 0;
}

Test(broker, killed_askers_do_not_stop_it)
{
	trial.plan.use[REIN_MECH_BROKER] = true;
	cr_assert_eq(rein_brokered_run(&brokered, &trial, kill_askers, 30000), 0);
}

static void ignore(int signal)
{
}

/* Signals arrive while calls wait; each unlink must be done once and counted about once. */
static int unlink_under_signals(void)
{
	struct itimerval often = {{0, 200}, {0, 200}};
	/* Without SA_RESTART a call may come back with EINTR as long as the broker has not taken it up. */
	struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
	char name[32];
	int done = 0;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		done += !unlink(name);
	}
	return done;
}

Test(broker, signals_lose_no_call)
{
	make_files(100);
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 100000, REIN_ON_TRIP_DENY);
	int status = rein_brokered_run(&brokered, &trial, unlink_under_signals, 10000);

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 100, "status %#x", status);
	cr_assert_leq(used(REIN_METER_DELETE_FILES), 110, "%llu charged",
		      (unsigned long long)used(REIN_METER_DELETE_FILES));
}

/* Freeze: nothing more is deleted until a person resets the breaker, then as much as the burst again. */
static int left_at_reset;

static void reset_once(struct rein_brokered *b)
{
	if (b->agent.holds & REIN_HOLD_BREAKER && !left_at_reset) {
		left_at_reset = files_with_content();
		rein_breakers_reset(&b->agent, NULL, true, "a person", NULL);
	}
}

Test(broker, freeze_parks_until_reset)
{
	make_files(100);
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 30, REIN_ON_TRIP_FREEZE);
	brokered.tick = reset_once;
	brokered.every_ms = 100;
	int status = rein_brokered_run(&brokered, &trial, unlink_all, 1500);

	cr_assert_eq(left_at_reset, 70);
	cr_assert_eq(status, -1, "it waits for the second reset");
	cr_assert_eq(files_with_content(), 40);
	cr_assert_eq(rein_brokered_count(&brokered, REIN_KIND_TRIP, NULL), 2);
}

/* While a person holds the agent nothing that is metered happens, whatever its breakers say. */
static int left_when_held, left_later;

static void hold_for_a_while(struct rein_brokered *b)
{
	if (b->ticks == 1)
		rein_agent_hold(&b->agent, REIN_HOLD_PERSON, NULL);
	if (b->ticks == 2)
		left_when_held = files_with_content();
	if (b->ticks == 5)
		left_later = files_with_content();
	if (b->ticks == 5)
		rein_agent_release(&b->agent, REIN_HOLD_PERSON, NULL);
}

static int unlink_slowly(void)
{
	char name[32];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		poll(NULL, 0, 2);
		if (unlink(name))
			return 1;
	}
	return 0;
}

Test(broker, nothing_metered_happens_while_the_agent_is_held)
{
	make_files(100);
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 1000, REIN_ON_TRIP_DENY);
	brokered.tick = hold_for_a_while;
	brokered.every_ms = 50;
	cr_assert_eq(rein_brokered_run(&brokered, &trial, unlink_slowly, 10000), 0);
	cr_assert_gt(left_when_held, 0);
	cr_assert_eq(left_later, left_when_held);
}

static void reset_always(struct rein_brokered *b)
{
	if (b->agent.holds & REIN_HOLD_BREAKER)
		rein_breakers_reset(&b->agent, NULL, true, "a person", NULL);
}

static int rename_onto(void)
{
	for (int i = 0; i < 6; i++) {
		close(creat("new", 0600));
		if (rename("new", "file0"))
			return 1;
	}
	return 0;
}

/* What one meter has charged is not charged again because another made the call wait. */
Test(broker, a_parked_call_is_charged_once)
{
	make_files(1);
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 1000, REIN_ON_TRIP_DENY);
	rein_trial_plan_breaker(&trial, REIN_METER_RENAME_FILES, 2, REIN_ON_TRIP_FREEZE);
	brokered.tick = reset_always;
	brokered.every_ms = 20;
	cr_assert_eq(rein_brokered_run(&brokered, &trial, rename_onto, 10000), 0);
	cr_assert_eq(rein_brokered_count(&brokered, REIN_KIND_TRIP, NULL), 2);
	cr_assert_eq(used(REIN_METER_RENAME_FILES), 6);
	cr_assert_eq(used(REIN_METER_DELETE_FILES), 6);
}

/* A call that waits for a person is not broken off by a signal: unlink knows no EINTR, and few programs check. */
static int unlink_and_be_interrupted(void)
{
	struct itimerval often = {{0, 5000}, {0, 5000}};
	struct sigaction action = {.sa_handler = ignore};
	char name[32];
	int interrupted = 0;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		interrupted += unlink(name) && errno == EINTR;
	}
	return interrupted;
}

Test(broker, signals_do_not_break_off_a_waiting_call)
{
	make_files(4);
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 1, REIN_ON_TRIP_FREEZE);
	brokered.tick = reset_always;
	brokered.every_ms = 100;
	int status = rein_brokered_run(&brokered, &trial, unlink_and_be_interrupted, 10000);

	/* One may hit the moment before the broker takes the call up, which stays interruptible. */
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "status %#x", status);
	cr_assert_leq(files_with_content(), WEXITSTATUS(status));
}

/* A thread rewrites the path while it is looked at: whatever is deleted by unlink has been paid for. */
static union {
	char text[8];
	uint64_t word;
} there = {"file0"}, nowhere = {"nothing"};
static volatile uint64_t shared_path;
static volatile int racing = 1;

static void *rewrite(void *data)
{
	while (racing) {
		shared_path = there.word;
		shared_path = nowhere.word;
	}
	return NULL;
}

static int race_unlinks(void)
{
	pthread_t id;
	int gone = 0;

	if (pthread_create(&id, NULL, rewrite, NULL))
		return 255;
	for (int i = 0; i < 5000; i++) {
		close(open("file0", O_CREAT | O_WRONLY, 0600));
		gone += !unlink((const char *)&shared_path);
	}
	racing = 0;
	pthread_join(id, NULL);
	return gone > 20;
}

Test(broker, racing_the_path_wins_no_uncounted_unlink)
{
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 20, REIN_ON_TRIP_DENY);
	cr_assert_eq(rein_brokered_run(&brokered, &trial, race_unlinks, 20000), 0);
}

/* The supervisor's /proc/self is not the agent's: a look through it must not be taken for absence. */
static int truncate_through_proc(void)
{
	int fd = open("file0", O_RDONLY), refused = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (int i = 0; i < 3; i++)
		refused += open(path, O_WRONLY | O_TRUNC) < 0 && errno == EDQUOT;
	return refused;
}

Test(broker, truncation_through_proc_is_counted)
{
	make_files(1);
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 1, REIN_ON_TRIP_DENY);
	int status = rein_brokered_run(&brokered, &trial, truncate_through_proc, 10000);

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 2, "status %#x", status);
}
