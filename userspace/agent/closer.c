/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/closer.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static int queue = -1; /* the end that copies' numbers are written to */

static void *close_all(void *argument)
{
	REIN_AUTO_FD int given = (int)(intptr_t)argument;
	int copy;

	while (read(given, &copy, sizeof(copy)) == sizeof(copy))
		close(copy);
	return NULL;
}

static int start_thread(int given)
{
	sigset_t all, before;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, NULL, close_all, (void *)(intptr_t)given);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!r)
		pthread_detach(thread);
	return r;
}

int rein_closer_start(struct rein_error *err)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC))
		return rein_fail_errno(err, "no pipe for descriptors to close");
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	r = start_thread(ends[0]);
	if (r) {
		close(ends[0]);
		close(ends[1]);
		return rein_fail(err, r, "no thread for closing descriptors: %s", strerror(r));
	}
	queue = ends[1];
	return 0;
}

void rein_closer_stop(void)
{
	if (queue >= 0)
		close(rein_take_fd(&queue));
}

void rein_closer_take(int copy)
{
	/* Less than PIPE_BUF: all or nothing. */
	ssize_t given = write(queue, &copy, sizeof(copy));

	(void)given;
}
