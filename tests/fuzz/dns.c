/* SPDX-License-Identifier: GPL-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/dns_message.h"

/* Bytes from anywhere as a question of an agent and as a server's answer: what is accepted holds to its bounds, and
 * what is written for it is read as the same. */

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void answer_back(const struct rein_dns_question *question, const struct rein_dns_answer *answer, size_t room)
{
	uint8_t out[4096];
	ssize_t size = rein_dns_answer_write(question, answer, room, out);
	struct rein_dns_answer back;

	must(size > 0 && (size_t)size <= room);
	must(!rein_dns_answer_read(out, (size_t)size, question, &back));
	must(back.truncated || (back.count == answer->count && back.code == answer->code));
}

static void try_answer(const uint8_t *data, size_t size, const struct rein_dns_question *question)
{
	struct rein_dns_answer answer;

	if (rein_dns_answer_read(data, size, question, &answer))
		return;
	must(answer.count <= REIN_DNS_ADDRESSES && strlen(answer.canonical) < REIN_HOSTNAME_MAX);
	must(rein_hostname_is_plain(answer.canonical));
	if (answer.truncated)
		return;
	answer_back(question, &answer, 4096);
	answer_back(question, &answer, REIN_DNS_UDP_ROOM);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rein_dns_question question = {.type = REIN_DNS_A, .name = "a.org"};
	uint8_t out[600];
	int id;

	if (size >= 2)
		question.id = (uint16_t)(data[0] << 8 | data[1]);
	try_answer(data, size, &question);
	if (rein_dns_question_read(data, size, &question, &id))
		return 0;
	must(rein_hostname_is_plain(question.name) && id == question.id);
	must(rein_dns_question_write(&question, out, sizeof(out)) > 0);
	return 0;
}
