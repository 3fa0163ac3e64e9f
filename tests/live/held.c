/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/sandbox.h"
#include "mech/namespaces.h"

/* Placeholders on the host: what is denied and missing is held while somebody needs it, and nothing is left behind. */

static struct sandbox sandbox;

static int nothing(const struct sandbox *s)
{
	return 0;
}

/* A launch whose view has been computed, so that only prepare and release are missing. */
static struct rein_launch ready(void)
{
	cr_assert_eq(sandbox_run(&sandbox, SANDBOX_MOUNTS, nothing), 0, "%s", sandbox.text);
	return sandbox.launch;
}

static void prepare(struct rein_launch *launch)
{
	struct rein_error err = {0};

	cr_assert_eq(rein_mech_namespaces.prepare(launch, &err), 0, "%s", err.text);
}

static bool is_gone(const char *name)
{
	return access(sandbox_path(&sandbox, name), F_OK) < 0;
}

static void open_sandbox(void)
{
	sandbox_open(&sandbox);
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, ".vscode");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, ".git/hooks");
}

static void close_sandbox(void)
{
	sandbox_close(&sandbox);
}

TestSuite(held, .init = open_sandbox, .fini = close_sandbox, .timeout = 120);

Test(held, goes_with_the_agent)
{
	struct rein_launch launch = ready();

	cr_assert(is_gone(".vscode") && is_gone(".git"));
	prepare(&launch);
	cr_assert(!is_gone(".vscode") && !is_gone(".git/hooks"));
	rein_mech_namespaces.release(&launch);
	cr_assert(is_gone(".vscode") && is_gone(".git"));
}

Test(held, stays_for_who_still_needs_it)
{
	struct rein_launch first = ready(), second = first;

	prepare(&first);
	prepare(&second);
	rein_mech_namespaces.release(&first);
	cr_assert(!is_gone(".vscode") && !is_gone(".git/hooks"));
	rein_mech_namespaces.release(&second);
	cr_assert(is_gone(".vscode") && is_gone(".git"));
}

Test(held, left_by_a_killed_supervisor_goes_with_the_next)
{
	struct rein_launch launch = ready();
	pid_t pid = fork();
	int status;

	if (!pid) {
		prepare(&launch);
		_exit(0);
	}
	cr_assert(waitpid(pid, &status, 0) == pid && !status);
	cr_assert(!is_gone(".vscode") && !is_gone(".git/hooks"));
	/* From here on they exist, which makes another view of the same rules. */
	launch = ready();
	cr_assert(is_gone(".vscode") && is_gone(".git"));
}

Test(held, leaves_what_a_person_made)
{
	struct rein_launch launch = ready();

	prepare(&launch);
	sandbox_folder(&sandbox, ".vscode/mine");
	sandbox_file(&sandbox, ".git/config", "mine");
	rein_mech_namespaces.release(&launch);
	cr_assert(!is_gone(".vscode/mine") && sandbox_holds(&sandbox, ".git/config", "mine"));
	cr_assert(is_gone(".git/hooks"));
}

static _Noreturn void start_and_end(int times)
{
	struct rein_launch launch = sandbox.launch;

	for (int i = 0; i < times; i++) {
		struct rein_error err = {0};

		if (rein_mech_namespaces.prepare(&launch, &err) < 0)
			_exit(1);
		if (access(sandbox_path(&sandbox, ".vscode"), F_OK) ||
		    access(sandbox_path(&sandbox, ".git/hooks"), F_OK))
			_exit(2);
		rein_mech_namespaces.release(&launch);
	}
	_exit(0);
}

Test(held, survives_many_at_once)
{
	struct rein_launch launch = ready();

	sandbox.launch = launch;
	for (int i = 0; i < 16; i++)
		if (!fork())
			start_and_end(200);
	for (int i = 0; i < 16; i++) {
		int status;

		cr_assert_gt(wait(&status), 0);
		cr_assert_eq(status, 0, "one ended with %#x", status);
	}
	cr_assert(is_gone(".vscode") && is_gone(".git"));
}
