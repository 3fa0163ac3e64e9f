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

/* A table whose cells are collected first; the last column wraps under itself. Zeroed is empty. */
struct rein_table {
	const char *const *headings; /* NULL-terminated, decides the number of columns */
	struct rein_cell *cells;     /* row by row */
	size_t nr_cells, room;
	const char *indent; /* in front of every line; NULL: none */
};

/* Adds the next cell; text is copied, control bytes are shown, never sent. -ENOMEM. */
int rein_table_add(struct rein_table *table, enum rein_colour colour, const char *text);
/* Prints to `out`: with its colours and width if it is a terminal, else plain and unwrapped. Frees the cells. */
void rein_table_print(struct rein_table *table, FILE *out);

/* The escape sequence of a colour, "" where `out` is no terminal or NO_COLOR is set; NULL text resets. */
const char *rein_colour(FILE *out, enum rein_colour colour);
/* Columns of the terminal `out` is on; 0 if it is none. */
int rein_terminal_width(FILE *out);
/* Prints `text` to `out` with control bytes escaped as \xNN. */
void rein_print_safe(FILE *out, const char *text);
/* Prints paragraphs of `text` wrapped to the terminal, each line behind `indent` spaces. */
void rein_print_wrapped(FILE *out, int indent, const char *text);
/* Prints JSON in one way for all commands, and a newline. Returns 0 or -errno. Takes over `value`. */
int rein_print_json(FILE *out, json_t *value);

#endif
