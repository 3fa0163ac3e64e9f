/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/commands.h"
#include "harness/harness.h"

/* What a person is told who types something wrong: the whole of standard error and the exit code, row by row. */

#define WORDS_MAX 10
/* The second line of what is said stands in one place: the table of commands. */
#define SEE(command) "rein: usage: rein " command " "

struct row {
	const char *words[WORDS_MAX];
	int code;
	const char *err;
};

static const struct row rows[] = {
	{{"frobnicate"}, 2, "rein: there is no command \"frobnicate\"; `rein help` lists them\n"},
	{{"rum"}, 2, "rein: there is no command \"rum\"; did you mean `rein run`?\n"},
	{{"Plan"}, 2, "rein: there is no command \"Plan\"; did you mean `rein plan`?\n"},
	{{"docter"}, 2, "rein: there is no command \"docter\"; did you mean `rein doctor`?\n"},
	{{""}, 2, "rein: there is no command \"\"; `rein help` lists them\n"},
	{{"--frobnicate"}, 2, "rein: there is no command \"--frobnicate\"; `rein help` lists them\n"},
	{{"\033]0;x\007"}, 2, "rein: there is no command \"\\x1B]0;x\\x07\"; `rein help` lists them\n"},
	{{"help", "frobnicate"}, 2, "rein: there is no command \"frobnicate\"; `rein help` lists them\n"},
	{{"help", "run", "plan"}, 2, "rein: `rein help` takes one COMMAND; \"plan\" is too much\n"},

	{{"run"}, 125, "rein: `rein run` needs COMMAND [ARGUMENT...]\n" SEE("run")},
	{{"run", "--"}, 125, "rein: `rein run` needs COMMAND [ARGUMENT...]\n" SEE("run")},
	{{"run", "-p"}, 125, "rein: -p needs a PROFILE\n" SEE("run")},
	{{"run", "-p", "", "--", "true"}, 125, "rein: -p is empty: it needs a PROFILE\n" SEE("run")},
	{{"run", "--profile"}, 125, "rein: --profile needs a PROFILE\n" SEE("run")},
	{{"run", "-w"}, 125, "rein: -w needs a DIR\n" SEE("run")},
	{{"run", "--workspace=", "--", "true"}, 125, "rein: --workspace is empty: it needs a DIR\n" SEE("run")},
	{{"run", "--audit"}, 125, "rein: --audit needs a FILE\n" SEE("run")},
	{{"run", "--report"}, 125, "rein: --report needs a FILE\n" SEE("run")},
	{{"run", "--report=", "true"}, 125, "rein: --report is empty: it needs a FILE\n" SEE("run")},
	{{"run", "--user"}, 125, "rein: --user needs a NAME\n" SEE("run")},
	{{"run", "--ci=1", "true"}, 125, "rein: --ci takes no value\n" SEE("run")},
	{{"run", "--degrade=no", "true"}, 125, "rein: --degrade takes no value\n" SEE("run")},
	{{"run", "--fail-on-deny=", "true"}, 125, "rein: --fail-on-deny takes no value\n" SEE("run")},
	{{"run", "--frobnicate", "true"}, 125, "rein: --frobnicate is no option of `rein run`\n" SEE("run")},
	{{"run", "-x", "true"}, 125, "rein: -x is no option of `rein run`\n" SEE("run")},
	{{"run", "--json", "true"}, 125, "rein: --json is no option of `rein run`\n" SEE("run")},
	{{"run", "--refill", "true"}, 125, "rein: --refill is no option of `rein run`\n" SEE("run")},
	{{"run", "--no-ci", "true"}, 125, "rein: --no-ci is no option of `rein run`\n" SEE("run")},
	{{"run", "-w", "/nonexistent", "true"}, 125, "rein: workspace /nonexistent: No such file or directory\n"},
	{{"run", "-w", "/etc/passwd", "true"}, 125, "rein: workspace /etc/passwd is not a directory\n"},

	{{"plan", "extra"}, 2, "rein: `rein plan` takes no arguments; \"extra\" is too much\n" SEE("plan")},
	{{"plan", "--fail-on-deny"}, 2, "rein: --fail-on-deny is no option of `rein plan`\n" SEE("plan")},
	{{"plan", "-p", "No Such"},
	 1,
	 "rein: \"No Such\" is not the name of a profile (a-z 0-9 _ -); a path holds a \"/\", such as ./No Such\n"},
	{{"plan", "-p", "/nonexistent.yaml"}, 1, "rein: /nonexistent.yaml: No such file or directory\n"},
	{{"plan", "-p", "/dev/null"}, 1, "rein: /dev/null: a profile has to be a regular file\n"},
	{{"plan", "-p", "/etc"}, 1, "rein: /etc: a profile has to be a regular file\n"},
	{{"plan", "--audit", "/nonexistent/log"},
	 1,
	 "rein: the folder of --audit /nonexistent/log: No such file or directory\n"},
	{{"plan", "--user", "no-such-user"}, 1, "rein: --user no-such-user: there is no such user on this system\n"},
	{{"plan", "-w", "/nonexistent"}, 1, "rein: workspace /nonexistent: No such file or directory\n"},

	{{"doctor", "now"}, 2, "rein: `rein doctor` takes no arguments; \"now\" is too much\n" SEE("doctor")},
	{{"doctor", "--jsno"}, 2, "rein: --jsno is no option of `rein doctor`\n" SEE("doctor")},
	{{"ps", "x"}, 2, "rein: `rein ps` takes no arguments; \"x\" is too much\n" SEE("ps")},
	{{"freeze"}, 2, "rein: `rein freeze` needs AGENT\n" SEE("freeze")},
	{{"freeze", "a", "b"}, 2, "rein: `rein freeze` takes AGENT; \"b\" is too much\n" SEE("freeze")},
	{{"trip"}, 2, "rein: `rein trip` needs AGENT [BREAKER]\n" SEE("trip")},
	{{"reset"}, 2, "rein: `rein reset` needs AGENT [BREAKER]\n" SEE("reset")},
	{{"kill"}, 2, "rein: `rein kill` needs AGENT\n" SEE("kill")},
	{{"thaw", "--refill", "a"}, 2, "rein: --refill is no option of `rein thaw`\n" SEE("thaw")},
	{{"verify"}, 2, "rein: `rein verify` needs one agent or file\n" SEE("verify")},
	{{"why", "a", "1", "b"}, 2, "rein: `rein why` takes [AGENT|FILE] [EVENT]; \"b\" is too much\n" SEE("why")},
};

/* Runs `rein WORDS...` in `directory`; with `environment`, which may be NULL. */
static struct outcome rein(const char *const *words, const char *directory, const char *const *environment)
{
	const char *argv[WORDS_MAX + 2] = {harness_rein()};
	struct job_options options = {.directory = directory, .environment = environment};

	for (int i = 0; i < WORDS_MAX && words[i]; i++)
		argv[i + 1] = words[i];
	return run_program(argv, &options);
}

/* Exactly what the row says, and, where it ends with SEE, the usage of that command. */
static void expect_words(const struct row *row, const char *said)
{
	const struct rein_cmd *command = rein_commands_find(row->words[0]);
	bool usage = command && strstr(row->err, "rein: usage: rein ");
	REIN_AUTO_FREE char *wanted = NULL;

	cr_assert(asprintf(&wanted, usage ? "%s%s; `rein help %s` says more\n" : "%s", row->err,
			   usage ? command->arguments : "", row->words[0]) >= 0);
	cr_expect_str_eq(said, wanted, "%s: %s", row->words[0], said);
}

Test(bad_flags, misuse_is_told_what_is_wrong)
{
	TRIAL trial = trial_open_own();

	for (size_t i = 0; i < REIN_COUNT(rows); i++) {
		OUTCOME outcome = rein(rows[i].words, trial.workspace, NULL);

		cr_expect_eq(outcome.code, rows[i].code, "row %zu (%s): exit code %d", i, rows[i].words[0],
			     outcome.code);
		expect_words(&rows[i], outcome.err);
		cr_expect_str_empty(outcome.out, "row %zu: what goes wrong is said on standard error", i);
	}
}

static void expect_said(const struct outcome *outcome, int code, const char *text)
{
	cr_expect_eq(outcome->code, code, "exit code %d, %s", outcome->code, outcome->err);
	cr_expect(strstr(outcome->err, text), "\"%s\" rather than \"%s\"", outcome->err, text);
}

Test(bad_flags, no_command_lists_them)
{
	TRIAL trial = trial_open_own();
	OUTCOME outcome = rein((const char *const[]){NULL}, trial.workspace, NULL);

	cr_expect_eq(outcome.code, 2);
	cr_expect(strstr(outcome.out, "doctor"));
}

/* What `rein plan` says with this TMPDIR, in the trial's workspace. */
static struct outcome plan_with_tmpdir(const struct trial *trial, const char *folder)
{
	char variable[PATH_MAX + 32];

	snprintf(variable, sizeof(variable), "TMPDIR=%s", folder);
	return rein((const char *const[]){"plan", "-p", "offline", NULL}, trial->workspace,
		    (const char *const[]){variable, NULL});
}

Test(bad_flags, bad_temporary_folders)
{
	static const char *const folders[] = {"/",	    "/etc", "/etc/../usr", "/usr/share", "/proc/self/fd",
					      "/proc/self", "/var", "/etc/passwd", "/dev",	 "/dev/null",
					      "/sys"};
	TRIAL trial = trial_open_own();
	char text[256];

	for (size_t i = 0; i < REIN_COUNT(folders); i++) {
		OUTCOME outcome = plan_with_tmpdir(&trial, folders[i]);

		snprintf(text, sizeof(text), "rein: TMPDIR is %s, which is no folder for temporary files, and an agent",
			 folders[i]);
		expect_said(&outcome, 1, text);
	}
	OUTCOME workspace = plan_with_tmpdir(&trial, trial.workspace);
	expect_said(&workspace, 1,
		    " is TMPDIR as well, which an agent has empty and of its own; start in another folder\n");
}

Test(bad_flags, good_temporary_folders)
{
	static const char *const folders[] = {"/tmp", "/var/tmp", "/dev/shm", "/nonexistent", "relative", ""};
	TRIAL trial = trial_open_own();
	char own[PATH_MAX + 16];

	for (size_t i = 0; i < REIN_COUNT(folders); i++) {
		OUTCOME outcome = plan_with_tmpdir(&trial, folders[i]);

		cr_expect_eq(outcome.code, 0, "%s: %s", folders[i], outcome.err);
	}
	snprintf(own, sizeof(own), "%s/own", trial.workspace);
	cr_assert_eq(mkdir(own, 0755), 0);
	OUTCOME outcome = plan_with_tmpdir(&trial, own);
	cr_expect_eq(outcome.code, 0, "%s", outcome.err);
}

Test(bad_flags, a_lying_sudo)
{
	TRIAL trial = trial_open_own();

	if (!harness_root())
		harness_skip("only root listens to SUDO_UID");
	OUTCOME words =
		rein((const char *const[]){"plan", NULL}, trial.workspace, (const char *const[]){"SUDO_UID=me", NULL});
	OUTCOME nobody = rein((const char *const[]){"plan", NULL}, trial.workspace,
			      (const char *const[]){"SUDO_UID=4000000001", NULL});

	expect_said(&words, 1, "rein: SUDO_UID is \"me\", which is no uid; unset it or use --user\n");
	expect_said(&nobody, 1, "rein: the agent would run as uid 4000000001 (SUDO_UID), which is no user");
}

/* Runs `sh -c SCRIPT` with $REIN for the program, in the trial's workspace. */
static struct outcome shell(const struct trial *trial, const char *script)
{
	char variable[PATH_MAX + 8];

	snprintf(variable, sizeof(variable), "REIN=%s", harness_rein());
	return run_program((const char *const[]){"sh", "-c", script, NULL},
			   &(struct job_options){.directory = trial->workspace,
						 .environment = (const char *const[]){variable, NULL}});
}

static const struct {
	const char *script, *err; /* in what it says */
	int code;
} scripts[] = {
	{"\"$REIN\" doctor >/dev/full", "rein: cannot write to standard output: No space left on device\n", 1},
	{"\"$REIN\" doctor --json >/dev/full", "rein: cannot write to standard output: No space left on device\n", 1},
	{"\"$REIN\" help >/dev/full", "rein: cannot write to standard output: No space left on device\n", 1},
	{"\"$REIN\" --version >&-", "rein: cannot write to standard output: Bad file descriptor\n", 1},
	{"\"$REIN\" doctor >&-", "rein: cannot write to standard output: Bad file descriptor\n", 1},
	{"\"$REIN\" --version <&- 2>&- >/dev/null", "", 0},
	{"mkdir gone && cd gone && rmdir ../gone && \"$REIN\" plan",
	 "rein: the current directory cannot be the workspace; cd elsewhere or give -w DIR: No such file or "
	 "directory\n",
	 1},
	{"mkdir gone && cd gone && rmdir ../gone && \"$REIN\" run true",
	 "rein: the current directory cannot be the workspace; cd elsewhere or give -w DIR: No such file or "
	 "directory\n",
	 125},
	{"\"$REIN\" --version | true", "", 0},
};

Test(bad_flags, bad_surroundings)
{
	TRIAL trial = trial_open_own();

	for (size_t i = 0; i < REIN_COUNT(scripts); i++) {
		OUTCOME outcome = shell(&trial, scripts[i].script);

		cr_expect_str_eq(outcome.err, scripts[i].err, "%s: %s", scripts[i].script, outcome.err);
		cr_expect_eq(outcome.code, scripts[i].code, "%s: %d", scripts[i].script, outcome.code);
	}
}

Test(bad_flags, no_proc)
{
	TRIAL trial = trial_open_own();

	if (!harness_root())
		harness_skip("only root can cover /proc");
	OUTCOME outcome = shell(&trial, "unshare -m sh -c 'mount -t tmpfs none /proc && \"$REIN\" run true'");

	expect_said(&outcome, 125, "/proc");
}

Test(bad_flags, no_home)
{
	TRIAL trial = trial_open_own();
	OUTCOME outcome = shell(&trial, "env -u HOME \"$REIN\" plan -p offline >/dev/null");

	cr_expect_eq(outcome.code, 0, "the home of the passwd file will do: %s", outcome.err);
}

/* However rein is called, help and version go to standard output. */
Test(bad_flags, help_is_no_error)
{
	static const char *const calls[][3] = {{"--help"},	  {"-h"},	{"help"}, {"help", "run"},
					       {"run", "--help"}, {"--version"}};
	TRIAL trial = trial_open_own();

	for (size_t i = 0; i < REIN_COUNT(calls); i++) {
		const char *words[WORDS_MAX] = {calls[i][0], calls[i][1]};
		OUTCOME outcome = rein(words, trial.workspace, NULL);

		cr_expect_eq(outcome.code, 0, "%s: %s", calls[i][0], outcome.err);
		cr_expect(strstr(outcome.out, "rein"), "%s", calls[i][0]);
		cr_expect_str_empty(outcome.err, "%s: %s", calls[i][0], outcome.err);
	}
}
