/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_DNS_MESSAGE_H
#define REIN_AGENT_DNS_MESSAGE_H

#include <stddef.h>
#include <sys/types.h>

#include "mech/names.h"
#include "profile/hostname.h"

/*
 * Messages of DNS, taken apart and put together with the C library's ns_* functions. All of it is pure. What rein sends
 * on is its own: nothing of a message that came in is copied but the name, the type, and addresses.
 */

#define REIN_DNS_ADDRESSES 32
#define REIN_DNS_RECORDS 96   /* in an answer; one with more is refused */
#define REIN_DNS_UDP_ROOM 512 /* of an answer by UDP; what is longer comes by TCP */

enum rein_dns_kind {
	REIN_DNS_A = 1,
	REIN_DNS_AAAA = 28,
};

struct rein_dns_question {
	uint16_t id, type;	      /* as of RFC 1035; enum rein_dns_kind are those that are answered */
	bool recursion;		      /* RD, which the answer repeats */
	char name[REIN_HOSTNAME_MAX]; /* lower case, no trailing dot */
};

enum rein_dns_code {
	REIN_DNS_OK = 0,
	REIN_DNS_FAILED = 2,
	REIN_DNS_NO_NAME = 3,
	REIN_DNS_REFUSED = 5,
};

struct rein_dns_answer {
	enum rein_dns_code code;
	bool truncated;			   /* ask again by TCP; nothing else is known */
	uint32_t ttl;			   /* seconds: the least of all records that were used */
	char canonical[REIN_HOSTNAME_MAX]; /* where the chain of CNAMEs led; the question's name where there was none */
	size_t count;
	struct rein_ip ips[REIN_DNS_ADDRESSES];
};

/* -EBADMSG: not one whole question of class IN about a name of at most 253 plain bytes; *ret_id is its id where it has
 * one, else -1. */
int rein_dns_question_read(const uint8_t *bytes, size_t size, struct rein_dns_question *ret_question, int *ret_id);

/* The question as it goes to a server. Returns its length, or -EMSGSIZE. */
ssize_t rein_dns_question_write(const struct rein_dns_question *question, uint8_t *out, size_t size);

/*
 * What a server said to `question`. -EBADMSG: malformed, oversized, or no answer to it; -EAGAIN: the server could not
 * or would not say, and another may.
 */
int rein_dns_answer_read(const uint8_t *bytes, size_t size, const struct rein_dns_question *question,
			 struct rein_dns_answer *ret_answer);

/* The answer as it goes to whoever asked, of at most `room` bytes: what does not fit is left out and said to be.
 * Returns its length, or -EMSGSIZE. */
ssize_t rein_dns_answer_write(const struct rein_dns_question *question, const struct rein_dns_answer *answer,
			      size_t room, uint8_t *out);

#define REIN_DNS_HEADER 12

/* What is said to what is no question: a header, with its id and FORMERR. */
void rein_dns_refusal_write(uint16_t id, uint8_t ret_header[REIN_DNS_HEADER]);

#endif
