/* SPDX-License-Identifier: GPL-2.0 */
#include "base/walk.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/report.h"
#include "base/cleanup.h"
#include "harness/logs.h"

/*
 * In the scratch folder: `secret` with r.json and log.jsonl, which nobody may reach through what others decide; `open`,
 * a folder that others may write to, with the links logs -> secret and loop -> loop; `closed`, with the links logs ->
 * secret, up -> ../secret and on -> ../open/logs.
 */

static struct rein_scratch_log scratch;

static const char *in_folder(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % REIN_COUNT(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", scratch.folder, name);
	return path;
}

static void make_link(const char *target, const char *name)
{
	cr_assert_eq(symlink(target, in_folder(name)), 0);
}

static void make_folders(void)
{
	static const char *const names[] = {"secret", "open", "closed"};

	rein_scratch_log_make(&scratch);
	for (size_t i = 0; i < REIN_COUNT(names); i++)
		cr_assert_eq(mkdir(in_folder(names[i]), 0755), 0);
	cr_assert_eq(chmod(in_folder("open"), 0777), 0);
	rein_spill(in_folder("secret/r.json"), "precious");
	make_link(in_folder("secret"), "open/logs");
	make_link("loop", "open/loop");
	make_link(in_folder("secret"), "closed/logs");
	make_link("../secret/.", "closed/up");
	make_link("../open/logs", "closed/on");
	make_link("loop", "closed/loop");
}

static void remove_folders(void)
{
	rein_scratch_log_remove(&scratch);
}

TestSuite(walk, .init = make_folders, .fini = remove_folders, .timeout = 30);

static void expect_refused(const char *file)
{
	struct rein_error err = {0};
	const char *name;

	cr_expect_eq(rein_walk_to_folder(in_folder(file), NULL, &name, &err), -ELOOP, "%s: %s", file, err.text);
	cr_expect(strstr(err.text, "open/logs is a symbolic link that an agent or another user can turn elsewhere"),
		  "%s", err.text);
}

static void expect_reached(const char *path, const char *folder)
{
	struct rein_error err = {0};
	const char *name;
	REIN_AUTO_FD int fd = rein_walk_to_folder(path, NULL, &name, &err);
	REIN_AUTO_FREE char *real = fd >= 0 ? rein_walk_path(fd) : NULL;

	cr_assert_geq(fd, 0, "%s: %s", path, err.text);
	cr_expect_str_eq(real, folder, "%s", path);
	cr_expect_str_eq(name, "file");
}

static void expect_error(const char *path, int code)
{
	struct rein_error err = {0};
	const char *name;

	cr_expect_eq(rein_walk_to_folder(path, NULL, &name, &err), -code, "%s: %s", path, err.text);
	cr_expect_str_eq(err.text, strerror(code), "%s", path);
}

Test(walk, links_that_others_can_turn_are_not_followed)
{
	expect_refused("open/logs/file");
	expect_refused("open//./logs//file");
	expect_refused("closed/on/file");
	expect_refused("closed/../open/logs/../file");
}

Test(walk, links_of_another_user_are_not_followed)
{
	if (geteuid())
		cr_skip_test("only root can give a folder away");
	cr_assert_eq(chmod(in_folder("open"), 0755), 0);
	cr_assert_eq(chown(in_folder("open"), 65534, 65534), 0);
	expect_refused("open/logs/file");
	/* In a folder like /tmp it is the link's owner who counts. */
	cr_assert_eq(chown(in_folder("open"), 0, 0), 0);
	cr_assert_eq(chmod(in_folder("open"), 01777), 0);
	expect_reached(in_folder("open/logs/file"), in_folder("secret"));
	cr_assert_eq(lchown(in_folder("open/logs"), 65534, 65534), 0);
	expect_refused("open/logs/file");
}

Test(walk, links_of_ones_own_are_followed)
{
	expect_reached(in_folder("closed/logs/file"), in_folder("secret"));
	expect_reached(in_folder("closed/up/file"), in_folder("secret"));
	expect_reached(in_folder("open/file"), in_folder("open"));
	expect_reached("/file", "/");
	expect_reached("/../../file", "/");
	cr_assert_eq(chdir(in_folder("closed")), 0);
	expect_reached("file", in_folder("closed"));
	expect_reached("logs/file", in_folder("secret"));
	expect_reached("../open/file", in_folder("open"));
}

Test(walk, links_in_the_workspace_are_nobodys)
{
	struct rein_error err = {0};
	const char *name;
	int fd;

	cr_expect_eq(rein_walk_to_folder(in_folder("closed/logs/file"), in_folder("closed"), &name, &err), -ELOOP);
	cr_expect(strstr(err.text, "closed/logs is a symbolic link that an agent or another user"), "%s", err.text);
	/* What only begins as it does is another folder. */
	fd = rein_walk_to_folder(in_folder("closed/logs/file"), in_folder("close"), &name, &err);
	cr_assert_geq(fd, 0, "%s", err.text);
	close(fd);
}

Test(walk, the_systems_own_links_are_followed)
{
	struct stat status;

	if (lstat("/var/run", &status) || !S_ISLNK(status.st_mode))
		cr_skip_test("/var/run is no link here");
	expect_reached("/var/run/file", "/run");
}

Test(walk, what_is_not_there_is_said)
{
	char name[400], deep[8192];

	expect_error("/nonexistent/file", ENOENT);
	expect_error("/etc/passwd/file", ENOTDIR);
	expect_error(in_folder("closed/loop/file"), ELOOP);
	snprintf(name, sizeof(name), "/%0300d/file", 0);
	expect_error(name, ENAMETOOLONG);
	snprintf(deep, sizeof(deep), "/%08000d/file", 0);
	expect_error(deep, ENAMETOOLONG);
}

Test(walk, a_report_does_not_land_behind_somebody_elses_link)
{
	struct rein_report *report = NULL;
	struct rein_error err = {0};

	cr_expect_eq(rein_report_open(in_folder("open/logs/r.json"), NULL, &report, &err), -ELOOP);
	cr_expect(strstr(err.text, "cannot open the folder of the report"), "%s", err.text);
	REIN_AUTO_FREE char *text = rein_slurp(in_folder("secret/r.json"));
	cr_expect_str_eq(text, "precious");
}

Test(walk, a_log_is_not_made_behind_somebody_elses_link)
{
	struct rein_error err = {0};

	snprintf(scratch.log, sizeof(scratch.log), "%s/open/logs/l", scratch.folder);
	cr_expect_eq(rein_scratch_log_refused(&scratch, &err), -ELOOP);
	cr_expect(strstr(err.text, "cannot open the folder of the audit log"), "%s", err.text);
	cr_expect_neq(access(in_folder("secret/l"), F_OK), 0);
}
