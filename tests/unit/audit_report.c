/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/report.h"
#include "base/cleanup.h"
#include "harness/logs.h"

static struct rein_scratch_log scratch;

static void make_scratch(void)
{
	rein_scratch_log_make(&scratch);
}

static void remove_scratch(void)
{
	rein_scratch_log_remove(&scratch);
}

TestSuite(audit_report, .init = make_scratch, .fini = remove_scratch, .timeout = 60);

static struct rein_report *open_report(void)
{
	struct rein_report *report = NULL;
	struct rein_error err = {0};

	cr_assert_eq(rein_report_open(scratch.log, NULL, &report, &err), 0, "%s", err.text);
	cr_assert_eq(rein_report_name(report, "tester-0001", &err), 0);
	return report;
}

static json_t *finish(struct rein_report *report)
{
	struct rein_error err = {0};
	json_t *whole;

	cr_assert_eq(rein_report_close(report, 122, NULL, &err), 0, "%s", err.text);
	REIN_AUTO_FREE char *text = rein_slurp(scratch.log);
	whole = json_loads(text, 0, NULL);
	cr_assert(whole);
	return whole;
}

static long long number(const json_t *object, const char *key)
{
	cr_assert(json_is_integer(json_object_get(object, key)), "no %s", key);
	return json_integer_value(json_object_get(object, key));
}

Test(audit_report, a_run_from_start_to_end)
{
	json_t *detail = json_pack("{s:i, s:i, s:{s:i}, s:{s:i}}", "code", 122, "signal", 9, "meters", "write.bytes",
				   77, "verdicts", "deny", 3);
	struct rein_event trip = {.kind = REIN_KIND_TRIP, .object = "writes", .meter = "write.bytes", .meter_used = 70};
	struct rein_event other = rein_a_denial;
	struct rein_report *report = open_report();
	json_t *whole;

	other.object = "/etc/shadow";
	rein_report_take(report, &(struct rein_event){.kind = REIN_KIND_START});
	rein_report_take(report, &other);
	rein_report_take(report, &rein_a_denial);
	rein_report_take(report, &rein_a_denial);
	rein_report_take(report, &trip);
	rein_report_take(report, &(struct rein_event){.kind = REIN_KIND_LOST, .lost = 5});
	rein_report_take(report, &(struct rein_event){.kind = REIN_KIND_END, .detail = detail});
	json_decref(detail);
	whole = finish(report);
	cr_expect(json_is_true(json_object_get(whole, "started")));
	cr_expect_eq(number(whole, "code"), 122);
	cr_expect_eq(number(whole, "lost"), 5);
	cr_expect_eq(number(json_object_get(whole, "meters"), "write.bytes"), 77);
	cr_expect_eq(number(json_object_get(whole, "counts"), "deny"), 3);
	json_t *denials = json_object_get(whole, "denials");
	cr_assert_eq(json_array_size(denials), 2);
	cr_expect_eq(number(json_array_get(denials, 0), "count"), 2);
	cr_expect_str_eq(json_string_value(json_object_get(json_array_get(denials, 1), "object")), "/etc/shadow");
	cr_expect_eq(number(json_array_get(json_object_get(whole, "trips"), 0), "used"), 70);
	json_decref(whole);
}

Test(audit_report, an_agent_that_never_started)
{
	json_t *whole = finish(open_report());

	cr_expect(json_is_false(json_object_get(whole, "started")));
	json_decref(whole);
}

Test(audit_report, ever_new_names_cost_no_memory_and_are_counted)
{
	struct rein_report *report = open_report();
	struct rein_event event = rein_a_denial;
	char object[32];
	json_t *whole;

	event.object = object;
	for (int i = 0; i < 100000; i++) {
		snprintf(object, sizeof(object), "/x/%d", i);
		rein_report_take(report, &event);
	}
	whole = finish(report);
	cr_expect_eq(number(whole, "denials_not_listed"), 100000 - 512);
	cr_expect_eq(json_array_size(json_object_get(whole, "denials")), 50);
	json_decref(whole);
}

Test(audit_report, names_that_are_not_utf8_are_in_it)
{
	struct rein_report *report = open_report();
	struct rein_event event = rein_a_denial;
	json_t *whole;

	event.object = "/x/\xff\x1b";
	rein_report_take(report, &event);
	whole = finish(report);
	cr_expect_str_eq(
		json_string_value(json_object_get(json_array_get(json_object_get(whole, "denials"), 0), "object")),
		"/x/\\xFF\\x1B");
	json_decref(whole);
}

Test(audit_report, is_nowhere_while_the_agent_runs)
{
	struct rein_report *report = open_report();

	cr_expect_eq(access(scratch.log, F_OK), -1);
	json_decref(finish(report));
}

/* The agent may have put a link there, to have something else overwritten. */
Test(audit_report, replaces_a_link_and_does_not_follow_it)
{
	struct rein_report *report = open_report();
	char target[128];
	struct stat status;

	snprintf(target, sizeof(target), "%s/target", scratch.folder);
	rein_spill(target, "precious");
	cr_assert_eq(symlink(target, scratch.log), 0);
	json_decref(finish(report));
	REIN_AUTO_FREE char *text = rein_slurp(target);
	cr_expect_str_eq(text, "precious");
	cr_expect(!lstat(scratch.log, &status) && S_ISREG(status.st_mode));
}

Test(audit_report, what_cannot_be_written_is_said_before_the_start)
{
	struct rein_report *report = NULL;
	struct rein_error err = {0};

	cr_expect_lt(rein_report_open("/no/such/folder/r.json", NULL, &report, &err), 0);
	cr_expect(strstr(err.text, "cannot open the folder of the report"), "%s", err.text);
	cr_expect_lt(rein_report_open(scratch.folder, NULL, &report, &err), 0);
	cr_expect_lt(rein_report_open("/dev/null", NULL, &report, &err), 0);
	cr_expect(strstr(err.text, "must be a regular file"), "%s", err.text);
	cr_expect_lt(rein_report_open("/proc/r.json", NULL, &report, &err), 0);
}
