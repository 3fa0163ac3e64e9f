/* SPDX-License-Identifier: GPL-2.0 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/print.h"

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
static void say_line(const char *line, size_t length)
{
	bool raw = is_raw();

	fprintf(stderr, "%s%srein: %s", raw ? "\030\033[m\r\n" : "", rein_colour(stderr, REIN_COLOUR_BOLD),
		rein_colour(stderr, REIN_COLOUR_PLAIN));
	rein_print_safe(stderr, line, length);
	fputs(raw ? "\r\n" : "\n", stderr);
}

static void say_lines(const char *text)
{
	const char *end;

	for (; (end = strchr(text, '\n')); text = end + 1)
		say_line(text, (size_t)(end - text));
	say_line(text, strlen(text));
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
