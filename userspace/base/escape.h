/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_BASE_ESCAPE_H
#define REIN_BASE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes from outside as text that may be stored and shown. A character is printable if it is well-formed UTF-8 and
 * neither a control (C0, DEL, C1) nor one that reorders or hides its neighbours (bidirectional and other format marks,
 * line and paragraph separators, surrogates, tags). Each byte of anything else becomes `\xHH`.
 */

/* Without loss: a backslash is doubled, so that rein_unescape gives back every byte. The caller frees; NULL without
 * memory. */
char *rein_escape(const char *bytes, size_t length);
/* The bytes that rein_escape was given, NUL-terminated; what is no escape stays as it is. The caller frees. */
char *rein_unescape(const char *text, size_t *ret_length);
/* For terminals: as rein_escape, but a backslash stays single and a newline or tab, if `lines`, stays as it is. The
 * caller frees. */
char *rein_escape_terminal(const char *bytes, size_t length, bool lines);

#endif
