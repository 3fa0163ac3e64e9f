/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

TestSuite(audit_log, .init = make_scratch, .fini = remove_scratch);

Test(audit_log, whole_log_is_whole)
{
	struct rein_audit_verdict verdict;

	rein_scratch_log_write(&scratch, 5);
	verdict = rein_scratch_log_verify(&scratch, 0);
	cr_assert_eq(verdict.lines, 5);
	cr_assert(verdict.head_known);
	cr_assert_str_eq(verdict.why, "");
}

Test(audit_log, file_is_for_its_owner_only)
{
	struct stat status;

	rein_scratch_log_write(&scratch, 1);
	cr_assert_eq(stat(scratch.log, &status), 0);
	cr_assert_eq(status.st_mode & 07777, 0600);
}

Test(audit_log, line_has_the_keys_of_the_contract_in_order)
{
	static const char *const keys[] = {"v",	  "seq",   "time",  "mono", "agent",  "kind",	"verdict", "note",
					   "pid", "ppid",  "exe",   "comm", "op",     "object", "rule",	   "mechanism",
					   "why", "meter", "errno", "lost", "detail", "prev"};
	struct rein_origin rule = {.file = "a.yaml", .line = 7, .text = "filesystem.read.deny: /x"};
	json_t *detail = json_pack("{s:s}", "wanted", "read"), *line, *value;
	struct rein_event event = rein_a_denial;
	struct rein_audit *audit = rein_scratch_log_open(&scratch);
	REIN_AUTO_FREE char *text = NULL;
	const char *key;
	size_t i = 0;

	event.note = 3;
	event.ppid = 1;
	event.exe = "/usr/bin/cat";
	event.rule = &rule;
	event.mechanism = REIN_MECH_LANDLOCK;
	event.meter = "write.bytes";
	event.meter_limit = 5;
	event.lost = 3;
	event.detail = detail;
	cr_assert_eq(rein_audit_emit(audit, &event), 0);
	rein_audit_close(audit);
	json_decref(detail);
	text = rein_slurp(scratch.log);
	line = json_loads(text, 0, NULL);
	cr_assert(line);
	json_object_foreach (line, key, value)
		cr_expect_str_eq(key, keys[i++]);
	cr_expect_eq(i, REIN_COUNT(keys));
	cr_expect_str_eq(json_string_value(json_object_get(line, "errno")), "EACCES");
	cr_expect_str_eq(json_string_value(json_object_get(line, "verdict")), "deny");
	cr_expect_eq(json_integer_value(json_object_get(json_object_get(line, "rule"), "line")), 7);
	cr_expect_null(strchr(text, ' ') < strchr(text, 'k') ? strchr(text, ' ') : NULL);
	json_decref(line);
}

Test(audit_log, odd_bytes_come_back_and_none_is_a_control)
{
	struct rein_event event = rein_a_denial;
	struct rein_audit *audit = rein_scratch_log_open(&scratch);
	REIN_AUTO_FREE char *text = NULL;
	json_t *line;

	event.object = "/tmp/\xff\x1b[2J\n\\x41\xc2\x9b\x7f";
	cr_assert_eq(rein_audit_emit(audit, &event), 0);
	rein_audit_close(audit);
	text = rein_slurp(scratch.log);
	for (const char *c = text; *c; c++)
		cr_assert((unsigned char)*c >= 0x20 ? *c != 0x7f && (unsigned char)*c != 0x9b : *c == '\n');
	line = json_loads(text, 0, NULL);
	cr_assert_str_eq(json_string_value(json_object_get(line, "object")),
			 "/tmp/\\xFF\\x1B[2J\\x0A\\\\x41\\xC2\\x9B\\x7F");
	json_decref(line);
}

/* What somebody did to a log of six lines, and which line verify must name. */
static char *line_at(char *text, int number)
{
	while (--number > 0)
		text = strchr(text, '\n') + 1;
	return text;
}

static char *change(char *text)
{
	line_at(text, 3)[strlen("{\"v\":1,\"seq\":3,\"time\":\"20")] ^= 1;
	return strdup(text);
}

static char *change_last(char *text)
{
	memcpy(strstr(line_at(text, 6), "4711"), "4712", 4);
	return strdup(text);
}

static char *cut_middle(char *text)
{
	char *from = line_at(text, 3), *to = line_at(text, 4);

	memmove(from, to, strlen(to) + 1);
	return strdup(text);
}

static char *cut_start(char *text)
{
	return strdup(line_at(text, 2));
}

static char *cut_end(char *text)
{
	*line_at(text, 6) = '\0';
	return strdup(text);
}

static char *cut_all(char *text)
{
	return strdup("");
}

static char *cut_inside_last(char *text)
{
	text[strlen(text) - 20] = '\0';
	return strdup(text);
}

static char *insert(char *text)
{
	char *at = line_at(text, 4), *line = strndup(line_at(text, 3), (size_t)(at - line_at(text, 3))), *longer = NULL;

	cr_assert(asprintf(&longer, "%.*s%s%s", (int)(at - text), text, line, at) > 0);
	free(line);
	return longer;
}

static char *swap(char *text)
{
	char *third = line_at(text, 3), *fourth = line_at(text, 4), *fifth = line_at(text, 5), *swapped = NULL;

	cr_assert(asprintf(&swapped, "%.*s%.*s%.*s%s", (int)(third - text), text, (int)(fifth - fourth), fourth,
			   (int)(fourth - third), third, fifth) > 0);
	return swapped;
}

static char *garbage(char *text)
{
	line_at(text, 2)[0] = '#';
	return strdup(text);
}

static char *blank(char *text)
{
	char *at = line_at(text, 3), *longer = NULL;

	cr_assert(asprintf(&longer, "%.*s\n%s", (int)(at - text), text, at) > 0);
	return longer;
}

static const struct {
	const char *name;
	char *(*tamper)(char *text);
	uint64_t bad_line;
} tamperings[] = {
	{"a byte of line 3 changed", change, 3},
	{"a byte of the last line changed", change_last, 6},
	{"line 3 cut out", cut_middle, 3},
	{"line 1 cut off", cut_start, 1},
	{"the last line cut off", cut_end, 6},
	{"all lines cut off", cut_all, 1},
	{"the last line cut in its middle", cut_inside_last, 7},
	{"line 3 doubled", insert, 4},
	{"lines 3 and 4 swapped", swap, 3},
	{"line 2 no JSON", garbage, 2},
	{"a blank line before line 3", blank, 3},
};

Test(audit_log, every_tampering_is_found_and_its_line_named)
{
	rein_scratch_log_write(&scratch, 6);
	REIN_AUTO_FREE char *whole = rein_slurp(scratch.log);

	for (size_t i = 0; i < REIN_COUNT(tamperings); i++) {
		REIN_AUTO_FREE char *copy = strdup(whole), *tampered = tamperings[i].tamper(copy);
		struct rein_audit_verdict verdict;
		struct rein_error err = {0};

		rein_spill(scratch.log, tampered);
		cr_expect_eq(rein_audit_verify(scratch.log, scratch.state, &verdict, &err), -EBADMSG, "%s",
			     tamperings[i].name);
		cr_expect_eq(verdict.bad_line, tamperings[i].bad_line, "%s: named line %" PRIu64 ": %s",
			     tamperings[i].name, verdict.bad_line, verdict.why);
	}
	rein_spill(scratch.log, whole);
	rein_scratch_log_verify(&scratch, 0);
}
