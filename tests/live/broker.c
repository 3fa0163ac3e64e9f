/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/breakers.h"
#include "agent/broker.h"
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

TestSuite(broker, .init = setup, .fini = teardown, .timeout = 60);

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
	rein_brokered_files(100);
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 30, REIN_ON_TRIP_DENY);
	int status = rein_brokered_run(&brokered, &trial, unlink_all, 10000);

	cr_assert_eq(rein_brokered_files_left(), 70);
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
	refused += ioctl(fd, FICLONE, fd) && errno == EDQUOT;
	refused += openat(AT_FDCWD, "./././file9", O_RDWR | O_CREAT | O_TRUNC, 0600) < 0 && errno == EDQUOT;
	return refused;
}

Test(broker, no_way_to_end_content_is_uncounted)
{
	int status;

	rein_brokered_files(10);
	cr_assert_geq(creat("other", 0600), 0);
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 1, REIN_ON_TRIP_DENY);
	status = rein_brokered_run(&brokered, &trial, end_content, 10000);
	cr_assert(WIFEXITED(status), "status %#x", status);
	cr_assert_eq(WEXITSTATUS(status), 11, "%d of 12 refused, one is the burst", WEXITSTATUS(status));
	cr_assert_eq(rein_brokered_files_left(), 9);
}

/* What makes new files, or looks, or grows: none of it ends content. */
static int build(void)
{
	char name[32];
	int fd;

	for (int i = 100; i < 200; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		ioctl(fd, FICLONE, fd); /* as cp does */
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

/* What the broker has recorded is recognised once when a hook sees it come back, and only shortly after. */
static int recognised, recognised_again, recognised_late, recognised_other;

static void recognise(struct rein_brokered *b)
{
	uint64_t now = rein_now_ns();

	if (!b->nr_events || recognised)
		return;
	recognised_late = rein_broker_told(&b->agent, b->child, SYS_unshare, now + 10000000000ULL);
	recognised_other = rein_broker_told(&b->agent, b->child, SYS_mount, now);
	recognised = rein_broker_told(&b->agent, b->child, SYS_unshare, now);
	recognised_again = rein_broker_told(&b->agent, b->child, SYS_unshare, now);
}

static int unshare_and_wait(void)
{
	unshare(CLONE_NEWUSER);
	poll(NULL, 0, 150);
	return 0;
}

Test(broker, a_refusal_is_recorded_once)
{
	trial.plan.use[REIN_MECH_BROKER] = true;
	trial.plan.trace_denials = true;
	brokered.tick = recognise;
	brokered.every_ms = 10;
	cr_assert_eq(rein_brokered_run(&brokered, &trial, unshare_and_wait, 10000), 0);
	cr_assert(recognised);
	cr_assert_not(recognised_again || recognised_late || recognised_other);
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
	rein_brokered_files(1);
	rein_trial_plan_breaker(&trial, REIN_METER_DELETE_FILES, 1, REIN_ON_TRIP_DENY);
	int status = rein_brokered_run(&brokered, &trial, truncate_through_proc, 10000);

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 2, "status %#x", status);
}

/* A file that is made without a name and then given one is one file. */
static int name_the_nameless(void)
{
	char path[64];
	int fd = open(".", O_TMPFILE | O_WRONLY, 0600);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fd < 0 || linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) || unlink("named");
}

Test(broker, a_file_that_gets_its_name_late_is_created_once)
{
	rein_trial_plan_breaker(&trial, REIN_METER_CREATE_FILES, 10, REIN_ON_TRIP_DENY);
	cr_assert_eq(rein_brokered_run(&brokered, &trial, name_the_nameless, 10000), 0);
	cr_assert_eq(used(REIN_METER_CREATE_FILES), 1);
}
