/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AUDIT_CHAIN_H
#define REIN_AUDIT_CHAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The chain of a log: every line carries the SHA-256 of the one before (without its newline) and the next number. A
 * chain is a place in a log: what has been seen up to there. Pure; the lines come from the caller.
 */

#define REIN_HASH_HEX 65 /* 64 digits and the NUL */

struct rein_chain {
	uint64_t seq;		   /* of the last line; 0 before the first */
	uint64_t size;		   /* bytes up to here */
	uint64_t lines;		   /* read, torn ones too */
	char hash[REIN_HASH_HEX];  /* of the last line; zeros before the first */
	char first[REIN_HASH_HEX]; /* of the first line */
	bool torn;		   /* the last line was left unfinished; the next one has to say so */
};

/* The `op` of the line that follows one which a crash left unfinished. */
#define REIN_TORN_OP "torn-line"

void rein_hash(const void *bytes, size_t length, char ret_hex[REIN_HASH_HEX]);
void rein_chain_start(struct rein_chain *ret_chain);
/* Takes a line that this program has just written, without its newline, as the next one. */
void rein_chain_append(struct rein_chain *chain, const char *line, size_t length);
/* Takes bytes that are no whole line (a crash in the middle of a write) as the next one. */
void rein_chain_append_torn(struct rein_chain *chain, const char *bytes, size_t length);

/*
 * Takes a line that was read, if it is the one that comes next. Otherwise returns false, leaves the chain alone and
 * says in ret_why what is wrong; *ret_bad is the number of the line that was tampered with, from 1.
 */
bool rein_chain_follow(struct rein_chain *chain, const char *line, size_t length, uint64_t *ret_bad, char *ret_why,
		       size_t why_size);

#endif
