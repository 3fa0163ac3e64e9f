/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/supervisor.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/message.h"
#include "agent/terminal.h"
#include "base/cleanup.h"

/* Signals that tell of a fault in rein itself must not wait in a descriptor. */
static const int never_blocked[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};

static bool asks_for_the_end(int signal)
{
	return signal == SIGINT || signal == SIGTERM || signal == SIGQUIT || signal == SIGHUP;
}

static void pass_on(struct rein_agent *agent, int signal)
{
	if (!asks_for_the_end(signal) || agent->life == REIN_LIFE_RUNNING)
		rein_message_send(agent->init_socket, REIN_MESSAGE_SIGNAL, signal, NULL, -1);
	else if (agent->life == REIN_LIFE_FROZEN)
		rein_agent_kill(agent, REIN_END_PERSON); /* it could not hear; whoever asks now means it */
	else if (agent->life == REIN_LIFE_STARTING)
		rein_agent_kill(agent, REIN_END_SUPERVISOR);
}

static void take(struct rein_agent *agent, int signal)
{
	switch (signal) {
	case SIGCHLD: /* the init's end arrives by its pidfd */
	case SIGPIPE: /* ours, from a write to a reader that left */
		break;
	case SIGWINCH:
		if (agent->terminal)
			rein_terminal_resize(agent);
		break;
	case SIGCONT:
		/* While it is held for a person, the terminal is that person's. */
		if (agent->terminal && !(agent->holds & ~(unsigned)REIN_HOLD_THROTTLE))
			rein_terminal_resume(agent);
		rein_message_send(agent->init_socket, REIN_MESSAGE_RESUME, 0, NULL, -1);
		break;
	default:
		pass_on(agent, signal);
	}
}

static int ready(struct rein_watch *watch, uint32_t events)
{
	struct rein_supervisor *supervisor = watch->data;
	struct signalfd_siginfo info;

	while (read(watch->fd, &info, sizeof(info)) == sizeof(info))
		take(&supervisor->agent, (int)info.ssi_signo);
	return 0;
}

int rein_signals_open(struct rein_supervisor *supervisor, struct rein_error *err)
{
	struct rein_watch *watch = &supervisor->signals;
	sigset_t all;

	sigfillset(&all);
	for (size_t i = 0; i < REIN_COUNT(never_blocked); i++)
		sigdelset(&all, never_blocked[i]);
	if (sigprocmask(SIG_SETMASK, &all, &supervisor->old_mask))
		return rein_fail_errno(err, "cannot block signals");
	supervisor->start.mask = supervisor->old_mask;
	watch->fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (watch->fd < 0)
		return rein_fail_errno(err, "cannot watch signals");
	watch->ready = ready;
	watch->data = supervisor;
	return rein_loop_add(&supervisor->agent.loop, watch, EPOLLIN, err);
}

void rein_signals_close(struct rein_supervisor *supervisor)
{
	rein_loop_remove(&supervisor->signals);
	if (supervisor->signals.fd >= 0) {
		close(rein_take_fd(&supervisor->signals.fd));
		sigprocmask(SIG_SETMASK, &supervisor->old_mask, NULL);
	}
}
