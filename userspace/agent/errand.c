/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/errand.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/borrowed.h"
#include "agent/broker.h"
#include "base/cleanup.h"

#define ERRANDS_MAX 4096	/* of one agent at once; more are refused */
#define STACK_SIZE (128 * 1024) /* what a thread touches of it is a page or two */
#define LOOK_NS 50000000L	/* how often askers are looked at */
#define RESPONSE_MAX 256	/* larger than what any kernel here reads */
#define RESTART 512		/* the kernel's own ERESTARTSYS: it becomes EINTR, or the call is made again */
#define WAKE (SIGRTMIN + 5)	/* ends what a thread waits in */

struct rein_errands {
	REIN_VEC(struct rein_errand *) running;
	struct rein_watch done; /* read end of a pipe; a thread writes the address of its errand as the last it does */
	struct rein_watch look;
	int done_fd; /* write end */
};

struct task {
	struct rein_errand *errand;
	int done_fd;
};

static void on_wake(int signal)
{
}

void rein_errand_free(struct rein_errand *errand)
{
	if (errand)
		rein_borrowed_close(&errand->socket);
	free(errand);
}

static void answer(const struct rein_errand *errand, long result)
{
	union {
		struct seccomp_notif_resp response;
		char room[RESPONSE_MAX];
	} reply = {0};

	reply.response.id = errand->id;
	if (result < 0)
		reply.response.error = (int)result;
	else
		reply.response.val = result;
	ioctl(errand->listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

static void *run(void *data)
{
	struct task task = *(struct task *)data;
	struct rein_errand *errand = task.errand;
	int stop;
	long result;
	ssize_t ignored;

	free(data);
	do {
		result = errand->perform(errand);
		stop = __atomic_load_n(&errand->stop, __ATOMIC_ACQUIRE);
	} while (result == -EINTR && stop == REIN_ERRAND_GOES_ON);
	if (result == -EINTR)
		result = -RESTART;
	/* Where it lingers, the asker waits for that, as it would in its own call. */
	close(rein_take_fd(&errand->socket));
	if (stop != REIN_ERRAND_DROPPED)
		answer(errand, result);
	ignored = write(task.done_fd, &errand, sizeof(errand)); /* a pipe with room for all */
	(void)ignored;
	return NULL;
}

/* The thread takes no signal but the one that wakes it; all others are the supervisor's. */
static int start_thread(struct rein_errands *errands, struct rein_errand *errand)
{
	struct task *task = malloc(sizeof(*task));
	sigset_t all, old;
	pthread_attr_t attributes;
	int r;

	if (!task || pthread_attr_init(&attributes)) {
		free(task);
		return -ENOMEM;
	}
	*task = (struct task){errand, errands->done_fd};
	sigfillset(&all);
	sigdelset(&all, WAKE);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&errand->thread, &attributes, run, task);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attributes);
	if (r)
		free(task);
	return -r;
}

static void look_every(struct rein_errands *errands, long ns)
{
	struct itimerspec period = {.it_interval = {0, ns}, .it_value = {0, ns}};

	timerfd_settime(errands->look.fd, 0, &period, NULL);
}

static void forget(struct rein_errands *errands, struct rein_errand *errand)
{
	for (size_t i = 0; i < errands->running.count; i++) {
		if (errands->running.items[i] != errand)
			continue;
		errands->running.items[i] = errands->running.items[--errands->running.count];
		break;
	}
	pthread_join(errand->thread, NULL);
	rein_errand_free(errand);
	if (!errands->running.count)
		look_every(errands, 0);
}

static int on_done(struct rein_watch *watch, uint32_t events)
{
	struct rein_errand *errand;

	while (read(watch->fd, &errand, sizeof(errand)) == sizeof(errand))
		forget(watch->data, errand);
	return 0;
}

/*
 * Signals for the thread itself, or for its process if it is the main thread, to whom the kernel gives those first: one
 * that it will certainly take when the call returns. Others are taken by other threads meanwhile.
 */
static bool has_signal(pid_t tid)
{
	unsigned long long own = 0, shared = 0, blocked = 0;
	char path[32], line[128];
	int tgid = 0;
	REIN_AUTO_FILE FILE *status = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		sscanf(line, "Tgid: %d", &tgid);
		sscanf(line, "SigPnd: %llx", &own);
		sscanf(line, "ShdPnd: %llx", &shared);
		sscanf(line, "SigBlk: %llx", &blocked);
	}
	return (own | (tgid == tid ? shared : 0)) & ~blocked;
}

static void stop(struct rein_errand *errand, enum rein_errand_stop why)
{
	__atomic_store_n(&errand->stop, (int)why, __ATOMIC_RELEASE);
	pthread_kill(errand->thread, WAKE);
}

/* Told again at each look until the thread is done: a signal that comes before it waits ends nothing. */
static int on_look(struct rein_watch *watch, uint32_t events)
{
	struct rein_errands *errands = watch->data;
	uint64_t expirations;

	if (read(watch->fd, &expirations, sizeof(expirations)) < 0)
		return 0;
	for (size_t i = 0; i < errands->running.count; i++) {
		struct rein_errand *errand = errands->running.items[i];

		if (ioctl(errand->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &errand->id))
			stop(errand, REIN_ERRAND_DROPPED);
		else if (has_signal(errand->tid))
			stop(errand, REIN_ERRAND_INTERRUPTED);
	}
	return 0;
}

static void release(struct rein_errands *errands)
{
	rein_loop_remove(&errands->done);
	rein_loop_remove(&errands->look);
	for (int *const *fd = (int *const[]){&errands->done.fd, &errands->look.fd, &errands->done_fd, NULL}; *fd; fd++)
		if (**fd >= 0)
			close(**fd);
	rein_vec_free(&errands->running);
	free(errands);
}

static int watch(struct rein_agent *agent, struct rein_errands *errands)
{
	const struct sigaction wake = {.sa_handler = on_wake}; /* no SA_RESTART: it is there to interrupt */
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	errands->done_fd = ends[1];
	errands->done = (struct rein_watch){.fd = ends[0], .ready = on_done, .data = errands};
	errands->look.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (errands->look.fd < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) || sigaction(WAKE, &wake, NULL))
		return -errno;
	if (rein_loop_add(&agent->loop, &errands->done, EPOLLIN, NULL))
		return -EMFILE;
	return rein_loop_add(&agent->loop, &errands->look, EPOLLIN, NULL);
}

static struct rein_errands *open_errands(struct rein_agent *agent)
{
	struct rein_errands *errands = agent->errands;

	if (errands)
		return errands;
	errands = calloc(1, sizeof(*errands));
	if (!errands)
		return NULL;
	*errands = (struct rein_errands){
		.done = {.fd = -1},
		.look = {.fd = -1, .ready = on_look, .data = errands},
		.done_fd = -1,
	};
	if (watch(agent, errands)) {
		release(errands);
		return NULL;
	}
	agent->errands = errands;
	return errands;
}

struct rein_verdict_on_call rein_errand_run(struct rein_agent *agent, struct rein_errand *errand)
{
	const struct rein_verdict_on_call refused = {REIN_REPLY_REFUSE, EAGAIN}, later = {REIN_REPLY_LATER, 0};
	struct rein_errands *errands = open_errands(agent);
	struct rein_errand **place = NULL;

	errand->listener = rein_broker_listener(agent);
	if (errands && errands->running.count < ERRANDS_MAX)
		place = rein_vec_add(&errands->running);
	if (!place || start_thread(errands, errand)) {
		if (place)
			errands->running.count--;
		rein_errand_free(errand);
		return refused;
	}
	*place = errand;
	if (errands->running.count == 1)
		look_every(errands, LOOK_NS);
	return later;
}

/* A thread that was not yet waiting when the signal came is told again. */
static void end(struct rein_errand *errand)
{
	struct timespec until;

	do {
		stop(errand, REIN_ERRAND_DROPPED);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 10000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
	} while (pthread_timedjoin_np(errand->thread, NULL, &until) == ETIMEDOUT);
	rein_errand_free(errand);
}

void rein_errands_close(struct rein_agent *agent)
{
	struct rein_errands *errands = agent->errands;

	if (!errands)
		return;
	for (size_t i = 0; i < errands->running.count; i++)
		end(errands->running.items[i]);
	release(errands);
	agent->errands = NULL;
}
