/* SPDX-License-Identifier: GPL-2.0 */
/* What the agent inherits as standard input, output and error leads it to nothing outside its profile. */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char profile[] = "rein: 1\n"
			      "name: inherited\n"
			      "description: Tries what it was given.\n"
			      "extends: [base]\n"
			      "filesystem: {write: [$WORKSPACE]}\n";

/* Every way to change a file by its descriptor; prints what standard input held. */
static const char attack[] =
	"import os, sys\n"
	"ways = [lambda: os.fchmod(0, 0o777), lambda: os.utime(0, (1, 1)),\n"
	"        lambda: os.fchown(0, os.getuid(), os.getgid()), lambda: os.ftruncate(0, 0),\n"
	"        lambda: os.setxattr(0, 'user.x', b'1'), lambda: os.chmod('/proc/self/fd/0', 0o777),\n"
	"        lambda: os.utime('/proc/self/fd/0', (1, 1)),\n"
	"        lambda: os.close(os.open('/proc/self/fd/0', os.O_WRONLY | os.O_TRUNC | os.O_NONBLOCK))]\n"
	"for way in ways:\n"
	"    try: way()\n"
	"    except OSError: pass\n"
	"os.system('wc -c')\n";

static const char content[] = "a secret of the host\n";

static void secret_at(const struct trial *trial, char *path, size_t size)
{
	trial_profile(trial, profile);
	trial_write(trial, "ws/attack.py", attack, 0644);
	trial_write(trial, "secret", content, 0600);
	snprintf(path, size, "%s/secret", trial->root);
	cr_assert(chown(path, trial->uid, trial->gid) == 0);
}

static struct outcome run_with(const struct trial *trial, const char *redirection)
{
	return run_shell("cd %s && %s run -p %s -w %s --audit %s -- /usr/bin/python3 attack.py %s", trial->workspace,
			 harness_rein(), trial->profile, trial->workspace, trial->audit, redirection);
}

static void is_as_before(const struct trial *trial, const char *path, const struct stat *before)
{
	char *now = trial_read(trial, "secret");
	struct stat after;

	cr_assert(stat(path, &after) == 0);
	cr_expect_eq(after.st_mode, before->st_mode, "mode %o", after.st_mode);
	cr_expect_eq(after.st_mtim.tv_sec, before->st_mtim.tv_sec);
	cr_expect_eq(after.st_ctim.tv_nsec, before->st_ctim.tv_nsec);
	cr_expect_str_eq(now, content);
	free(now);
}

static void input_is_only_read(struct trial trial)
{
	char path[256], redirection[300];
	struct stat before;

	secret_at(&trial, path, sizeof(path));
	cr_assert(stat(path, &before) == 0);
	snprintf(redirection, sizeof(redirection), "<%s", path);
	OUTCOME seen = run_with(&trial, redirection);
	cr_assert_eq(seen.code, 0, "%s", seen.err);
	cr_assert_eq(strtoul(seen.out, NULL, 10), strlen(content), "%s", seen.out);
	is_as_before(&trial, path, &before);
}

Test(inherited, a_file_as_input_is_only_read, .timeout = 60)
{
	TRIAL trial = trial_open();

	input_is_only_read(trial);
}

Test(inherited, a_file_as_input_is_only_read_as_uid_0, .timeout = 60)
{
	TRIAL trial = trial_open_own();

	input_is_only_read(trial);
}

static bool is_as_it_should_be(const char *device)
{
	struct stat st;
	bool good = stat(device, &st) == 0 && (st.st_mode & 0777) == 0666;

	if (!good && harness_root())
		chmod(device, 0666); /* the rest of this machine needs it */
	return good;
}

Test(inherited, devices_of_the_host_stay_as_they_are_as_uid_0, .timeout = 60)
{
	TRIAL trial = trial_open_own();
	OUTCOME outcome = {0};

	trial_profile(&trial, profile);
	trial_write(&trial, "ws/attack.py",
		    "import os\n"
		    "for way in (lambda: os.fchmod(0, 0o600), lambda: os.chmod('/dev/null', 0o600),\n"
		    "            lambda: os.chmod('/dev/full', 0o600), lambda: os.chmod('/dev/zero', 0o600)):\n"
		    "    try: way()\n"
		    "    except OSError: pass\n"
		    "open('/dev/null', 'w').write('still of use')\n",
		    0644);
	outcome = run_with(&trial, "</dev/null");
	cr_expect_eq(outcome.code, 0, "%d %s", outcome.code, outcome.err);
	cr_expect(is_as_it_should_be("/dev/null"));
	cr_expect(is_as_it_should_be("/dev/full"));
	cr_expect(is_as_it_should_be("/dev/zero"));
}

Test(inherited, all_of_a_large_file_arrives, .timeout = 60)
{
	TRIAL trial = trial_open();

	trial_profile(&trial, profile);
	OUTCOME seen = run_shell("cd %s && head -c 3000000 /dev/zero >../large && %s run -p %s -w %s --audit %s -- "
				 "sh -c 'cat /dev/stdin | wc -c' <../large",
				 trial.workspace, harness_rein(), trial.profile, trial.workspace, trial.audit);
	cr_assert_eq(strtoul(seen.out, NULL, 10), 3000000, "%s%s", seen.out, seen.err);
}

/* Nothing of it has run, and the message says which descriptor it is. */
static void is_refused(const struct trial *trial, const char *redirection, const char *word)
{
	OUTCOME seen = run_with(trial, redirection);

	cr_expect_eq(seen.code, 125, "%s: %s", redirection, seen.err);
	cr_expect(strstr(seen.err, word) || strstr(redirection, "2<"), "%s", seen.err);
}

Test(inherited, folders_and_output_for_reading_are_refused, .timeout = 60)
{
	TRIAL trial = trial_open();
	char path[256];

	secret_at(&trial, path, sizeof(path));
	is_refused(&trial, "</etc", "standard input is a folder");
	is_refused(&trial, "1</etc", "standard output is a folder");
	is_refused(&trial, "2</etc", "");
	is_refused(&trial, "1</etc/passwd", "standard output is a file opened for reading");
}

/* An agent that ends before its input does not keep rein. */
Test(inherited, unread_input_holds_nobody, .timeout = 60)
{
	TRIAL trial = trial_open();

	trial_profile(&trial, profile);
	OUTCOME seen = run_shell("cd %s && head -c 3000000 /dev/zero >../large && %s run -p %s -w %s --audit %s -- "
				 "sh -c 'exit 7' <../large",
				 trial.workspace, harness_rein(), trial.profile, trial.workspace, trial.audit);
	cr_assert_eq(seen.code, 7, "%s", seen.err);
}
