/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/provoke.h"

#include <string.h>

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
	return byte == 0x1b ? ESCAPE : GROUND;
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
	if (byte == '?' && provoke->before == '[')
		return PRIVATE;
	return is_parameter(byte) ? PARAMETERS : final(provoke, byte, harmless_finals);
}

static int private(struct rein_provoke *provoke, unsigned char byte)
{
	return is_parameter(byte) ? PRIVATE : final(provoke, byte, harmless_private);
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
