/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "mech/bpf_load.h"
#include "mech/bpf_load_file.h"
#include "mech/bpf_selftest.h"
#include "mech/bpf_selftest_shots.h"

/*
 * Each hook of bpf-file on trial: with it, what only it sees first is refused; with its link removed by hand, the same
 * gets through. Links are removed one after the other and none is attached again, since LSM programs must not come and
 * go; so the hooks that see a call second go first. README.md in this folder has the list.
 */

#define PATIENCE_NS 20000000000ULL

static const char *const second[] = {"inode_setattr", "socket_sendmsg"};

static struct rein_targets targets;

static int shoot(void *argument)
{
	const struct rein_shot *shot = argument;

	return shot->refused(&targets) ? 1 : 0;
}

/* 1: refused; 0: let through. What the shot changes is made anew for the next. */
static int outcome(const struct caged *caged, const struct rein_shot *shot)
{
	struct rein_error err = {0};
	int result;

	cr_assert_eq(rein_targets_make(&targets, &err), 0, "%s", err.text);
	result = caged_run(caged, shoot, (void *)shot);
	rein_targets_remove(&targets);
	return result;
}

/* An agent keeps its hooks attached though their pins are gone, which is tested elsewhere and here in the way. */
static void let_go_of_links(void)
{
	REIN_AUTO_FD int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int found = 0;

	for (int fd = 3; fd < 1024; fd++) {
		char path[32], target[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "bpf-link"))
			found += dup2(nothing, fd) == fd;
	}
	cr_assert_gt(found, 0, "an agent holds no links");
}

static void detach(const char *hook)
{
	char path[256];

	snprintf(path, sizeof(path), REIN_PINS "/file-%016" PRIx64 "/rein_%s", rein_bpf_build(), hook);
	cr_assert_eq(unlink(path), 0, "%s: %m", path);
	cr_assert_not(rein_bpf_file_attached(rein_bpf_build(), hook));
}

/* The kernel detaches what nobody holds any more later, behind the grace periods of others. */
static int outcome_without(const struct caged *caged, const struct rein_shot *shot)
{
	uint64_t begin = caged_now_ns();
	int result = outcome(caged, shot);

	while (result && caged_now_ns() - begin < PATIENCE_NS)
		result = outcome(caged, shot);
	return result;
}

static void try_without(const struct caged *caged, const struct rein_shot *shot)
{
	if (!rein_bpf_file_attached(rein_bpf_build(), shot->hook))
		return; /* tried already, or not of this kernel */
	cr_expect_eq(outcome(caged, shot), 1, "%s does not refuse", shot->hook);
	detach(shot->hook);
	cr_expect_eq(outcome_without(caged, shot), 0, "%s is not what refused", shot->hook);
}

static void try_all(const struct caged *caged)
{
	for (size_t i = 0; i < REIN_COUNT(second); i++)
		for (const struct rein_shot *shot = rein_shots; shot->hook; shot++)
			if (!strcmp(shot->hook, second[i]))
				try_without(caged, shot);
	for (const struct rein_shot *shot = rein_shots; shot->hook; shot++)
		try_without(caged, shot);
}

/* ---- with a state that is known ---- */

static int write_a_byte(void *argument)
{
	return pwrite(targets.file, "r", 1, 0) == 1 ? 0 : errno;
}

static int reserve_a_page(void *argument)
{
	return fallocate(targets.file, 0, 0, 4096) ? errno : 0;
}

static int execute(void *argument)
{
	execl("/bin/true", "true", NULL);
	return errno;
}

static int known(const struct caged *caged, int (*act)(void *))
{
	struct rein_error err = {0};
	int result;

	cr_assert_eq(rein_targets_make(&targets, &err), 0, "%s", err.text);
	result = caged_run(caged, act, NULL);
	rein_targets_remove(&targets);
	return result;
}

/* The same, until it comes to what is wanted. */
static int known_without(const struct caged *caged, int (*act)(void *), int wanted)
{
	uint64_t begin = caged_now_ns();
	int result = known(caged, act);

	while (result != wanted && caged_now_ns() - begin < PATIENCE_NS)
		result = known(caged, act);
	return result;
}

static void open_breaker(const struct caged *caged, enum rein_meter meter)
{
	for (int i = 0; i < (int)caged->launch.state->nr_breakers; i++)
		if (caged->launch.state->breakers[i].meter == meter)
			caged->launch.state->breakers[i].bucket.state = REIN_BREAKER_OPEN;
}

/* What is watched decides nothing: without it nobody knows the amount, and what nobody knows is refused. */
static void try_watched(const struct caged *caged)
{
	static const struct watched {
		const char *hook;
		int (*act)(void *);
	} all[] = {{"rw_verify_area", write_a_byte}, {"vfs_fallocate", reserve_a_page}};

	for (size_t i = 0; i < REIN_COUNT(all); i++) {
		cr_expect_eq(known(caged, all[i].act), 0, "%s", all[i].hook);
		detach(all[i].hook);
		cr_expect_eq(known_without(caged, all[i].act, EPERM), EPERM, "without %s bytes are written unseen",
			     all[i].hook);
	}
}

static void try_exec(const struct caged *caged)
{
	open_breaker(caged, REIN_METER_EXEC_COUNT);
	cr_expect_eq(known(caged, execute), EDQUOT, "bprm_creds_for_exec does not refuse");
	detach("bprm_creds_for_exec");
	cr_expect_eq(known_without(caged, execute, 0), 0, "bprm_creds_for_exec is not what refused");
}

TestSuite(mutations, .timeout = 900);

Test(mutations, every_hook_is_what_refuses)
{
	struct caged caged;

	caged_open(&caged);
	caged_use_file(&caged);
	caged_break(&caged, REIN_MECH_BPF_FILE, REIN_METER_WRITE_BYTES, CAGED_NEVER, 1 << 20, REIN_ON_TRIP_DENY);
	caged_break(&caged, REIN_MECH_BPF_FILE, REIN_METER_EXEC_COUNT, CAGED_NEVER, 1, REIN_ON_TRIP_DENY);
	caged_start(&caged, false, false);
	let_go_of_links();
	try_watched(&caged);
	try_exec(&caged);
	caged.launch.state->abi = 0; /* from here on nobody knows who this is: every hook refuses with EACCES */
	try_all(&caged);
	caged.launch.state->abi = REIN_ABI;
	caged_stop(&caged);
	rein_bpf_unload_file(rein_bpf_build(), NULL);
	rein_bpf_selftest_forget();
}
