/* SPDX-License-Identifier: GPL-2.0 */
/* What agent CLIs hand to their hooks, by their public documentation, and the note that is made of it. */
#include "cmd/note_hook.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/note.h"
#include "base/cleanup.h"

static int read_text(const char *input, char **ret_text)
{
	FILE *in = fmemopen((void *)(uintptr_t)input, strlen(input), "r");
	struct rein_error err = {0};
	int r;

	cr_assert_not_null(in);
	r = rein_note_hook_read(in, ret_text, &err);
	fclose(in);
	cr_assert(r == 0 || *err.text);
	return r;
}

static const struct {
	const char *cli, *input, *note;
} samples[] = {
	{"Claude Code",
	 "{\"session_id\":\"abc123\",\"transcript_path\":\"/home/u/.claude/projects/p/1.jsonl\",\"cwd\":\"/home/u/p\","
	 "\"permission_mode\":\"default\",\"hook_event_name\":\"PreToolUse\",\"tool_name\":\"Bash\",\"tool_input\":{"
	 "\"command\":\"npm test\",\"description\":\"Run the tests\",\"timeout\":120000},\"tool_use_id\":\"toolu_01\"}",
	 "Bash: npm test (Run the tests)"},
	{"Claude Code",
	 "{\"session_id\":\"abc123\",\"cwd\":\"/home/u/p\",\"hook_event_name\":\"PreToolUse\",\"tool_name\":\"Write\","
	 "\"tool_input\":{\"file_path\":\"/home/u/p/a.txt\",\"content\":\"a long text\"},\"tool_use_id\":\"toolu_02\"}",
	 "Write: /home/u/p/a.txt"},
	{"Claude Code",
	 "{\"session_id\":\"abc123\",\"hook_event_name\":\"UserPromptSubmit\",\"prompt\":\"fix\\nthe tests\"}",
	 "UserPromptSubmit: fix the tests"},
	{"Codex CLI",
	 "{\"session_id\":\"s\",\"turn_id\":\"t\",\"transcript_path\":null,\"cwd\":\"/p\",\"hook_event_name\":"
	 "\"PreToolUse\",\"model\":\"m\",\"permission_mode\":\"default\",\"tool_name\":\"Bash\",\"tool_input\":{"
	 "\"command\":\"cargo test\"},\"tool_use_id\":\"call-1\"}",
	 "Bash: cargo test"},
	{"Gemini CLI",
	 "{\"session_id\":\"s\",\"transcript_path\":\"/t\",\"cwd\":\"/p\",\"hook_event_name\":\"BeforeTool\","
	 "\"timestamp\":\"2026-11-22T10:00:00Z\",\"tool_name\":\"run_shell_command\",\"tool_input\":{\"command\":"
	 "\"git status\",\"description\":\"See what changed\"}}",
	 "run_shell_command: git status (See what changed)"},
	{"an MCP server's tool", "{\"tool_name\":\"mcp__db__rows\",\"tool_input\":{\"table\":\"users\",\"limit\":3}}",
	 "mcp__db__rows: {\"table\":\"users\",\"limit\":3}"},
	{"no input", "{\"tool_name\":\"TaskList\"}", "TaskList"},
	{"controls", "{\"tool_name\":\"Bash\",\"tool_input\":{\"command\":\"a\\n\\u001b[31mb\\u007f\"}}",
	 "Bash: a  [31mb "},
};

Test(note_hook, samples)
{
	for (size_t i = 0; i < REIN_COUNT(samples); i++) {
		REIN_AUTO_FREE char *text = NULL;

		cr_expect_eq(read_text(samples[i].input, &text), 0, "%s", samples[i].cli);
		cr_expect_str_eq(text ? text : "", samples[i].note, "%s: %s", samples[i].cli, text);
	}
}

Test(note_hook, what_is_no_such_object_is_refused)
{
	static const char *const bad[] = {"nonsense", "[1]", "{}", "{\"tool_name\":3}", "{\"tool_name\":\"\"}", "{"};

	for (size_t i = 0; i < REIN_COUNT(bad); i++) {
		char *text = NULL;

		cr_expect_neq(read_text(bad[i], &text), 0, "%s", bad[i]);
		cr_expect_null(text);
	}
}

/* Whatever a tool is used on, the note fits, and is cut between characters. */
Test(note_hook, is_cut_to_a_size)
{
	static char input[40000];
	REIN_AUTO_FREE char *text = NULL;
	size_t used = (size_t)sprintf(input, "{\"tool_name\":\"Bash\",\"tool_input\":{\"command\":\"x");

	while (used < 30000)
		used += (size_t)sprintf(input + used, "\xc3\xa9");
	strcpy(input + used, "\"}}");
	cr_assert_eq(read_text(input, &text), 0);
	cr_assert_lt(strlen(text), REIN_NOTE_MAX);
	cr_assert_str_eq(text + strlen(text) - 6, "\xc3\xa9 ...");
}
