/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CMD_NOTE_HOOK_H
#define REIN_CMD_NOTE_HOOK_H

#include <stdio.h>

#include "base/error.h"

/*
 * From what an agent CLI hands to a hook before a tool call, a JSON object with `tool_name` and `tool_input`, to one
 * short line: "Bash: npm test (Run the tests)". A hook of another event gives that event's name in place of the tool's.
 * Never longer than REIN_NOTE_MAX; control characters become blanks. The caller frees *ret_text. -EINVAL: no such
 * object.
 */
int rein_note_hook_read(FILE *in, char **ret_text, struct rein_error *err);

#endif
