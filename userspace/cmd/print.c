/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/print.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cmd/cmd.h"

#define GAP 2	     /* spaces between columns */
#define WIDTH_MIN 40 /* below, wrapping only makes it worse */

static const char *const colours[REIN_COLOUR_COUNT] = {
	[REIN_COLOUR_PLAIN] = "\033[0m", [REIN_COLOUR_GOOD] = "\033[32m", [REIN_COLOUR_WARN] = "\033[33m",
	[REIN_COLOUR_BAD] = "\033[31m",	 [REIN_COLOUR_DIM] = "\033[2m",	  [REIN_COLOUR_BOLD] = "\033[1m",
};

const char *rein_colour(FILE *out, enum rein_colour colour)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if ((no_color && *no_color) || !term || strcmp(term, "dumb") == 0 || !isatty(fileno(out)))
		return "";
	return colours[colour];
}

int rein_print_width(FILE *out)
{
	struct winsize size;

	if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) || size.ws_col == 0)
		return 0;
	return size.ws_col;
}

void rein_print_safe(FILE *out, const char *text, size_t length)
{
	REIN_AUTO_FREE char *safe = rein_escape_terminal(text, length, false);

	fputs(safe ? safe : "?", out);
}

/* Columns that safe text takes: its characters, each taken for one column. */
static int columns(const char *text, size_t length)
{
	int n = 0;

	for (size_t i = 0; i < length; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

static void spaces(FILE *out, int n)
{
	fprintf(out, "%*s", n > 0 ? n : 0, "");
}

void rein_print_wrapped(FILE *out, int column, const char *text)
{
	int width = rein_print_width(out), at = column;

	if (width - column < WIDTH_MIN / 2)
		width = 0;
	while (*text) {
		size_t word = strcspn(text, " ");
		int wide = columns(text, word);

		if (width && at > column && at + 1 + wide > width) {
			fputc('\n', out);
			spaces(out, column);
			at = column;
		} else if (at > column) {
			fputc(' ', out);
			at++;
		}
		rein_print_safe(out, text, word);
		at += wide;
		text += word + (text[word] == ' ');
	}
	fputc('\n', out);
}

int rein_print_json(FILE *out, json_t *value)
{
	int r;

	if (!value) {
		rein_say("no memory to print this as JSON");
		return 1;
	}
	r = json_dumpf(value, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(value);
	return r ? 1 : 0;
}

void rein_table_add(struct rein_table *table, enum rein_colour colour, const char *text)
{
	text = text ? text : "";
	if (table->count == table->room) {
		table->room = table->room ? table->room * 2 : 64;
		table->cells = reallocarray(table->cells, table->room, sizeof(*table->cells));
	}
	if (table->cells)
		table->cells[table->count] =
			(struct rein_cell){.text = rein_escape_terminal(text, strlen(text), false), .colour = colour};
	if (!table->cells || !table->cells[table->count].text) {
		rein_say("no memory to print the table");
		exit(1);
	}
	table->count++;
}

static int nr_columns(const struct rein_table *table)
{
	int n = 0;

	while (n < REIN_COLUMNS_MAX && table->headings[n])
		n++;
	return n;
}

static void measure(const struct rein_table *table, int nr, int *widths)
{
	for (int c = 0; c < nr; c++)
		widths[c] = columns(table->headings[c], strlen(table->headings[c]));
	for (size_t i = 0; i < table->count; i++) {
		int wide = columns(table->cells[i].text, strlen(table->cells[i].text));

		if (wide > widths[i % (size_t)nr])
			widths[i % (size_t)nr] = wide;
	}
}

/* Where the last column starts: beside the others, or, where that leaves it no room, on a line of its own. */
static int last_column(const struct rein_table *table, int nr, const int *widths, FILE *out)
{
	int width = rein_print_width(out), at = table->indent;

	for (int c = 0; c < nr - 1; c++)
		at += widths[c] + GAP;
	return width && at + widths[nr - 1] > width && width - at < WIDTH_MIN ? table->indent + 2 * GAP : at;
}

static void print_last(const struct rein_cell *cell, int at, int last, FILE *out)
{
	if (last < at && *cell->text) {
		fputc('\n', out);
		spaces(out, last);
	}
	rein_print_wrapped(out, last, cell->text);
}

static void print_row(const struct rein_table *table, const struct rein_cell *row, int nr, const int *widths, FILE *out)
{
	int at = table->indent, last = last_column(table, nr, widths, out);

	spaces(out, at);
	for (int c = 0; c < nr; c++) {
		const char *colour = row[c].colour == REIN_COLOUR_PLAIN ? "" : rein_colour(out, row[c].colour);

		fputs(colour, out);
		if (c == nr - 1) {
			print_last(&row[c], at, last, out);
		} else {
			fputs(row[c].text, out);
			if (c < nr - 2 || last >= at + widths[c])
				spaces(out, widths[c] - columns(row[c].text, strlen(row[c].text)) + GAP);
		}
		if (*colour)
			fputs(rein_colour(out, REIN_COLOUR_PLAIN), out);
		at += widths[c] + GAP;
	}
}

void rein_table_print(struct rein_table *table, FILE *out)
{
	int nr = nr_columns(table), widths[REIN_COLUMNS_MAX];
	struct rein_cell headings[REIN_COLUMNS_MAX];

	measure(table, nr, widths);
	for (int c = 0; c < nr; c++)
		headings[c] = (struct rein_cell){.text = (char *)table->headings[c], .colour = REIN_COLOUR_DIM};
	if (table->count && table->headings[0][0])
		print_row(table, headings, nr, widths, out);
	for (size_t i = 0; i + (size_t)nr <= table->count; i += (size_t)nr)
		print_row(table, &table->cells[i], nr, widths, out);
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i].text);
	free(table->cells);
	table->cells = NULL;
	table->count = table->room = 0;
}
