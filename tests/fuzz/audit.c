/* SPDX-License-Identifier: GPL-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/check.h"
#include "audit/read.h"
#include "base/escape.h"

/* A log from anywhere: checked and shown without a crash, and nothing of it steers a terminal. */

static void must_be_safe(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			abort();
}

static void show(FILE *log)
{
	json_t *line;

	while (!rein_log_next(log, &line, NULL) && line) {
		char *sentence = rein_audit_sentence(line);

		must_be_safe(sentence);
		free(sentence);
		json_decref(line);
	}
}

static void check(FILE *log)
{
	struct rein_audit_verdict verdict;
	struct rein_chain chain;
	bool open_line;

	rein_check_log(log, NULL, &chain, &open_line, &verdict, NULL);
}

static void escape(const uint8_t *data, size_t size)
{
	char *text = rein_escape((const char *)data, size), *back;
	size_t length;

	must_be_safe(text);
	back = rein_unescape(text, &length);
	if (length != size || memcmp(back, data, size))
		abort();
	free(text);
	free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *log = size ? fmemopen((void *)data, size, "r") : NULL;

	escape(data, size);
	if (!log)
		return 0;
	check(log);
	rewind(log);
	show(log);
	fclose(log);
	return 0;
}
