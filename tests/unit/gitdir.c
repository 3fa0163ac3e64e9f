/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/gitdir.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* $GIT_COMMON_DIR with repositories that git itself makes, and with ones that an agent would forge. */

static char folder[PATH_MAX];

static void shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void shell(const char *fmt, ...)
{
	char command[4096];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	cr_assert_eq(system(command), 0, "%s", command);
}

static void set_up(void)
{
	char name[] = "/tmp/rein-git-XXXXXX";

	cr_assert_not_null(mkdtemp(name));
	cr_assert_not_null(realpath(name, folder));
	cr_assert_eq(chdir(folder), 0);
	setenv("HOME", folder, 1);
	shell("git config --global user.email a@example.org; git config --global user.name a; "
	      "git config --global protocol.file.allow always; git config --global init.defaultBranch main");
	shell("git init -q main && git -C main commit -q --allow-empty -m first");
}

static void tear_down(void)
{
	shell("rm -rf '%s'", folder);
}

TestSuite(gitdir, .init = set_up, .fini = tear_down);

static void expect(const char *workspace, const char *wanted)
{
	char from[PATH_MAX * 2], to[PATH_MAX * 2], got[PATH_MAX] = "";
	struct rein_error err = {0};

	snprintf(from, sizeof(from), "%s/%s", folder, workspace);
	snprintf(to, sizeof(to), "%s/%s", folder, wanted);
	cr_assert_eq(rein_git_common_dir(from, got, &err), 0, "%s", err.text);
	cr_expect_str_eq(got, to, "%s: got %s", workspace, got);
}

Test(gitdir, of_a_checkout_and_of_nothing)
{
	expect("main", "main/.git");
	shell("mkdir empty");
	expect("empty", "empty/.git");
}

Test(gitdir, of_a_linked_worktree)
{
	shell("git -C main worktree add -q ../linked 2>/dev/null");
	expect("linked", "main/.git");
}

Test(gitdir, of_a_worktree_of_a_bare_repository)
{
	shell("git clone -q --bare main bare.git && git -C bare.git worktree add -q ../linked 2>/dev/null");
	expect("linked", "bare.git");
}

Test(gitdir, of_a_submodule)
{
	shell("git init -q part && git -C part commit -q --allow-empty -m first");
	shell("git -C main submodule --quiet add ../part part 2>/dev/null");
	expect("main/part", "main/.git/modules/part");
}

Test(gitdir, of_a_worktree_that_was_moved_is_its_own)
{
	shell("git -C main worktree add -q ../linked 2>/dev/null && mv linked elsewhere");
	expect("elsewhere", "elsewhere/.git");
}

Test(gitdir, forged_files_widen_nothing)
{
	static const char *const forged[] = {
		"gitdir: %s/victim/.git",
		"gitdir: %s/victim",
		"gitdir: %s",
		"gitdir: /",
		"gitdir: ..",
		"gitdir: %s/main/.git/worktrees/linked", /* somebody else's worktree */
		"gitdir: %s/victim/.git/worktrees/none",
		"gitdir:%s/victim/.git",
		"not a pointer",
		"",
	};
	size_t i;

	shell("git init -q victim && git -C main worktree add -q ../linked 2>/dev/null && mkdir agent");
	for (i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		FILE *file = fopen("agent/.git", "w");
		char text[PATH_MAX * 2];

		cr_assert_not_null(file);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
		snprintf(text, sizeof(text), forged[i], folder);
#pragma GCC diagnostic pop
		fprintf(file, "%s\n", text);
		fclose(file);
		expect("agent", "agent/.git");
	}
}

Test(gitdir, a_far_end_of_the_agents_own_making_stays_in_the_workspace)
{
	/* All of it inside the workspace, by the rules: allowed, and nothing new. */
	shell("mkdir -p agent/fake/worktrees/n agent/fake/objects agent/fake/refs && touch agent/fake/HEAD");
	shell("echo 'gitdir: fake/worktrees/n' > agent/.git && echo '%s/agent/.git' > agent/fake/worktrees/n/gitdir",
	      folder);
	expect("agent", "agent/fake");
	/* The same with a link that leads out: the far end is then in a place that has to point back itself. */
	shell("rm -r agent/fake && git init -q victim && mkdir -p agent/fake && ln -s '%s/victim/.git' "
	      "agent/fake/worktrees",
	      folder);
	expect("agent", "agent/.git");
}

Test(gitdir, a_place_without_a_repository_is_none)
{
	shell("mkdir -p agent shared/worktrees/n && echo '%s/agent/.git' > shared/worktrees/n/gitdir", folder);
	shell("echo 'gitdir: %s/shared/worktrees/n' > agent/.git", folder);
	expect("agent", "agent/.git");
}

Test(gitdir, of_another_user_is_none)
{
	if (getuid() != 0)
		cr_skip_test("needs root to make files of two users");
	shell("git -C main worktree add -q ../linked 2>/dev/null && chown -R 65534 linked");
	expect("linked", "linked/.git");
}

Test(gitdir, a_link_that_leads_out_is_an_error)
{
	char from[PATH_MAX * 2], got[PATH_MAX];
	struct rein_error err = {0};

	shell("mkdir agent && ln -s '%s/main/.git' agent/.git", folder);
	snprintf(from, sizeof(from), "%s/agent", folder);
	cr_assert_lt(rein_git_common_dir(from, got, &err), 0);
	cr_assert_not_null(strstr(err.text, "agent/.git is a symbolic link that leads out of the workspace"));
	shell("rm agent/.git && ln -s nowhere agent/.git");
	cr_assert_lt(rein_git_common_dir(from, got, &err), 0);
	shell("rm agent/.git && mkdir agent/store && ln -s store agent/.git");
	expect("agent", "agent/store");
}

Test(gitdir, a_fifo_does_not_hang)
{
	shell("mkdir -p agent && mkfifo agent/.git");
	expect("agent", "agent/.git");
}

/* The paths that are guarded, each behind a space and without the folder. */
static int collect(void *context, const char *path, struct rein_error *err)
{
	strcat(strcat(context, " "), path + strlen(folder) + 1);
	return 0;
}

static void expect_guarded(const char *workspace, const char *common, const char *wanted)
{
	char from[PATH_MAX * 2], to[PATH_MAX * 2], got[8192] = "";

	snprintf(from, sizeof(from), "%s/%s", folder, workspace);
	snprintf(to, sizeof(to), "%s/%s", folder, common);
	cr_assert_eq(rein_git_pointers(from, to, collect, got, NULL), 0);
	cr_expect_str_eq(got, wanted, "%s: got%s", workspace, got);
}

Test(gitdir, what_decides_about_the_repository_is_guarded)
{
	expect_guarded("main", "main/.git", "");
	shell("git -C main worktree add -q ../linked 2>/dev/null");
	expect_guarded("main", "main/.git", " main/.git/worktrees/linked/commondir main/.git/worktrees/linked/gitdir");
	expect_guarded("linked", "main/.git",
		       " linked/.git main/.git/worktrees/linked/commondir main/.git/worktrees/linked/gitdir");
	/* A file that is not there yet could do harm only with this extension. */
	shell("git -C main config extensions.worktreeConfig true");
	expect_guarded("main", "main/.git", " main/.git/worktrees/linked");
	/* One that does not point back is somebody else's, and so is the worktree that it names. */
	shell("mkdir agent && cp linked/.git agent/.git");
	expect_guarded("agent", "agent/.git", " agent/.git");
}
