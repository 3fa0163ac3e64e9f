/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/chain.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

void rein_hash(const void *bytes, size_t length, char ret_hex[REIN_HASH_HEX])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, bytes, length);
	sodium_bin2hex(ret_hex, REIN_HASH_HEX, hash, sizeof(hash));
}

void rein_chain_start(struct rein_chain *ret_chain)
{
	*ret_chain = (struct rein_chain){0};
	memset(ret_chain->hash, '0', REIN_HASH_HEX - 1);
	memset(ret_chain->first, '0', REIN_HASH_HEX - 1);
}

static void advance(struct rein_chain *chain, const char *bytes, size_t length)
{
	rein_hash(bytes, length, chain->hash);
	if (!chain->lines)
		memcpy(chain->first, chain->hash, REIN_HASH_HEX);
	chain->lines++;
	chain->size += length + 1;
}

void rein_chain_append(struct rein_chain *chain, const char *line, size_t length)
{
	advance(chain, line, length);
	chain->seq++;
	chain->torn = false;
}

void rein_chain_append_torn(struct rein_chain *chain, const char *bytes, size_t length)
{
	advance(chain, bytes, length);
	chain->torn = true;
}

/* What a line says about its place. */
struct claim {
	uint64_t seq;
	const char *prev, *op;
};

static bool read_claim(const json_t *line, struct claim *ret_claim)
{
	json_int_t seq = json_integer_value(json_object_get(line, "seq"));
	const char *prev = json_string_value(json_object_get(line, "prev"));
	const char *op = json_string_value(json_object_get(line, "op"));

	if (json_integer_value(json_object_get(line, "v")) != 1 || seq <= 0 || !prev)
		return false;
	*ret_claim = (struct claim){.seq = (uint64_t)seq, .prev = prev, .op = op ? op : ""};
	return true;
}

static bool say(char *why, size_t size, uint64_t *bad, uint64_t line, const char *text)
{
	*bad = line;
	snprintf(why, size, "%s", text);
	return false;
}

static bool fits(const struct rein_chain *chain, const struct claim *claim, uint64_t *bad, char *why, size_t size)
{
	uint64_t here = chain->lines + 1;

	if (claim->seq != chain->seq + 1) {
		*bad = here;
		snprintf(why, size,
			 "it has the number %" PRIu64 " where %" PRIu64
			 " comes next: lines were cut out, inserted or moved",
			 claim->seq, chain->seq + 1);
		return false;
	}
	if (!strcmp(claim->prev, chain->hash))
		return true;
	if (here == 1)
		return say(why, size, bad, 1, "it was written after another line, which is gone from the beginning");
	return say(why, size, bad, chain->lines,
		   "it is not the line that the next one was written after: one of the two was changed");
}

bool rein_chain_follow(struct rein_chain *chain, const char *line, size_t length, uint64_t *ret_bad, char *ret_why,
		       size_t why_size)
{
	json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	struct claim claim;
	bool fit = false;

	if (!object && !chain->torn) {
		/* Only the next line can tell a crash from an edit. */
		rein_chain_append_torn(chain, line, length);
		return true;
	}
	if (!object || (chain->torn && strcmp(json_string_value(json_object_get(object, "op")) ?: "", REIN_TORN_OP)))
		say(ret_why, why_size, ret_bad, chain->lines,
		    "it is no JSON, and no line after it says that it was "
		    "left unfinished");
	else if (!read_claim(object, &claim))
		say(ret_why, why_size, ret_bad, chain->lines + 1,
		    "it is no line of an audit log: v, seq or prev is "
		    "missing or unknown");
	else
		fit = fits(chain, &claim, ret_bad, ret_why, why_size);
	if (fit)
		rein_chain_append(chain, line, length);
	json_decref(object);
	return fit;
}
