/* SPDX-License-Identifier: GPL-2.0 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "harness/sandbox.h"
#include "mech/labels.h"
#include "mech/privileges.h"

/* From a view's carve-outs to the map that bpf-file looks into: which inodes and names it holds. */

static struct sandbox sandbox;
static struct rein_labels labels;
static int map = -1;

static void open_sandbox(void)
{
	if (!rein_privileges_full())
		cr_skip_test("needs root");
	sandbox_open(&sandbox);
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "");
}

static void close_sandbox(void)
{
	if (map >= 0) {
		rein_labels_free(&labels);
		close(map);
	}
	sandbox_close(&sandbox);
}

TestSuite(label_tree, .init = open_sandbox, .fini = close_sandbox, .timeout = 120);

static void make(void)
{
	struct rein_error err = {0};

	sandbox.launch.plan = &sandbox.plan;
	sandbox.launch.policy = &sandbox.policy;
	cr_assert_eq(rein_view_compute(&sandbox.policy, NULL, &sandbox.plan.view, &err), 0, "%s", err.text);
	map = rein_labels_make(&sandbox.launch, &labels, &err);
	cr_assert_geq(map, 0, "%s", err.text);
}

static struct rein_label label_of(const char *path, const char *name)
{
	struct rein_label_key key = {0};
	struct rein_label label = {0};
	struct stat what;

	cr_assert_eq(lstat(sandbox_path(&sandbox, path), &what), 0);
	key.inode = what.st_ino;
	key.device = (major(what.st_dev) << 20) | minor(what.st_dev);
	for (key.name = *name ? REIN_LABEL_HASH_START : 0; *name; name++)
		key.name = REIN_LABEL_HASH_STEP(key.name, *name);
	if (bpf_map_lookup_elem(map, &key, &label))
		label.rule = REIN_LABEL_NO_RULE;
	return label;
}

Test(label_tree, labels_things_names_and_the_way)
{
	struct rein_label label;

	sandbox_file(&sandbox, ".git/hooks/pre-commit", "x");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, ".git/hooks");
	sandbox_deny(&sandbox, REIN_ACCESS_READ, "missing");
	make();
	label = label_of(".git/hooks", "");
	cr_expect(label.deny == REIN_LABEL_WRITE && !label.flags);
	cr_expect_str_eq(sandbox.policy.paths.items[label.rule].path, sandbox_path(&sandbox, ".git/hooks"));
	label = label_of(".git", "hooks");
	cr_expect(label.deny == REIN_LABEL_WRITE && !label.deny_other);
	label = label_of(".git", "");
	cr_expect(!label.deny && label.flags == (REIN_LABEL_HOLD | REIN_LABEL_NAMES));
	label = label_of("", ".git");
	cr_expect(!label.deny && label.deny_other == REIN_LABEL_WRITE && label.flags == REIN_LABEL_HOLD);
	label = label_of("", "missing");
	cr_expect(label.deny & REIN_LABEL_READ && label.deny & REIN_LABEL_WRITE);
	label = label_of("/", "var");
	cr_expect(label.deny_other && label.flags == REIN_LABEL_HOLD);
	cr_expect_eq(label_of("/", "").flags, REIN_LABEL_HOLD | REIN_LABEL_NAMES);
	cr_expect_eq(label_of(".git/hooks/pre-commit", "").rule, REIN_LABEL_NO_RULE);
}

Test(label_tree, labels_files_with_other_names_and_mounts_below)
{
	sandbox_file(&sandbox, "a/b/key", "x");
	sandbox_folder(&sandbox, "a/m n");
	sandbox_folder(&sandbox, "other");
	cr_assert_eq(link(sandbox_path(&sandbox, "a/b/key"), sandbox_path(&sandbox, "name")), 0);
	cr_assert_eq(mount("x", sandbox_path(&sandbox, "a/m n"), "tmpfs", 0, NULL), 0);
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "a");
	make();
	cr_expect_eq(label_of("name", "").deny, REIN_LABEL_WRITE);
	cr_expect_eq(label_of("a/m n", "").deny, REIN_LABEL_WRITE);
	cr_expect_eq(label_of("other", "").rule, REIN_LABEL_NO_RULE);
	rein_labels_free(&labels);
	cr_assert_eq(umount(sandbox_path(&sandbox, "a/m n")), 0);
}

/* A thing of two names, and a mount below two lines: what either line denies is denied. */
Test(label_tree, joins_what_several_lines_deny)
{
	struct rein_label label;

	sandbox_file(&sandbox, "a/key", "x");
	sandbox_folder(&sandbox, "b");
	sandbox_folder(&sandbox, "c/d/m");
	cr_assert_eq(link(sandbox_path(&sandbox, "a/key"), sandbox_path(&sandbox, "b/key")), 0);
	cr_assert_eq(mount("x", sandbox_path(&sandbox, "c/d/m"), "tmpfs", 0, NULL), 0);
	sandbox_allow(&sandbox, REIN_ACCESS_EXECUTE, "");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "a");
	sandbox_deny(&sandbox, REIN_ACCESS_EXECUTE, "b");
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "c");
	sandbox_deny(&sandbox, REIN_ACCESS_EXECUTE, "c/d");
	make();
	cr_expect_eq(label_of("a/key", "").deny, REIN_LABEL_WRITE | REIN_LABEL_EXECUTE);
	label = label_of("c/d/m", "");
	cr_expect_eq(label.deny, REIN_LABEL_WRITE | REIN_LABEL_EXECUTE);
	rein_labels_free(&labels);
	cr_assert_eq(umount(sandbox_path(&sandbox, "c/d/m")), 0);
}

/* The link itself is held, not only what it leads to; and what may not even be read has a label. */
Test(label_tree, labels_links_on_the_way_and_what_is_hidden)
{
	sandbox_folder(&sandbox, "real");
	sandbox_file(&sandbox, "secret/key", "x");
	cr_assert_eq(symlink("real", sandbox_path(&sandbox, "way")), 0);
	sandbox_deny(&sandbox, REIN_ACCESS_WRITE, "way/x");
	sandbox_deny(&sandbox, REIN_ACCESS_READ, "secret");
	make();
	cr_expect_eq(label_of("real", "x").deny, REIN_LABEL_WRITE);
	cr_expect_neq(label_of("way", "").rule, REIN_LABEL_NO_RULE);
	cr_expect(label_of("secret", "").deny & REIN_LABEL_READ);
}

/* Ten thousand lines, with a soft limit of descriptors that others count on. */
Test(label_tree, keeps_descriptors_out_of_the_way)
{
	struct rlimit before, after;
	char path[64];
	int next;

	for (int i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), "d%d/missing", i);
		sandbox_deny(&sandbox, REIN_ACCESS_WRITE, path);
		snprintf(path, sizeof(path), "d%d", i);
		sandbox_folder(&sandbox, path);
	}
	getrlimit(RLIMIT_NOFILE, &before);
	if (before.rlim_max < 8192)
		cr_skip_test("the hard limit of open files is too low");
	before.rlim_cur = 256;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	make();
	getrlimit(RLIMIT_NOFILE, &after);
	next = open("/", O_PATH);
	cr_expect(after.rlim_cur == 256 && next >= 0 && next < 256);
	cr_expect_eq(label_of("d2999", "missing").deny, REIN_LABEL_WRITE);
}

Test(label_tree, says_which_line_needs_more_descriptors)
{
	struct rlimit limit = {64, 64};
	struct rein_error err = {0};
	char path[64];

	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "d%d/missing", i);
		sandbox_deny(&sandbox, REIN_ACCESS_WRITE, path);
		snprintf(path, sizeof(path), "d%d", i);
		sandbox_folder(&sandbox, path);
	}
	sandbox.launch.plan = &sandbox.plan;
	sandbox.launch.policy = &sandbox.policy;
	cr_assert_eq(rein_view_compute(&sandbox.policy, NULL, &sandbox.plan.view, &err), 0, "%s", err.text);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert_eq(rein_labels_make(&sandbox.launch, &labels, &err), -EMFILE);
	cr_expect(strstr(err.text, "trial.yaml:"), "%s", err.text);
	cr_expect(strstr(err.text, "64 are not enough"), "%s", err.text);
}
