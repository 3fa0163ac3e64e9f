/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/dns_message.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <resolv.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

#define CHAIN_MAX 16

_Static_assert(REIN_DNS_A == (int)ns_t_a && REIN_DNS_AAAA == (int)ns_t_aaaa, "as the protocol has them");

/* From the C library's form to ours. Escapes are not plain, so that a dot is always one between labels. */
static bool take_name(const char *text, char ret_name[REIN_HOSTNAME_MAX])
{
	size_t length = strlen(text);

	if (!length || length >= REIN_HOSTNAME_MAX)
		return false;
	for (size_t i = 0; i <= length; i++)
		ret_name[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
	return rein_hostname_is_plain(ret_name) && ret_name[length - 1] != '.';
}

static int take_question(ns_msg *message, struct rein_dns_question *ret_question)
{
	struct rein_dns_question question = {
		.id = ns_msg_id(*message),
		.recursion = ns_msg_getflag(*message, ns_f_rd),
	};
	ns_rr record;

	if (ns_msg_count(*message, ns_s_qd) != 1 || ns_parserr(message, ns_s_qd, 0, &record))
		return -EBADMSG;
	if (ns_rr_class(record) != ns_c_in || !take_name(ns_rr_name(record), question.name))
		return -EBADMSG;
	question.type = ns_rr_type(record);
	*ret_question = question;
	return 0;
}

int rein_dns_question_read(const uint8_t *bytes, size_t size, struct rein_dns_question *ret_question, int *ret_id)
{
	ns_msg message;

	HEADER header;

	*ret_id = -1;
	if (size < sizeof(header) || size > NS_MAXMSG)
		return -EBADMSG;
	memcpy(&header, bytes, sizeof(header));
	/* Nobody answers an answer. */
	if (header.qr)
		return -EBADMSG;
	*ret_id = ntohs(header.id);
	if (ns_initparse(bytes, (int)size, &message) || ns_msg_getflag(message, ns_f_opcode) != ns_o_query ||
	    ns_msg_count(message, ns_s_an))
		return -EBADMSG;
	return take_question(&message, ret_question);
}

/* A message being written. Compressed names refer to those before them. */
struct writer {
	uint8_t *start, *at, *end;
	const uint8_t *names[8];
};

static bool put_name(struct writer *writer, const char *name)
{
	int n = ns_name_compress(name, writer->at, (size_t)(writer->end - writer->at), writer->names,
				 writer->names + REIN_COUNT(writer->names));

	writer->at += n > 0 ? n : 0;
	return n > 0;
}

static bool put_16(struct writer *writer, unsigned value)
{
	if (writer->end - writer->at < NS_INT16SZ)
		return false;
	ns_put16(value, writer->at);
	writer->at += NS_INT16SZ;
	return true;
}

static bool put_32(struct writer *writer, uint32_t value)
{
	return put_16(writer, value >> 16) && put_16(writer, value & 0xffff);
}

static bool put_bytes(struct writer *writer, const void *bytes, size_t size)
{
	if ((size_t)(writer->end - writer->at) < size)
		return false;
	memcpy(writer->at, bytes, size);
	writer->at += size;
	return true;
}

static HEADER header_of(const struct rein_dns_question *question)
{
	HEADER header = {0};

	header.id = htons(question->id);
	header.rd = question->recursion;
	header.qdcount = htons(1);
	return header;
}

static bool put_question(struct writer *writer, const struct rein_dns_question *question)
{
	HEADER header = header_of(question);

	return put_bytes(writer, &header, sizeof(header)) && put_name(writer, question->name) &&
	       put_16(writer, question->type) && put_16(writer, ns_c_in);
}

static struct writer writer_of(uint8_t *out, size_t size)
{
	return (struct writer){.start = out, .at = out, .end = out + size, .names = {out}};
}

ssize_t rein_dns_question_write(const struct rein_dns_question *question, uint8_t *out, size_t size)
{
	struct writer writer = writer_of(out, size);

	return put_question(&writer, question) ? writer.at - writer.start : -EMSGSIZE;
}

static bool put_record(struct writer *writer, const char *owner, unsigned type, uint32_t ttl)
{
	return put_name(writer, owner) && put_16(writer, type) && put_16(writer, ns_c_in) && put_32(writer, ttl);
}

static bool put_alias(struct writer *writer, const struct rein_dns_question *question,
		      const struct rein_dns_answer *answer)
{
	uint8_t *length;

	if (!put_record(writer, question->name, ns_t_cname, answer->ttl))
		return false;
	length = writer->at;
	if (!put_16(writer, 0) || !put_name(writer, answer->canonical))
		return false;
	ns_put16((unsigned)(writer->at - length - NS_INT16SZ), length);
	return true;
}

static bool put_address(struct writer *writer, const struct rein_dns_answer *answer, const struct rein_ip *ip)
{
	bool v6 = ip->family == REIN_NET_V6;

	return put_record(writer, answer->canonical, v6 ? ns_t_aaaa : ns_t_a, answer->ttl) &&
	       put_16(writer, v6 ? NS_IN6ADDRSZ : NS_INADDRSZ) &&
	       put_bytes(writer, ip->address, v6 ? NS_IN6ADDRSZ : NS_INADDRSZ);
}

/* How many records fitted; each whole or not at all. */
static unsigned put_records(struct writer *writer, const struct rein_dns_question *question,
			    const struct rein_dns_answer *answer)
{
	bool aliased = answer->count && strcmp(question->name, answer->canonical) != 0;
	uint8_t *whole = writer->at;
	unsigned count = 0;

	for (size_t i = 0; i < answer->count + aliased; i++) {
		if (aliased && i == 0 ? !put_alias(writer, question, answer)
				      : !put_address(writer, answer, &answer->ips[i - aliased]))
			break;
		whole = writer->at;
		count++;
	}
	writer->at = whole;
	return count;
}

ssize_t rein_dns_answer_write(const struct rein_dns_question *question, const struct rein_dns_answer *answer,
			      size_t room, uint8_t *out)
{
	bool aliased = answer->count && strcmp(question->name, answer->canonical) != 0;
	struct writer writer = writer_of(out, room);
	HEADER header = header_of(question);
	unsigned count;

	if (!put_question(&writer, question))
		return -EMSGSIZE;
	count = put_records(&writer, question, answer);
	header.qr = 1;
	header.ra = 1;
	header.rcode = answer->code & 0xf;
	header.tc = count < answer->count + aliased;
	header.ancount = htons((uint16_t)count);
	memcpy(out, &header, sizeof(header));
	return writer.at - writer.start;
}

void rein_dns_refusal_write(uint16_t id, uint8_t ret_header[REIN_DNS_HEADER])
{
	HEADER header = {0};

	_Static_assert(sizeof(header) == REIN_DNS_HEADER, "as the protocol has it");
	header.id = htons(id);
	header.qr = 1;
	header.rcode = ns_r_formerr;
	memcpy(ret_header, &header, sizeof(header));
}

static bool answers(ns_msg *message, const struct rein_dns_question *question)
{
	struct rein_dns_question said;

	return ns_msg_getflag(*message, ns_f_qr) && ns_msg_getflag(*message, ns_f_opcode) == ns_o_query &&
	       take_question(message, &said) == 0 && said.id == question->id && said.type == question->type &&
	       strcmp(said.name, question->name) == 0;
}

static void note_ttl(struct rein_dns_answer *answer, const ns_rr *record)
{
	uint32_t ttl = ns_rr_ttl(*record);

	/* RFC 2181: with the top bit set it is none. */
	if (ttl & 1U << 31)
		ttl = 0;
	if (ttl < answer->ttl)
		answer->ttl = ttl;
}

/* The name that `name` is an alias of, into `name`. 0: it is none; 1: it was; -EPROTO. */
static int follow(ns_msg *message, struct rein_dns_answer *answer)
{
	char target[NS_MAXDNAME], owner[REIN_HOSTNAME_MAX];
	ns_rr record;

	for (int i = 0; i < ns_msg_count(*message, ns_s_an); i++) {
		if (ns_parserr(message, ns_s_an, i, &record))
			return -EPROTO;
		if (ns_rr_type(record) != ns_t_cname || ns_rr_class(record) != ns_c_in ||
		    !take_name(ns_rr_name(record), owner) || strcmp(owner, answer->canonical) != 0)
			continue;
		if (ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message), ns_rr_rdata(record), target,
				       sizeof(target)) < 0 ||
		    !take_name(target, answer->canonical))
			return -EPROTO;
		note_ttl(answer, &record);
		return 1;
	}
	return 0;
}

/* A mapped address in an AAAA record is nothing that a name server should say. */
static bool is_mapped(const uint8_t *bytes)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(bytes, mapped, sizeof(mapped)) == 0;
}

static void take_ip(struct rein_dns_answer *answer, const uint8_t *bytes, bool v6)
{
	struct rein_ip *ip = &answer->ips[answer->count];

	if (answer->count == REIN_DNS_ADDRESSES || (v6 && is_mapped(bytes)))
		return;
	*ip = (struct rein_ip){.family = v6 ? REIN_NET_V6 : REIN_NET_V4};
	memcpy(ip->address, bytes, v6 ? NS_IN6ADDRSZ : NS_INADDRSZ);
	answer->count++;
}

static int take_addresses(ns_msg *message, const struct rein_dns_question *question, struct rein_dns_answer *answer)
{
	bool v6 = question->type == REIN_DNS_AAAA;
	char owner[REIN_HOSTNAME_MAX];
	ns_rr record;

	for (int i = 0; i < ns_msg_count(*message, ns_s_an); i++) {
		if (ns_parserr(message, ns_s_an, i, &record))
			return -EPROTO;
		if (ns_rr_type(record) != question->type || ns_rr_class(record) != ns_c_in ||
		    !take_name(ns_rr_name(record), owner) || strcmp(owner, answer->canonical) != 0)
			continue;
		if (ns_rr_rdlen(record) != (v6 ? NS_IN6ADDRSZ : NS_INADDRSZ))
			return -EPROTO;
		note_ttl(answer, &record);
		take_ip(answer, ns_rr_rdata(record), v6);
	}
	return 0;
}

static int take_records(ns_msg *message, const struct rein_dns_question *question, struct rein_dns_answer *answer)
{
	int followed = 1;

	if (ns_msg_count(*message, ns_s_an) > REIN_DNS_RECORDS)
		return -EPROTO;
	for (int i = 0; i < CHAIN_MAX && followed > 0; i++)
		followed = follow(message, answer);
	if (followed)
		return -EPROTO; /* malformed, a circle, or as good as one */
	return take_addresses(message, question, answer);
}

int rein_dns_answer_read(const uint8_t *bytes, size_t size, const struct rein_dns_question *question,
			 struct rein_dns_answer *ret_answer)
{
	struct rein_dns_answer answer = {.ttl = UINT32_MAX};
	ns_msg message;
	int code, r;

	if (size > NS_MAXMSG || ns_initparse(bytes, (int)size, &message) || !answers(&message, question))
		return -EBADMSG;
	code = ns_msg_getflag(message, ns_f_rcode);
	if (code != ns_r_noerror && code != ns_r_nxdomain)
		return -EAGAIN;
	answer.code = code == ns_r_noerror ? REIN_DNS_OK : REIN_DNS_NO_NAME;
	answer.truncated = ns_msg_getflag(message, ns_f_tc);
	memcpy(answer.canonical, question->name, sizeof(answer.canonical));
	r = answer.truncated ? 0 : take_records(&message, question, &answer);
	if (r < 0)
		return r;
	*ret_answer = answer;
	return 0;
}
