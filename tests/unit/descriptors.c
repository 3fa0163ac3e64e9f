/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptors.h"

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* In a child, since the test runner needs its own descriptors. */
static int closes_all_but(const int *keep, size_t count)
{
	for (int fd = 3; fd < 40; fd++)
		dup2(0, fd);
	if (rein_descriptors_close_except(keep, count, NULL))
		return 1;
	for (int fd = 3; fd < 40; fd++) {
		bool kept = false;

		for (size_t i = 0; i < count; i++)
			kept |= keep[i] == fd;
		if (is_open(fd) != kept)
			return 2;
	}
	return is_open(0) && is_open(1) && is_open(2) ? 0 : 3;
}

static void expect(const int *keep, size_t count)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(closes_all_but(keep, count));
	waitpid(pid, &status, 0);
	cr_expect_eq(status, 0, "wait status %x", status);
}

Test(descriptors, closes_all_but_those_named)
{
	expect((int[]){3, 39, 17}, 3);
	expect((int[]){4, 5, 6}, 3);
	expect((int[]){-1, 20, -1, 20}, 4);
	expect((int[]){1, 2}, 2);
	expect(NULL, 0);
}

Test(descriptors, refuses_more_than_it_can_hold)
{
	int keep[17] = {0};

	cr_expect_eq(rein_descriptors_close_except(keep, 17, NULL), -EINVAL);
}
