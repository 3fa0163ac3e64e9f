/* SPDX-License-Identifier: GPL-2.0 */
#include "base/escape.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Characters that are well-formed and yet not for showing: a name made of them looks like another one. */
static const struct {
	uint32_t low, high;
} unprintable[] = {
	{0x00, 0x1f},	  {0x7f, 0x9f},	       {0xad, 0xad},	 {0x061c, 0x061c},   {0x180e, 0x180e},
	{0x200b, 0x200f}, {0x2028, 0x202e},    {0x2060, 0x206f}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
	{0xfff0, 0xfffb}, {0xfffe, 0xffff},    {0xd800, 0xdfff}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
	{0xe000, 0xf8ff}, {0xf0000, 0x10ffff},
};

static bool printable(uint32_t character)
{
	for (size_t i = 0; i < REIN_COUNT(unprintable); i++)
		if (character >= unprintable[i].low && character <= unprintable[i].high)
			return false;
	return true;
}

/* How long the sequence is that starts with `first`, and its payload; 0: none starts so. */
static size_t sequence_length(unsigned char first, uint32_t *ret_payload)
{
	static const struct {
		unsigned char mask, value;
	} forms[] = {{0x80, 0x00}, {0xe0, 0xc0}, {0xf0, 0xe0}, {0xf8, 0xf0}};

	for (size_t i = 0; i < REIN_COUNT(forms); i++) {
		if ((first & forms[i].mask) != forms[i].value)
			continue;
		*ret_payload = first & (unsigned char)~forms[i].mask;
		return i + 1;
	}
	return 0;
}

/* Length of the well-formed UTF-8 character at `at`, 0 if there is none. Overlong forms are none. */
static size_t character_length(const unsigned char *at, size_t left, uint32_t *ret_character)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t character = 0;
	size_t length = sequence_length(*at, &character);

	if (!length || length > left)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (at[i] & 0x3f);
	}
	if (character < least[length] || character > 0x10ffff)
		return 0;
	*ret_character = character;
	return length;
}

static char *put_hex(char *out, unsigned char byte)
{
	static const char digits[] = "0123456789ABCDEF";

	*out++ = '\\';
	*out++ = 'x';
	*out++ = digits[byte >> 4];
	*out++ = digits[byte & 0xf];
	return out;
}

struct manner {
	bool double_backslash, lines;
};

/* Writes the character at `in` (or its first byte, if it is none) to *out; returns how many bytes it took. */
static size_t put_character(const unsigned char *in, size_t left, const struct manner *manner, char **out)
{
	uint32_t character = 0;
	size_t length = character_length(in, left, &character);
	bool as_is = length && (printable(character) || (manner->lines && (*in == '\n' || *in == '\t')));

	if (!length)
		length = 1;
	if (manner->double_backslash && *in == '\\')
		*(*out)++ = '\\';
	for (size_t i = 0; i < length; i++) {
		if (as_is)
			*(*out)++ = (char)in[i];
		else
			*out = put_hex(*out, in[i]);
	}
	return length;
}

static char *escape(const char *bytes, size_t length, struct manner manner)
{
	char *text = length < SIZE_MAX / 4 ? malloc(length * 4 + 1) : NULL;
	char *out = text;

	if (!text)
		return NULL;
	for (size_t done = 0; done < length;)
		done += put_character((const unsigned char *)bytes + done, length - done, &manner, &out);
	*out = '\0';
	return text;
}

char *rein_escape(const char *bytes, size_t length)
{
	return escape(bytes, length, (struct manner){.double_backslash = true});
}

char *rein_escape_terminal(const char *bytes, size_t length, bool lines)
{
	return escape(bytes, length, (struct manner){.lines = lines});
}

static int hex_digit(char c)
{
	const char *digits = "0123456789ABCDEF", *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* Reads the escape or plain byte at `text` into *byte; returns how many characters it took. */
static size_t take_byte(const char *text, char *byte)
{
	*byte = *text;
	if (text[0] != '\\')
		return 1;
	if (text[1] == '\\')
		return 2;
	if (text[1] == 'x' && hex_digit(text[2]) >= 0 && hex_digit(text[3]) >= 0) {
		*byte = (char)(hex_digit(text[2]) << 4 | hex_digit(text[3]));
		return 4;
	}
	return 1;
}

char *rein_unescape(const char *text, size_t *ret_length)
{
	char *bytes = malloc(strlen(text) + 1);
	size_t length = 0;

	if (!bytes)
		return NULL;
	while (*text)
		text += take_byte(text, &bytes[length++]);
	bytes[length] = '\0';
	*ret_length = length;
	return bytes;
}
