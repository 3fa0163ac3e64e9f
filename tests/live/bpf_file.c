/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/caged.h"

/* bpf-file by its effects: what an agent's processes could not do. Skipped where the kernel takes none of its programs.
 */

TestSuite(bpf_file, .timeout = 300); /* whoever comes first loads and fires all programs */

static int fork_on(void *argument)
{
	pid_t child;

	while ((child = fork()) >= 0) {
		if (!child)
			_exit(0);
		waitpid(child, NULL, 0);
	}
	return errno;
}

Test(bpf_file, the_fork_beyond_the_burst_fails_with_edquot)
{
	const uint64_t burst = 20;
	struct caged caged;
	uint64_t begin, forks, seconds;

	caged_open(&caged);
	caged_use_file(&caged);
	caged_break(&caged, REIN_MECH_BPF_FILE, REIN_METER_FORK_COUNT, CAGED_NEVER, burst, REIN_ON_TRIP_DENY);
	caged_start(&caged, false, false);
	begin = caged_now_ns();
	cr_expect_eq(caged_run(&caged, fork_on, NULL), EDQUOT);
	seconds = (caged_now_ns() - begin) / 1000000000;
	forks = caged.launch.state->meters[REIN_METER_FORK_COUNT];
	cr_expect(forks >= burst && forks <= burst + seconds + 1, "%lu forks", (unsigned long)forks);
	cr_expect_eq(caged.launch.state->breakers[0].bucket.trips, 1);
	caged_stop(&caged);
}
