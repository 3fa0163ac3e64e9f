/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/audit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "audit/check.h"
#include "audit/read.h"
#include "base/cleanup.h"

/* What a whole log does not prove, in words; nothing if it proves all. */
static void add_note(const struct rein_chain *chain, struct rein_audit_verdict *verdict)
{
	if (!verdict->head_known)
		snprintf(verdict->why, sizeof(verdict->why),
			 "no signed head of it is known here, so lines cut off its end would not show");
	else if (chain->torn)
		snprintf(verdict->why, sizeof(verdict->why),
			 "its last line is unfinished: rein was killed while it wrote, or is writing now");
	else if (verdict->unsigned_lines)
		snprintf(verdict->why, sizeof(verdict->why),
			 "the last %" PRIu64 " lines are newer than the signed head: rein was killed before it signed "
			 "them, or is writing now",
			 verdict->unsigned_lines);
}

static int gone(const char *path, const struct rein_head_facts *head, struct rein_audit_verdict *verdict,
		struct rein_error *err)
{
	verdict->head_known = true;
	verdict->bad_line = 1;
	snprintf(verdict->why, sizeof(verdict->why),
		 "the log is gone: its signed head knows of %" PRIu64 " lines and %" PRIu64 " bytes", head->chain.seq,
		 head->chain.size);
	return rein_fail(err, EBADMSG, "%s: %s", path, verdict->why);
}

/* 0 and NULL where none is known. A head that is not what rein wrote is a broken log. */
static int find_head(const char *path, const char *state_dir, struct rein_head_facts *facts,
		     const struct rein_head_facts **ret_head, struct rein_audit_verdict *verdict,
		     struct rein_error *err)
{
	struct rein_error why = {0};
	int r = rein_head_read(state_dir, path, facts, &why);

	*ret_head = r ? NULL : facts;
	if (!r || r == -ENOENT)
		return 0;
	if (r == -EBADMSG)
		snprintf(verdict->why, sizeof(verdict->why), "%.*s", (int)sizeof(verdict->why) - 1, why.text);
	return rein_fail(err, -r, "%s", why.text);
}

int rein_audit_verify(const char *path, const char *state_dir, struct rein_audit_verdict *ret_verdict,
		      struct rein_error *err)
{
	struct rein_head_facts facts;
	const struct rein_head_facts *head;
	REIN_AUTO_FILE FILE *log = NULL;
	struct rein_chain chain;
	bool open_line;
	int r;

	*ret_verdict = (struct rein_audit_verdict){0};
	/* The head first: a log that is being written only grows, so that it never falls short of an older head. */
	r = find_head(path, state_dir, &facts, &head, ret_verdict, err);
	if (r < 0)
		return r;
	r = rein_log_open_for_reading(path, &log, err);
	if (r == -ENOENT && head)
		return gone(path, head, ret_verdict, err);
	if (r < 0)
		return r;
	r = rein_check_log(log, head, &chain, &open_line, ret_verdict, err);
	if (r < 0)
		return rein_context(err, "%s", path);
	add_note(&chain, ret_verdict);
	return 0;
}
