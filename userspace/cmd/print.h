/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CMD_PRINT_H
#define REIN_CMD_PRINT_H

#include <jansson.h>
#include <stdio.h>

/* What subcommands print for people: columns aligned to the terminal, colour only where it is wanted. */

enum rein_colour {
	REIN_COLOUR_PLAIN,
	REIN_COLOUR_GOOD,
	REIN_COLOUR_WARN,
	REIN_COLOUR_BAD,
	REIN_COLOUR_DIM,
	REIN_COLOUR_BOLD,
	REIN_COLOUR_COUNT,
};

#define REIN_COLUMNS_MAX 8

struct rein_cell {
	char *text; /* owned; control bytes are shown already */
	enum rein_colour colour;
};

/* A table whose cells are collected first, row by row. Set the headings, the rest zeroed. */
struct rein_table {
	const char *const *headings; /* NULL-terminated: the number of columns. The first "": not printed */
	struct rein_cell *cells;
	size_t count, room;
	int indent; /* spaces in front of every line */
};

/* Adds the next cell; text is copied, NULL is empty. Without memory it ends the program with 1: nothing is half
 * printed. */
void rein_table_add(struct rein_table *table, enum rein_colour colour, const char *text);
/* Prints to `out` and frees the cells. The last column wraps under itself where `out` is a terminal. An empty table
 * prints nothing. */
void rein_table_print(struct rein_table *table, FILE *out);

/* The escape sequence of a colour; "" where `out` is no terminal, or NO_COLOR is set, or TERM is dumb. */
const char *rein_colour(FILE *out, enum rein_colour colour);
/* Columns of the terminal that `out` is on; 0 if it is none. */
int rein_print_width(FILE *out);
/* Prints `length` bytes of text as rein_escape_terminal makes them safe. */
void rein_print_safe(FILE *out, const char *text, size_t length);
/* Prints `text`, which starts at column `column`, wrapped to the terminal; further lines start at `column` too. Ends
 * the line. */
void rein_print_wrapped(FILE *out, int column, const char *text);
/* Prints JSON in one way for all commands, and a newline. Takes over `value`; NULL is no memory. Returns the exit code:
 * 0 or 1. */
int rein_print_json(FILE *out, json_t *value);

#endif
