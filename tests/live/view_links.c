/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/sandbox.h"

/* Rules whose paths go through symbolic links, kept in a real view. */

static struct sandbox sandbox;

static void open_sandbox(void)
{
	sandbox_open(&sandbox);
}

static void close_sandbox(void)
{
	sandbox_close(&sandbox);
}

TestSuite(view_links, .init = open_sandbox, .fini = close_sandbox, .timeout = 60);

static int follows_links(const struct sandbox *s)
{
	HOLDS(can_read(sandbox_path(s, "etc/resolv.conf")));
	HOLDS(can_read(sandbox_path(s, "l1/file")));
	HOLDS(!can_read(sandbox_path(s, "real/other")));
	return 0;
}

Test(view_links, rules_through_links)
{
	sandbox_file(&sandbox, "real/stub/resolv.conf", "");
	sandbox_file(&sandbox, "real/deep/file", "");
	sandbox_file(&sandbox, "real/other", "");
	sandbox_folder(&sandbox, "etc");
	cr_assert(!symlink("../real/stub/resolv.conf", sandbox_path(&sandbox, "etc/resolv.conf")));
	cr_assert(!symlink("l2/deep", sandbox_path(&sandbox, "l1")));
	cr_assert(!symlink(sandbox_path(&sandbox, "real"), sandbox_path(&sandbox, "l2")));
	sandbox_allow(&sandbox, REIN_ACCESS_READ, "etc/resolv.conf");
	sandbox_allow(&sandbox, REIN_ACCESS_READ, "l1");
	sandbox_expect(&sandbox, follows_links);
}

static int keeps_links(const struct sandbox *s)
{
	HOLDS(unlink(sandbox_path(s, "ws/sub/.vscode")) < 0 && errno == EBUSY);
	HOLDS(rename(sandbox_path(s, "ws/sub/.vscode"), sandbox_path(s, "ws/x")) < 0);
	HOLDS(rename(sandbox_path(s, "ws/real"), sandbox_path(s, "ws/sub/.vscode")) < 0);
	HOLDS(rename(sandbox_path(s, "ws/sub"), sandbox_path(s, "ws/x")) < 0 && errno == EBUSY);
	HOLDS(!can_write(sandbox_path(s, "ws/sub/.vscode/tasks.json")));
	HOLDS(access(sandbox_path(s, "ws/sub/.vscode/settings.json"), F_OK) == 0);
	HOLDS(can_write(sandbox_path(s, "ws/sub/file")));
	return 0;
}

Test(view_links, denials_through_links)
{
	sandbox_file(&sandbox, "ws/real/settings.json", "");
	sandbox_folder(&sandbox, "ws/sub");
	cr_assert(!symlink("../real", sandbox_path(&sandbox, "ws/sub/.vscode")));
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "ws");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "ws/sub/.vscode");
	sandbox_expect(&sandbox, keeps_links);
}

#define CHAIN 45 /* links one after the other: more than the kernel follows */

static const char *chain(int i)
{
	static char name[16];

	snprintf(name, sizeof(name), "ws/l%d", i);
	return name;
}

static int cannot_end_a_loop(const struct sandbox *s)
{
	const char *loop = sandbox_path(s, "ws/loop");

	HOLDS(!can_write(loop));
	HOLDS(unlink(loop) < 0 && errno == EBUSY);
	HOLDS(mkdir(loop, 0700) < 0);
	HOLDS(can_write(sandbox_path(s, "ws/file")));
	HOLDS(rename(sandbox_path(s, "ws/file"), loop) < 0 && errno == EBUSY);
	/* The one after the last that the kernel follows: a file in its place would be what the first leads to. */
	for (int i = 0; i <= 40; i++)
		HOLDS(unlink(sandbox_path(s, chain(i))) < 0 && errno == EBUSY);
	HOLDS(!can_write(sandbox_path(s, chain(0))));
	return 0;
}

Test(view_links, denied_links_that_lead_nowhere)
{
	char target[16];

	sandbox_folder(&sandbox, "ws");
	cr_assert(!symlink("loop", sandbox_path(&sandbox, "ws/loop")));
	for (int i = 0; i < CHAIN; i++) {
		snprintf(target, sizeof(target), "l%d", i + 1);
		cr_assert(!symlink(target, sandbox_path(&sandbox, chain(i))));
	}
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "ws");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "ws/loop");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "ws/l0");
	sandbox_expect(&sandbox, cannot_end_a_loop);
	cr_assert(sandbox_holds(&sandbox, "ws/file", "new"));
}
