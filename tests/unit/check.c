/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"

/* `rein check`: what it prints and returns. */

static char folder[] = "/tmp/rein-check-XXXXXX";

static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static void set_up(void)
{
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
	write_text("good.yaml", "rein: 1\nname: good\nsyscalls: [\"@default\"]\n");
	write_text("bad.yaml", "rein: 1\nnme: bad\n");
	write_text("odd.yaml", "rein: 1\nname: odd\nsyscalls: [\"@default\"]\nenvironment: {keep: [GITHUB_TOKEN]}\n");
	write_text("mount.yaml", "rein: 1\nname: mount\nsyscalls: [\"@default\", mount]\n");
	write_text("sys.yaml", "rein: 1\nname: sys\nfilesystem: {write: [/sys/fs]}\n");
	write_text("call.yaml", "rein: 1\nname: call\nsyscalls: [\"@default\", opennat]\n");
	cr_redirect_stdout();
	cr_redirect_stderr();
}

static void tear_down(void)
{
	static const char *const files[] = {"good.yaml", "bad.yaml", "odd.yaml", "call.yaml"};
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	rmdir(folder);
}

TestSuite(check, .init = set_up, .fini = tear_down);

#define CHECK(...) check((char *[]){"check", __VA_ARGS__, NULL})

static int check(char **argv)
{
	int argc = 0, code;

	while (argv[argc])
		argc++;
	code = rein_cmd_check(argc, argv);
	fflush(stdout);
	return code;
}

Test(check, says_that_a_profile_is_good)
{
	cr_assert_eq(CHECK("./good.yaml"), 0);
	cr_assert_stdout_eq_str("./good.yaml: ok\n");
}

Test(check, takes_the_bare_name_of_a_file)
{
	cr_assert_eq(CHECK("good.yaml"), 0);
	cr_assert_stdout_eq_str("good.yaml: ok\n");
}

Test(check, goes_on_after_a_bad_one)
{
	cr_assert_eq(CHECK("bad.yaml", "good.yaml"), 1);
	cr_assert_stdout_eq_str("./bad.yaml:2:1: unknown key \"nme\" (did you mean \"name\"?); known here: rein, name, "
				"description, extends, filesystem, network, syscalls, environment, limits, breakers, "
				"approvals, audit\ngood.yaml: ok\n");
}

Test(check, warns_and_is_content)
{
	cr_assert_eq(CHECK("odd.yaml"), 0);
	cr_assert_stdout_eq_str("./odd.yaml:4:22: warning: hands GITHUB_TOKEN to the agent\n");
}

Test(check, knows_the_system_calls)
{
	cr_assert_eq(CHECK("call.yaml"), 1);
	cr_assert_stdout_eq_str("./call.yaml:3:24: there is no system call or group \"opennat\"\n");
}

Test(check, knows_what_no_machine_can_keep)
{
	cr_assert_eq(CHECK("mount.yaml", "sys.yaml"), 1);
	cr_assert_stdout_eq_str(
		"./mount.yaml:3:24: no profile can allow the system call \"mount\", because it rearranges what the "
		"agent "
		"sees of the file system\n"
		"./sys.yaml:3:22: no profile can allow writing \"/sys/fs\", because an agent that can write there can "
		"leave its confinement\n");
}

Test(check, misuse)
{
	cr_assert_eq(CHECK("--nonsense"), 2);
}

Test(check, as_json)
{
	FILE *out = cr_get_redirected_stdout();
	json_t *root, *profiles, *warning;
	char text[8192];
	size_t length;

	cr_assert_eq(CHECK("--json", "bad.yaml", "odd.yaml"), 1);
	length = fread(text, 1, sizeof(text), out);
	root = json_loadb(text, length, JSON_DISABLE_EOF_CHECK, NULL);
	profiles = json_object_get(root, "profiles");
	cr_assert_eq(json_array_size(profiles), 2);
	cr_assert(json_is_false(json_object_get(json_array_get(profiles, 0), "ok")));
	cr_assert(json_is_string(json_object_get(json_array_get(profiles, 0), "error")));
	cr_assert(json_is_true(json_object_get(json_array_get(profiles, 1), "ok")));
	warning = json_array_get(json_object_get(json_array_get(profiles, 1), "warnings"), 0);
	cr_assert_eq(json_integer_value(json_object_get(json_object_get(warning, "rule"), "line")), 4);
	json_decref(root);
}
