/* SPDX-License-Identifier: GPL-2.0 */
#include "base/loop.h"

#include <sys/epoll.h>
#include <unistd.h>

int rein_loop_open(struct rein_loop *loop, struct rein_error *err)
{
	*loop = (struct rein_loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	if (loop->epoll_fd < 0)
		return rein_fail_errno(err, "cannot make an epoll instance");
	return 0;
}

void rein_loop_close(struct rein_loop *loop)
{
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	loop->epoll_fd = -1;
}

int rein_loop_add(struct rein_loop *loop, struct rein_watch *watch, uint32_t events, struct rein_error *err)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event))
		return rein_fail_errno(err, "cannot watch descriptor %d", watch->fd);
	watch->loop = loop;
	return 0;
}

int rein_loop_change(struct rein_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	return epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) ? -errno : 0;
}

void rein_loop_remove(struct rein_watch *watch)
{
	struct rein_loop *loop = watch->loop;

	if (!loop)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->loop = NULL;
	if (loop->nr_removed < (int)(sizeof(loop->removed) / sizeof(loop->removed[0])))
		loop->removed[loop->nr_removed++] = watch;
}

static bool removed(const struct rein_loop *loop, const struct rein_watch *watch)
{
	for (int i = 0; i < loop->nr_removed; i++)
		if (loop->removed[i] == watch)
			return true;
	return false;
}

static int turn(struct rein_loop *loop)
{
	struct epoll_event events[32];
	int n = epoll_wait(loop->epoll_fd, events, 32, -1);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	loop->nr_removed = 0;
	for (int i = 0; i < n && !loop->stop; i++) {
		struct rein_watch *watch = events[i].data.ptr;
		int r = removed(loop, watch) ? 0 : watch->ready(watch, events[i].events);

		if (r < 0)
			return r;
	}
	return 0;
}

int rein_loop_run(struct rein_loop *loop)
{
	int r = 0;

	loop->stop = false;
	while (!loop->stop && r >= 0)
		r = turn(loop);
	return r;
}

void rein_loop_stop(struct rein_loop *loop)
{
	loop->stop = true;
}
