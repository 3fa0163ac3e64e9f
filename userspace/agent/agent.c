/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/agent.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/broker.h"
#include "agent/message.h"
#include "agent/notes.h"
#include "agent/stillness.h"
#include "agent/terminal.h"
#include "base/cleanup.h"
#include "mech/cgroup.h"

uint64_t rein_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* The freezer stops without a signal, so nothing in the agent notices; the init's SIGSTOP serves where there is none.
 */
static int stop(struct rein_agent *agent, bool stopped, struct rein_error *err)
{
	int r;

	if (agent->launch->cgroup_fd >= 0)
		return rein_cgroup_freeze(agent->launch, stopped, err);
	/* Watched first: a stop that nobody sees to is none, and one that failed half-way would not be undone. */
	r = stopped ? rein_stillness_begin(agent, err) : 0;
	if (r < 0)
		return r;
	r = rein_message_send(agent->init_socket, stopped ? REIN_MESSAGE_FREEZE : REIN_MESSAGE_THAW, 0, NULL, -1);
	if (r < 0)
		rein_fail(err, -r, "cannot reach the agent's init");
	if ((r < 0) == stopped)
		rein_stillness_end(agent);
	return r;
}

/*
 * Hooks stop what they catch with SIGSTOP before the freezer arrives; thawed, those would stay stopped. Before the
 * thaw, so that no shell in the agent sees its job stopped and takes the terminal from it. While frozen nobody forks.
 */
static void undo_stops(const struct rein_agent *agent)
{
	const bool *use = agent->launch->plan->use;
	REIN_AUTO_FILE FILE *processes = NULL;
	int fd, pid;

	if (!(use[REIN_MECH_BPF_TRACE] || use[REIN_MECH_BPF_FILE]) || agent->launch->cgroup_fd < 0)
		return;
	fd = openat(agent->launch->cgroup_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	processes = fd < 0 ? NULL : fdopen(fd, "r");
	while (processes && fscanf(processes, "%d", &pid) == 1)
		if (pid > 0)
			kill(pid, SIGCONT);
}

/* Whenever a person is asked to act, the outer terminal is theirs again, and ^C means rein. A throttle asks nobody. */
static void turn_terminal(struct rein_agent *agent, unsigned held_before)
{
	bool before = held_before & ~(unsigned)REIN_HOLD_THROTTLE, now = agent->holds & ~(unsigned)REIN_HOLD_THROTTLE;

	if (!agent->terminal || before == now)
		return;
	if (now)
		rein_terminal_suspend(agent);
	else
		rein_terminal_resume(agent);
}

int rein_agent_hold(struct rein_agent *agent, enum rein_hold hold, struct rein_error *err)
{
	unsigned before = agent->holds;
	int r = 0;

	if (agent->life != REIN_LIFE_RUNNING && agent->life != REIN_LIFE_FROZEN)
		return rein_fail(err, ESRCH, "the agent is not running");
	if (!agent->holds)
		r = stop(agent, true, err);
	if (r < 0)
		return r;
	agent->holds |= hold;
	agent->life = REIN_LIFE_FROZEN;
	turn_terminal(agent, before);
	return 0;
}

int rein_agent_release(struct rein_agent *agent, enum rein_hold hold, struct rein_error *err)
{
	unsigned before = agent->holds;
	int r;

	if (!(agent->holds & hold))
		return 0;
	if (agent->holds != (unsigned)hold) {
		agent->holds &= ~(unsigned)hold;
		turn_terminal(agent, before);
		return 0;
	}
	undo_stops(agent);
	r = stop(agent, false, err);
	if (r < 0)
		return r;
	agent->holds = 0;
	turn_terminal(agent, before);
	if (agent->life == REIN_LIFE_FROZEN)
		agent->life = REIN_LIFE_RUNNING;
	if (agent->broker)
		rein_broker_resume(agent);
	return 0;
}

void rein_agent_kill(struct rein_agent *agent, enum rein_end_cause cause)
{
	if (agent->life == REIN_LIFE_ENDED)
		return;
	if (agent->life != REIN_LIFE_ENDING)
		agent->end_cause = cause;
	agent->life = REIN_LIFE_ENDING;
	if (agent->launch->cgroup_fd >= 0)
		rein_cgroup_kill(agent->launch);
	/* With its PID 1 the kernel kills the whole PID namespace, frozen or not. */
	if (agent->init_pidfd >= 0)
		syscall(SYS_pidfd_send_signal, agent->init_pidfd, SIGKILL, NULL, 0);
}

void rein_agent_owe_flush(struct rein_agent *agent)
{
	static const struct itimerspec second = {.it_value = {.tv_sec = 1}};

	if (!agent->owes_flush && agent->tick_fd >= 0)
		timerfd_settime(agent->tick_fd, 0, &second, NULL);
	agent->owes_flush = true;
}

/* The tick releases it when there is room again; under --ci nobody is there to make room. An agent that cannot be held
 * is ended, since what it does next would be in no record. */
static void stop_for_audit(struct rein_agent *agent)
{
	bool running = agent->life == REIN_LIFE_RUNNING || agent->life == REIN_LIFE_FROZEN;

	if (!running || agent->holds & REIN_HOLD_AUDIT)
		return;
	if (agent->ci || rein_agent_hold(agent, REIN_HOLD_AUDIT, NULL) < 0)
		rein_agent_kill(agent, REIN_END_AUDIT);
}

void rein_agent_emit(struct rein_agent *agent, const struct rein_event *event)
{
	struct rein_event numbered = *event;
	struct rein_error err = {0};
	int r;

	if (!numbered.note)
		numbered.note = rein_notes_at(agent->notes, event->mono_ns);
	agent->counts[event->kind]++;
	if (event->verdict == REIN_VERDICT_DENY)
		agent->denials += event->kind == REIN_KIND_DENY ? 1 : event->kind == REIN_KIND_LOST ? event->lost : 0;
	r = agent->sink.emit(agent->sink.context, &numbered, &err);
	rein_agent_owe_flush(agent);
	if (r >= 0)
		return;
	agent->unwritten++;
	if (agent->launch->policy->audit == REIN_AUDIT_STRICT)
		stop_for_audit(agent);
}
