/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/outer.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hurry.h"

/* "Are you well?", to which every terminal that answers anything answers ESC [ 0 n; answers come in order. */
static const char question[] = "\033[5n";
#define ANSWER_PATIENCE_MS 250
#define OUTER_CHUNK 65536

/*
 * A file description of rein's own, so that O_NONBLOCK does not leak to the shell. A terminal that may not be opened
 * again (after su) is used as it was inherited, in a hurry: that it takes something now does not say how much.
 */
static int open_again(int inherited, struct rein_outer *outer)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", inherited);
	fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	outer->blocks = fd < 0;
	return fd < 0 ? fcntl(inherited, F_DUPFD_CLOEXEC, 3) : fd;
}

static bool readable(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) != O_WRONLY;
}

int rein_outer_open(struct rein_outer *ret_outer, struct rein_error *err)
{
	bool in = isatty(0), out = isatty(1);
	struct rein_outer outer = {.lines = !out, .signals = !in};

	outer.fd = open_again(out ? 1 : isatty(2) ? 2 : 0, &outer);
	if (outer.fd < 0)
		return rein_fail_errno(err, "cannot use the terminal that rein was started on");
	if (tcgetattr(outer.fd, &outer.saved)) {
		close(outer.fd);
		return rein_fail_errno(err, "cannot read the modes of the terminal");
	}
	/* With neither typed input nor shown output of its own, only messages pass: the keyboard is somebody else's. */
	outer.input = (in || out) && readable(outer.fd);
	outer.reads = outer.input && out;
	rein_outer_look(&outer);
	*ret_outer = outer;
	return 0;
}

void rein_outer_listen(struct rein_outer *outer)
{
	outer->reads = outer->input;
}

/* Where it is nobody's controlling terminal, nobody competes for it. */
void rein_outer_look(struct rein_outer *outer)
{
	pid_t group = tcgetpgrp(outer->fd);

	outer->in_front = group < 0 ? errno == ENOTTY : group == getpgrp();
}

void rein_outer_modes(const struct rein_outer *outer, struct termios *ret_modes)
{
	*ret_modes = outer->saved;
	if (!outer->lines)
		return;
	/* Lines come edited and shown already, and go through the outer terminal's own output processing. */
	ret_modes->c_lflag &= ~(tcflag_t)ECHO;
	ret_modes->c_oflag &= ~(tcflag_t)OPOST;
}

static void make_raw(struct rein_outer *outer, bool signals)
{
	struct termios modes = outer->saved;

	cfmakeraw(&modes);
	if (signals)
		modes.c_lflag |= ISIG;
	modes.c_cc[VMIN] = 1;
	modes.c_cc[VTIME] = 0;
	outer->raw = !tcsetattr(outer->fd, TCSANOW, &modes);
}

/* All signals are blocked, so that a change from the background would go through and not stop rein: look first. */
void rein_outer_enter(struct rein_outer *outer)
{
	if (!outer->raw && !outer->lines && outer->in_front && outer->reads)
		make_raw(outer, outer->signals);
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A hang-up is ready too: reading and writing say so. */
static bool is_ready(const struct rein_outer *outer, short events)
{
	struct pollfd fd = {.fd = outer->fd, .events = events};

	return poll(&fd, 1, 0) > 0 && fd.revents & (events | POLLHUP | POLLERR);
}

static void hurry(const struct rein_outer *outer)
{
	if (outer->blocks)
		rein_hurry_begin(REIN_HURRY_US);
}

static void take_time(const struct rein_outer *outer)
{
	if (outer->blocks)
		rein_hurry_end();
}

long rein_outer_fill(const struct rein_outer *outer, struct rein_relay *relay, char **ret_bytes)
{
	long n;

	if (outer->blocks && !is_ready(outer, POLLIN))
		return -EAGAIN;
	hurry(outer);
	n = rein_relay_fill(relay, outer->fd, ret_bytes);
	take_time(outer);
	return n;
}

int rein_outer_drain(const struct rein_outer *outer, struct rein_relay *relay)
{
	int r;

	if (outer->blocks && !is_ready(outer, POLLOUT))
		return -EAGAIN;
	hurry(outer);
	r = rein_relay_drain(relay, outer->fd, OUTER_CHUNK);
	take_time(outer);
	return r;
}

void rein_outer_say(const struct rein_outer *outer, const char *text)
{
	ssize_t ignored;

	if (!is_ready(outer, POLLOUT))
		return; /* a terminal that takes nothing now is not waited for */
	hurry(outer);
	ignored = write(outer->fd, text, strlen(text));
	take_time(outer);
	(void)ignored;
}

static bool read_byte(const struct rein_outer *outer, char *ret_byte)
{
	ssize_t n;

	hurry(outer);
	n = read(outer->fd, ret_byte, 1);
	take_time(outer);
	return n == 1;
}

/* Reads and forgets until the answer to our own question has come. */
static void wait_for_answers(const struct rein_outer *terminal)
{
	static const char answer[] = "\033[0n";
	struct pollfd outer = {.fd = terminal->fd, .events = POLLIN};
	long end = now_ms() + ANSWER_PATIENCE_MS, left;
	size_t matched = 0;
	char byte;

	while (matched < strlen(answer) && (left = end - now_ms()) > 0) {
		if (poll(&outer, 1, (int)left) <= 0 || !read_byte(terminal, &byte))
			return;
		matched = byte == answer[matched] ? matched + 1 : byte == answer[0];
	}
}

void rein_outer_leave(struct rein_outer *outer, bool asked)
{
	if (!outer->in_front) {
		outer->raw = false; /* whoever is in front has set the modes that it wants */
		return;
	}
	if (asked && outer->reads) {
		make_raw(outer, false);
		rein_outer_say(outer, question);
		wait_for_answers(outer);
	}
	if (outer->reads)
		tcflush(outer->fd, TCIFLUSH);
	if (outer->raw)
		tcsetattr(outer->fd, TCSANOW, &outer->saved);
	outer->raw = false;
}

bool rein_outer_hung_up(const struct rein_outer *outer)
{
	struct pollfd fd = {.fd = outer->fd};

	return poll(&fd, 1, 0) > 0 && fd.revents & (POLLHUP | POLLERR | POLLNVAL);
}

void rein_outer_lose(struct rein_outer *outer)
{
	if (outer->fd >= 0)
		close(outer->fd);
	outer->fd = -1;
}
