/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"

static const struct {
	const char *bytes;
	size_t length;
	const char *stored, *shown;
} cases[] = {
	{"/home/u/notes.txt", 17, "/home/u/notes.txt", "/home/u/notes.txt"},
	{"", 0, "", ""},
	{"caf\xc3\xa9", 5, "caf\xc3\xa9", "caf\xc3\xa9"},
	{"\xf0\x9f\x90\x8e", 4, "\xf0\x9f\x90\x8e", "\xf0\x9f\x90\x8e"},
	{"caf\xe9", 4, "caf\\xE9", "caf\\xE9"},
	{"a\\b", 3, "a\\\\b", "a\\b"},
	{"a\\xE9", 5, "a\\\\xE9", "a\\xE9"},
	{"\x1b[31m", 5, "\\x1B[31m", "\\x1B[31m"},
	{"a\nb\tc", 5, "a\\x0Ab\\x09c", "a\\x0Ab\\x09c"},
	{"\x7f", 1, "\\x7F", "\\x7F"},
	/* C1: a CSI that needs no escape byte */
	{"\xc2\x9b"
	 "2J",
	 4, "\\xC2\\x9B2J", "\\xC2\\x9B2J"},
	/* U+202E turns what follows around */
	{"gpj.\xe2\x80\xae"
	 "exe",
	 10, "gpj.\\xE2\\x80\\xAEexe", "gpj.\\xE2\\x80\\xAEexe"},
	/* overlong slash, surrogate, past the last character, cut short */
	{"\xc0\xaf", 2, "\\xC0\\xAF", "\\xC0\\xAF"},
	{"\xed\xa0\x80", 3, "\\xED\\xA0\\x80", "\\xED\\xA0\\x80"},
	{"\xf4\x90\x80\x80", 4, "\\xF4\\x90\\x80\\x80", "\\xF4\\x90\\x80\\x80"},
	{"\xe2\x82", 2, "\\xE2\\x82", "\\xE2\\x82"},
	{"\xff\xfe", 2, "\\xFF\\xFE", "\\xFF\\xFE"},
	{"a\0b", 3, "a\\x00b", "a\\x00b"},
};

Test(audit_escape, stores_and_shows)
{
	for (size_t i = 0; i < REIN_COUNT(cases); i++) {
		REIN_AUTO_FREE char *stored = rein_escape(cases[i].bytes, cases[i].length);
		REIN_AUTO_FREE char *shown = rein_escape_terminal(cases[i].bytes, cases[i].length, false);

		cr_expect_str_eq(stored, cases[i].stored);
		cr_expect_str_eq(shown, cases[i].shown);
	}
}

Test(audit_escape, loses_no_byte)
{
	srandom(7);
	for (int round = 0; round < 20000; round++) {
		char bytes[32];
		size_t length = (size_t)random() % sizeof(bytes), back = 0;

		for (size_t i = 0; i < length; i++) {
			long r = random();

			bytes[i] = (char)(r % 3 ? r >> 8 : "\\x0A9F\xc3\xe2"[(r >> 8) % 9]);
		}
		REIN_AUTO_FREE char *stored = rein_escape(bytes, length);
		REIN_AUTO_FREE char *again = rein_unescape(stored, &back);

		cr_assert_eq(back, length);
		cr_assert_arr_eq(again, bytes, length);
		for (const char *c = stored; *c; c++)
			cr_assert((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
}

Test(audit_escape, keeps_lines_where_asked)
{
	REIN_AUTO_FREE char *shown = rein_escape_terminal("a\n\tb\r\x1b", 6, true);

	cr_assert_str_eq(shown, "a\n\tb\\x0D\\x1B");
}
