/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/broker.h"
#include "agent/message.h"
#include "agent/sampler.h"
#include "agent/terminal.h"
#include "base/cleanup.h"

/* The one moment at which everything is watched and nothing of the command has run: record, then let it. */
static int on_ready(struct rein_supervisor *supervisor, const struct rein_message *message, int *fd,
		    struct rein_error *err)
{
	struct rein_agent *agent = &supervisor->agent;
	int r = 0;

	if (*fd < 0)
		return rein_fail(err, EBADMSG, "the init sent no /proc");
	agent->proc_fd = rein_take_fd(fd);
	r = rein_sampler_open(agent, err);
	if (!r)
		r = rein_record_start(supervisor, err);
	if (r < 0)
		return r;
	agent->life = REIN_LIFE_RUNNING;
	r = rein_message_send(agent->init_socket, REIN_MESSAGE_RUN, 0, NULL, -1);
	return r < 0 ? rein_fail(err, -r, "the agent's init died before the command was started") : 0;
}

static int on_terminal(struct rein_supervisor *supervisor, const struct rein_message *message, int *fd,
		       struct rein_error *err)
{
	return rein_terminal_start(&supervisor->agent, rein_take_fd(fd), err);
}

static int on_notify(struct rein_supervisor *supervisor, const struct rein_message *message, int *fd,
		     struct rein_error *err)
{
	return rein_broker_open(&supervisor->agent, rein_take_fd(fd), err);
}

static int on_failed(struct rein_supervisor *supervisor, const struct rein_message *message, int *fd,
		     struct rein_error *err)
{
	supervisor->outcome->code = message->value;
	snprintf(supervisor->outcome->why, sizeof(supervisor->outcome->why), "%s", message->text);
	rein_agent_kill(&supervisor->agent, REIN_END_ITSELF);
	return 0;
}

static int on_started(struct rein_supervisor *supervisor, const struct rein_message *message, int *fd,
		      struct rein_error *err)
{
	supervisor->outcome->started = true;
	return 0;
}

/* A command that began in the background reads from its terminal: bring both to the foreground. */
static void bring_to_front(struct rein_agent *agent)
{
	rein_terminal_listen(agent);
	rein_message_send(agent->init_socket, REIN_MESSAGE_RESUME, 0, NULL, -1);
}

/*
 * ^Z: the outer shell gets its terminal back and sees rein stopped; `fg` brings both on again. Meanwhile nobody
 * samples, records or looks at the clock, and the command may have stopped itself for that: so all of the agent stands
 * still.
 */
static int on_stopped(struct rein_supervisor *supervisor, const struct rein_message *message, int *fd,
		      struct rein_error *err)
{
	struct rein_agent *agent = &supervisor->agent;

	if (!agent->terminal)
		return 0;
	if (message->value == SIGTTIN || message->value == SIGTTOU)
		bring_to_front(agent);
	if (agent->life != REIN_LIFE_RUNNING || message->value == SIGTTIN || message->value == SIGTTOU)
		return 0;
	if (rein_agent_hold(agent, REIN_HOLD_ABSENCE, err) < 0)
		return rein_context(err, "the agent cannot be stopped while rein is");
	raise(SIGSTOP);
	return rein_agent_release(agent, REIN_HOLD_ABSENCE, err); /* SIGCONT arrives as a signal too */
}

static int on_exited(struct rein_supervisor *supervisor, const struct rein_message *message, int *fd,
		     struct rein_error *err)
{
	supervisor->outcome->status = message->value;
	rein_ring_drain(supervisor); /* a breaker that killed it must be heard before its death is called its own */
	rein_agent_kill(&supervisor->agent, REIN_END_ITSELF);
	return 0;
}

static const struct {
	enum rein_message_kind kind;
	int (*take)(struct rein_supervisor *, const struct rein_message *, int *fd, struct rein_error *);
} answers[] = {
	{REIN_MESSAGE_READY, on_ready},	  {REIN_MESSAGE_TERMINAL, on_terminal}, {REIN_MESSAGE_NOTIFY, on_notify},
	{REIN_MESSAGE_FAILED, on_failed}, {REIN_MESSAGE_STARTED, on_started},	{REIN_MESSAGE_STOPPED, on_stopped},
	{REIN_MESSAGE_EXITED, on_exited},
};

static int answer(struct rein_supervisor *supervisor, const struct rein_message *message, int *fd,
		  struct rein_error *err)
{
	for (size_t i = 0; i < REIN_COUNT(answers); i++)
		if (answers[i].kind == message->kind)
			return answers[i].take(supervisor, message, fd, err);
	return rein_fail(err, EBADMSG, "the init said something unknown (%u)", message->kind);
}

static int hear(struct rein_watch *watch, uint32_t events)
{
	struct rein_supervisor *supervisor = watch->data;
	struct rein_error err = {0};
	struct rein_message message;
	REIN_AUTO_FD int fd = -1;
	int r = rein_message_receive(watch->fd, MSG_DONTWAIT, &message, &fd);

	if (r == -EAGAIN)
		return 0;
	if (r == 0) {
		rein_loop_remove(watch); /* dead; its end arrives by the pidfd */
		return 0;
	}
	r = r < 0 ? rein_fail(&err, -r, "cannot hear the agent's init: %s", strerror(-r))
		  : answer(supervisor, &message, &fd, &err);
	if (r < 0 && supervisor->agent.life != REIN_LIFE_ENDING) {
		snprintf(supervisor->outcome->why, sizeof(supervisor->outcome->why), "%s", err.text);
		rein_agent_kill(&supervisor->agent, REIN_END_SUPERVISOR);
	}
	return 0;
}

/* PID 1 of the namespace is gone, and the kernel waits with it for every other process: nothing of the agent is left.
 */
static int ended(struct rein_watch *watch, uint32_t events)
{
	struct rein_supervisor *supervisor = watch->data;
	struct rein_agent *agent = &supervisor->agent;

	while (supervisor->talk.loop && supervisor->outcome->status < 0) {
		hear(&supervisor->talk, EPOLLIN); /* what it said last may still be on its way */
		if (recv(supervisor->talk.fd, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
			break;
	}
	waitpid(agent->init_pid, NULL, 0);
	rein_ring_drain(supervisor);
	if (agent->life != REIN_LIFE_ENDING && !supervisor->outcome->why[0])
		snprintf(supervisor->outcome->why, sizeof(supervisor->outcome->why),
			 "the agent's init was killed from outside, and every process of the agent with it");
	if (agent->life != REIN_LIFE_ENDING)
		agent->end_cause = REIN_END_SUPERVISOR;
	agent->life = REIN_LIFE_ENDED;
	rein_loop_stop(&agent->loop);
	return 0;
}

static int watch_descriptor(struct rein_supervisor *supervisor, struct rein_watch *watch, int fd,
			    int (*ready)(struct rein_watch *, uint32_t), struct rein_error *err)
{
	watch->fd = fd;
	watch->ready = ready;
	watch->data = supervisor;
	return rein_loop_add(&supervisor->agent.loop, watch, EPOLLIN, err);
}

int rein_conversation_open(struct rein_supervisor *supervisor, struct rein_error *err)
{
	struct rein_agent *agent = &supervisor->agent;
	int r = watch_descriptor(supervisor, &supervisor->talk, agent->init_socket, hear, err);

	return r ? r : watch_descriptor(supervisor, &supervisor->init, agent->init_pidfd, ended, err);
}

void rein_conversation_close(struct rein_supervisor *supervisor)
{
	rein_loop_remove(&supervisor->talk);
	rein_loop_remove(&supervisor->init);
}
