/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/borrowed.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hurry.h"

#define LINGER_US 100 /* far more than a close takes; all that lingers holds up the loop for that long */

void rein_borrowed_close(const int *copy)
{
	int error = errno;

	if (*copy < 0)
		return;
	rein_hurry_begin(LINGER_US);
	close(*copy); /* interrupted or not, it is closed */
	rein_hurry_end();
	errno = error;
}

static void name_link(pid_t pid, int fd, char ret_name[64])
{
	snprintf(ret_name, 64, "/proc/%d/fd/%d", pid, fd);
}

ssize_t rein_borrowed_link(pid_t pid, int fd, char *to, size_t size)
{
	char name[64];
	ssize_t n;
	int error;

	name_link(pid, fd, name);
	rein_hurry_begin(LINGER_US);
	n = readlink(name, to, size);
	error = errno;
	rein_hurry_end();
	errno = error;
	return n;
}

int rein_borrowed_stat(pid_t pid, int fd, struct stat *ret_st)
{
	char name[64];
	int r, error;

	name_link(pid, fd, name);
	rein_hurry_begin(LINGER_US);
	r = stat(name, ret_st);
	error = errno;
	rein_hurry_end();
	errno = error;
	return r;
}
