/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "agent/dns_message.h"
#include "base/cleanup.h"

/* Messages as they come from an agent and from servers. */

static const struct rein_dns_question question = {.id = 0x1234, .type = REIN_DNS_A, .recursion = true, .name = "a.org"};

static uint8_t bytes[1024];
static size_t length;

static void put(const void *data, size_t size)
{
	memcpy(bytes + length, data, size);
	length += size;
}
#define PUT(text) put(text, sizeof(text) - 1)

/* A reply to the question with that many records, which follow. */
static void begin(uint8_t flags, uint8_t code, uint8_t count)
{
	length = 0;
	put((uint8_t[]){0x12, 0x34, flags, (uint8_t)(0x80 | code), 0, 1, 0, count, 0, 0, 0, 0}, 12);
	PUT("\1A\3oRg\0\0\1\0\1");
}

static int read_answer(struct rein_dns_answer *ret_answer)
{
	return rein_dns_answer_read(bytes, length, &question, ret_answer);
}

Test(dns_message, a_question_goes_there_and_back)
{
	struct rein_dns_question back;
	ssize_t size = rein_dns_question_write(&question, bytes, sizeof(bytes));
	int id;

	cr_assert_eq(size, 12 + 7 + 4);
	cr_assert_eq(rein_dns_question_read(bytes, (size_t)size, &back, &id), 0);
	cr_expect(id == 0x1234 && back.id == 0x1234 && back.type == REIN_DNS_A && back.recursion);
	cr_expect_str_eq(back.name, "a.org");
	for (size_t cut = 0; cut < (size_t)size; cut++)
		cr_expect_eq(rein_dns_question_read(bytes, cut, &back, &id), -EBADMSG, "cut at %zu", cut);
	bytes[2] |= 0x80;
	cr_expect_eq(rein_dns_question_read(bytes, (size_t)size, &back, &id), -EBADMSG);
	cr_expect_eq(id, -1, "nobody answers an answer");
	cr_expect_eq(rein_dns_question_write(&question, bytes, 20), -EMSGSIZE);
}

Test(dns_message, only_plain_names_are_asked_for)
{
	static const struct {
		const char *wire;
		size_t size; /* with the NUL, which is the root */
		const char *name;
	} cases[] = {
		{"\3WWW\3oRG", 9, "www.org"}, {"\7a.b\\c.d\3org", 13, NULL},		    /* dots within a label */
		{"\2a \3org", 8, NULL},	      {"\2\xc3\xa4\3org", 8, NULL},  {"", 1, NULL}, /* the root */
	};

	for (size_t i = 0; i < REIN_COUNT(cases); i++) {
		struct rein_dns_question back;
		int id, r;

		length = 0;
		put((uint8_t[]){0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}, 12);
		put(cases[i].wire, cases[i].size);
		PUT("\0\1\0\1");
		r = rein_dns_question_read(bytes, length, &back, &id);
		cr_expect_eq(r, cases[i].name ? 0 : -EBADMSG, "case %zu", i);
		cr_expect_eq(id, 7);
		if (!r)
			cr_expect_str_eq(back.name, cases[i].name);
	}
}

Test(dns_message, a_chain_leads_to_addresses)
{
	struct rein_dns_answer answer;

	begin(0x81, 0, 3);
	PUT("\1b\3org\0\0\5\0\1\0\0\0\12\0\7\1c\3ORG\0"); /* in any order */
	PUT("\xc0\x0c\0\5\0\1\0\0\0\5\0\7\1B\3org\0");
	PUT("\1c\3org\0\0\1\0\1\0\0\0\7\0\4\1\2\3\4");
	cr_assert_eq(read_answer(&answer), 0);
	cr_expect_str_eq(answer.canonical, "c.org");
	cr_expect(answer.code == REIN_DNS_OK && answer.count == 1 && answer.ttl == 5);
	cr_expect_eq(memcmp(answer.ips[0].address, "\1\2\3\4", 4), 0);
}

Test(dns_message, what_belongs_to_other_names_is_passed_over)
{
	struct rein_dns_answer answer;

	begin(0x81, 0, 2);
	PUT("\1x\3org\0\0\1\0\1\0\0\0\7\0\4\1\2\3\4");
	PUT("\xc0\x0c\0\34\0\1\0\0\0\7\0\20abcdefghijklmnop");
	cr_assert_eq(read_answer(&answer), 0);
	cr_expect_eq(answer.count, 0);
}

Test(dns_message, what_is_no_answer)
{
	struct rein_dns_answer answer;

	begin(0x01, 0, 0);
	cr_expect_eq(read_answer(&answer), -EBADMSG, "a question");
	begin(0x81, 0, 0);
	bytes[1]++;
	cr_expect_eq(read_answer(&answer), -EBADMSG, "another id");
	begin(0x81, 0, 0);
	bytes[13] = 'b';
	cr_expect_eq(read_answer(&answer), -EBADMSG, "another name");
	begin(0x81, 0, 0);
	bytes[length - 3] = 28;
	cr_expect_eq(read_answer(&answer), -EBADMSG, "another type");
	begin(0x81, 2, 0);
	cr_expect_eq(read_answer(&answer), -EAGAIN, "a server that failed");
	begin(0x81, 3, 0);
	cr_expect(read_answer(&answer) == 0 && answer.code == REIN_DNS_NO_NAME);
	begin(0x83, 0, 0);
	cr_expect(read_answer(&answer) == 0 && answer.truncated);
	begin(0x81, 0, 1);
	PUT("\xc0\x0c\0\1\0\1\0\0\0\7\0\3\1\2\3");
	cr_expect_eq(read_answer(&answer), -EPROTO, "an address of three bytes");
	begin(0x81, 0, 1);
	PUT("\xc0\x0c\0\5\0\1\0\0\0\5\0\2\xc0\x0c");
	cr_expect_eq(read_answer(&answer), -EPROTO, "a circle");
}

Test(dns_message, an_answer_is_written_and_cut)
{
	struct rein_dns_answer answer = {.ttl = 9, .canonical = "b.org", .count = 20}, back;
	uint8_t out[4096];
	ssize_t size;

	for (size_t i = 0; i < answer.count; i++)
		answer.ips[i] = (struct rein_ip){REIN_NET_V4, {1, 1, 1, (uint8_t)i}};
	size = rein_dns_answer_write(&question, &answer, sizeof(out), out);
	cr_assert_gt(size, 0);
	cr_assert_eq(rein_dns_answer_read(out, (size_t)size, &question, &back), 0);
	cr_expect(back.count == 20 && back.ttl == 9 && !back.truncated);
	cr_expect_str_eq(back.canonical, "b.org");
	size = rein_dns_answer_write(&question, &answer, 100, out);
	cr_expect(size > 0 && size <= 100);
	cr_assert_eq(rein_dns_answer_read(out, (size_t)size, &question, &back), 0);
	cr_expect(back.truncated);
	cr_expect_eq(rein_dns_answer_write(&question, &answer, 10, out), -EMSGSIZE);
}
