/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/utter.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/hurry.h"
#include "base/loop.h"
#include "cmd/cmd.h"

#define KEPT_MAX 16384
/* How long a stderr that takes nothing may keep rein from ending. */
#define FINISH_PATIENCE_MS 1000

/* What stderr has not taken yet. There is one stderr. */
static struct {
	bool hurries;
	char bytes[KEPT_MAX];
	size_t count;
	unsigned long long dropped;
	struct rein_watch watch;
} kept;

static void forget(size_t count)
{
	kept.count -= count;
	memmove(kept.bytes, kept.bytes + count, kept.count);
}

/* Once. Others write to it too, so that what takes something may take less than all: a hurry, in any case. */
static void try(void)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
	ssize_t n;

	if (!kept.count || poll(&fd, 1, 0) <= 0)
		return;
	rein_hurry_begin(REIN_HURRY_US);
	n = write(STDERR_FILENO, kept.bytes, kept.count);
	rein_hurry_end();
	if (n > 0)
		forget((size_t)n);
	else if (n < 0 && errno != EINTR && errno != EAGAIN)
		forget(kept.count); /* nobody will ever read it */
}

static void adjust(void)
{
	if (kept.watch.loop)
		rein_loop_change(&kept.watch, kept.count ? EPOLLOUT : 0);
}

static int ready(struct rein_watch *watch, uint32_t events)
{
	try();
	if (events & (EPOLLERR | EPOLLHUP))
		rein_loop_remove(watch);
	adjust();
	return 0;
}

static void keep(const char *bytes, size_t count)
{
	if (count > KEPT_MAX - kept.count) {
		kept.dropped++;
		return;
	}
	memcpy(kept.bytes + kept.count, bytes, count);
	kept.count += count;
}

static void write_all(const char *bytes, size_t count)
{
	ssize_t n = 0;

	for (size_t done = 0; done < count; done += (size_t)n) {
		n = write(STDERR_FILENO, bytes + done, count - done);
		if (n < 0 && errno != EINTR)
			return; /* there is nobody to say it to */
		n = n < 0 ? 0 : n;
	}
}

void rein_utter(const char *bytes, size_t count)
{
	if (!kept.hurries) {
		write_all(bytes, count);
		return;
	}
	keep(bytes, count);
	try();
	adjust();
}

void rein_say_attend(struct rein_loop *loop)
{
	struct rein_error ignored = {0};

	kept.hurries = true;
	rein_loop_remove(&kept.watch);
	if (!loop)
		return;
	kept.watch = (struct rein_watch){.fd = STDERR_FILENO, .ready = ready};
	if (rein_loop_add(loop, &kept.watch, 0, &ignored) < 0)
		kept.watch.loop = NULL; /* a regular file: it always takes what it is given */
}

static void drain(void)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
	size_t before = kept.count + 1;

	while (kept.count && kept.count < before && poll(&fd, 1, FINISH_PATIENCE_MS) > 0) {
		before = kept.count;
		try();
	}
}

void rein_say_finish(void)
{
	drain();
	if (kept.dropped && !kept.count)
		rein_say("%llu messages could not be shown, since nobody read them; `rein log` has them", kept.dropped);
	drain();
}
