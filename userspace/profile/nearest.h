/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_NEAREST_H
#define REIN_PROFILE_NEAREST_H

#include <stddef.h>

/* Messages about words that are not known. Both cut what does not fit. */

/* "a, b, c". */
void rein_words_join(const char *const *words, size_t count, char *ret_text, size_t room);

/* ` (did you mean "x"?)` where one of `words` is close to `word`, else "". */
void rein_words_hint(const char *const *words, size_t count, const char *word, char *ret_text, size_t room);

#endif
