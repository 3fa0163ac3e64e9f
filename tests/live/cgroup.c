/* SPDX-License-Identifier: GPL-2.0 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "harness/harness.h"
#include "mech/bpf_hooks.h"
#include "mech/bpf_slot.h"
#include "mech/cgroup.h"
#include "mech/cgroup_tree.h"

/* The agent's cgroup, and what of rein's stays in the kernel when its holder dies. */

static int count_on(void *argument)
{
	volatile uint64_t *counter = argument;

	for (;;)
		(*counter)++;
	return 0;
}

static uint64_t *shared_counter(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

Test(cgroup, freezes_thaws_and_kills)
{
	uint64_t *counter = shared_counter(), frozen;
	struct caged caged;
	pid_t child;

	caged_open(&caged);
	caged_start(&caged, false, false);
	child = caged_fork(&caged);
	if (!child)
		_exit(count_on(counter));
	while (!__atomic_load_n(counter, __ATOMIC_SEQ_CST))
		;
	cr_assert_eq(rein_cgroup_freeze(&caged.launch, true, NULL), 0);
	cr_assert(rein_cgroup_wait(caged.launch.cgroup_fd, "frozen", true, HARNESS_PATIENCE_MS));
	frozen = __atomic_load_n(counter, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	cr_expect_eq(__atomic_load_n(counter, __ATOMIC_SEQ_CST), frozen);
	cr_assert_eq(rein_cgroup_freeze(&caged.launch, false, NULL), 0);
	while (__atomic_load_n(counter, __ATOMIC_SEQ_CST) == frozen)
		;
	cr_assert(rein_cgroup_populated(&caged.launch));
	cr_assert_eq(rein_cgroup_freeze(&caged.launch, true, NULL), 0);
	cr_assert_eq(rein_cgroup_kill(&caged.launch), 0);
	cr_expect_eq(caged_wait(child), 1000 + SIGKILL);
	cr_expect(caged_emptied(&caged));
	caged_stop(&caged);
}

static int wait_for_ever(void *argument)
{
	for (;;)
		pause();
	return 0;
}

/* As if the supervisor had been killed and its init had failed to end the agent: the next start ends it. */
Test(cgroup, the_next_start_ends_what_a_dead_supervisor_left)
{
	struct caged left, next;
	char path[512];
	pid_t child;

	caged_open(&left);
	caged_start(&left, false, false);
	snprintf(path, sizeof(path), "%s", left.launch.cgroup_path);
	cr_assert_eq(mkdirat(left.launch.cgroup_fd, "sub", 0755), 0);
	child = caged_fork(&left);
	if (!child)
		_exit(wait_for_ever(NULL));
	/* A living one is left alone. */
	caged_open(&next);
	caged_start(&next, false, false);
	cr_expect_eq(waitpid(child, NULL, WNOHANG), 0);
	caged_stop(&next);
	cr_assert_eq(flock(left.launch.cgroup_fd, LOCK_UN), 0);
	caged_open(&next);
	caged_start(&next, false, false);
	cr_expect_eq(caged_wait(child), 1000 + SIGKILL);
	cr_expect_neq(access(path, F_OK), 0);
	caged_stop(&next);
	caged_stop(&left);
}

static int fork_many(void *argument)
{
	int forked = 0;

	for (int i = 0; i < 100; i++) {
		pid_t child = fork();

		if (!child)
			wait_for_ever(NULL);
		forked += child > 0;
	}
	return forked;
}

/* Born in the cgroup2 folder, then adopted by the version 1 groups, as a launch does it. */
static int run_adopted(struct caged *caged, int (*inside)(void *))
{
	int go[2], status;
	char byte;
	pid_t child;

	cr_assert_eq(pipe(go), 0);
	child = caged_fork(caged);
	if (!child)
		_exit(read(go[0], &byte, 1) == 1 ? inside(NULL) : 255);
	cr_assert_eq(rein_cgroup_adopt(&caged->launch, child, NULL), 0);
	cr_assert_eq(write(go[1], "g", 1), 1);
	cr_assert_eq(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void limit(struct caged *caged, enum rein_limit_kind kind, uint64_t value)
{
	caged->policy.limits[kind] = (struct rein_limit_rule){.origin = {.file = "test"}, .value = value};
}

/* The child that forks counts, and one place is the init's. */
Test(cgroup, processes_are_limited)
{
	struct caged caged;

	caged_open(&caged);
	if (!caged.machine.controller_parent[REIN_CONTROLLER_PIDS][0])
		cr_skip_test("no pids controller");
	limit(&caged, REIN_LIMIT_PROCESSES, 10);
	caged_start(&caged, false, false);
	cr_expect_eq(run_adopted(&caged, fork_many), 10);
	caged_stop(&caged);
}

static int use_memory(void *argument)
{
	size_t size = 256 << 20;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(at, 1, size);
	return 0;
}

Test(cgroup, memory_is_limited)
{
	struct caged caged;

	caged_open(&caged);
	if (!caged.machine.controller_parent[REIN_CONTROLLER_MEMORY][0])
		cr_skip_test("no memory controller");
	limit(&caged, REIN_LIMIT_MEMORY, 32 << 20);
	caged_start(&caged, false, false);
	cr_expect_eq(run_adopted(&caged, use_memory), 1000 + SIGKILL);
	caged_stop(&caged);
}

struct held {
	int slot;
	uint64_t cgroup_id;
};

/* Whether somebody holds that slot for that agent. */
static bool is_held(const struct held *held)
{
	REIN_AUTO_FD int locks = rein_slots_open(NULL);
	REIN_AUTO_FD int states = bpf_obj_get(REIN_PINS "/rein_states");
	struct flock lock = {.l_type = F_WRLCK, .l_start = held->slot, .l_len = 1};
	struct rein_state state;

	cr_assert_eq(fcntl(locks, F_OFD_GETLK, &lock), 0);
	cr_assert_eq(bpf_map_lookup_elem(states, &held->slot, &state), 0);
	return lock.l_type != F_UNLCK && state.cgroup_id == held->cgroup_id;
}

/* Not even a moment to clean up: the lock goes with its holder. */
Test(pins, a_killed_holder_leaves_no_slot, .timeout = 30)
{
	struct caged caged;
	struct held held;
	int channel[2];
	pid_t holder;

	caged_open(&caged);
	cr_assert_eq(pipe(channel), 0);
	holder = fork();
	if (!holder) {
		caged_start(&caged, true, true);
		held = (struct held){caged.launch.slot, caged.launch.cgroup_id};
		_exit(write(channel[1], &held, sizeof(held)) > 0 ? wait_for_ever(NULL) : 1);
	}
	cr_assert_eq(read(channel[0], &held, sizeof(held)), (ssize_t)sizeof(held));
	cr_expect(is_held(&held));
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	/* Somebody else may have taken the slot already, and not yet written whose it is. */
	while (is_held(&held))
		sched_yield();
}

static int write_somewhere(void *argument)
{
	int fd = open("/proc/self/comm", O_WRONLY);

	return write(fd, "x", 1) == 1 ? 0 : 1;
}

/* The next holder of a slot starts from nothing, and what is left in the old cgroup gets nowhere. */
Test(pins, a_slot_is_clean_for_its_next_holder)
{
	struct caged first, second;
	int slot;

	caged_open(&first);
	caged_open(&second);
	caged_break(&first, REIN_MECH_BPF_TRACE, REIN_METER_WRITE_BYTES, CAGED_NEVER, 100, REIN_ON_TRIP_KILL);
	caged_start(&first, true, true);
	cr_assert_eq(caged_run(&first, write_somewhere, NULL), 0);
	cr_assert_eq(first.launch.state->meters[REIN_METER_WRITE_BYTES], 1);
	slot = first.launch.slot;
	caged_stop(&first);
	caged_start(&second, true, true);
	if (second.launch.slot == slot)
		cr_expect_eq(second.launch.state->meters[REIN_METER_WRITE_BYTES], 0);
	cr_expect_eq(second.launch.state->nr_breakers, 0);
	cr_expect_eq(second.launch.state->latch, 0);
	caged_stop(&second);
}

/* Time on a processor: what else the machine has to do does not count. */
static uint64_t spent_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* 200 agents' slots cost no program load. */
Test(pins, many_slots_are_cheap, .timeout = 60)
{
	static struct caged caged[50];
	struct rlimit files;
	uint64_t begin, took;

	/* Each agent's supervisor holds the links of all programs: here one process does, for all agents. */
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	for (size_t i = 0; i < REIN_COUNT(caged); i++) {
		if (i == 0)
			caged_open(&caged[0]);
		else
			caged[i] = caged[0];
		snprintf(caged[i].id, sizeof(caged[i].id), "caged-%d-many-%zu", getpid(), i);
	}
	begin = spent_ns();
	for (size_t i = 0; i < REIN_COUNT(caged); i++)
		caged_start(&caged[i], true, false);
	took = (spent_ns() - begin) / REIN_COUNT(caged) / 1000;
	for (size_t i = 0; i < REIN_COUNT(caged); i++)
		caged_stop(&caged[i]);
	cr_expect_lt(took, 50000U * (unsigned)harness_slow(), "%llu us each", (unsigned long long)took);
	cr_log_info("%llu us each", (unsigned long long)took);
}
