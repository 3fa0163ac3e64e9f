/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "harness/harness.h"
#include "mech/bpf_file.h"
#include "mech/bpf_load.h"
#include "mech/bpf_object.h"
#include "mech/bpf_pins.h"
#include "mech/bpf_slot.h"
#include "mech/cgroup_tree.h"

/*
 * What is pinned is removed by hand under a living agent: what judges it stays attached as long as it lives, and not
 * longer. Each test has a bpffs, locks and a parent of cgroups of its own, since on this host others' agents may run.
 */

#define PATIENCE_NS 20000000000ULL

TestSuite(bpf_held, .timeout = 300);

static void own(const char *path, const char *type)
{
	cr_assert(!mkdir(path, 0755) || errno == EEXIST, "%s: %m", path);
	cr_assert_eq(mount(type, path, type, 0, NULL), 0, "%s: %m", path);
}

static void open_own(struct caged *caged)
{
	char *parent = caged->machine.cgroup_parent;

	caged_open(caged);
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	own(REIN_BPFFS, "bpf");
	own(REIN_RUN_DIR, "tmpfs");
	snprintf(strrchr(parent, '/'), 64, "/rein-held-%d", getpid());
	cr_assert_eq(mkdir(parent, 0755), 0, "%s: %m", parent);
}

static void close_own(struct caged *caged)
{
	cr_expect_eq(rmdir(caged->machine.cgroup_parent), 0, "%s: %m", caged->machine.cgroup_parent);
}

/* Loading takes half a minute where the processor is emulated; files can be tested nowhere else. */
static void open_net(struct caged *caged)
{
	if (harness_slow() > 1)
		cr_skip_test("takes minutes under emulation: done natively");
	open_own(caged);
}

static void remove_pins(void)
{
	struct rein_error err = {0};

	cr_assert_eq(rein_pins_remove_folder(REIN_PINS, &err), 0, "%s", err.text);
	cr_assert_eq(access(REIN_PINS, F_OK), -1);
}

static int connect_nowhere(void *argument)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};

	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) ? errno : 0;
}

static int make_folder(void *argument)
{
	return mkdir(argument, 0700) ? errno : 0;
}

/* The same act in a cgroup of the same parent that is no agent's: refused as long as any program is attached. */
static int act_beside(const struct caged *caged, int (*act)(void *), void *argument)
{
	int cgroup = rein_cgroup_make(caged->machine.cgroup_parent, "beside", NULL), pidfd = -1, result;
	pid_t child = rein_cgroup_fork(cgroup, &pidfd);

	if (!child)
		_exit(act(argument));
	result = caged_wait(child);
	close(pidfd);
	close(cgroup);
	rein_cgroup_end(caged->machine.cgroup_parent, "beside", 1000, NULL);
	return result;
}

/* EACCES of bpf-file's hooks, EPERM of bpf-net's. */
static bool is_refusal(int result)
{
	return result == EACCES || result == EPERM;
}

/* The kernel detaches what nobody holds any more a moment later. */
static bool comes_to(const struct caged *caged, int (*act)(void *), void *argument, int wanted)
{
	uint64_t begin = caged_now_ns();

	while (act_beside(caged, act, argument) != wanted)
		if (caged_now_ns() - begin > PATIENCE_NS)
			return false;
	return true;
}

/* Detached programs are let go of after grace periods: so many that it would show. */
static bool stays(const struct caged *caged, int (*act)(void *), void *argument, int wanted)
{
	for (int i = 0; i < 20; i++)
		if (rein_object_wait_grace() || caged_run(caged, act, argument) != wanted)
			return false;
	return true;
}

static void nobody_else_starts(const struct caged *caged)
{
	struct rein_pins pins = REIN_PINS_NONE;
	struct rein_error err = {0};
	REIN_AUTO_FD int lock = rein_pins_lock(&err);
	bool did;

	cr_assert_geq(lock, 0);
	cr_expect_eq(rein_pins_open(&caged->machine, true, &pins, NULL, &err), -EBUSY, "%s", err.text);
	cr_expect(strstr(err.text, "was removed"), "%s", err.text);
	cr_expect_eq(rein_pins_renew(&caged->machine, &pins, &did, &err), -EBUSY, "%s", err.text);
	cr_expect_eq(rein_pins_remove(&caged->machine, &did, &err), -EBUSY, "%s", err.text);
}

static int start_another(const struct caged *caged)
{
	struct rein_pins pins = REIN_PINS_NONE;
	REIN_AUTO_FD int lock = rein_pins_lock(NULL);

	cr_assert_geq(lock, 0);
	return rein_pins_open(&caged->machine, true, &pins, NULL, NULL);
}

static void go_down(const struct caged *caged)
{
	struct rein_error err = {0};
	REIN_AUTO_FD int lock = rein_pins_lock(&err);
	bool removed = false;

	cr_assert_geq(lock, 0);
	cr_expect_eq(rein_pins_remove(&caged->machine, &removed, &err), 0, "%s", err.text);
	cr_expect(removed);
	mkdir(caged->machine.cgroup_parent, 0755); /* it went along */
}

static void update(struct caged *caged)
{
	struct rein_pins pins = REIN_PINS_NONE;
	struct rein_error err = {0};
	REIN_AUTO_FD int lock = rein_pins_lock(&err);
	bool renewed = false;

	cr_assert_geq(lock, 0);
	rein_bpf_salt = 1;
	cr_assert_eq(rein_pins_renew(&caged->machine, &pins, &renewed, &err), 0, "%s", err.text);
	cr_assert(renewed);
	rein_pins_close(&pins);
	cr_assert_eq(rein_slot_follow(&caged->launch, &err), 0, "%s", err.text);
}

Test(bpf_held, sockets_are_judged_until_the_agent_ends)
{
	struct caged caged;

	open_net(&caged);
	caged_start(&caged, true, false);
	cr_assert_eq(caged_run(&caged, connect_nowhere, NULL), EPERM);
	remove_pins();
	cr_expect(stays(&caged, connect_nowhere, NULL, EPERM));
	cr_expect(is_refusal(act_beside(&caged, connect_nowhere, NULL)));
	nobody_else_starts(&caged);
	caged_stop(&caged);
	cr_expect(comes_to(&caged, connect_nowhere, NULL, ECONNREFUSED), "links are left behind");
	close_own(&caged);
}

Test(bpf_held, another_agent_starts_when_the_one_has_ended)
{
	struct caged first, second;

	open_net(&first);
	caged_start(&first, true, true);
	second = (struct caged){.machine = first.machine};
	remove_pins();
	caged_stop(&first);
	snprintf(second.id, sizeof(second.id), "second-%d", getpid());
	caged_start(&second, true, true);
	cr_expect_eq(caged_run(&second, connect_nowhere, NULL), EPERM);
	caged_stop(&second);
	cr_expect(is_refusal(act_beside(&second, connect_nowhere, NULL)), "what is pinned stays attached");
	go_down(&second);
	cr_expect(comes_to(&second, connect_nowhere, NULL, ECONNREFUSED), "links are left behind");
	close_own(&second);
}

Test(bpf_held, sockets_are_judged_after_an_update_too)
{
	struct caged caged;

	open_net(&caged);
	caged_start(&caged, true, false);
	update(&caged);
	remove_pins();
	cr_expect(stays(&caged, connect_nowhere, NULL, EPERM));
	caged_stop(&caged);
	cr_expect(comes_to(&caged, connect_nowhere, NULL, ECONNREFUSED), "links are left behind");
	close_own(&caged);
}

Test(bpf_held, nothing_is_let_go_for_pins_that_are_not_whole)
{
	struct rein_error err = {0};
	struct caged caged;

	open_net(&caged);
	caged_start(&caged, true, false);
	cr_assert_eq(unlink(REIN_PINS "/rein_connect4"), 0);
	cr_expect_eq(rein_slot_follow(&caged.launch, &err), -ENOENT, "%s", err.text);
	cr_expect_eq(start_another(&caged), -EBUSY);
	cr_expect_eq(access(REIN_PINS "/rein_config", F_OK), 0, "a start that is refused takes nothing away");
	cr_expect(stays(&caged, connect_nowhere, NULL, EPERM));
	caged_stop(&caged);
	go_down(&caged);
	close_own(&caged);
}

static void open_file(struct caged *caged)
{
	open_own(caged);
	rein_mech_bpf_file.probe(&caged->machine);
	if (!caged->machine.facts[REIN_MECH_BPF_FILE].works) {
		close_own(caged);
		cr_skip_test("bpf-file: %s", caged->machine.facts[REIN_MECH_BPF_FILE].detail);
	}
	caged_use_file(caged);
	caged_break(caged, REIN_MECH_BPF_FILE, REIN_METER_CREATE_FILES, 1, 1, REIN_ON_TRIP_DENY);
	caged_start(caged, false, false);
	caged->launch.state->breakers[0].bucket.state = REIN_BREAKER_OPEN;
}

static void be_judged_to_the_end(struct caged *caged)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/rein-held-%d", getpid());
	cr_assert_eq(caged_run(caged, make_folder, path), EDQUOT);
	remove_pins();
	cr_expect(stays(caged, make_folder, path, EDQUOT));
	cr_expect_eq(act_beside(caged, make_folder, path), EACCES);
	caged_stop(caged);
	cr_expect(comes_to(caged, make_folder, path, 0), "links are left behind");
	rmdir(path);
	close_own(caged);
}

Test(bpf_held, files_are_judged_until_the_agent_ends)
{
	struct caged caged;

	open_file(&caged);
	be_judged_to_the_end(&caged);
}

/* The old programs' links are let go, the new ones' held: either alone would end with the pins. */
Test(bpf_held, files_are_judged_after_an_update_too)
{
	struct caged caged;

	open_file(&caged);
	update(&caged);
	be_judged_to_the_end(&caged);
}
