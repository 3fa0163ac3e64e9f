/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/page.h"
#include "cmd/print.h"

static void fill(struct rein_table *table)
{
	rein_table_add(table, REIN_COLOUR_GOOD, "kept");
	rein_table_add(table, REIN_COLOUR_PLAIN, "one two three four five six seven eight nine ten eleven twelve");
	rein_table_add(table, REIN_COLOUR_BAD, "refused");
	rein_table_add(table, REIN_COLOUR_PLAIN, "a\033[2Jb \xff \xc3\xa9");
}

#define HEADINGS ((const char *const[]){"STATE", "WHAT", NULL})

Test(print, plain_where_nobody_looks)
{
	struct rein_table table = {.headings = HEADINGS, .indent = 2};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	fill(&table);
	rein_table_print(&table, out);
	fclose(out);
	cr_expect_str_eq(text, "  STATE    WHAT\n"
			       "  kept     one two three four five six seven eight nine ten eleven twelve\n"
			       "  refused  a\\x1B[2Jb \\xFF \xc3\xa9\n");
	free(text);
}

/* What arrives at a terminal of `columns` when `print` writes to it. */
static char *on_terminal(unsigned short columns, void (*print)(FILE *out))
{
	struct winsize size = {.ws_row = 24, .ws_col = columns};
	static char text[8192];
	size_t length = 0;
	int master, slave;
	struct termios raw;
	FILE *out;
	ssize_t n;

	cr_assert_eq(openpty(&master, &slave, NULL, NULL, &size), 0);
	tcgetattr(slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	out = fdopen(slave, "w");
	print(out);
	fclose(out);
	/* What was written arrives piece by piece; after the last comes EIO, since the other side is closed. */
	while (length < sizeof(text) - 1 && (n = read(master, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = 0;
	close(master);
	return text;
}

static void print_table(FILE *out)
{
	struct rein_table table = {.headings = HEADINGS};

	fill(&table);
	rein_table_print(&table, out);
}

Test(print, wraps_under_the_last_column)
{
	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "1", 1);
	cr_expect_str_eq(on_terminal(50, print_table), "STATE    WHAT\n"
						       "kept     one two three four five six seven eight\n"
						       "         nine ten eleven twelve\n"
						       "refused  a\\x1B[2Jb \\xFF \xc3\xa9\n");
}

Test(print, gives_a_narrow_last_column_lines_of_its_own)
{
	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "1", 1);
	cr_expect_str_eq(on_terminal(40, print_table), "STATE\n    WHAT\n"
						       "kept\n    one two three four five six seven\n"
						       "    eight nine ten eleven twelve\n"
						       "refused\n    a\\x1B[2Jb \\xFF \xc3\xa9\n");
}

Test(print, no_wrapping_where_it_would_only_hurt)
{
	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "1", 1);
	cr_expect(strstr(on_terminal(20, print_table), "nine ten eleven twelve\n"));
}

static void print_colour(FILE *out)
{
	fputs(rein_colour(out, REIN_COLOUR_BAD), out);
	fputs("x", out);
}

Test(print, colours_only_where_they_are_wanted)
{
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	cr_expect_str_eq(on_terminal(80, print_colour), "\033[31mx");
	setenv("NO_COLOR", "", 1);
	cr_expect_str_eq(on_terminal(80, print_colour), "\033[31mx", "an empty NO_COLOR is none");
	setenv("NO_COLOR", "1", 1);
	cr_expect_str_eq(on_terminal(80, print_colour), "x");
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	cr_expect_str_eq(on_terminal(80, print_colour), "x");
	unsetenv("TERM");
	cr_expect_str_eq(on_terminal(80, print_colour), "x");
}

Test(print, pages_without_man)
{
	static char source[] =
		".\\\" a comment\n.TH X 1\n.SH NAME\nx \\- a \\fBbold\\fP word\n.SH OPTIONS\n.TP\n.B \\-p\n"
		"the\nvalue\n.PP\n.BR rein-run (1),\n.unknown macro\n.nf\nas  it\n  is\n.fi\nend\n";
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size), *in = fmemopen(source, sizeof(source) - 1, "r");

	rein_page_print(in, out);
	fclose(in);
	fclose(out);
	cr_expect_str_eq(text, "\nNAME\n       x - a bold word\n\nOPTIONS\n\n       -p\n              the value\n\n"
			       "       rein-run(1),\n       as  it\n         is\n       end\n");
	free(text);
}
