/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/note_hook.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "agent/note.h"
#include "base/cleanup.h"

#define TOOL_MAX 100 /* bytes of each part; together and with what joins them well below a note's bound */
#define WHAT_MAX 1000
#define WHY_MAX 400
_Static_assert(TOOL_MAX + WHAT_MAX + WHY_MAX + 64 < REIN_NOTE_MAX, "a note from a hook is never too long");

/* What a tool is about to be used on: the first of these that its input has. */
static const char *const subjects[] = {
	"command", "file_path", "notebook_path", "absolute_path", "path",    "dir_path",
	"url",	   "query",	"pattern",	 "prompt",	  "subject",
};

static const char *word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && *text ? text : NULL;
}

/* So much of `text` as has at most `max` bytes and whole characters; a cut shows. */
static void print_short(FILE *out, const char *text, size_t max)
{
	size_t length = strlen(text), shown = length > max ? max : length;

	while (shown < length && shown && ((unsigned char)text[shown] & 0xc0) == 0x80)
		shown--;
	for (size_t i = 0; i < shown; i++)
		fputc((unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i], out);
	if (shown < length)
		fputs(" ...", out);
}

static void print_subject(FILE *out, const json_t *input)
{
	REIN_AUTO_FREE char *all = NULL;
	const char *subject = NULL;

	for (size_t i = 0; !subject && i < REIN_COUNT(subjects); i++)
		subject = word(input, subjects[i]);
	if (!subject && json_object_size(input))
		subject = all = json_dumps(input, JSON_COMPACT);
	if (!subject)
		return;
	fputs(": ", out);
	print_short(out, subject, WHAT_MAX);
}

static void print_purpose(FILE *out, const json_t *input)
{
	const char *purpose = word(input, "description");

	if (!purpose)
		return;
	fputs(" (", out);
	print_short(out, purpose, WHY_MAX);
	fputc(')', out);
}

static int print(FILE *out, const json_t *call, struct rein_error *err)
{
	const char *tool = word(call, "tool_name"), *event = word(call, "hook_event_name");
	const json_t *input = json_object_get(call, "tool_input");

	if (!tool && !event)
		return rein_fail(err, EINVAL,
				 "what a hook is given has a `tool_name` or a `hook_event_name`, and this has neither");
	print_short(out, tool ? tool : event, TOOL_MAX);
	if (tool) {
		print_subject(out, input);
		print_purpose(out, input);
	} else if (word(call, "prompt")) {
		fputs(": ", out);
		print_short(out, word(call, "prompt"), WHAT_MAX);
	}
	return 0;
}

int rein_note_hook_read(FILE *in, char **ret_text, struct rein_error *err)
{
	json_error_t wrong;
	json_t *call = json_loadf(in, 0, &wrong);
	REIN_AUTO_FREE char *text = NULL;
	size_t size;
	FILE *out;
	int r;

	if (!json_is_object(call)) {
		json_decref(call);
		return rein_fail(err, EINVAL, "`--hook` reads the JSON object that an agent CLI hands to its hooks: %s",
				 call ? "this is JSON, and no object" : wrong.text);
	}
	out = open_memstream(&text, &size);
	r = out ? print(out, call, err) : -ENOMEM;
	json_decref(call);
	if (out && fclose(out) && !r)
		r = -ENOMEM;
	if (r == -ENOMEM)
		return rein_fail(err, ENOMEM, "no memory for the note");
	if (!r)
		*ret_text = rein_take_pointer(&text);
	return r;
}
