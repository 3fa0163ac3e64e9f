/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/sandbox.h"

/* Files that are allowed with one content, as places of a view. Each is `path access`, and `!`: verified, `#`:
 * shielded,
 * `+`: sheltered. */

#define R REIN_ACCESS_READ
#define W REIN_ACCESS_WRITE
#define X REIN_ACCESS_EXECUTE

static struct sandbox sandbox;
static struct rein_view view;
static struct rein_error err;

static void open_scratch(void)
{
	sandbox_open(&sandbox);
	sandbox.policy.paths.count = 0; /* each test says all that it allows */
}

static void close_scratch(void)
{
	rein_view_free(&view);
	sandbox_close(&sandbox);
}

TestSuite(view_digests, .init = open_scratch, .fini = close_scratch);

static int compute(void)
{
	rein_view_free(&view);
	memset(&err, 0, sizeof(err));
	return rein_view_compute(&sandbox.policy, NULL, &view, &err);
}

static void expect(const char *wanted)
{
	char text[4096] = "";
	size_t used = 0, above = strlen(sandbox.scratch);

	cr_assert_eq(compute(), 0, "%s", err.text);
	for (size_t i = 0; i < view.places.count; i++) {
		const struct rein_place *place = &view.places.items[i];

		if (strncmp(place->path, sandbox.scratch, above) == 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s%s%s%s%s%s\n",
						 place->path + above + 1, place->access & R ? "r" : "-",
						 place->access & W ? "w" : "-", place->access & X ? "x" : "-",
						 place->verified_by ? "!" : "", place->shielded ? "#" : "",
						 place->sheltered ? "+" : "");
	}
	cr_assert_str_eq(text, wanted);
}

static void expect_error(const char *part)
{
	cr_assert_lt(compute(), 0);
	cr_assert_not_null(strstr(err.text, part), "%s", err.text);
}

#define ONE "1111111111111111111111111111111111111111111111111111111111111111"
#define TWO "2222222222222222222222222222222222222222222222222222222222222222"

Test(view_digests, puts_one_content_over_a_wider_line)
{
	sandbox_file(&sandbox, "bin/tool", "");
	sandbox_allow(&sandbox, X, "bin");
	sandbox_allow_digest(&sandbox, "bin/tool", ONE);
	expect("bin --x#\nbin/tool --x!\n");
	cr_assert_str_eq(rein_view_find(&view, sandbox_path(&sandbox, "bin/tool"))->verified_by->sha256, ONE);
	cr_assert(rein_view_has_carve_outs(&view));
}

Test(view_digests, keeps_one_content_from_being_written)
{
	sandbox_file(&sandbox, "ws/bin/tool", "");
	sandbox_allow(&sandbox, W, "ws");
	sandbox_allow_digest(&sandbox, "ws/bin/tool", ONE);
	expect("ws rw-\nws/bin rw-\nws/bin/tool r-x!\n");
	sandbox_allow(&sandbox, W, "ws/bin/tool");
	expect_error("ws/bin/tool may be written by another line, so its content cannot be kept");
}

Test(view_digests, a_denial_wins_over_a_digest)
{
	sandbox_file(&sandbox, "bin/tool", "");
	sandbox_allow(&sandbox, X, "bin");
	sandbox_allow(&sandbox, R, "bin");
	sandbox_allow_digest(&sandbox, "bin/tool", ONE);
	sandbox_deny(&sandbox, X, "bin/tool");
	expect("bin r-x\nbin/tool r--\n");
	cr_assert_null(rein_view_find(&view, sandbox_path(&sandbox, "bin/tool"))->verified_by);
}

Test(view_digests, two_digests_for_one_file_are_an_error)
{
	sandbox_file(&sandbox, "bin/tool", "");
	cr_assert_eq(symlink("tool", sandbox_path(&sandbox, "bin/link")), 0);
	sandbox_allow_digest(&sandbox, "bin/tool", ONE);
	sandbox_allow_digest(&sandbox, "bin/link", ONE);
	cr_assert_eq(compute(), 0, "%s", err.text);
	sandbox_allow_digest(&sandbox, "bin/link", TWO);
	expect_error("bin/tool than at trial.yaml:");
}

Test(view_digests, only_regular_files_of_the_host_have_a_digest)
{
	static const char *const paths[] = {"folder", "/dev/null", "fifo"};

	sandbox_folder(&sandbox, "folder");
	cr_assert_eq(mkfifo(sandbox_path(&sandbox, "fifo"), 0600), 0);
	for (size_t i = 0; i < REIN_COUNT(paths); i++) {
		sandbox.policy.paths.count = 0;
		sandbox_allow_digest(&sandbox, paths[i], ONE);
		expect_error("is no regular file, and only a file's content has a digest");
	}
	sandbox.policy.paths.count = 0;
	sandbox_allow_digest(&sandbox, "/proc/version", ONE);
	expect_error("/proc/version is the agent's own, so nobody knows its content");
	sandbox.policy.paths.count = 0;
	sandbox_allow_digest(&sandbox, "missing", ONE);
	cr_assert_eq(compute(), 0, "%s", err.text);
	cr_assert_eq(view.absent.count, 1);
}

/* The outermost folder from which other content could run; where there is none, the file's own. */
Test(view_digests, shields_the_folder_around)
{
	sandbox_file(&sandbox, "opt/lib/bin/tool", "");
	sandbox_allow(&sandbox, R, "opt");
	sandbox_allow_digest(&sandbox, "opt/lib/bin/tool", ONE);
	expect("opt r--\nopt/lib/bin r--#\nopt/lib/bin/tool r-x!\n");
	sandbox_allow(&sandbox, R, "opt/lib/bin");
	sandbox_allow(&sandbox, X, "opt/lib");
	expect("opt r--\nopt/lib r-x#\nopt/lib/bin/tool r-x!\n");
	sandbox.policy.paths.count = 0;
	sandbox_allow(&sandbox, X, "opt");
	sandbox_allow(&sandbox, R, "opt/lib");
	sandbox_allow_digest(&sandbox, "opt/lib/bin/tool", ONE);
	expect("opt --x#\nopt/lib r-x+\nopt/lib/bin/tool r-x!\n");
}

Test(view_digests, shields_no_folder_that_may_be_written)
{
	sandbox_file(&sandbox, "ws/bin/tool", "");
	sandbox_allow(&sandbox, W, "ws");
	sandbox_allow(&sandbox, X, "ws/bin");
	sandbox_allow_digest(&sandbox, "ws/bin/tool", ONE);
	expect("ws rw-\nws/bin rwx\nws/bin/tool r-x!\n");
}

/* What nobody outside can replace needs no shield: the agent's own folders, and names of which nothing is shown. */
Test(view_digests, shields_nothing_where_only_the_file_is_shown)
{
	sandbox_file(&sandbox, "bin/tool", "");
	sandbox_allow_digest(&sandbox, "bin/tool", ONE);
	expect("bin/tool --x!\n");
}
