/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "harness/logs.h"

/* What `rein log`, `rein why` and `rein verify` print and return. */

static struct rein_scratch_log scratch;

static void make_scratch(void)
{
	rein_scratch_log_make(&scratch);
	unsetenv("TERM");
	setenv("TZ", "UTC", 1);
	/* Of an ordinary user; root's folder is fixed, and there these tests name files. */
	setenv("XDG_STATE_HOME", scratch.folder, 1);
}

static void remove_scratch(void)
{
	rein_scratch_log_remove(&scratch);
}

TestSuite(audit_commands, .init = make_scratch, .fini = remove_scratch, .timeout = 60);

static char said[65536]; /* on standard output and standard error by the last command */

/* Runs a subcommand in a child, with what it prints in `said`; arguments end with NULL. Returns its exit code. */
static int run(int (*command)(int argc, char **argv), ...)
{
	char *argv[8];
	int argc = 0, fds[2], status;
	size_t length = 0;
	va_list list;
	ssize_t n;

	va_start(list, command);
	while ((argv[argc] = va_arg(list, char *)))
		argc++;
	va_end(list);
	cr_assert_eq(pipe(fds), 0);
	pid_t child = fork();
	if (child == 0) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		status = command(argc, argv);
		fflush(NULL);
		_exit(status);
	}
	close(fds[1]);
	while ((n = read(fds[0], said + length, sizeof(said) - 1 - length)) > 0)
		length += (size_t)n;
	said[length] = '\0';
	close(fds[0]);
	cr_assert(waitpid(child, &status, 0) == child && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool says(const char *words)
{
	if (strstr(said, words))
		return true;
	fprintf(stderr, "no \"%s\" in: %s\n", words, said);
	return false;
}

static void write_story(void)
{
	struct rein_origin rule = {.file = "team.yaml", .line = 7, .text = "filesystem.read.deny: /srv/secret"};
	json_t *remedy = json_pack("{s:s, s:s}", "list", "filesystem.read", "allow", "/home/u/.ssh/id_rsa");
	json_t *start =
		json_pack("{s:[s, s], s:s, s:s}", "command", "make", "test", "profile", "coding-agent", "tier", "B");
	json_t *end = json_pack("{s:i, s:{s:i, s:i}}", "code", 3, "verdicts", "deny", 2, "trip", 0);
	struct rein_event events[] = {
		{.kind = REIN_KIND_START, .op = "start", .detail = start},
		{.kind = REIN_KIND_EXEC, .pid = 9, .comm = "make", .exe = "/usr/bin/make"},
		rein_a_denial,
		{.kind = REIN_KIND_DENY,
		 .op = "openat",
		 .object = "/srv/secret",
		 .rule = &rule,
		 .why = "It is denied."},
		{.kind = REIN_KIND_END, .why = "The agent ended by itself.", .detail = end},
	};
	struct rein_audit *audit = rein_scratch_log_open(&scratch);

	events[2].detail = remedy;
	for (size_t i = 0; i < REIN_COUNT(events); i++)
		cr_assert_eq(rein_audit_emit(audit, &events[i]), 0);
	rein_audit_close(audit);
	json_decref(remedy);
	json_decref(start);
	json_decref(end);
}

static int lines_said(void)
{
	int n = 0;

	for (const char *c = said; *c; c++)
		n += *c == '\n';
	return n;
}

Test(audit_commands, log_tells_the_story)
{
	write_story();
	cr_assert_eq(run(rein_cmd_log, "log", scratch.log, NULL), 0);
	cr_assert_eq(lines_said(), 5);
	cr_assert(
		says("#1    start    tester-0001 started with make test, under the profile coding-agent (tier B).\n"));
	cr_assert(says("#2    exec     make (pid 9) runs /usr/bin/make.\n"));
	cr_assert(says("#3    deny     cat tried to open /home/u/.ssh/id_rsa for reading, which no rule allows.\n"));
	cr_assert(says("#5    end      The agent ended by itself. Exit code 3, 2 refused, 0 tripped.\n"));
}

Test(audit_commands, log_shows_what_was_asked_for)
{
	write_story();
	cr_assert_eq(run(rein_cmd_log, "log", "--denied", scratch.log, NULL), 0);
	cr_assert_eq(lines_said(), 2);
	cr_assert_eq(run(rein_cmd_log, "log", "--kind", "exec", scratch.log, NULL), 0);
	cr_assert_eq(lines_said(), 1);
	cr_assert_eq(run(rein_cmd_log, "log", "--kind", "denied", scratch.log, NULL), 2);
	cr_assert(says("\"denied\" is no kind of event"));
}

Test(audit_commands, log_gives_lines_to_scripts)
{
	write_story();
	cr_assert_eq(run(rein_cmd_log, "log", "--json", "--kind", "deny", scratch.log, NULL), 0);
	char *second = strchr(said, '\n');
	json_t *line = json_loadb(said, (size_t)(second - said), 0, NULL);

	cr_assert_eq(json_integer_value(json_object_get(line, "seq")), 3);
	json_decref(line);
}

Test(audit_commands, log_follows_until_the_agent_ends)
{
	struct rein_audit *audit = rein_scratch_log_open(&scratch);
	struct rein_event end = {.kind = REIN_KIND_END, .why = "The agent ended by itself."};
	pid_t writer = fork();
	int status;

	if (writer == 0) {
		/* The reader may be before or behind: either way it has to see all three. */
		rein_audit_emit(audit, &rein_a_denial);
		rein_audit_emit(audit, &rein_a_denial);
		rein_audit_emit(audit, &end);
		_exit(0);
	}
	cr_assert_eq(run(rein_cmd_log, "log", "-f", scratch.log, NULL), 0);
	cr_assert_eq(lines_said(), 3);
	cr_assert_eq(waitpid(writer, &status, 0), writer);
}

Test(audit_commands, nothing_in_a_forged_log_reaches_a_terminal_as_it_is)
{
	rein_spill(scratch.log,
		   "{\"v\":1,\"seq\":1,\"kind\":\"\\u001b[31m\",\"why\":\"\\u001b]0;x\\u0007 \\u009b2J\\u202e\","
		   "\"agent\":\"\\u001bc\",\"comm\":\"\\n\"}\n\x1b[2J no JSON\n{\"seq\":3}\n[1]\n");
	for (int i = 0; i < 3; i++) {
		int code = i == 0   ? run(rein_cmd_log, "log", scratch.log, NULL)
			   : i == 1 ? run(rein_cmd_log, "log", "--json", scratch.log, NULL)
				    : run(rein_cmd_why, "why", scratch.log, "1", NULL);

		cr_assert_eq(code, 0);
		for (const unsigned char *c = (unsigned char *)said; *c; c++)
			cr_assert(*c == '\n' || (*c >= 0x20 && *c != 0x7f && *c != 0x9b), "byte %02x in %s", *c, said);
		cr_assert_null(strstr(said, "\xe2\x80\xae"));
	}
}

Test(audit_commands, why_says_what_to_add)
{
	write_story();
	cr_assert_eq(run(rein_cmd_why, "why", scratch.log, "3", NULL), 0);
	cr_assert(says("    filesystem:\n      read: [/home/u/.ssh/id_rsa]\n"));
	cr_assert(says("  errno     EACCES\n"));
	cr_assert(says("none names it, and what no rule names is refused"));
	/* and its neighbours */
	cr_assert(says("#2    exec"));
	cr_assert(says("#4    deny"));
}

Test(audit_commands, why_names_the_rule_that_denies)
{
	char event[160];

	write_story();
	snprintf(event, sizeof(event), "%s:4", scratch.log);
	cr_assert_eq(run(rein_cmd_why, "why", event, NULL), 0);
	cr_assert(says("  rule      team.yaml:7: filesystem.read.deny: /srv/secret\n"));
	cr_assert(says("only a change of that rule"));
}

Test(audit_commands, why_knows_what_is_no_event)
{
	write_story();
	cr_assert_eq(run(rein_cmd_why, "why", scratch.log, "99", NULL), 1);
	cr_assert(says("there is no event 99"));
	cr_assert_eq(run(rein_cmd_why, "why", scratch.log, "three", NULL), 2);
	cr_assert_eq(run(rein_cmd_why, "why", "/no/such/log", "3", NULL), 1);
	cr_assert_eq(run(rein_cmd_why, "why", "/no/such/log", NULL), 1);
}

Test(audit_commands, why_without_a_number_is_about_the_last_refusal)
{
	write_story();
	cr_assert_eq(run(rein_cmd_why, "why", scratch.log, NULL), 0);
	cr_assert(says("  rule      team.yaml:7: filesystem.read.deny: /srv/secret\n"));
	rein_spill(scratch.log, "{\"v\":1,\"seq\":1,\"kind\":\"start\"}\n");
	cr_assert_eq(run(rein_cmd_why, "why", scratch.log, NULL), 1);
	cr_assert(says("nothing was refused in this log"));
}

Test(audit_commands, verify_finds_an_edit)
{
	write_story();
	cr_assert_eq(run(rein_cmd_verify, "verify", scratch.log, NULL), 0);
	cr_assert(says("whole: "));
	cr_assert(says(", 5 lines"));
	REIN_AUTO_FREE char *text = rein_slurp(scratch.log);
	memcpy(strstr(text, "4711"), "4712", 4);
	rein_spill(scratch.log, text);
	cr_assert_eq(run(rein_cmd_verify, "verify", scratch.log, NULL), 1);
	cr_assert(says("BROKEN: "));
	cr_assert(says(", line 3: "));
	cr_assert_eq(run(rein_cmd_verify, "verify", "--json", scratch.log, NULL), 1);
	json_t *verdict = json_loads(said, 0, NULL);
	cr_assert(json_is_false(json_object_get(verdict, "whole")));
	cr_assert_eq(json_integer_value(json_object_get(verdict, "bad_line")), 3);
	json_decref(verdict);
}

Test(audit_commands, verify_says_what_is_no_log)
{
	cr_assert_eq(run(rein_cmd_verify, "verify", "/no/such/log", NULL), 1);
	cr_assert(says("No such file or directory"));
	cr_assert_eq(run(rein_cmd_verify, "verify", scratch.folder, NULL), 1);
	cr_assert(says("not a regular file"));
	cr_assert_eq(run(rein_cmd_verify, "verify", "/dev/zero", NULL), 1);
	cr_assert_eq(run(rein_cmd_verify, "verify", NULL), 2);
	rein_spill(scratch.log, "");
	cr_assert_eq(run(rein_cmd_verify, "verify", scratch.log, NULL), 0);
	cr_assert(says(", and empty"));
	cr_assert_eq(chmod(scratch.log, 0), 0);
	if (geteuid())
		cr_assert_eq(run(rein_cmd_verify, "verify", scratch.log, NULL), 1);
}
