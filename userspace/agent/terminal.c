/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <termios.h>

#include "agent/outer.h"
#include "agent/provoke.h"
#include "agent/relay.h"
#include "base/cleanup.h"

#define FROM_AGENT_ROOM 65536
#define TO_AGENT_ROOM 4096
/* How long a terminal that takes nothing may keep the last output of an agent waiting. */
#define DRAIN_PATIENCE_MS 1000
/* And how long altogether: while the agent lives, somebody in it may write without end. */
#define DRAIN_LIVING_NS (1000L * 1000000)
#define DRAIN_ENDED_NS (30000L * 1000000)
/* Nothing tells a process that its job came to the foreground, so while it is in the background it looks. */
#define LOOK_NS (250L * 1000000)

struct rein_terminal {
	struct rein_agent *agent;
	struct rein_outer outer;
	struct rein_watch master, outer_watch, look;
	struct rein_relay to_agent, from_agent;
	struct rein_provoke provoke;
	bool suspended, looking;
};

static bool takes_input(const struct rein_terminal *terminal)
{
	return terminal->outer.reads && terminal->outer.in_front && !terminal->suspended &&
	       !rein_relay_full(&terminal->to_agent);
}

static void watch_for(struct rein_watch *watch, uint32_t events)
{
	if (watch->fd >= 0 && watch->loop)
		rein_loop_change(watch, events);
}

static void look_often(struct rein_terminal *terminal, bool wanted)
{
	const long every = wanted ? LOOK_NS : 0;
	const struct itimerspec when = {.it_interval = {.tv_nsec = every}, .it_value = {.tv_nsec = every}};

	if (wanted != terminal->looking && terminal->look.fd >= 0 &&
	    !timerfd_settime(terminal->look.fd, 0, &when, NULL))
		terminal->looking = wanted;
}

/* Each side is only asked for what there is room for, and only told what it has room for. */
static void adjust(struct rein_terminal *terminal)
{
	uint32_t outer = takes_input(terminal) ? EPOLLIN : 0, master = 0;

	if (!rein_relay_empty(&terminal->from_agent))
		outer |= EPOLLOUT;
	if (!rein_relay_full(&terminal->from_agent))
		master |= EPOLLIN;
	if (!rein_relay_empty(&terminal->to_agent))
		master |= EPOLLOUT;
	watch_for(&terminal->outer_watch, outer);
	watch_for(&terminal->master, master);
	look_often(terminal, terminal->outer.fd >= 0 && !terminal->outer.in_front && !terminal->suspended);
}

static void forget(struct rein_watch *watch)
{
	rein_loop_remove(watch);
	if (watch->fd >= 0)
		close(rein_take_fd(&watch->fd));
}

/* The outer terminal is gone: the agent's hangs up too, which the kernel tells its foreground job. */
static void hang_up(struct rein_terminal *terminal)
{
	rein_loop_remove(&terminal->outer_watch);
	rein_outer_lose(&terminal->outer);
	rein_relay_clear(&terminal->from_agent);
	forget(&terminal->master);
}

static int take_output(struct rein_terminal *terminal)
{
	char *bytes;
	long n = rein_relay_fill(&terminal->from_agent, terminal->master.fd, &bytes);

	/* What a terminal answers goes to whoever is in front: from the background nothing is asked. */
	if (n > 0 && !terminal->outer.in_front)
		rein_provoke_blunt(bytes, (size_t)n);
	else if (n > 0)
		rein_provoke_see(&terminal->provoke, bytes, (size_t)n);
	return (int)n;
}

static void give_output(struct rein_terminal *terminal)
{
	int r = rein_outer_drain(&terminal->outer, &terminal->from_agent);

	if (r < 0 && r != -EAGAIN)
		hang_up(terminal);
}

static int on_master(struct rein_watch *watch, uint32_t events)
{
	struct rein_terminal *terminal = watch->data;
	int n = -EAGAIN;

	if (events & EPOLLOUT && rein_relay_drain(&terminal->to_agent, watch->fd, TO_AGENT_ROOM) == -EIO)
		rein_relay_clear(&terminal->to_agent);
	if (events & (EPOLLIN | EPOLLHUP))
		n = take_output(terminal);
	if (n == 0 || n == -EIO)
		rein_loop_remove(watch); /* nobody holds the other side any more */
	if (n > 0)
		give_output(terminal);
	adjust(terminal);
	return 0;
}

/* In line mode an end of file is a character to the agent's terminal, which has no other word for it. */
static void take_input(struct rein_terminal *terminal)
{
	long n = rein_outer_fill(&terminal->outer, &terminal->to_agent, NULL);
	const char end = (char)terminal->outer.saved.c_cc[VEOF];

	if (n == 0 && !terminal->outer.raw && !rein_outer_hung_up(&terminal->outer))
		rein_relay_put(&terminal->to_agent, &end, 1);
	else if (n == 0 || (n < 0 && n != -EAGAIN && rein_outer_hung_up(&terminal->outer)))
		hang_up(terminal);
	else if (n == -EIO) /* the background: the foreground was lost since the last look */
		terminal->outer.in_front = false;
}

static int on_outer(struct rein_watch *watch, uint32_t events)
{
	struct rein_terminal *terminal = watch->data;

	if (events & EPOLLOUT)
		give_output(terminal);
	if (watch->loop && events & EPOLLIN && takes_input(terminal)) {
		rein_outer_look(&terminal->outer);
		if (terminal->outer.in_front)
			take_input(terminal);
	}
	if (watch->loop && events & (EPOLLHUP | EPOLLERR))
		hang_up(terminal);
	if (terminal->master.fd >= 0 && !rein_relay_empty(&terminal->to_agent))
		rein_relay_drain(&terminal->to_agent, terminal->master.fd, TO_AGENT_ROOM);
	adjust(terminal);
	return 0;
}

static int on_look(struct rein_watch *watch, uint32_t events)
{
	struct rein_terminal *terminal = watch->data;
	uint64_t expirations;

	if (read(watch->fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		return -errno;
	if (terminal->suspended || terminal->outer.fd < 0)
		return 0;
	rein_outer_look(&terminal->outer);
	if (terminal->outer.in_front && !terminal->outer.raw)
		rein_outer_enter(&terminal->outer);
	adjust(terminal);
	return 0;
}

static int open_look(struct rein_terminal *terminal, struct rein_error *err)
{
	terminal->look = (struct rein_watch){
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.ready = on_look,
		.data = terminal,
	};
	if (terminal->look.fd < 0)
		return rein_fail_errno(err, "cannot make a timer for the terminal");
	return rein_loop_add(&terminal->agent->loop, &terminal->look, EPOLLIN, err);
}

static int make_room(struct rein_terminal *terminal, struct rein_error *err)
{
	if (rein_relay_open(&terminal->to_agent, TO_AGENT_ROOM) < 0 ||
	    rein_relay_open(&terminal->from_agent, FROM_AGENT_ROOM) < 0)
		return rein_fail(err, ENOMEM, "no memory for the terminal");
	return 0;
}

static int copy_modes(struct rein_terminal *terminal, struct rein_error *err)
{
	int fd = terminal->master.fd, flags = fcntl(fd, F_GETFL);
	struct termios modes;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return rein_fail_errno(err, "cannot prepare the agent's terminal");
	rein_terminal_resize(terminal->agent);
	rein_outer_modes(&terminal->outer, &modes);
	if (tcsetattr(fd, TCSANOW, &modes))
		return rein_fail_errno(err, "cannot set the modes of the agent's terminal");
	return 0;
}

static int begin(struct rein_terminal *terminal, struct rein_error *err)
{
	struct rein_loop *loop = &terminal->agent->loop;
	int r = make_room(terminal, err);

	if (!r)
		r = rein_outer_open(&terminal->outer, err);
	if (!r)
		r = copy_modes(terminal, err);
	terminal->outer_watch.fd = terminal->outer.fd;
	if (!r)
		r = rein_loop_add(loop, &terminal->master, EPOLLIN, err);
	if (!r)
		r = rein_loop_add(loop, &terminal->outer_watch, 0, err);
	if (!r && terminal->outer.reads)
		r = open_look(terminal, err);
	if (!r)
		rein_outer_enter(&terminal->outer);
	return r;
}

int rein_terminal_start(struct rein_agent *agent, int master_fd, struct rein_error *err)
{
	struct rein_terminal *terminal = calloc(1, sizeof(*terminal));
	int r;

	if (!terminal) {
		close(master_fd);
		return rein_fail(err, ENOMEM, "no memory for the terminal");
	}
	terminal->agent = agent;
	terminal->master = (struct rein_watch){.fd = master_fd, .ready = on_master, .data = terminal};
	terminal->outer_watch = (struct rein_watch){.fd = -1, .ready = on_outer, .data = terminal};
	terminal->outer.fd = terminal->look.fd = -1;
	agent->terminal = terminal;
	r = begin(terminal, err);
	if (r < 0) {
		rein_terminal_close(agent);
		return r;
	}
	adjust(terminal);
	return 0;
}

void rein_terminal_listen(struct rein_agent *agent)
{
	rein_outer_listen(&agent->terminal->outer);
	adjust(agent->terminal);
}

void rein_terminal_resize(struct rein_agent *agent)
{
	struct rein_terminal *terminal = agent->terminal;
	struct winsize size;

	if (terminal->outer.fd >= 0 && terminal->master.fd >= 0 && !ioctl(terminal->outer.fd, TIOCGWINSZ, &size))
		ioctl(terminal->master.fd, TIOCSWINSZ, &size);
}

/* Everything the agent has written so far, as far as the outer terminal takes it in time. */
static void drain(struct rein_terminal *terminal, uint64_t patience_ns)
{
	const uint64_t end = rein_now_ns() + patience_ns;
	struct pollfd outer = {.fd = terminal->outer.fd, .events = POLLOUT};
	int n = 1;

	while (terminal->outer_watch.loop && (n > 0 || !rein_relay_empty(&terminal->from_agent)) &&
	       rein_now_ns() < end) {
		n = terminal->master.fd < 0 ? 0 : rein_relay_full(&terminal->from_agent) ? 1 : take_output(terminal);
		give_output(terminal);
		if (rein_relay_empty(&terminal->from_agent))
			continue;
		if (poll(&outer, 1, DRAIN_PATIENCE_MS) <= 0)
			return;
	}
}

static void give_back(struct rein_terminal *terminal, uint64_t patience_ns)
{
	char undo[REIN_PROVOKE_TEXT];

	if (terminal->outer.fd < 0)
		return;
	drain(terminal, patience_ns);
	if (terminal->outer.fd < 0) /* it hung up meanwhile */
		return;
	rein_outer_look(&terminal->outer);
	rein_provoke_undo(&terminal->provoke, undo);
	if (terminal->outer.in_front)
		rein_outer_say(&terminal->outer, undo);
	rein_outer_leave(&terminal->outer, terminal->provoke.asked);
	terminal->provoke.asked = false;
}

void rein_terminal_suspend(struct rein_agent *agent)
{
	struct rein_terminal *terminal = agent->terminal;

	if (!terminal || terminal->suspended)
		return;
	give_back(terminal, DRAIN_LIVING_NS);
	terminal->suspended = true;
	adjust(terminal);
}

/* A full-screen program has no idea that its screen was taken away: a new size makes it paint all of it again. */
static void bring_back(struct rein_terminal *terminal)
{
	char redo[REIN_PROVOKE_TEXT];
	struct winsize size;

	rein_provoke_redo(&terminal->provoke, redo);
	if (!terminal->outer.in_front || !redo[0])
		return;
	rein_outer_say(&terminal->outer, redo);
	if (terminal->master.fd < 0 || ioctl(terminal->master.fd, TIOCGWINSZ, &size) || size.ws_row < 2)
		return;
	size.ws_row--;
	ioctl(terminal->master.fd, TIOCSWINSZ, &size);
}

void rein_terminal_resume(struct rein_agent *agent)
{
	struct rein_terminal *terminal = agent->terminal;

	if (!terminal)
		return;
	terminal->suspended = false;
	terminal->outer.raw = false; /* whoever had it meanwhile may have changed its modes */
	if (terminal->outer.fd >= 0) {
		rein_outer_look(&terminal->outer);
		rein_outer_enter(&terminal->outer);
		bring_back(terminal);
		rein_terminal_resize(agent);
	}
	adjust(terminal);
}

void rein_terminal_close(struct rein_agent *agent)
{
	struct rein_terminal *terminal = agent->terminal;

	if (!terminal)
		return;
	if (!terminal->suspended)
		give_back(terminal, DRAIN_ENDED_NS);
	rein_loop_remove(&terminal->outer_watch);
	forget(&terminal->master);
	forget(&terminal->look);
	rein_outer_lose(&terminal->outer);
	rein_relay_close(&terminal->to_agent);
	rein_relay_close(&terminal->from_agent);
	free(terminal);
	agent->terminal = NULL;
}
