/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/broker.h"

#include <linux/seccomp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/errand.h"
#include "agent/note_channel.h"
#include "agent/verdict.h"
#include "base/cleanup.h"

/* Linux 6.6; younger than Debian 12's headers. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#define SYNC_WAKE_UP 1UL

#define TURN_MAX 64	 /* answers in one turn of the loop: signals, timers and people get their turn in a flood */
#define PARKED_MAX 65536 /* threads of one agent that wait; those past it are refused */

#define TOLD_MAX 64
#define TOLD_NS 200000000ULL /* how long a refused call takes to come back, at most, to be recognised */

/* A refusal that was recorded. */
struct told {
	pid_t pid;
	int nr;
	uint64_t time_ns; /* 0: none */
};

struct rein_broker {
	struct rein_agent *agent;
	struct rein_watch watch;
	struct rein_filter filter;
	struct seccomp_notif_sizes sizes; /* of this kernel, which may be younger than its headers here */
	struct seccomp_notif *notif;
	struct seccomp_notif_resp *response;
	REIN_VEC(struct rein_question) parked;
	struct told told[TOLD_MAX]; /* the last of them, in a ring */
	unsigned next_told;
};

/* ENOENT: the thread is gone, or was interrupted and will ask again. Nothing has happened either way. */
static void reply(struct rein_broker *broker, const struct rein_question *q, struct rein_verdict_on_call verdict)
{
	memset(broker->response, 0, broker->sizes.seccomp_notif_resp);
	broker->response->id = q->id;
	if (verdict.reply == REIN_REPLY_PASS)
		broker->response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (verdict.reply == REIN_REPLY_REFUSE)
		broker->response->error = -verdict.value;
	else if (verdict.value < 0)
		broker->response->error = verdict.value;
	else
		broker->response->val = verdict.value;
	ioctl(broker->watch.fd, SECCOMP_IOCTL_NOTIF_SEND, broker->response);
}

int rein_broker_listener(const struct rein_agent *agent)
{
	return agent->broker->watch.fd;
}

bool rein_broker_awaited(const struct rein_agent *agent, const struct rein_question *q)
{
	return !ioctl(agent->broker->watch.fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &q->id);
}

static void forget_dead(struct rein_broker *broker)
{
	size_t kept = 0;

	for (size_t i = 0; i < broker->parked.count; i++)
		if (rein_broker_awaited(broker->agent, &broker->parked.items[i]))
			broker->parked.items[kept++] = broker->parked.items[i];
	broker->parked.count = kept;
}

static void park(struct rein_broker *broker, const struct rein_question *q)
{
	const struct rein_verdict_on_call full = {REIN_REPLY_REFUSE, EDQUOT};
	struct rein_question *place = NULL;

	/* An interrupted call leaves its place behind and asks again, so places are swept as the list doubles. */
	if (broker->parked.count == broker->parked.room)
		forget_dead(broker);
	if (broker->parked.count < PARKED_MAX)
		place = rein_vec_add(&broker->parked);
	if (place)
		*place = *q;
	else
		reply(broker, q, full);
}

/* Before the reply: the hook sees the call come back after it. */
static void remember(struct rein_broker *broker, const struct rein_question *q)
{
	if (!broker->agent->launch->plan->trace_denials)
		return;
	broker->told[broker->next_told++ % TOLD_MAX] = (struct told){rein_question_pid(q), q->nr, rein_now_ns()};
}

bool rein_broker_told(struct rein_agent *agent, pid_t pid, int nr, uint64_t time_ns)
{
	for (unsigned i = 0; agent->broker && i < TOLD_MAX; i++) {
		struct told *told = &agent->broker->told[i];

		if (told->pid != pid || told->nr != nr || told->time_ns > time_ns || time_ns - told->time_ns > TOLD_NS)
			continue;
		told->time_ns = 0;
		told->pid = 0;
		return true;
	}
	return false;
}

static void handle(struct rein_broker *broker, struct rein_question *q)
{
	struct rein_agent *agent = broker->agent;
	struct rein_verdict_on_call verdict;

	if (agent->life == REIN_LIFE_ENDING || agent->life == REIN_LIFE_ENDED)
		return;
	/* Nothing that is metered happens while the agent is stopped. */
	if (agent->holds) {
		park(broker, q);
		return;
	}
	verdict = rein_note_channel_concerns(q) ? rein_note_channel_serve(agent, q, broker->watch.fd)
						: rein_question_judge(agent, &broker->filter, q);
	if (verdict.reply == REIN_REPLY_REFUSE)
		remember(broker, q);
	if (verdict.reply == REIN_REPLY_PARK)
		park(broker, q);
	else if (verdict.reply != REIN_REPLY_NEVER && verdict.reply != REIN_REPLY_LATER)
		reply(broker, q, verdict);
}

/* 1: a question; 0: none is left, or it was withdrawn. Never waits: the caller has seen that there is one. */
static int receive(struct rein_broker *broker, struct rein_question *ret_q)
{
	struct seccomp_notif *notif = broker->notif;

	memset(notif, 0, broker->sizes.seccomp_notif);
	if (ioctl(broker->watch.fd, SECCOMP_IOCTL_NOTIF_RECV, notif))
		return errno == ENOENT || errno == EINTR ? 0 : -errno;
	*ret_q = (struct rein_question){
		.id = notif->id,
		.tid = (pid_t)notif->pid,
		.nr = notif->data.nr,
		.architecture = notif->data.arch,
	};
	for (int i = 0; i < 6; i++)
		ret_q->args[i] = notif->data.args[i];
	return 1;
}

/* NOTIF_RECV ignores O_NONBLOCK. */
static bool readable(const struct rein_broker *broker)
{
	struct pollfd fd = {broker->watch.fd, POLLIN, 0};

	return poll(&fd, 1, 0) == 1 && fd.revents & POLLIN;
}

static int ready(struct rein_watch *watch, uint32_t events)
{
	struct rein_broker *broker = watch->data;

	for (int i = 0; i < TURN_MAX && readable(broker); i++) {
		struct rein_question q;
		int r = receive(broker, &q);

		if (r < 0)
			return r;
		if (r)
			handle(broker, &q);
	}
	/* The last process under the filter is gone; the end itself is told elsewhere. */
	if (events & (EPOLLHUP | EPOLLERR) && !readable(broker))
		rein_loop_remove(watch);
	return 0;
}

static int prepare(struct rein_broker *broker, int notify_fd, struct rein_error *err)
{
	struct seccomp_notif_sizes *sizes = &broker->sizes;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, sizes))
		return rein_fail_errno(err, "cannot ask for the sizes of seccomp notifications");
	if (sizes->seccomp_notif < sizeof(struct seccomp_notif))
		sizes->seccomp_notif = sizeof(struct seccomp_notif);
	if (sizes->seccomp_notif_resp < sizeof(struct seccomp_notif_resp))
		sizes->seccomp_notif_resp = sizeof(struct seccomp_notif_resp);
	broker->notif = calloc(1, sizes->seccomp_notif);
	broker->response = calloc(1, sizes->seccomp_notif_resp);
	if (!broker->notif || !broker->response)
		return rein_fail(err, ENOMEM, "no memory for the broker");
	/* Wakes the answered thread on this CPU: a tenth of the wait. Older kernels do without. */
	ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP);
	return rein_filter_decide(broker->agent->launch->plan, &broker->filter, err);
}

int rein_broker_open(struct rein_agent *agent, int notify_fd, struct rein_error *err)
{
	struct rein_broker *broker = calloc(1, sizeof(*broker));
	int r;

	if (!broker) {
		close(notify_fd);
		return rein_fail(err, ENOMEM, "no memory for the broker");
	}
	broker->agent = agent;
	broker->watch = (struct rein_watch){.fd = notify_fd, .ready = ready, .data = broker};
	agent->broker = broker;
	r = prepare(broker, notify_fd, err);
	if (!r)
		r = rein_loop_add(&agent->loop, &broker->watch, EPOLLIN, err);
	if (r)
		rein_broker_close(agent);
	return r;
}

/* Closing the listener answers what waits with ENOSYS, so the agent's processes must be gone or dying. */
void rein_broker_close(struct rein_agent *agent)
{
	struct rein_broker *broker = agent->broker;

	if (!broker)
		return;
	rein_errands_close(agent);
	rein_loop_remove(&broker->watch);
	close(broker->watch.fd);
	rein_vec_free(&broker->parked);
	free(broker->notif);
	free(broker->response);
	free(broker);
	agent->broker = NULL;
}

/* Each waiting call is judged again; the first that trips a breaker parks itself and, by the hold, all after it. */
void rein_broker_resume(struct rein_agent *agent)
{
	struct rein_broker *broker = agent->broker;
	__typeof__(broker->parked) waiting = broker->parked;

	memset(&broker->parked, 0, sizeof(broker->parked));
	for (size_t i = 0; i < waiting.count; i++)
		if (rein_broker_awaited(agent, &waiting.items[i]))
			handle(broker, &waiting.items[i]);
	rein_vec_free(&waiting);
}
