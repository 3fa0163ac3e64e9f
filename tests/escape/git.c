/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a person's git runs by itself in a checkout that an agent worked in. The agent tries to plant a program in each
 * place where git would find one; afterwards the person, unconfined, uses git there.
 */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each is run inside, with MARK the file that must not appear. */
static const struct {
	const char *what, *script;
} attempts[] = {
	{"a hook", "printf '#!/bin/sh\\ntouch MARK\\n' >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit"},
	{"a hook after the folder was renamed", "mv .git/hooks .git/gone; mkdir -p .git/hooks; printf "
						"'#!/bin/sh\\ntouch MARK\\n' >.git/hooks/pre-commit; chmod +x "
						".git/hooks/pre-commit"},
	{"another .git", "cp -r .git fresh; rm -rf fresh/hooks; mkdir fresh/hooks; printf '#!/bin/sh\\ntouch MARK\\n' "
			 ">fresh/hooks/pre-commit; chmod +x fresh/hooks/pre-commit; mv .git old; mv fresh .git"},
	{"the file system monitor", "git config core.fsmonitor 'touch MARK; false'"},
	{"the monitor by hand", "printf '[core]\\n\\tfsmonitor = touch MARK; false\\n' >>.git/config"},
	{"a config renamed into place",
	 "cp .git/config c; printf '[core]\\n\\tfsmonitor = touch MARK; false\\n' >>c; mv -f c .git/config"},
	{"the configuration of a worktree",
	 "printf '[core]\\n\\tfsmonitor = touch MARK; false\\n' >.git/config.worktree; git config "
	 "extensions.worktreeConfig true"},
	{"a .git that is a file", "cp -r .git real; printf '[core]\\n\\tfsmonitor = touch MARK; false\\n' "
				  ">real/config; mv .git gone; echo 'gitdir: "
				  "real' >.git"},
	{"hooks elsewhere",
	 "mkdir h; printf '#!/bin/sh\\ntouch MARK\\n' >h/pre-commit; chmod +x h/pre-commit; git config "
	 "core.hooksPath h"},
	{"a filter", "echo '* filter=x' >.gitattributes; git config filter.x.clean 'touch MARK; cat'"},
	{"the person's own configuration",
	 "printf '[core]\\n\\tfsmonitor = touch MARK; false\\n' >>~/.gitconfig; mkdir -p ~/.config/git; printf "
	 "'[core]\\n\\tfsmonitor = touch MARK; false\\n' >>~/.config/git/config"},
};

static struct outcome as_person(const struct trial *trial, const char *script)
{
	const struct job_options options = {.other_user = trial->uid != geteuid(), .directory = trial->workspace};
	const char *argv[] = {"/bin/sh", "-c", script, NULL};

	return run_program(argv, &options);
}

/* The script with MARK replaced by the path of the mark. */
static void with_mark(const char *script, const char *mark, char *text, size_t size)
{
	size_t used = 0;

	for (const char *at; (at = strstr(script, "MARK")); script = at + 4)
		used += (size_t)snprintf(text + used, size - used, "%.*s%s", (int)(at - script), script, mark);
	snprintf(text + used, size - used, "%s", script);
}

static void is_harmless(const char *what, const char *script, bool confined)
{
	static const char setup[] = "git init -q . && git config user.name A && git config user.email a@example.org && "
				    "echo one >file && git add file && git commit -qm one";
	static const char use[] =
		"git status >/dev/null; echo more >>file; git add file; git commit -qm more; git diff HEAD~1 "
		">/dev/null; true";
	TRIAL trial = trial_open();
	char mark[256], text[4096];
	OUTCOME outcome = as_person(&trial, setup);

	cr_assert_eq(outcome.code, 0, "git init: %s", outcome.err);
	outcome_free(&outcome);
	snprintf(mark, sizeof(mark), "%s/mark", trial.root);
	cr_assert(chmod(trial.root, 0777) == 0);
	with_mark(script, mark, text, sizeof(text));
	outcome = confined ? trial_run(&trial, "-p coding-agent", text) : as_person(&trial, text);
	if (confined)
		cr_assert(outcome.code != 125, "%s: not run: %s", what, outcome.err);
	outcome_free(&outcome);
	outcome = as_person(&trial, use);
	if (confined)
		cr_expect(access(mark, F_OK) != 0, "%s: a person's git ran what the agent planted", what);
	else
		cr_expect(access(mark, F_OK) == 0, "%s: nothing ran even bare, so it tests nothing: %s", what,
			  outcome.err);
}

Test(git, plants_nothing, .timeout = 120)
{
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		is_harmless(attempts[i].what, attempts[i].script, true);
}

/* All but the last, which would write to the person's home. */
Test(git, plants_bare, .timeout = 120)
{
	for (size_t i = 0; i + 1 < sizeof(attempts) / sizeof(attempts[0]); i++)
		is_harmless(attempts[i].what, attempts[i].script, false);
}
