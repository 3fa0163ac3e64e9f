/* SPDX-License-Identifier: GPL-2.0 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/print.h"
#include "cmd/utter.h"

/* While an agent's terminal is relayed to this one, nothing turns a newline into the start of a line. */
static bool is_raw(void)
{
	struct termios modes;

	return !tcgetattr(STDERR_FILENO, &modes) && !(modes.c_oflag & OPOST);
}

/*
 * One line of what rein itself says. Names of files and what an agent sends can be in it: rein_print_safe. On a raw
 * terminal it stands on a line of its own, in plain colours, and CAN ends a sequence that the agent may have begun in
 * order to have it swallowed.
 */
static void print_line(FILE *out, const char *line, size_t length)
{
	bool raw = is_raw();

	fprintf(out, "%s%srein: %s", raw ? "\030\033[m\r\n" : "", rein_colour(stderr, REIN_COLOUR_BOLD),
		rein_colour(stderr, REIN_COLOUR_PLAIN));
	rein_print_safe(out, line, length);
	fputs(raw ? "\r\n" : "\n", out);
}

static void print_lines(FILE *out, const char *text)
{
	const char *end;

	for (; (end = strchr(text, '\n')); text = end + 1)
		print_line(out, text, (size_t)(end - text));
	print_line(out, text, strlen(text));
}

static void say_lines(const char *text)
{
	REIN_AUTO_FREE char *bytes = NULL;
	size_t count;
	FILE *out = open_memstream(&bytes, &count);

	if (!out)
		return;
	print_lines(out, text);
	if (!fclose(out))
		rein_utter(bytes, count);
}

void rein_say(const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	int used;

	va_start(args, fmt);
	used = vasprintf(&text, fmt, args);
	va_end(args);
	say_lines(used < 0 ? "no memory to say what is wrong" : text);
	if (used >= 0)
		free(text);
}

int rein_say_error(const struct rein_error *err, int code)
{
	say_lines(err->text);
	return code;
}
