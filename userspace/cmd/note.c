/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/note.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/note_hook.h"
#include "cmd/options.h"

/* Agent CLIs take the exit code 2 of a hook for a veto. A note that cannot be made is none. */
#define FAILED 1

static const struct rein_usage usage = {
	.takes = REIN_OPTION_HOOK,
	.max_arguments = -1,
	.arguments = "[TEXT...]",
	.command = true,
	.misuse = FAILED,
};

/* One byte more than a note may have, so that a longer one can be told. */
struct text {
	char bytes[REIN_NOTE_MAX + 1];
	size_t length;
};

static void add(struct text *text, const char *bytes, size_t length)
{
	size_t room = sizeof(text->bytes) - text->length;

	if (length > room)
		length = room;
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
}

static void join(struct text *text, char *const *words)
{
	for (; *words; words++) {
		add(text, " ", text->length ? 1 : 0);
		add(text, *words, strlen(*words));
	}
}

/* The newline at the end is the shell's, not the note's. */
static int read_all(struct text *text, struct rein_error *err)
{
	size_t n = fread(text->bytes, 1, sizeof(text->bytes), stdin);

	if (ferror(stdin))
		return rein_fail_errno(err, "cannot read the note from standard input");
	while (n && n < sizeof(text->bytes) && text->bytes[n - 1] == '\n')
		n--;
	text->length = n;
	return 0;
}

static int read_hook(struct text *text, struct rein_error *err)
{
	REIN_AUTO_FREE char *made = NULL;
	int r = rein_note_hook_read(stdin, &made, err);

	if (!r)
		add(text, made, strlen(made));
	return r;
}

static int gather(const struct rein_options *options, struct text *text, struct rein_error *err)
{
	if (options->hook && options->nr_arguments)
		return rein_fail(err, EINVAL, "`rein note --hook` reads standard input and takes no text");
	if (options->hook)
		return read_hook(text, err);
	if (!options->nr_arguments)
		return read_all(text, err);
	join(text, options->arguments);
	return 0;
}

/* Nothing is printed where it went well: what a hook prints, its CLI may take for an answer. */
int rein_cmd_note(int argc, char **argv)
{
	struct rein_options options;
	struct rein_error err = {0};
	struct text text = {.length = 0};
	int code;

	if (!rein_options_read(argc, argv, &usage, &options, &code))
		return code;
	if (gather(&options, &text, &err) < 0 || rein_note_send(text.bytes, text.length, &err) < 0)
		return rein_say_error(&err, FAILED);
	return 0;
}
