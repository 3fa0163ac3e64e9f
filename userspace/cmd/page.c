/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/page.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct page {
	FILE *out;
	int indent;
	bool filled; /* words flow into lines; false between .nf and .fi */
	int column;  /* of the next word; 0: a new line */
	bool tag;    /* the next line is the tag of a .TP */
};

#define WIDTH 78
#define INDENT 7

static void end_line(struct page *page)
{
	if (page->column)
		fputc('\n', page->out);
	page->column = 0;
}

/* A word without its font changes and escapes. */
static void put_word(struct page *page, const char *word, size_t length)
{
	if (page->filled && page->column && page->column + 1 + (int)length > WIDTH)
		end_line(page);
	if (page->column)
		fputc(' ', page->out);
	else
		fprintf(page->out, "%*s", page->indent, "");
	page->column = (page->column ? page->column + 1 : page->indent) + (int)length;
	fwrite(word, 1, length, page->out);
}

/* Takes \fB and its kind out, and the backslash from \-, \& and \e. */
static void strip(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text != '\\') {
			*to++ = *text;
		} else if (text[1] == 'f' && text[2]) {
			text += 2;
		} else if (text[1] == '&') {
			text++;
		} else if (text[1] == 'e') {
			*to++ = '\\';
			text++;
		}
	}
	*to = 0;
}

static void put_text(struct page *page, char *text)
{
	strip(text);
	if (!page->filled) {
		fprintf(page->out, "%*s%s\n", *text ? page->indent : 0, "", text);
		return;
	}
	while (*text) {
		size_t length = strcspn(text, " ");

		if (length)
			put_word(page, text, length);
		text += length + (text[length] == ' ');
	}
}

static void heading(struct page *page, char *text)
{
	end_line(page);
	strip(text);
	fprintf(page->out, "\n%s\n", text);
	page->indent = INDENT;
}

static void paragraph(struct page *page, char *text)
{
	end_line(page);
	fputc('\n', page->out);
	page->indent = INDENT;
}

static void tagged(struct page *page, char *text)
{
	paragraph(page, text);
	page->tag = true;
}

static void verbatim(struct page *page, char *text)
{
	end_line(page);
	page->filled = false;
}

static void flowing(struct page *page, char *text)
{
	page->filled = true;
}

static void nothing(struct page *page, char *text)
{
}

/* Words that .BR, .RB, .IR join without a space; a quoted word keeps its spaces. */
static void joined(struct page *page, char *text)
{
	char *to = text, *from = text;
	bool quoted = false;

	for (; *from; from++) {
		if (*from == '"')
			quoted = !quoted;
		else if (*from != ' ' || quoted)
			*to++ = *from;
	}
	*to = 0;
	put_text(page, text);
}

static const struct {
	const char *name;
	void (*print)(struct page *page, char *text);
} macros[] = {
	{"TH", nothing}, {"SH", heading}, {"PP", paragraph}, {"TP", tagged},  {"B", put_text},
	{"I", put_text}, {"BR", joined},  {"RB", joined},    {"IR", joined},  {"RI", joined},
	{"BI", joined},	 {"IB", joined},  {"nf", verbatim},  {"fi", flowing}, {"\\\"", nothing},
};

static void macro(struct page *page, char *line)
{
	size_t length = strcspn(line, " ");
	char *text = line + length + strspn(line + length, " ");

	for (size_t i = 0; i < REIN_COUNT(macros); i++)
		if (strlen(macros[i].name) == length && !strncmp(macros[i].name, line, length)) {
			macros[i].print(page, text);
			return;
		}
}

void rein_page_print(FILE *page_file, FILE *out)
{
	struct page page = {.out = out, .indent = INDENT, .filled = true};
	REIN_AUTO_FREE char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&line, &room, page_file)) > 0) {
		bool tag = page.tag;

		line[strcspn(line, "\n")] = 0;
		if (line[0] == '.')
			macro(&page, line + 1);
		else
			put_text(&page, line);
		if (tag) {
			end_line(&page);
			page.tag = false;
			page.indent = 2 * INDENT;
		}
	}
	end_line(&page);
}
