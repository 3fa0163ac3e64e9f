/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/audit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "audit/budget.h"
#include "audit/check.h"
#include "audit/head.h"
#include "audit/line.h"
#include "audit/logfile.h"
#include "base/cleanup.h"

struct rein_audit {
	char *path, *agent;
	struct rein_logfile file;
	struct rein_head *head;
	struct rein_chain chain;
	struct rein_budget budget;
	uint64_t signed_seq, signed_unwritten; /* as the head has them */
	uint64_t note;			       /* the highest number that an event has carried */
	bool full;			       /* an event found no room since there was room for all */
};

static void discard(struct rein_audit *audit)
{
	rein_logfile_close(&audit->file);
	rein_head_close(audit->head);
	free(audit->agent);
	free(audit->path);
	free(audit);
}

static const enum rein_line_class classes[REIN_KIND_COUNT] = {
	[REIN_KIND_START] = REIN_LINE_VITAL,   [REIN_KIND_EXEC] = REIN_LINE_ROUTINE,
	[REIN_KIND_ALLOW] = REIN_LINE_ROUTINE, [REIN_KIND_DENY] = REIN_LINE_REFUSAL,
	[REIN_KIND_ASK] = REIN_LINE_REFUSAL,   [REIN_KIND_ANSWER] = REIN_LINE_REFUSAL,
	[REIN_KIND_TRIP] = REIN_LINE_VITAL,    [REIN_KIND_STATE] = REIN_LINE_REFUSAL,
	[REIN_KIND_LOST] = REIN_LINE_VITAL,    [REIN_KIND_DEGRADE] = REIN_LINE_REFUSAL,
	[REIN_KIND_END] = REIN_LINE_VITAL,     [REIN_KIND_NOTE] = REIN_LINE_ROUTINE,
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* The event's line with its newline; the caller frees. */
static char *format(const struct rein_audit *audit, const struct rein_event *event, size_t *ret_length)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), mono = event->mono_ns && event->mono_ns < now ? event->mono_ns : now;
	struct rein_line_place place = {
		.agent = audit->agent,
		.seq = audit->chain.seq + 1,
		.time_ns = (int64_t)(clock_ns(CLOCK_REALTIME) - (now - mono)),
		.mono_ns = mono,
		.prev = audit->chain.hash,
	};
	char *line = rein_line_format(event, &place);
	size_t length = line ? strlen(line) : 0;
	char *whole = line ? realloc(line, length + 2) : NULL;

	if (!whole) {
		free(line);
		return NULL;
	}
	memcpy(whole + length, "\n", 2);
	*ret_length = length + 1;
	return whole;
}

static int resume(struct rein_audit *audit, const struct rein_head_facts *head, struct rein_error *err);

static int write_line(struct rein_audit *audit, const struct rein_event *event)
{
	REIN_AUTO_FREE char *line = NULL;
	size_t length;
	int r = audit->file.torn ? resume(audit, NULL, NULL) : 0;

	if (r < 0)
		return r;
	line = format(audit, event, &length);
	if (!line)
		return -ENOMEM;
	r = rein_logfile_append(&audit->file, line, length, classes[event->kind]);
	if (!r)
		rein_chain_append(&audit->chain, line, length - 1);
	return r;
}

static int write_torn_line(struct rein_audit *audit)
{
	const struct rein_event event = {
		.kind = REIN_KIND_STATE,
		.note = audit->note,
		.op = REIN_TORN_OP,
		.why = "The line before this one is unfinished, because rein was stopped or the disk was full while it "
		       "was "
		       "written.",
	};

	return write_line(audit, &event);
}

static FILE *reader(const struct rein_audit *audit)
{
	REIN_AUTO_FD int fd = fcntl(audit->file.fd, F_DUPFD_CLOEXEC, 0);
	FILE *log = fd < 0 || lseek(fd, 0, SEEK_SET) ? NULL : fdopen(fd, "r");

	if (log)
		rein_take_fd(&fd);
	return log;
}

/* Reads the log that is there, takes up its chain, and closes a line that was left open. */
static int resume(struct rein_audit *audit, const struct rein_head_facts *head, struct rein_error *err)
{
	struct rein_audit_verdict verdict;
	REIN_AUTO_FILE FILE *log = reader(audit);
	bool open_line;
	int r;

	if (!log)
		return rein_fail_errno(err, "cannot read it back");
	r = rein_check_log(log, head, &audit->chain, &open_line, &verdict, err);
	if (r < 0)
		return r;
	audit->file.torn = false;
	audit->file.size = audit->chain.size - open_line;
	if (open_line)
		r = rein_logfile_append(&audit->file, "\n", 1, REIN_LINE_VITAL);
	if (!r && audit->chain.torn)
		r = write_torn_line(audit);
	return r ? rein_fail(err, -r, "cannot continue it: %s", strerror(-r)) : 0;
}

static int sign(struct rein_audit *audit, struct rein_error *err)
{
	struct rein_head_facts facts = {.chain = audit->chain, .unwritten = rein_budget_total(&audit->budget)};
	int r;

	if (facts.chain.seq == audit->signed_seq && facts.unwritten == audit->signed_unwritten)
		return 0;
	r = rein_head_write(audit->head, &facts, err);
	if (r < 0)
		return r;
	audit->signed_seq = facts.chain.seq;
	audit->signed_unwritten = facts.unwritten;
	return 0;
}

/* A log that was taken away is no reason not to start another one, but never without a word: the new one says so first.
 */
static int write_gone_line(struct rein_audit *audit, const struct rein_head_facts *old)
{
	char why[256];
	struct rein_event event = {.kind = REIN_KIND_STATE, .op = "log-gone", .object = audit->path, .why = why};
	int r;

	event.detail = json_pack("{s:I, s:s}", "seq", (json_int_t)old->chain.seq, "hash", old->chain.hash);
	snprintf(why, sizeof(why),
		 "An earlier log under this name is gone: its signed head knew of %" PRIu64
		 " lines, and this log begins anew.",
		 old->chain.seq);
	r = write_line(audit, &event);
	json_decref(event.detail);
	return r;
}

static int open_log(struct rein_audit *audit, const struct rein_audit_options *options, struct rein_error *err)
{
	struct rein_head_facts facts;
	bool head, gone;
	int r = rein_head_read(options->state_dir, options->path, &facts, err);

	if (r < 0 && r != -ENOENT)
		return r;
	head = !r;
	gone = head && facts.chain.seq && !audit->file.size;
	r = resume(audit, head && !gone ? &facts : NULL, err);
	if (!r)
		r = rein_head_open(options->state_dir, options->path, &audit->head, err);
	if (!r && gone && (r = write_gone_line(audit, &facts)) < 0)
		rein_fail(err, -r, "cannot write to it: %s", strerror(-r));
	audit->signed_seq = UINT64_MAX;
	return r ? r : sign(audit, err);
}

/* Folders below rein's own are made; a folder that a person names has to be there. */
static void make_folder(const struct rein_audit_options *options)
{
	REIN_AUTO_FREE char *folder = NULL;

	mkdir(options->state_dir, 0700);
	if (asprintf(&folder, "%s/audit", options->state_dir) >= 0 && !strncmp(options->path, folder, strlen(folder)) &&
	    options->path[strlen(folder)] == '/')
		mkdir(folder, 0700);
}

static int open_all(struct rein_audit *audit, const struct rein_audit_options *options, struct rein_error *err)
{
	int r;

	audit->agent = strdup(options->agent);
	audit->path = strdup(options->path);
	if (!audit->agent || !audit->path)
		return rein_fail(err, ENOMEM, "no memory for the audit log");
	make_folder(options);
	r = rein_logfile_open(options->path, options->workspace, &audit->file, err);
	if (r < 0)
		return r;
	r = open_log(audit, options, err);
	if (r == -EBADMSG)
		rein_context(err,
			     "the audit log %s was tampered with or damaged, so nothing is added to it (`rein verify` "
			     "says more): move it away, or name another with --audit",
			     options->path);
	else if (r < 0)
		rein_context(err, "cannot use the audit log %s", options->path);
	return r;
}

int rein_audit_open(const struct rein_audit_options *options, struct rein_audit **ret_audit, struct rein_error *err)
{
	struct rein_audit *audit = calloc(1, sizeof(*audit));
	int r;

	if (!audit)
		return rein_fail(err, ENOMEM, "no memory for the audit log");
	audit->file.fd = -1;
	rein_budget_init(&audit->budget);
	r = open_all(audit, options, err);
	if (r < 0) {
		discard(audit);
		return r;
	}
	*ret_audit = audit;
	return 0;
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static int write_owed(struct rein_audit *audit, struct rein_owed *owed)
{
	bool refusals = owed->kind == REIN_KIND_DENY;
	char why[256];
	struct rein_event event = {
		.kind = REIN_KIND_LOST,
		.verdict = refusals ? REIN_VERDICT_DENY : REIN_VERDICT_ALLOW,
		.note = audit->note,
		.op = owed->op[0] ? owed->op : NULL,
		.error = owed->error,
		.lost = owed->count,
		.why = why,
	};
	int r;

	snprintf(why, sizeof(why), "%" PRIu64 " more %s%s%s%s have no lines of their own.", owed->count,
		 refusals ? "refusal" : rein_kind_name(owed->kind), refusals ? plural(owed->count) : " events",
		 owed->op[0] ? " of " : "", owed->op);
	r = write_line(audit, &event);
	if (!r)
		owed->count = 0;
	return r;
}

static int write_all_owed(struct rein_audit *audit)
{
	struct rein_owed *owed;
	int r = 0;

	while (!r && (owed = rein_budget_next(&audit->budget)))
		r = write_owed(audit, owed);
	return r;
}

/* What moves the signed head at once. */
static bool is_urgent(enum rein_kind kind)
{
	return kind == REIN_KIND_START || kind == REIN_KIND_TRIP || kind == REIN_KIND_END;
}

static int emit(void *context, const struct rein_event *event, struct rein_error *err)
{
	struct rein_audit *audit = context;
	int r;

	if ((unsigned)event->kind >= REIN_KIND_COUNT)
		return rein_fail(err, EINVAL, "there is no kind of event with the number %d", (int)event->kind);
	if (event->note > audit->note)
		audit->note = event->note;
	if (!rein_budget_pass(&audit->budget, event, clock_ns(CLOCK_MONOTONIC)))
		return 0;
	/* The end is the last line: what is owed comes before it. */
	if (event->kind == REIN_KIND_END)
		write_all_owed(audit);
	r = write_line(audit, event);
	if (r < 0) {
		audit->full = true;
		rein_budget_owe(&audit->budget, event);
		return rein_fail(err, -r, "cannot write to the audit log %s: %s", audit->path, strerror(-r));
	}
	/* Only here: the agent is gone, so nobody is held up by a slow disk, which the agent itself may have kept busy.
	 */
	if (event->kind == REIN_KIND_END && (r = rein_logfile_sync(&audit->file)) < 0)
		return rein_fail(err, -r, "cannot get the audit log %s onto the disk: %s", audit->path, strerror(-r));
	return is_urgent(event->kind) ? sign(audit, err) : 0;
}

int rein_audit_flush(struct rein_audit *audit, struct rein_error *err)
{
	int r = write_all_owed(audit), s;

	/* Counts may use what is set aside: that they were written does not mean that there is room again. */
	if (!r && audit->full && !rein_logfile_has_room(&audit->file))
		r = -ENOSPC;
	if (!r)
		audit->full = false;
	rein_logfile_push(&audit->file);
	s = sign(audit, err);
	if (r < 0)
		return rein_fail(err, -r, "cannot write to the audit log %s: %s", audit->path, strerror(-r));
	return s;
}

static int flush(void *context, struct rein_error *err)
{
	return rein_audit_flush(context, err);
}

struct rein_sink rein_audit_sink(struct rein_audit *audit)
{
	return (struct rein_sink){.emit = emit, .flush = flush, .context = audit};
}

void rein_audit_close(struct rein_audit *audit)
{
	if (!audit)
		return;
	/* Errors have no reader any more; what could not be written stands in the head, which needs no room. */
	rein_audit_flush(audit, NULL);
	discard(audit);
}
