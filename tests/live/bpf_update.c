/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "harness/harness.h"
#include "mech/bpf_load.h"
#include "mech/bpf_pins.h"
#include "mech/bpf_slot.h"

/* Programs replaced under a living agent that never stops trying: nothing gets through, and every count goes on. */

#define UPDATES 20

/* What the agent has seen of itself. */
struct seen {
	unsigned long tries, passed; /* of what is forbidden */
	unsigned long done;	     /* of what is allowed and counted */
	int stop;
};

TestSuite(bpf_update, .timeout = 120);

/* For each update the kernel looks at every program again: half a minute where it is emulated. */
static int updates(void)
{
	return harness_slow() > 1 ? 1 : UPDATES;
}

static void be_patient(const struct caged *caged)
{
	struct utsname name;

	if (harness_slow() > 1 && (uname(&name) || strncmp(name.release, "6.1.", 4) != 0 || !caged->machine.bpf_lsm))
		cr_skip_test("takes minutes under emulation: done there with bpf-file's LSM programs on 6.1 only");
}

static struct seen *share(void)
{
	void *page = mmap(NULL, sizeof(struct seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(page, MAP_FAILED);
	return page;
}

static int renew(const struct rein_machine *machine, uint64_t salt, bool *ret_renewed, struct rein_error *err)
{
	struct rein_pins pins = REIN_PINS_NONE;
	REIN_AUTO_FD int lock = rein_pins_lock(err);
	int r;

	rein_bpf_salt = salt;
	r = lock < 0 ? lock : rein_pins_renew(machine, &pins, ret_renewed, err);
	rein_pins_close(&pins);
	return r;
}

static void update(struct caged *caged, const struct seen *seen, int times)
{
	for (int i = 1; i <= times; i++) {
		unsigned long before = __atomic_load_n(&seen->tries, __ATOMIC_SEQ_CST);
		struct rein_error err = {0};
		bool renewed = false;

		cr_assert_eq(renew(&caged->machine, (uint64_t)i, &renewed, &err), 0, "update %d: %s", i, err.text);
		cr_assert(renewed);
		cr_assert_eq(rein_slot_follow(&caged->launch, &err), 0, "%s", err.text);
		while (__atomic_load_n(&seen->tries, __ATOMIC_SEQ_CST) < before + 3)
			sched_yield();
	}
}

/* `rein up` that is killed, at any instant of its work: `took_ns` is how long that lasts. */
static void update_and_die(const struct caged *caged, uint64_t took_ns, int times)
{
	for (int i = 1; i <= times; i++) {
		pid_t child = fork();
		struct rein_error err = {0};
		bool renewed;

		if (!child)
			_exit(renew(&caged->machine, (uint64_t)(100 + i), &renewed, &err) ? 1 : 0);
		usleep((useconds_t)((uint64_t)rand() % (took_ns / 1000)));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}

static void no_repair_is_missing(const struct caged *caged)
{
	struct rein_pins pins = REIN_PINS_NONE;
	struct rein_error err = {0};
	REIN_AUTO_FD int lock = -1;
	bool renewed;

	cr_expect_eq(renew(&caged->machine, 999, &renewed, &err), 0, "%s", err.text);
	lock = rein_pins_lock(&err);
	cr_expect_eq(rein_pins_open(&caged->machine, false, &pins, NULL, &err), 0, "%s", err.text);
	cr_expect_eq(pins.config.build, rein_bpf_build());
	rein_pins_close(&pins);
}

static void end(const struct caged *caged, pid_t child, struct seen *seen)
{
	__atomic_store_n(&seen->stop, 1, __ATOMIC_SEQ_CST);
	cr_expect_eq(caged_wait(child), 0);
	cr_expect_eq(seen->passed, 0, "%lu of %lu got through", seen->passed, seen->tries);
	cr_expect_gt(seen->tries, 0);
}

/* Binds and connects to what no rule names, and sends a byte to what one does. */
static int talk(struct seen *seen, const struct sockaddr_in *near)
{
	const struct sockaddr_in far = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int udp = socket(AF_INET, SOCK_DGRAM, 0);

	while (!__atomic_load_n(&seen->stop, __ATOMIC_SEQ_CST)) {
		int tcp = socket(AF_INET, SOCK_STREAM, 0);

		seen->passed += connect(tcp, (const struct sockaddr *)&far, sizeof(far)) == 0 || errno != EPERM;
		seen->passed += bind(tcp, (const struct sockaddr *)&far, sizeof(far)) == 0 || errno != EPERM;
		close(tcp);
		if (sendto(udp, "", 1, 0, (const struct sockaddr *)near, sizeof(*near)) == 1)
			seen->done++;
		__atomic_add_fetch(&seen->tries, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

static void net_agent(void (*meanwhile)(struct caged *caged, struct seen *seen))
{
	struct sockaddr_in near = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct seen *seen = share();
	socklen_t size = sizeof(near);
	struct caged caged;
	int far;
	pid_t child;

	caged_open_alone(&caged);
	be_patient(&caged); /* the files' tests are the ones for emulated kernels */
	far = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(far, (struct sockaddr *)&near, sizeof(near)), 0);
	cr_assert_eq(getsockname(far, (struct sockaddr *)&near, &size), 0);
	caged_allow(&caged, REIN_NET_CONNECT, IPPROTO_UDP, "127.0.0.1", 32, ntohs(near.sin_port), ntohs(near.sin_port));
	caged_start(&caged, true, false);
	child = caged_fork(&caged);
	if (!child)
		_exit(talk(seen, &near));
	meanwhile(&caged, seen);
	end(&caged, child, seen);
	/* Each is a byte behind a header of eight. */
	cr_expect_eq(caged.launch.state->meters[REIN_METER_NET_TX_BYTES], 9 * seen->done, "%lu sent", seen->done);
	close(far);
	caged_stop(&caged);
	rein_bpf_salt = 0;
}

/* The breaker of folders is open: none can be made. Processes are counted, one by one. */
static int make_folders(struct seen *seen, const char *path)
{
	while (!__atomic_load_n(&seen->stop, __ATOMIC_SEQ_CST)) {
		pid_t child = fork();

		if (!child)
			_exit(0);
		seen->done += child > 0;
		if (child > 0)
			waitpid(child, NULL, 0);
		for (int i = 0; i < 50; i++)
			seen->passed += mkdir(path, 0700) == 0 || errno != EDQUOT;
		__atomic_add_fetch(&seen->tries, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

static void file_agent(void (*meanwhile)(struct caged *caged, struct seen *seen))
{
	struct seen *seen = share();
	struct caged caged;
	char path[64];
	pid_t child;

	caged_open_alone(&caged);
	caged_use_file(&caged);
	be_patient(&caged);
	caged_break(&caged, REIN_MECH_BPF_FILE, REIN_METER_CREATE_FILES, CAGED_NEVER, 1, REIN_ON_TRIP_DENY);
	caged_start(&caged, false, false);
	caged.launch.state->breakers[0].bucket.state = REIN_BREAKER_OPEN;
	snprintf(path, sizeof(path), "/tmp/rein-update-%d", getpid());
	child = caged_fork(&caged);
	if (!child)
		_exit(make_folders(seen, path));
	meanwhile(&caged, seen);
	end(&caged, child, seen);
	cr_expect_eq(caged.launch.state->meters[REIN_METER_FORK_COUNT], seen->done);
	cr_expect_eq(access(path, F_OK), -1);
	caged_stop(&caged);
	rein_bpf_salt = 0;
}

static void be_updated(struct caged *caged, struct seen *seen)
{
	update(caged, seen, updates());
}

static void be_updated_by_the_dying(struct caged *caged, struct seen *seen)
{
	uint64_t begin = caged_now_ns();

	update(caged, seen, 1);
	update_and_die(caged, caged_now_ns() - begin, updates());
	no_repair_is_missing(caged);
}

Test(bpf_update, sockets_and_packets_are_judged_through_twenty_updates)
{
	net_agent(be_updated);
}

Test(bpf_update, sockets_and_packets_are_judged_though_updates_are_killed)
{
	net_agent(be_updated_by_the_dying);
}

Test(bpf_update, files_and_forks_are_judged_through_updates)
{
	file_agent(be_updated);
}

Test(bpf_update, files_and_forks_are_judged_though_updates_are_killed)
{
	file_agent(be_updated_by_the_dying);
}
