/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/check.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"

static int broken(struct rein_audit_verdict *verdict, uint64_t line, const char *why)
{
	verdict->bad_line = line;
	snprintf(verdict->why, sizeof(verdict->why), "%s", why);
	return -EBADMSG;
}

/* The line that the head was signed at must be the one that the head names. */
static int compare_head(const struct rein_chain *chain, const struct rein_head_facts *head,
			struct rein_audit_verdict *verdict)
{
	if (!head || chain->torn || chain->seq != head->chain.seq)
		return 0;
	if (strcmp(chain->hash, head->chain.hash) || chain->size != head->chain.size)
		return broken(verdict, chain->lines,
			      "it is not the line that the signed head was made for: it was changed");
	return 0;
}

static int take(struct rein_chain *chain, const char *line, size_t length, const struct rein_head_facts *head,
		struct rein_audit_verdict *verdict)
{
	if (!rein_chain_follow(chain, line, length, &verdict->bad_line, verdict->why, sizeof(verdict->why)))
		return -EBADMSG;
	return compare_head(chain, head, verdict);
}

static int compare_end(const struct rein_chain *chain, const struct rein_head_facts *head,
		       struct rein_audit_verdict *verdict)
{
	if (!head)
		return 0;
	verdict->head_known = true;
	verdict->unwritten = head->unwritten;
	if (chain->seq >= head->chain.seq) {
		verdict->unsigned_lines = chain->seq - head->chain.seq;
		return 0;
	}
	verdict->bad_line = chain->lines + 1;
	snprintf(verdict->why, sizeof(verdict->why),
		 "the log was cut at its end: it stops at number %" PRIu64
		 ", and the signed head knows of number %" PRIu64,
		 chain->seq, head->chain.seq);
	return -EBADMSG;
}

static int read_lines(FILE *log, const struct rein_head_facts *head, struct rein_chain *chain, bool *open_line,
		      struct rein_audit_verdict *verdict)
{
	REIN_AUTO_FREE char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int r = 0;

	*open_line = false;
	while (!r && (n = getline(&line, &room, log)) > 0) {
		*open_line = line[n - 1] != '\n';
		r = take(chain, line, (size_t)n - !*open_line, head, verdict);
	}
	return r ? r : ferror(log) ? -EIO : 0;
}

int rein_check_log(FILE *log, const struct rein_head_facts *head, struct rein_chain *ret_chain, bool *ret_open_line,
		   struct rein_audit_verdict *ret_verdict, struct rein_error *err)
{
	int r;

	*ret_verdict = (struct rein_audit_verdict){0};
	rein_chain_start(ret_chain);
	r = read_lines(log, head, ret_chain, ret_open_line, ret_verdict);
	if (!r)
		r = compare_end(ret_chain, head, ret_verdict);
	ret_verdict->lines = ret_chain->lines;
	if (r == -EBADMSG)
		return rein_fail(err, EBADMSG, "line %" PRIu64 ": %s", ret_verdict->bad_line, ret_verdict->why);
	return r ? rein_fail(err, -r, "cannot read it: %s", strerror(-r)) : 0;
}
