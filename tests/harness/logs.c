/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/logs.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

const struct rein_event rein_a_denial = {
	.kind = REIN_KIND_DENY,
	.pid = 4711,
	.comm = "cat",
	.op = "openat",
	.object = "/home/u/.ssh/id_rsa",
	.error = EACCES,
	.why = "cat tried to open /home/u/.ssh/id_rsa for reading, which no rule allows.",
};

void rein_scratch_log_make(struct rein_scratch_log *scratch)
{
	snprintf(scratch->folder, sizeof(scratch->folder), "/tmp/rein-audit-XXXXXX");
	cr_assert(mkdtemp(scratch->folder));
	snprintf(scratch->log, sizeof(scratch->log), "%s/log.jsonl", scratch->folder);
	snprintf(scratch->state, sizeof(scratch->state), "%s/state", scratch->folder);
}

void rein_scratch_log_remove(struct rein_scratch_log *scratch)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", scratch->folder);
	cr_assert_eq(system(command), 0);
}

static int open_audit(const struct rein_scratch_log *scratch, struct rein_audit **ret_audit, struct rein_error *err)
{
	struct rein_audit_options options = {.path = scratch->log, .state_dir = scratch->state, .agent = "tester-0001"};

	return rein_audit_open(&options, ret_audit, err);
}

struct rein_audit *rein_scratch_log_open(const struct rein_scratch_log *scratch)
{
	struct rein_error err = {0};
	struct rein_audit *audit = NULL;

	cr_assert_eq(open_audit(scratch, &audit, &err), 0, "%s", err.text);
	return audit;
}

int rein_scratch_log_refused(const struct rein_scratch_log *scratch, struct rein_error *ret_err)
{
	struct rein_audit *audit = NULL;
	int r = open_audit(scratch, &audit, ret_err);

	cr_assert_lt(r, 0, "it was opened");
	return r;
}

void rein_scratch_log_write(const struct rein_scratch_log *scratch, int lines)
{
	struct rein_audit *audit = rein_scratch_log_open(scratch);

	for (int i = 0; i < lines; i++)
		cr_assert_eq(rein_audit_emit(audit, &rein_a_denial), 0);
	rein_audit_close(audit);
}

struct rein_audit_verdict rein_scratch_log_verify(const struct rein_scratch_log *scratch, int expected)
{
	struct rein_audit_verdict verdict;
	struct rein_error err = {0};
	int r = rein_audit_verify(scratch->log, scratch->state, &verdict, &err);

	cr_assert_eq(r, expected, "got %d: %s", r, r ? err.text : verdict.why);
	return verdict;
}

int rein_audit_emit(struct rein_audit *audit, const struct rein_event *event)
{
	struct rein_sink sink = rein_audit_sink(audit);
	struct rein_error err = {0};

	return sink.emit(sink.context, event, &err);
}

char *rein_slurp(const char *path)
{
	REIN_AUTO_FILE FILE *file = fopen(path, "re");
	struct stat status;
	char *text;

	cr_assert(file && !fstat(fileno(file), &status));
	text = calloc(1, (size_t)status.st_size + 1);
	cr_assert_eq(fread(text, 1, (size_t)status.st_size, file), (size_t)status.st_size);
	return text;
}

void rein_spill(const char *path, const char *text)
{
	REIN_AUTO_FILE FILE *file = fopen(path, "we");

	cr_assert(file && fwrite(text, 1, strlen(text), file) == strlen(text));
}
