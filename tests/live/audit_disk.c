/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/logs.h"

/* A disk of 4 MiB, in a mount namespace of this test, that others fill while a log is written. */

static struct rein_scratch_log scratch;

static void make_disk(void)
{
	/* What is tested does not depend on who writes; a disk of one's own does. */
	if (geteuid() || unshare(CLONE_NEWNS))
		cr_skip_test("a mount of its own needs root");
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	rein_scratch_log_make(&scratch);
	cr_assert_eq(mount("none", scratch.folder, "tmpfs", 0, "size=4m"), 0);
}

static void remove_disk(void)
{
	if (!*scratch.folder)
		return;
	cr_assert_eq(umount2(scratch.folder, MNT_DETACH), 0);
	cr_assert_eq(rmdir(scratch.folder), 0);
}

TestSuite(audit_disk, .init = make_disk, .fini = remove_disk, .timeout = 60);

/* Fills the disk to the last byte; bounded, since the disk is. */
static void fill_disk(void)
{
	char path[128], block[4096] = {1};
	ssize_t n;

	snprintf(path, sizeof(path), "%s/filler", scratch.folder);
	REIN_AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	for (size_t size = sizeof(block); size; size /= 2)
		while ((n = write(fd, block, size)) > 0)
			;
	cr_assert_eq(errno, ENOSPC);
}

static uint64_t sum_of(const char *kind, const char *verdict, const char *count)
{
	REIN_AUTO_FILE FILE *log = fopen(scratch.log, "re");
	REIN_AUTO_FREE char *line = NULL;
	uint64_t sum = 0;
	size_t room = 0;

	while (getline(&line, &room, log) > 0) {
		json_t *object = json_loads(line, 0, NULL);
		const char *its_kind = json_string_value(json_object_get(object, "kind"));
		const char *its_verdict = json_string_value(json_object_get(object, "verdict"));

		if (its_kind && !strcmp(its_kind, kind) && (!verdict || (its_verdict && !strcmp(its_verdict, verdict))))
			sum += count ? (uint64_t)json_integer_value(json_object_get(object, count)) : 1;
		json_decref(object);
	}
	return sum;
}

static const struct rein_event an_exec = {.kind = REIN_KIND_EXEC, .op = "exec", .exe = "/bin/true"};
static const struct rein_event an_end = {.kind = REIN_KIND_END, .op = "end", .why = "The agent ended."};

Test(audit_disk, refusals_and_the_end_still_land_on_a_full_disk)
{
	struct rein_audit *audit = rein_scratch_log_open(&scratch);
	struct rein_event exec = an_exec;
	int refused = 0;

	fill_disk();
	/* Routine has the step that was set aside beyond the reserve, and then nothing. */
	for (int i = 0; i < 4000 && !refused; i++)
		refused = rein_audit_emit(audit, &exec);
	cr_assert_eq(refused, -ENOSPC);
	for (int i = 0; i < 200; i++)
		cr_assert_eq(rein_audit_emit(audit, &rein_a_denial), 0, "refusal %d", i);
	cr_assert_eq(rein_audit_emit(audit, &exec), -ENOSPC);
	cr_assert_eq(rein_audit_emit(audit, &an_end), 0);
	rein_audit_close(audit);
	cr_assert_eq(sum_of("deny", NULL, NULL), 200);
	cr_assert_eq(sum_of("end", NULL, NULL), 1);
	rein_scratch_log_verify(&scratch, 0);
}

Test(audit_disk, what_a_full_disk_takes_is_counted_and_the_end_lands)
{
	struct rein_audit *audit = rein_scratch_log_open(&scratch);
	uint64_t written = 0, dropped = 0;

	fill_disk();
	for (int i = 0; i < 5000; i++)
		*(rein_audit_emit(audit, &rein_a_denial) ? &dropped : &written) += 1;
	cr_assert_gt(written, 200);
	cr_assert_gt(dropped, 0);
	/* The counts are written, but there is no room for more: who asked for strictness has to know. */
	cr_assert_eq(rein_audit_flush(audit, NULL), -ENOSPC);
	cr_assert_eq(sum_of("lost", "deny", "lost"), dropped);
	cr_assert_eq(rein_audit_emit(audit, &an_end), 0);
	rein_audit_close(audit);
	cr_assert_eq(sum_of("deny", NULL, NULL), written);
	cr_assert_eq(sum_of("lost", "deny", "lost"), dropped);
	cr_assert_eq(sum_of("end", NULL, NULL), 1);
	cr_assert_eq(rein_scratch_log_verify(&scratch, 0).unwritten, 0);
}

Test(audit_disk, what_not_even_a_count_could_be_written_of_stands_in_the_head)
{
	struct rein_audit *audit = rein_scratch_log_open(&scratch);
	struct rein_event trip = {.kind = REIN_KIND_TRIP, .verdict = REIN_VERDICT_TRIP, .object = "writes"};
	struct rein_audit_verdict verdict;
	int left = 0;

	fill_disk();
	/* Trips may use all that was set aside, and are what is left of it. */
	for (int i = 0; i < 20000 && !left; i++)
		left = rein_audit_emit(audit, &trip);
	cr_assert_eq(left, -ENOSPC);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(rein_audit_emit(audit, &rein_a_denial), -ENOSPC);
	cr_assert_eq(rein_audit_flush(audit, NULL), -ENOSPC);
	rein_audit_close(audit);
	verdict = rein_scratch_log_verify(&scratch, 0);
	cr_assert_eq(verdict.unwritten, 11, "%d", (int)verdict.unwritten);
}

Test(audit_disk, room_that_comes_back_is_used)
{
	struct rein_audit *audit = rein_scratch_log_open(&scratch);
	char filler[128];
	uint64_t i;

	fill_disk();
	for (i = 0; i < 5000 && !rein_audit_emit(audit, &rein_a_denial); i++)
		;
	snprintf(filler, sizeof(filler), "%s/filler", scratch.folder);
	cr_assert_eq(unlink(filler), 0);
	cr_assert_eq(rein_audit_flush(audit, NULL), 0);
	cr_assert_eq(rein_audit_emit(audit, &rein_a_denial), 0);
	rein_audit_close(audit);
	cr_assert_eq(sum_of("deny", NULL, NULL), i + 1);
	cr_assert_eq(sum_of("lost", "deny", "lost"), 1);
	rein_scratch_log_verify(&scratch, 0);
}

Test(audit_disk, a_disk_without_room_for_the_reserve_starts_nothing)
{
	struct rein_error err = {0};

	fill_disk();
	cr_assert_eq(rein_scratch_log_refused(&scratch, &err), -ENOSPC);
	cr_assert(strstr(err.text, "too full: 320 KiB are set aside"), "%s", err.text);
}

Test(audit_disk, the_reserve_is_given_back)
{
	struct statvfs before, after;

	rein_scratch_log_write(&scratch, 1);
	cr_assert_eq(statvfs(scratch.folder, &before), 0);
	rein_scratch_log_write(&scratch, 1);
	cr_assert_eq(statvfs(scratch.folder, &after), 0);
	cr_assert_leq(before.f_bfree - after.f_bfree, 1);
}
