/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/supervisor.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/breakers.h"
#include "agent/broker.h"
#include "agent/control.h"
#include "agent/inherited.h"
#include "agent/launch.h"
#include "agent/message.h"
#include "agent/nameserver.h"
#include "agent/note_channel.h"
#include "agent/notes.h"
#include "agent/sampler.h"
#include "agent/stillness.h"
#include "agent/terminal.h"
#include "base/cleanup.h"

static void prepare(struct rein_supervisor *supervisor, const struct rein_run *run, struct rein_outcome *outcome)
{
	struct rein_agent *agent = &supervisor->agent;

	*outcome = (struct rein_outcome){.status = -1};
	*supervisor = (struct rein_supervisor){
		.run = run,
		.outcome = outcome,
		.start = {.launch = run->launch, .argv = run->argv, .envp = run->envp, .socket = -1},
		.feeder = -1,
		.signals.fd = -1,
		.tick.fd = -1,
		.wall_time.fd = -1,
	};
	agent->launch = run->launch;
	agent->argv = run->argv;
	agent->sink = run->sink;
	agent->ci = run->ci;
	agent->loop.epoll_fd = agent->init_pidfd = agent->init_socket = agent->proc_fd = agent->tick_fd = -1;
	agent->init_pid = -1;
	agent->started_ns = rein_now_ns();
	for (int fd = 0; fd < 3; fd++)
		supervisor->start.terminal[fd] = isatty(fd);
}

static void attend(const struct rein_supervisor *supervisor, struct rein_loop *loop)
{
	const struct rein_run *run = supervisor->run;

	if (run->attend)
		run->attend(run->sink.context, loop);
}

/* Everything that must be there before the clone: what cannot be watched is not started. */
static int open_before_clone(struct rein_supervisor *supervisor, struct rein_error *err)
{
	struct rein_agent *agent = &supervisor->agent;
	int r = rein_inherited_prepare(agent->launch->who.uid, &supervisor->feeder, err);

	if (!r)
		r = rein_loop_open(&agent->loop, err);
	if (!r)
		r = rein_signals_open(supervisor, err);
	if (!r)
		r = rein_clock_open(supervisor, err);
	if (!r)
		r = rein_breakers_compile(agent->launch->plan, agent->ci, agent->launch->state, err);
	if (!r)
		r = rein_breakers_open(agent, err);
	if (!r)
		r = rein_ring_open(supervisor, err);
	if (!r)
		r = rein_nameserver_open(agent, err);
	if (!r)
		r = rein_control_open(agent, supervisor->run->directory, supervisor->run->starter, err);
	if (!r)
		attend(supervisor, &agent->loop);
	return r;
}

static void close_all(struct rein_supervisor *supervisor)
{
	struct rein_agent *agent = &supervisor->agent;

	rein_terminal_close(agent);
	rein_stillness_end(agent);
	rein_control_close(agent);
	rein_nameserver_close(agent);
	rein_broker_close(agent);
	rein_note_channel_close(agent);
	rein_notes_close(agent);
	rein_sampler_close(agent);
	rein_breakers_close(agent);
	rein_ring_close(supervisor);
	rein_conversation_close(supervisor);
	rein_clock_close(supervisor);
	rein_signals_close(supervisor);
	attend(supervisor, NULL);
	rein_loop_close(&agent->loop);
	rein_inherited_close(supervisor->feeder);
	for (int *const *fd = (int *const[]){&agent->init_pidfd, &agent->init_socket, &agent->proc_fd, NULL}; *fd; fd++)
		if (**fd >= 0)
			close(rein_take_fd(*fd));
}

static int watch_over(struct rein_supervisor *supervisor, struct rein_error *err)
{
	struct rein_agent *agent = &supervisor->agent;
	int r = rein_conversation_open(supervisor, err);

	if (!r && (r = rein_loop_run(&agent->loop)) < 0)
		rein_fail(err, -r, "the supervisor's loop failed");
	if (r < 0)
		rein_agent_kill(agent, REIN_END_SUPERVISOR);
	return r;
}

int rein_supervise(const struct rein_run *run, struct rein_outcome *ret_outcome, struct rein_error *err)
{
	struct rein_supervisor supervisor;
	int r;

	prepare(&supervisor, run, ret_outcome);
	r = open_before_clone(&supervisor, err);
	if (!r)
		r = rein_launch_clone(&supervisor.agent, &supervisor.start, err);
	if (!r)
		r = watch_over(&supervisor, err);
	ret_outcome->cause = supervisor.agent.end_cause;
	if (supervisor.agent.init_pid > 0)
		rein_record_end(&supervisor);
	ret_outcome->denials = supervisor.agent.denials;
	ret_outcome->unwritten = supervisor.agent.unwritten;
	close_all(&supervisor);
	return r;
}
