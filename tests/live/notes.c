/* SPDX-License-Identifier: GPL-2.0 */
/* `rein note` as agents and their hooks use it, seen in the record of a run. */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROFILE                                                            \
	"rein: 1\nname: notes\ndescription: For tests.\nextends: [base]\n" \
	"filesystem:\n  write: [$WORKSPACE]\n"

/* In scripts: the program, and something that is refused and recorded on every tier. */
#define SCRIPT_START "rein=%s; refused() { chroot / true 2>/dev/null; }; "

static struct outcome run_script(const struct trial *trial, const char *options, const char *script)
{
	char whole[4096];

	snprintf(whole, sizeof(whole), SCRIPT_START "%s", harness_rein(), script);
	return trial_run(trial, options, whole);
}

static const char *word(const json_t *event, const char *key)
{
	return json_string_value(json_object_get(event, key)) ?: "";
}

/* The note that each refused chroot stands under, in order: "-" for none. */
static void notes_of_refusals(const struct trial *trial, char *text, size_t size)
{
	json_t *events = trial_events(trial), *event;
	size_t i, used = 0;

	*text = '\0';
	json_array_foreach (events, i, event) {
		const json_t *note = json_object_get(event, "note");
		char number[32] = "-";

		if (strcmp(word(event, "kind"), "deny") || strcmp(word(event, "op"), "chroot"))
			continue;
		if (note)
			snprintf(number, sizeof(number), "%d", (int)json_integer_value(note));
		used += (size_t)snprintf(text + used, size - used, "%s ", number);
		cr_assert_lt(used, size);
	}
	json_decref(events);
}

static json_t *end_of(const struct trial *trial)
{
	json_t *events = trial_events(trial);
	json_t *end = json_incref(json_array_get(events, json_array_size(events) - 1));

	json_decref(events);
	cr_assert_str_eq(word(end, "kind"), "end");
	return end;
}

static int noted(const json_t *end, const char *reason)
{
	const json_t *notes = json_object_get(json_object_get(end, "detail"), "notes");

	return (int)json_integer_value(
		json_object_get(reason ? json_object_get(notes, "refused") : notes, reason ?: "recorded"));
}

Test(notes, the_log_reads_as_intent_and_actions, .timeout = 120)
{
	TRIAL trial = trial_open();
	OUTCOME outcome = {0}, log = {0}, why = {0};
	char seen[128], event[300];

	trial_profile(&trial, PROFILE);
	outcome = run_script(&trial, "",
			     "refused; $rein note look around -- carefully; refused; refused; "
			     "echo 'second, from a pipe' | $rein note && refused");
	cr_assert_str_eq(outcome.out, "", "a note prints nothing: %s", outcome.out);
	notes_of_refusals(&trial, seen, sizeof(seen));
	cr_assert_str_eq(seen, "- 1 1 2 ");
	trial_verify(&trial);
	cr_assert_eq(trial_count(&trial, "note", "object", "look around -- carefully"), 1);
	cr_assert_eq(trial_count(&trial, "note", "object", "second, from a pipe"), 1);
	log = run_program((const char *const[]){harness_rein(), "log", "--denied", trial.audit, NULL}, NULL);
	cr_assert(strstr(log.out, "1: look around -- carefully\n"), "%s", log.out);
	cr_assert(strstr(log.out, "2: second, from a pipe\n") > strstr(log.out, "1: look"), "%s", log.out);
	snprintf(event, sizeof(event), "%s", trial.audit);
	why = run_program((const char *const[]){harness_rein(), "why", event, NULL}, NULL);
	cr_assert(strstr(why.out, "2: second, from a pipe (as the agent said before; unchecked)"), "%s", why.out);
}

/* What ships is enough: no line of a profile is needed. */
Test(notes, work_under_coding_agent, .timeout = 120)
{
	TRIAL trial = trial_open();
	OUTCOME outcome = {0};

	trial_profile(&trial, "rein: 1\nname: mine\ndescription: For tests.\nextends: [coding-agent]\n");
	outcome = run_script(&trial, "--degrade", "$rein note begin && refused; $rein note again");
	cr_assert_eq(outcome.code, 0, "%s", outcome.err);
	cr_assert_eq(trial_count(&trial, "note", "object", "begin"), 1, "%s", outcome.err);
}

/* The program that an agent runs is the one outside, and it stays as it is. */
Test(notes, the_program_can_be_run_and_not_changed, .timeout = 120)
{
	TRIAL trial = trial_open();
	OUTCOME outcome = {0};

	trial_profile(&trial, PROFILE);
	outcome = run_script(&trial, "",
			     "(echo x >>$rein) 2>/dev/null && echo written; (rm -f $rein) 2>/dev/null && echo gone; "
			     "(chmod 777 $rein) 2>/dev/null && echo opened; $rein note here && echo noted");
	cr_assert_str_eq(outcome.out, "noted\n", "%s", outcome.err);
}

Test(notes, what_is_over_a_bound_is_refused_and_counted, .timeout = 120)
{
	TRIAL trial = trial_open();
	OUTCOME outcome = {0};
	json_t *end;

	trial_profile(&trial, PROFILE);
	outcome = run_script(&trial, "",
			     "$rein note ''; echo $?; head -c 4097 /dev/zero | tr '\\0' x | $rein note; echo $?; "
			     "printf 'a\\0b' | $rein note; echo $?; head -c 4096 /dev/zero | tr '\\0' x | $rein note; "
			     "echo $?; $rein note --nonsense; echo $?; refused");
	cr_assert_str_eq(outcome.out, "1\n1\n1\n0\n1\n", "%s", outcome.err);
	cr_assert(strstr(outcome.err, "at most 4096 bytes"), "%s", outcome.err);
	end = end_of(&trial);
	cr_expect_eq(noted(end, NULL), 1);
	cr_expect_eq(noted(end, "malformed"), 2);
	cr_expect_eq(noted(end, "too_long"), 1);
	cr_expect_eq(trial_count(&trial, "note", "errno", "EMSGSIZE"), 1);
	json_decref(end);
}

/* Neither a terminal nor the log itself is steered by what a note holds. */
Test(notes, are_escaped, .timeout = 120)
{
	TRIAL trial = trial_open();
	OUTCOME outcome = {0}, log = {0};

	trial_profile(&trial, PROFILE);
	outcome = run_script(&trial, "",
			     "printf 'a\\033[2J\\n{\"kind\":\"end\"}\\377\\\\' | $rein note; refused; echo $?");
	trial_verify(&trial);
	log = run_program((const char *const[]){harness_rein(), "log", trial.audit, NULL}, NULL);
	cr_assert_null(strchr(log.out, '\033'), "%s", log.out);
	cr_assert_eq(trial_count(&trial, "end", NULL, NULL), 1);
	cr_assert(strstr(log.out, " 1: a\\x1B[2J\\x0A{\"kind\":\"end\"}\\xFF\\\\\n"), "%s", log.out);
}

/* The same user, outside: nobody listens, and no record of a running agent changes. */
Test(notes, from_outside_nothing_is_taken, .timeout = 120)
{
	TRIAL trial = trial_open();
	const struct job_options options = {.keep_input = true};
	struct job job;
	OUTCOME outside = {0}, outcome = {0};

	trial_profile(&trial, PROFILE);
	job = trial_start_command(&trial, "", (const char *const[]){"/bin/sh", "-c", "echo ready; read line", NULL},
				  &options);
	job_expect(&job, 1, "ready");
	outside = run_program((const char *const[]){harness_rein(), "note", "forged", NULL}, NULL);
	cr_expect_eq(outside.code, 1);
	cr_expect(strstr(outside.err, "this is no agent of rein"), "%s", outside.err);
	outcome = job_finish(&job);
	cr_expect_eq(trial_count(&trial, "note", NULL, NULL), 0);
}

static int notes_so_far(const struct trial *trial)
{
	return trial_count(trial, "note", "op", "note");
}

/* A note waits with who makes it, and is recorded when that goes on. */
Test(notes, a_frozen_agent_makes_none, .timeout = 120)
{
	TRIAL trial = trial_open();
	char script[512];
	struct job job;
	OUTCOME outcome = {0};
	int before;

	trial_profile(&trial, PROFILE);
	snprintf(script, sizeof(script), "while [ ! -e stop ]; do %s note tick || exit 7; sleep 0.2; done",
		 harness_rein());
	job = trial_start(&trial, "", script);
	trial_wait_event(&trial, "note", "object", "tick");
	outcome = run_program((const char *const[]){harness_rein(), "freeze", trial_agent(&trial), NULL}, NULL);
	cr_assert_eq(outcome.code, 0, "%s", outcome.err);
	outcome_free(&outcome);
	/* Stops reach a process at its next step: one note may be on its way. */
	cr_assert_not(job_ends(&job, 300));
	before = notes_so_far(&trial);
	cr_assert_not(job_ends(&job, 1000));
	cr_assert_eq(notes_so_far(&trial), before);
	outcome = run_program((const char *const[]){harness_rein(), "thaw", trial_agent(&trial), NULL}, NULL);
	cr_assert_eq(outcome.code, 0, "%s", outcome.err);
	outcome_free(&outcome);
	for (uint64_t end = harness_now_ns() + HARNESS_PATIENCE_MS * 1000000ULL;
	     notes_so_far(&trial) == before && harness_now_ns() < end;)
		cr_assert_not(job_ends(&job, 50));
	cr_expect_gt(notes_so_far(&trial), before);
	trial_write(&trial, "ws/stop", "", 0644);
	outcome = job_finish(&job);
	cr_assert_eq(outcome.code, 0, "%s", outcome.err);
}

static void fill(const char *folder)
{
	char path[256], block[4096] = {1};
	int fd;

	snprintf(path, sizeof(path), "%s/filler", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	for (size_t size = sizeof(block); size; size /= 2)
		while (write(fd, block, size) > 0)
			;
	close(fd);
}

/* Notes make room for refusals, are refused to the agent then, and numbers stay those of lines that are there. */
Test(notes, a_full_disk_refuses_them_and_not_refusals, .timeout = 120)
{
	TRIAL trial = trial_open();
	struct job job;
	char script[1024], disk[96], go[192];
	OUTCOME outcome = {0};
	json_t *end;

	if (!harness_root() || unshare(CLONE_NEWNS))
		harness_skip("a disk of its own needs root");
	snprintf(disk, sizeof(disk), "%s/disk", trial.root);
	cr_assert(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) && !mkdir(disk, 0700) &&
		  !mount("none", disk, "tmpfs", 0, "size=2m"));
	snprintf(trial.audit, sizeof(trial.audit), "%s/log", disk);
	trial_profile(&trial, PROFILE);
	snprintf(script, sizeof(script),
		 SCRIPT_START "echo ready; while [ ! -e go ]; do sleep 0.1; done; "
			      "head -c 3000 /dev/zero | tr '\\0' '\\1' >long; i=0; "
			      "while [ $i -lt 200 ] && $rein note <long; do i=$((i+1)); [ $i -lt 15 ] || sleep 1.3; "
			      "done; refused; true",
		 harness_rein());
	job = trial_start(&trial, "", script);
	job_expect(&job, 1, "ready");
	fill(disk);
	snprintf(go, sizeof(go), "%s/go", "ws");
	trial_write(&trial, go, "", 0644);
	outcome = job_finish(&job);
	cr_expect(strstr(outcome.err, "the audit log cannot take this note"), "%s", outcome.err);
	end = end_of(&trial);
	cr_expect_eq(noted(end, "no_room"), 1);
	cr_expect_eq(trial_count(&trial, "deny", "op", "chroot"), 1);
	cr_expect_eq(json_integer_value(json_object_get(end, "note")), noted(end, NULL));
	json_decref(end);
	trial_verify(&trial);
	umount2(disk, MNT_DETACH);
	rmdir(disk);
}

static const struct {
	const char *file, *event, *input, *note;
} hooks[] = {
	{"claude-code.json", "PreToolUse",
	 "{\"hook_event_name\":\"PreToolUse\",\"tool_name\":\"Bash\",\"tool_input\":{\"command\":\"npm test\"}}",
	 "Bash: npm test"},
	{"codex.json", "PreToolUse",
	 "{\"hook_event_name\":\"PreToolUse\",\"tool_name\":\"Bash\",\"tool_input\":{\"command\":\"make\"}}",
	 "Bash: make"},
	{"gemini-cli.json", "BeforeTool",
	 "{\"hook_event_name\":\"BeforeTool\",\"tool_name\":\"read_file\",\"tool_input\":{\"file_path\":\"a.c\"}}",
	 "read_file: a.c"},
};

/* The command of a settings file, as its CLI would find it. */
static char *command_of(const char *file, const char *event)
{
	char path[512];
	json_t *settings, *group;
	char *command;

	snprintf(path, sizeof(path), "%s/doc/hooks/%s", harness_source(), file);
	settings = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	group = json_array_get(json_object_get(json_object_get(settings, "hooks"), event), 0);
	command = strdup(word(json_array_get(json_object_get(group, "hooks"), 0), "command"));
	json_decref(settings);
	return command;
}

Test(notes, hooks_of_agent_clis, .timeout = 120)
{
	TRIAL trial = trial_open();
	char script[4096];
	size_t used;
	OUTCOME outcome = {0};

	if (!harness_source())
		harness_skip("the sources are not here");
	trial_profile(&trial, PROFILE);
	used = (size_t)snprintf(script, sizeof(script), "rein() { %s \"$@\"; }; ", harness_rein());
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		char *command = command_of(hooks[i].file, hooks[i].event);

		used += (size_t)snprintf(script + used, sizeof(script) - used, "echo '%s' | %s && ", hooks[i].input,
					 command);
		free(command);
	}
	snprintf(script + used, sizeof(script) - used, "echo done");
	outcome = trial_run(&trial, "", script);
	cr_assert_str_eq(outcome.out, "done\n", "%s", outcome.err);
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		cr_expect_eq(trial_count(&trial, "note", "object", hooks[i].note), 1, "%s", hooks[i].file);
}
