/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/brokered.h"

#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/breakers.h"
#include "agent/broker.h"
#include "agent/message.h"
#include "harness/harness.h"
#include "mech/landlock.h"
#include "mech/seccomp.h"

static int keep(void *context, const struct rein_event *event, struct rein_error *err)
{
	struct rein_brokered *brokered = context;
	struct rein_brokered_event *slot;

	if (brokered->nr_events++ >= REIN_BROKERED_EVENTS)
		return 0;
	slot = &brokered->events[brokered->nr_events - 1];
	slot->kind = event->kind;
	slot->pid = event->pid;
	slot->error = event->error;
	strncpy(slot->op, event->op ? event->op : "", sizeof(slot->op) - 1);
	strncpy(slot->object, event->object ? event->object : "", sizeof(slot->object) - 1);
	strncpy(slot->comm, event->comm ? event->comm : "", sizeof(slot->comm) - 1);
	return 0;
}

static _Noreturn void be_child(struct rein_trial_plan *trial, int socket, int (*attempt)(void))
{
	struct rein_error err = {0};

	/* What the broker lets go on is Landlock's to refuse there. */
	if (trial->plan.by_broker && rein_mech_landlock.apply(&trial->launch, REIN_STAGE_AGENT, &err))
		_exit(98);
	if (rein_mech_seccomp.apply(&trial->launch, REIN_STAGE_AGENT, &err) ||
	    rein_message_send(socket, REIN_MESSAGE_NOTIFY, 0, NULL, trial->launch.notify_fd))
		_exit(99);
	close(trial->launch.notify_fd);
	close(socket);
	_exit(attempt());
}

static int end(struct rein_watch *watch, uint32_t events)
{
	rein_loop_stop(watch->loop);
	return 0;
}

static int on_tick(struct rein_watch *watch, uint32_t events)
{
	struct rein_brokered *brokered = watch->data;
	uint64_t expirations;

	if (read(watch->fd, &expirations, sizeof(expirations)) > 0) {
		brokered->ticks++;
		brokered->tick(brokered);
	}
	return 0;
}

static int timer(int ms, bool again)
{
	struct itimerspec at = {.it_value = {ms / 1000, ms % 1000 * 1000000L}};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (again)
		at.it_interval = at.it_value;
	timerfd_settime(fd, 0, &at, NULL);
	return fd;
}

static int serve(struct rein_brokered *brokered, int timeout_ms)
{
	struct rein_loop *loop = &brokered->agent.loop;
	struct rein_watch child = {(int)syscall(SYS_pidfd_open, brokered->child, 0), end, brokered, NULL};
	struct rein_watch deadline = {timer(timeout_ms, false), end, brokered, NULL};
	struct rein_watch ticker = {-1, on_tick, brokered, NULL};
	int status = -1, r = rein_loop_add(loop, &child, EPOLLIN, NULL) | rein_loop_add(loop, &deadline, EPOLLIN, NULL);

	if (brokered->tick) {
		ticker.fd = timer(brokered->every_ms, true);
		r |= rein_loop_add(loop, &ticker, EPOLLIN, NULL);
	}
	if (!r)
		rein_loop_run(loop);
	if (waitpid(brokered->child, &status, WNOHANG) != brokered->child) {
		kill(brokered->child, SIGKILL);
		waitpid(brokered->child, NULL, 0);
		status = -1;
	}
	close(child.fd);
	close(deadline.fd);
	close(ticker.fd);
	return status;
}

static int begin(struct rein_brokered *brokered, struct rein_trial_plan *trial, int ends[2])
{
	struct rein_agent *agent = &brokered->agent;
	struct rein_error err = {0};
	int init[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, init))
		return -1;
	*agent = (struct rein_agent){
		.launch = &trial->launch,
		.sink = {.emit = keep, .context = brokered},
		.life = REIN_LIFE_RUNNING,
		.init_pidfd = -1,
		.init_socket = init[0],
		.proc_fd = -1,
		.tick_fd = -1,
	};
	brokered->init_socket_far_end = init[1];
	if (rein_loop_open(&agent->loop, &err) || rein_breakers_compile(&trial->plan, false, &trial->state, &err) ||
	    rein_breakers_open(agent, &err) || rein_mech_seccomp.prepare(&trial->launch, &err))
		cr_log_error("%s", err.text);
	return -err.code;
}

static void finish(struct rein_brokered *brokered, struct rein_trial_plan *trial)
{
	rein_broker_close(&brokered->agent);
	rein_breakers_close(&brokered->agent);
	rein_loop_close(&brokered->agent.loop);
	close(brokered->agent.init_socket);
	close(brokered->init_socket_far_end);
	rein_mech_seccomp.release(&trial->launch);
}

int rein_brokered_run(struct rein_brokered *brokered, struct rein_trial_plan *trial, int (*attempt)(void),
		      int timeout_ms)
{
	struct rein_message message;
	int ends[2], fd = -1, status = -1;

	brokered->nr_events = 0;
	if (begin(brokered, trial, ends))
		return -2;
	brokered->child = fork();
	if (!brokered->child)
		be_child(trial, ends[1], attempt);
	close(ends[1]);
	if (rein_message_receive(ends[0], 0, &message, &fd) == 1 && !rein_broker_open(&brokered->agent, fd, NULL))
		status = serve(brokered, timeout_ms * harness_slow());
	close(ends[0]);
	finish(brokered, trial);
	return status;
}

size_t rein_brokered_count(const struct rein_brokered *brokered, enum rein_kind kind, const char *op)
{
	size_t count = 0;

	for (size_t i = 0; i < brokered->nr_events && i < REIN_BROKERED_EVENTS; i++)
		count += brokered->events[i].kind == kind && (!op || !strcmp(brokered->events[i].op, op));
	return count;
}

static char folder[64];

void rein_brokered_folder_enter(void)
{
	strcpy(folder, "/tmp/rein-broker-XXXXXX");
	cr_assert(mkdtemp(folder) && !chdir(folder));
}

void rein_brokered_folder_leave(void)
{
	char command[128];

	cr_assert_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

void rein_brokered_files(int n)
{
	char name[32];

	for (int i = 0; i < n; i++) {
		FILE *file;

		snprintf(name, sizeof(name), "file%d", i);
		file = fopen(name, "w");
		fputs("content\n", file);
		fclose(file);
	}
}

int rein_brokered_files_left(void)
{
	char name[32];
	struct stat st;
	int n = 0;

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		n += !stat(name, &st) && st.st_size;
	}
	return n;
}
