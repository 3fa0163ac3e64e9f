/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/provoke.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

enum {
	GROUND,
	ESCAPE,	    /* after ESC */
	ONE_MORE,   /* one byte belongs to the sequence yet, such as the B of ESC ( B */
	PARAMETERS, /* of a control sequence, after ESC [ */
	PRIVATE,    /* of one that began with a question mark */
	STRING,	    /* an operating system command, up to BEL or ST */
	STRING_END, /* after ESC inside of one */
};

/* Final bytes of control sequences that no terminal answers: movement, erasure, colours, modes, scrolling. */
static const char harmless_finals[] = "@ABCDEFGHIJKLMPXZ`adefghlmrs";
/* With a question mark most are questions; these set private modes and erase. */
static const char harmless_private[] = "JKhlrs";
/* The same for two-byte sequences. */
static const char harmless_escapes[] = "78=>DEHM\\cNO";
static const char designators[] = "()*+-./ #%";

/* Private modes that change what a person sees or types, and how they normally are. */
static const struct {
	unsigned short mode;
	bool normally_on;
} modes[] = {
	{1, false},    /* cursor keys */
	{9, false},    /* mouse */
	{25, true},    /* the cursor is shown */
	{47, false},   /* alternate screen */
	{1000, false}, /* mouse, in all its kinds */
	{1002, false}, {1003, false}, {1004, false}, {1005, false},
	{1006, false}, {1015, false}, {1016, false}, {1047, false}, /* alternate screen */
	{1049, false}, {2004, false},				    /* pasted text in brackets */
	{2026, false},						    /* the screen stands still */
};

/* Enquiry, and the C1 controls as bytes of their own or as the second byte of their UTF-8 form. */
static bool is_question(unsigned char byte, unsigned char before)
{
	if (byte == 0x05)
		return true;
	if (byte < 0x80 || byte > 0x9f)
		return false;
	return before < 0x80 || before == 0xc2;
}

static int ground(struct rein_provoke *provoke, unsigned char byte)
{
	if (is_question(byte, provoke->before))
		provoke->asked = true;
	if (byte != 0x1b)
		return GROUND;
	provoke->dressed = true;
	return ESCAPE;
}

static int escape(struct rein_provoke *provoke, unsigned char byte)
{
	if (byte == '[')
		return PARAMETERS;
	if (byte == ']')
		return STRING;
	if (byte == 0x1b)
		return ESCAPE;
	if (byte && strchr(designators, byte))
		return ONE_MORE;
	if (!byte || !strchr(harmless_escapes, byte))
		provoke->asked = true;
	return GROUND;
}

static int one_more(struct rein_provoke *provoke, unsigned char byte)
{
	return byte == 0x1b ? ESCAPE : GROUND;
}

static int final(struct rein_provoke *provoke, unsigned char byte, const char *harmless)
{
	if (byte == 0x1b)
		return ESCAPE;
	if (!byte || !strchr(harmless, byte))
		provoke->asked = true;
	return GROUND;
}

static bool is_parameter(unsigned char byte)
{
	return (byte >= '0' && byte <= '9') || byte == ';' || byte == ':';
}

static int parameters(struct rein_provoke *provoke, unsigned char byte)
{
	if (byte == '?' && provoke->before == '[') {
		provoke->nr_numbers = 0;
		return PRIVATE;
	}
	return is_parameter(byte) ? PARAMETERS : final(provoke, byte, harmless_finals);
}

static void set_mode(struct rein_provoke *provoke, unsigned number, bool on)
{
	for (size_t i = 0; i < REIN_COUNT(modes); i++) {
		if (modes[i].mode != number)
			continue;
		if (on == modes[i].normally_on)
			provoke->changed &= ~(1U << i);
		else
			provoke->changed |= 1U << i;
	}
}

/* One digit or separator of the numbers; what is too much of anything is left out. */
static void collect(struct rein_provoke *provoke, unsigned char byte)
{
	unsigned *number;

	if (!provoke->nr_numbers || byte == ';') {
		if (provoke->nr_numbers == REIN_COUNT(provoke->numbers))
			return;
		provoke->numbers[provoke->nr_numbers++] = 0;
	}
	number = &provoke->numbers[provoke->nr_numbers - 1];
	if (byte >= '0' && byte <= '9' && *number < 100000)
		*number = *number * 10 + (unsigned)(byte - '0');
}

static int private(struct rein_provoke *provoke, unsigned char byte)
{
	if (is_parameter(byte)) {
		collect(provoke, byte);
		return PRIVATE;
	}
	for (unsigned i = 0; (byte == 'h' || byte == 'l') && i < provoke->nr_numbers; i++)
		set_mode(provoke, provoke->numbers[i], byte == 'h');
	return final(provoke, byte, harmless_private);
}

static int string(struct rein_provoke *provoke, unsigned char byte)
{
	if (byte == '?' || byte == 0x05)
		provoke->asked = true;
	if (byte == 0x07)
		return GROUND;
	return byte == 0x1b ? STRING_END : STRING;
}

static int string_end(struct rein_provoke *provoke, unsigned char byte)
{
	return byte == '\\' ? GROUND : escape(provoke, byte);
}

static int (*const steps[])(struct rein_provoke *provoke, unsigned char byte) = {
	[GROUND] = ground,   [ESCAPE] = escape, [ONE_MORE] = one_more,	   [PARAMETERS] = parameters,
	[PRIVATE] = private, [STRING] = string, [STRING_END] = string_end,
};

void rein_provoke_see(struct rein_provoke *provoke, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		provoke->state = steps[provoke->state](provoke, byte);
		provoke->before = byte;
	}
}

void rein_provoke_blunt(char *bytes, size_t count)
{
	unsigned char before = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte == 0x1b || is_question(byte, before))
			bytes[i] = '?';
		before = byte;
	}
}

static size_t write_modes(const struct rein_provoke *provoke, char *text, size_t size, bool normal)
{
	size_t used = 0;

	for (size_t i = 0; i < REIN_COUNT(modes); i++)
		if (provoke->changed & (1U << i))
			used += (size_t)snprintf(text + used, size - used, "\033[?%u%c", modes[i].mode,
						 modes[i].normally_on == normal ? 'h' : 'l');
	return used;
}

/* CAN ends whatever sequence may have been begun, or a terminal would swallow what is said next. */
void rein_provoke_undo(const struct rein_provoke *provoke, char ret_text[REIN_PROVOKE_TEXT])
{
	size_t used = 0;

	ret_text[0] = '\0';
	if (provoke->dressed)
		used = (size_t)snprintf(ret_text, REIN_PROVOKE_TEXT, "\030\033[m");
	write_modes(provoke, ret_text + used, REIN_PROVOKE_TEXT - used, true);
}

void rein_provoke_redo(const struct rein_provoke *provoke, char ret_text[REIN_PROVOKE_TEXT])
{
	ret_text[0] = '\0';
	write_modes(provoke, ret_text, REIN_PROVOKE_TEXT, false);
}
