/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/identity.h"

/* Who is found for a caller who can become anybody: /usr belongs to root, whoever runs the test. */
static const struct {
	const char *user, *sudo_uid, *name; /* name NULL: an error */
	const char *message;
} table[] = {
	{"nobody", NULL, "nobody", NULL},
	{"65534", NULL, "nobody", NULL},
	{"daemon", "65534", "daemon", NULL},
	{NULL, "65534", "nobody", NULL},
	{NULL, "0", "root", NULL},
	{NULL, NULL, "root", NULL},
	{"root", "65534", "root", NULL},
	{"", NULL, NULL, "--user is empty: it needs a NAME"},
	{"no-such-user", NULL, NULL, "--user no-such-user: there is no such user on this system"},
	{"4294967295", NULL, NULL, "--user 4294967295: there is no such user on this system"},
	{"-1", NULL, NULL, "--user -1: there is no such user on this system"},
	{NULL, "abc", NULL, "SUDO_UID is \"abc\", which is no uid; unset it or use --user"},
	{NULL, "", NULL, "SUDO_UID is \"\", which is no uid; unset it or use --user"},
	{NULL, "-2", NULL, "SUDO_UID is \"-2\", which is no uid; unset it or use --user"},
	{NULL, "99999999999999999999", NULL,
	 "SUDO_UID is \"99999999999999999999\", which is no uid; unset it or use --user"},
	{NULL, "4000000001", NULL,
	 "the agent would run as uid 4000000001 (SUDO_UID), which is no user of this system; name one with --user"},
};

Test(identity, with_privileges)
{
	for (size_t i = 0; i < REIN_COUNT(table); i++) {
		struct rein_identity_wish wish = {.privileged = true,
						  .user = table[i].user,
						  .sudo_uid = table[i].sudo_uid,
						  .home = "/somewhere",
						  .workspace = "/usr"};
		struct rein_identity who = {0};
		struct rein_error err = {0};
		int r = rein_identity_find(&wish, &who, &err);

		cr_expect_eq(r == 0, table[i].name != NULL, "row %zu: %s", i, err.text);
		if (r == 0)
			cr_expect_str_eq(who.name, table[i].name, "row %zu", i);
		else
			cr_expect_str_eq(err.text, table[i].message, "row %zu", i);
		rein_identity_free(&who);
	}
}

Test(identity, has_the_groups_of_its_user)
{
	struct rein_identity_wish wish = {.privileged = true, .user = "nobody", .workspace = "/usr"};
	const struct passwd *nobody = getpwnam("nobody");
	struct rein_identity who;
	struct rein_error err;

	cr_assert_eq(rein_identity_find(&wish, &who, &err), 0);
	cr_expect_eq(who.uid, nobody->pw_uid);
	cr_expect_eq(who.gid, nobody->pw_gid);
	cr_expect_eq(who.nr_groups, 1);
	cr_expect_eq(who.groups[0], nobody->pw_gid);
	cr_expect_str_eq(who.home, nobody->pw_dir);
	rein_identity_free(&who);
}

Test(identity, an_ordinary_caller_is_themselves)
{
	struct rein_identity_wish wish = {.sudo_uid = "65534", .home = "/my/home", .workspace = "/usr"};
	struct rein_identity who;
	struct rein_error err;

	cr_assert_eq(rein_identity_find(&wish, &who, &err), 0);
	cr_expect_eq(who.uid, geteuid());
	cr_expect_eq(who.gid, getegid());
	cr_expect_str_eq(who.home, "/my/home");
	rein_identity_free(&who);
	wish.home = "not/absolute";
	cr_assert_eq(rein_identity_find(&wish, &who, &err), 0);
	cr_expect(!who.home || who.home[0] == '/');
	rein_identity_free(&who);
}

Test(identity, an_ordinary_caller_is_nobody_else)
{
	struct rein_identity_wish wish = {.user = "daemon", .workspace = "/usr"};
	struct rein_identity who;
	struct rein_error err;

	cr_assert_eq(rein_identity_find(&wish, &who, &err), -EPERM);
	cr_expect_str_eq(err.text, "--user daemon: only root can start an agent as somebody else");
}

Test(identity, the_owner_of_the_workspace_runs_it)
{
	char folder[] = "/tmp/rein-identity-XXXXXX";
	struct rein_identity_wish wish = {.privileged = true, .workspace = folder};
	struct rein_identity who;
	struct rein_error err;

	if (geteuid())
		cr_skip("only root can give a folder away");
	cr_assert(mkdtemp(folder));
	cr_assert_eq(chown(folder, 65534, 65534), 0);
	cr_assert_eq(rein_identity_find(&wish, &who, &err), 0);
	cr_expect_str_eq(who.name, "nobody");
	rein_identity_free(&who);
	cr_assert_eq(chown(folder, 4000000001U, 4000000001U), 0);
	cr_expect_eq(rein_identity_find(&wish, &who, &err), -ENOENT);
	cr_expect_str_eq(err.text,
			 "the agent would run as uid 4000000001 (the owner of the workspace), which is no user "
			 "of this system; name one with --user");
	rmdir(folder);
}
