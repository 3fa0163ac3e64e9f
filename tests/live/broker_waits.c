/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
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

TestSuite(broker_waits, .init = setup, .fini = teardown, .timeout = 60);

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

Test(broker_waits, a_flood_of_refusals_starves_nobody)
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

Test(broker_waits, killed_askers_do_not_stop_it)
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

Test(broker_waits, signals_lose_no_call)
{
	rein_brokered_files(100);
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
		left_at_reset = rein_brokered_files_left();
		rein_breakers_reset(&b->agent, NULL, true, "a person", NULL);
	}
}

Test(broker_waits, freeze_parks_until_reset)
{
	rein_brokered_files(100);
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 30, REIN_ON_TRIP_FREEZE);
	brokered.tick = reset_once;
	brokered.every_ms = 100;
	int status = rein_brokered_run(&brokered, &trial, unlink_all, 1500);

	cr_assert_eq(left_at_reset, 70);
	cr_assert_eq(status, -1, "it waits for the second reset");
	cr_assert_eq(rein_brokered_files_left(), 40);
	cr_assert_eq(rein_brokered_count(&brokered, REIN_KIND_TRIP, NULL), 2);
}

/* While a person holds the agent nothing that is metered happens, whatever its breakers say. */
static int left_when_held, left_later;

static void hold_for_a_while(struct rein_brokered *b)
{
	if (b->ticks == 1)
		rein_agent_hold(&b->agent, REIN_HOLD_PERSON, NULL);
	if (b->ticks == 2)
		left_when_held = rein_brokered_files_left();
	if (b->ticks == 5)
		left_later = rein_brokered_files_left();
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

Test(broker_waits, nothing_metered_happens_while_the_agent_is_held)
{
	rein_brokered_files(100);
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
Test(broker_waits, a_parked_call_is_charged_once)
{
	rein_brokered_files(1);
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
		while (unlink(name) && errno == EINTR)
			interrupted++;
	}
	return interrupted;
}

Test(broker_waits, signals_do_not_break_off_a_waiting_call)
{
	rein_brokered_files(4);
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 1, REIN_ON_TRIP_FREEZE);
	brokered.tick = reset_always;
	brokered.every_ms = 100;
	int status = rein_brokered_run(&brokered, &trial, unlink_and_be_interrupted, 10000);

	/* Three calls wait for 100 ms each, with a signal every 5 ms. A few may hit the moment before the broker takes
	 * a call up, which stays interruptible. */
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) < 15, "status %#x", status);
	cr_assert_eq(rein_brokered_files_left(), 0);
}
