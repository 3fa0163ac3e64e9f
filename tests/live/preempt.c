/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "mech/bpf_file.h"

/* A kernel that preempts itself skips fmod_ret programs, so they must not pass for working there. */

TestSuite(preempt, .timeout = 300);

static char folder[] = "/tmp/rein-preempt-XXXXXX";

/* Opens the kernel's switch; skips the test where there is none, or it cannot be set. */
static int open_switch(void)
{
	char path[64];
	int fd;

	if (!mkdtemp(folder) || mount("rein-test", folder, "debugfs", 0, NULL))
		cr_skip_test("debugfs cannot be mounted here: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s/sched/preempt", folder);
	fd = open(path, O_RDWR | O_CLOEXEC);
	umount2(folder, MNT_DETACH);
	rmdir(folder);
	if (fd < 0)
		cr_skip_test("how this kernel preempts itself cannot be set: %s", strerror(errno));
	return fd;
}

/* What is set now stands in parentheses. */
static void read_switch(int fd, char *ret_mode, size_t size)
{
	char all[128], *begin;
	ssize_t n = pread(fd, all, sizeof(all) - 1, 0);

	all[n > 0 ? n : 0] = '\0';
	begin = strchr(all, '(');
	cr_assert(begin && strchr(begin, ')'), "%s", all);
	*strchr(begin, ')') = '\0';
	snprintf(ret_mode, size, "%s", begin + 1);
}

static void set_switch(int fd, const char *mode)
{
	cr_assert_eq(write(fd, mode, strlen(mode)), (ssize_t)strlen(mode), "%s: %s", mode, strerror(errno));
}

Test(preempt, fmod_ret_does_not_count_where_it_may_be_skipped)
{
	struct rein_machine quiet, preempting, again;
	struct caged caged;
	char before[32];
	int fd;

	caged_open_alone(&caged);
	fd = open_switch();
	read_switch(fd, before, sizeof(before));
	set_switch(fd, "voluntary");
	rein_mech_bpf_file.probe(&caged.machine);
	quiet = caged.machine;
	set_switch(fd, "full");
	rein_mech_bpf_file.probe(&caged.machine);
	preempting = caged.machine;
	set_switch(fd, "voluntary");
	rein_mech_bpf_file.probe(&caged.machine);
	again = caged.machine;
	set_switch(fd, before);
	close(fd);
	if (!quiet.facts[REIN_MECH_BPF_FILE].works)
		cr_skip_test("bpf-file: %s", quiet.facts[REIN_MECH_BPF_FILE].detail);
	cr_expect(again.facts[REIN_MECH_BPF_FILE].works, "%s", again.facts[REIN_MECH_BPF_FILE].detail);
	if (quiet.bpf_lsm) {
		cr_expect(preempting.bpf_lsm, "%s", preempting.facts[REIN_MECH_BPF_FILE].detail);
		cr_expect(preempting.bpf_file_skips && !quiet.bpf_file_skips && !again.bpf_file_skips);
		cr_expect(strstr(preempting.facts[REIN_MECH_BPF_FILE].detail, "preempt=full"), "%s",
			  preempting.facts[REIN_MECH_BPF_FILE].detail);
		return;
	}
	cr_expect_not(preempting.facts[REIN_MECH_BPF_FILE].works || preempting.bpf_fmod_ret);
	cr_expect(strstr(preempting.facts[REIN_MECH_BPF_FILE].detail, "preempt=full"), "%s",
		  preempting.facts[REIN_MECH_BPF_FILE].detail);
}
