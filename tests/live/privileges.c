/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/policies.h"
#include "mech/privileges.h"
#include "mech/rlimits.h"

static struct rein_trial_plan trial;

static void setup(void)
{
	rein_trial_plan_init(&trial);
}

static void teardown(void)
{
	rein_trial_plan_free(&trial);
}

TestSuite(privileges, .init = setup, .fini = teardown, .timeout = 20);
TestSuite(rlimits, .init = setup, .fini = teardown, .timeout = 20);

static int in_child(int (*body)(void))
{
	int status = -1;
	pid_t child = fork();

	if (!child)
		_exit(body());
	cr_assert_eq(waitpid(child, &status, 0), child);
	return status;
}

/* Every line that starts with `Cap` is zero, and the process can gain nothing. */
static int status_is_bare(bool bounding)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	unsigned long long set;
	int seen = 0;

	while (status && fgets(line, sizeof(line), status)) {
		if (!bounding && !strncmp(line, "CapBnd", 6))
			continue;
		if (sscanf(line, "Cap%*3c:%llx", &set) == 1)
			seen += set ? 100 : 1;
		if (!strcmp(line, "NoNewPrivs:\t1\n"))
			seen += 10;
	}
	return seen == (bounding ? 15 : 14) ? 0 : 1;
}

static int drop(void)
{
	bool root = !geteuid();

	return rein_privileges_drop(NULL) || status_is_bare(root);
}

Test(privileges, nothing_is_left)
{
	cr_assert_eq(in_child(drop), 0);
}

static int use_root_after_drop(void)
{
	int fd;

	if (rein_privileges_drop(NULL))
		return 1;
	if (chown("/", 0, 1) == 0 || setgroups(0, NULL) == 0 || sethostname("x", 1) == 0)
		return 2;
	fd = open("/proc/sys/kernel/core_pattern", O_WRONLY);
	close(fd); /* uid 0 owns it: why uid 0 needs a mount namespace and Landlock as well */
	return setuid(12345) == 0 ? 3 : 0;
}

Test(privileges, root_without_privileges_cannot_act_as_root)
{
	if (geteuid())
		cr_skip_test("needs root");
	cr_assert_eq(in_child(use_root_after_drop), 0);
}

static int exec_regains(void)
{
	if (rein_privileges_drop(NULL))
		return 1;
	execlp("sh", "sh", "-c", "grep -q '^CapEff:.*[1-9a-f]' /proc/self/status && exit 1 || exit 0", NULL);
	return 1;
}

Test(privileges, exec_as_root_regains_nothing)
{
	cr_assert_eq(in_child(exec_regains), 0);
}

static int become_other(void)
{
	gid_t groups[8];
	uid_t real, effective, saved;

	trial.launch.privileged = true;
	trial.launch.who = (struct rein_identity){
		.uid = 54321, .gid = 54322, .groups = {54322, 54323}, .nr_groups = 2, .name = "other", .home = "/"};
	if (rein_privileges_become(&trial.launch, NULL) || rein_privileges_drop(NULL))
		return 1;
	if (getresuid(&real, &effective, &saved) || real != 54321 || effective != 54321 || saved != 54321)
		return 2;
	if (getgid() != 54322 || getgroups(8, groups) != 2 || groups[1] != 54323)
		return 3;
	if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0)
		return 4;
	return status_is_bare(true) ? 5 : 0;
}

Test(privileges, another_user_for_good)
{
	if (geteuid())
		cr_skip_test("needs root");
	cr_assert_eq(in_child(become_other), 0);
}

static int become_somebody_else_unprivileged(void)
{
	struct rein_error err = {0};

	trial.launch.who = (struct rein_identity){.uid = getuid() + 1, .gid = getgid(), .name = "other"};
	return rein_privileges_become(&trial.launch, &err) == -EPERM ? 0 : 1;
}

Test(privileges, the_wrong_user_is_an_error)
{
	cr_assert_eq(in_child(become_somebody_else_unprivileged), 0);
}

static void limit(enum rein_limit_kind kind, uint64_t value)
{
	trial.policy.limits[kind] = (struct rein_limit_rule){.origin = {"trial.yaml", 1, 1, "limits"}, .value = value};
}

static int confined(void)
{
	return rein_mech_rlimits.apply(&trial.launch, REIN_STAGE_AGENT, NULL);
}

static int open_many(void)
{
	int highest = -1, fd;

	if (confined())
		return 1;
	while ((fd = dup(0)) >= 0)
		highest = fd;
	return errno != EMFILE || highest != 31;
}

Test(rlimits, open_files)
{
	limit(REIN_LIMIT_OPEN_FILES, 32);
	cr_assert_eq(in_child(open_many), 0);
}

static int write_much(void)
{
	char path[] = "/tmp/rein-fsize-XXXXXX", block[4096] = {0};
	int fd = mkstemp(path);
	struct stat st;

	signal(SIGXFSZ, SIG_IGN);
	if (fd < 0 || unlink(path) || confined())
		return 1;
	while (write(fd, block, sizeof(block)) > 0)
		;
	return errno != EFBIG || fstat(fd, &st) || st.st_size != 10000;
}

Test(rlimits, file_size)
{
	limit(REIN_LIMIT_FILE_SIZE, 10000);
	cr_assert_eq(in_child(write_much), 0);
}

static int dump(void)
{
	struct rlimit core;

	return confined() || getrlimit(RLIMIT_CORE, &core) || core.rlim_max || core.rlim_cur;
}

Test(rlimits, no_core_dumps)
{
	cr_assert_eq(in_child(dump), 0);
}

static int stricter(void)
{
	struct rlimit files = {20, 20}, after;

	return setrlimit(RLIMIT_NOFILE, &files) || confined() || getrlimit(RLIMIT_NOFILE, &after) ||
	       after.rlim_max != 20;
}

Test(rlimits, a_stricter_limit_stays)
{
	limit(REIN_LIMIT_OPEN_FILES, 4096);
	cr_assert_eq(in_child(stricter), 0);
}
