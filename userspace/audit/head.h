/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AUDIT_HEAD_H
#define REIN_AUDIT_HEAD_H

#include "audit/chain.h"
#include "base/error.h"

/*
 * The head of a log: how far it reached, signed with ed25519 and kept outside of it, so that a cut at the end shows.
 * The key is made at first use in STATE/key, for its owner's eyes only; the head of a log is STATE/heads/NAME, where
 * NAME comes from the log's real path.
 */

struct rein_head; /* of a log that is being written */

struct rein_head_facts {
	struct rein_chain chain; /* seq, size, hash and first of it; lines and torn are not kept */
	uint64_t unwritten;	 /* events that happened and that the log could not take */
};

/* Makes or reads the key and opens the head of the log at `log`, which exists. */
int rein_head_open(const char *state_dir, const char *log, struct rein_head **ret_head, struct rein_error *err);
/* Signs and writes, in place and in one write: needs no room on the disk. `facts` is borrowed. */
int rein_head_write(struct rein_head *head, const struct rein_head_facts *facts, struct rein_error *err);
void rein_head_close(struct rein_head *head);

/*
 * Reads the head of `log`, which need not exist any more, and checks its signature. -ENOENT: none is known; -EBADMSG:
 * there is one and it is not what rein wrote, err says why.
 */
int rein_head_read(const char *state_dir, const char *log, struct rein_head_facts *ret_facts, struct rein_error *err);

#endif
