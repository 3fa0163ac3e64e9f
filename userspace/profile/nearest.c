/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/nearest.h"

#include <stdio.h>
#include <string.h>

#define LENGTH_MAX 32

void rein_words_join(const char *const *words, size_t count, char *ret_text, size_t room)
{
	size_t i, used = 0;

	ret_text[0] = '\0';
	for (i = 0; i < count && used < room; i++)
		used += snprintf(ret_text + used, room - used, "%s%s", i ? ", " : "", words[i]);
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* Levenshtein's distance; both words are at most LENGTH_MAX long. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[LENGTH_MAX + 1], i, j, length = (unsigned)strlen(b);

	for (j = 0; j <= length; j++)
		row[j] = j;
	for (i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (j = 1; j <= length; j++) {
			unsigned above = row[j];

			row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[length];
}

void rein_words_hint(const char *const *words, size_t count, const char *word, char *ret_text, size_t room)
{
	const char *nearest = NULL;
	unsigned best = 3;
	size_t i;

	ret_text[0] = '\0';
	if (strlen(word) > LENGTH_MAX)
		return;
	for (i = 0; i < count; i++) {
		unsigned d = strlen(words[i]) <= LENGTH_MAX ? distance(word, words[i]) : best;

		/* A word that shares no letter with what was written is no hint. */
		if (d < best && d < strlen(words[i])) {
			best = d;
			nearest = words[i];
		}
	}
	if (nearest)
		snprintf(ret_text, room, " (did you mean \"%s\"?)", nearest);
}
