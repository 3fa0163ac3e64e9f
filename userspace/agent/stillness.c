/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/stillness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "agent/message.h"
#include "agent/procfs.h"
#include "base/cleanup.h"

#define LOOK_NS 20000000L  /* while something moves */
#define SLOW_NS 200000000L /* once nothing has for a second */
#define STILL_LOOKS 50
#define MOVES_MAX 5 /* looks at which one task had moved and should not have, or not all could be seen */

/* One task, between two looks. */
struct task {
	pid_t id;
	uint64_t ran_ns, slices; /* /proc/PID/task/TID/schedstat */
	bool stopped;
	unsigned moves;
};

struct tasks {
	REIN_VEC(struct task) items; /* sorted by id */
};

struct rein_stillness {
	struct rein_agent *agent;
	struct rein_watch timer;
	struct tasks before;
	unsigned looks, still; /* since the stop; since something moved */
	unsigned failed;       /* looks in a row that did not see all */
	unsigned newcomers;    /* tasks born after the stop: whoever is stopped has no children */
	bool slow;
};

static int by_id(const void *a, const void *b)
{
	return ((const struct task *)a)->id - ((const struct task *)b)->id;
}

static const struct task *find(const struct tasks *tasks, pid_t id)
{
	const struct task key = {.id = id};

	return tasks->items.count ? bsearch(&key, tasks->items.items, tasks->items.count, sizeof(key), by_id) : NULL;
}

/* A stop that still waits for the process to come back from a long call, such as a write of a gigabyte. */
static bool is_about_to_stop(int folder, const char *id)
{
	char name[32], text[4096];
	const char *field;
	unsigned long long pending;

	snprintf(name, sizeof(name), "%.16s/status", id);
	if (rein_proc_read(folder, name, text, sizeof(text)))
		return true; /* gone */
	field = strstr(text, "\nShdPnd:");
	return field && sscanf(field, "\nShdPnd: %llx", &pending) == 1 && pending & (1ULL << (SIGSTOP - 1));
}

static bool read_task(int folder, const char *id, struct task *ret_task)
{
	unsigned long long ran, delayed, slices;
	char name[32], text[512];
	const char *state;

	snprintf(name, sizeof(name), "%.16s/schedstat", id);
	if (rein_proc_read(folder, name, text, sizeof(text)) ||
	    sscanf(text, "%llu %llu %llu", &ran, &delayed, &slices) != 3)
		return false;
	snprintf(name, sizeof(name), "%.16s/stat", id);
	if (rein_proc_read(folder, name, text, sizeof(text)) || !(state = strrchr(text, ')')) || strlen(state) < 3)
		return false;
	*ret_task = (struct task){.id = atoi(id), .ran_ns = ran, .slices = slices, .stopped = state[2] == 'T'};
	return true;
}

/*
 * Whether a task moved that should not have. One that had stopped was woken by somebody; one that had not may be on its
 * way out of a long call, which shows in the stop that waits for its process, or in a thread beside it that stopped.
 */
static bool moved_on(const struct task *before, const struct task *now, bool on_its_way)
{
	if (before->ran_ns == now->ran_ns && before->slices == now->slices)
		return false;
	return before->stopped || (!now->stopped && !on_its_way);
}

/* Judges the tasks of one process, which stand in `now` from `first` on. */
static void judge(struct rein_stillness *stillness, int folder, struct tasks *now, size_t first)
{
	bool on_its_way = false;
	char id[16];

	for (size_t i = first; i < now->items.count; i++) {
		snprintf(id, sizeof(id), "%d", now->items.items[i].id);
		on_its_way |= now->items.items[i].stopped || is_about_to_stop(folder, id);
	}
	for (size_t i = first; i < now->items.count; i++) {
		struct task *task = &now->items.items[i];
		const struct task *before = find(&stillness->before, task->id);

		if (before)
			task->moves = before->moves + moved_on(before, task, on_its_way);
		else if (stillness->looks > 1)
			stillness->newcomers++;
	}
}

/* One look, while it is taken. */
struct looking {
	struct rein_stillness *stillness;
	struct tasks now;
	bool failed; /* something that is there could not be looked at */
};

/* What has ended needs no look. */
static bool is_fine(int r)
{
	return !r || r == -ENOENT || r == -ESRCH;
}

static void look_at_task(int folder, const char *id, void *data)
{
	struct looking *looking = data;
	struct task task, *slot;

	if (!read_task(folder, id, &task))
		return; /* gone */
	slot = rein_vec_add(&looking->now.items);
	if (slot)
		*slot = task;
	looking->failed |= !slot;
}

/* Any of the agent's but its init. */
static void look_at_process(int proc_fd, const char *pid, void *data)
{
	struct looking *looking = data;
	size_t first = looking->now.items.count;
	REIN_AUTO_FD int tasks = -1;
	char name[32];

	if (!strcmp(pid, "1"))
		return;
	snprintf(name, sizeof(name), "%.16s/task", pid);
	tasks = openat(proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	looking->failed |= !is_fine(tasks < 0 ? -errno : rein_proc_each(tasks, look_at_task, looking));
	if (tasks >= 0)
		judge(looking->stillness, tasks, &looking->now, first);
}

static void look_at_all(struct looking *looking)
{
	struct tasks *now = &looking->now;

	looking->failed |= !is_fine(rein_proc_each(looking->stillness->agent->proc_fd, look_at_process, looking));
	if (now->items.count)
		qsort(now->items.items, now->items.count, sizeof(*now->items.items), by_id);
}

/* The task that moved most, and whether anything moved since the last look. */
static const struct task *worst(const struct rein_stillness *stillness, const struct tasks *now, bool *ret_moved)
{
	const struct task *most = NULL;

	*ret_moved = false;
	for (size_t i = 0; i < now->items.count; i++) {
		const struct task *task = &now->items.items[i], *before = find(&stillness->before, task->id);

		*ret_moved |= task->moves > (before ? before->moves : 0);
		if (!most || task->moves > most->moves)
			most = task;
	}
	return most;
}

static void set_pace(struct rein_stillness *stillness, long interval_ns)
{
	const struct itimerspec pace = {{0, interval_ns}, {0, interval_ns}};

	timerfd_settime(stillness->timer.fd, 0, &pace, NULL);
	stillness->slow = interval_ns == SLOW_NS;
}

static void give_up(struct rein_agent *agent, const char *why)
{
	bool breaker = agent->holds & REIN_HOLD_BREAKER;
	struct rein_event event = {
		.kind = REIN_KIND_STATE,
		.verdict = REIN_VERDICT_DENY,
		.op = "freeze",
		.mechanism = REIN_MECH_SUPERVISOR,
		.why = why,
	};

	rein_agent_emit(agent, &event);
	rein_agent_kill(agent, breaker ? REIN_END_BREAKER : REIN_END_SUPERVISOR);
}

static void give_up_on_task(struct rein_agent *agent, pid_t task)
{
	char why[256];

	snprintf(why, sizeof(why),
		 "task %d of the agent's own numbering went on although the agent was stopped, as only a program does "
		 "that wants to, so the whole agent was ended; where rein may make a cgroup, a freeze holds by itself",
		 task);
	give_up(agent, why);
}

/* Takes in what a look has seen. */
static void weigh(struct rein_stillness *stillness, struct tasks *now)
{
	struct rein_agent *agent = stillness->agent;
	bool moved;
	const struct task *most = worst(stillness, now, &moved);

	rein_vec_free(&stillness->before.items);
	stillness->before = *now;
	if ((most && most->moves >= MOVES_MAX) || stillness->newcomers >= MOVES_MAX) {
		give_up_on_task(agent, most ? most->id : 0);
		return;
	}
	stillness->still = moved ? 0 : stillness->still + 1;
	if (moved)
		rein_message_send(agent->init_socket, REIN_MESSAGE_FREEZE, 0, NULL, -1);
	if (stillness->slow != (stillness->still >= STILL_LOOKS))
		set_pace(stillness, stillness->slow ? LOOK_NS : SLOW_NS);
}

static int look(struct rein_watch *watch, uint32_t events)
{
	struct rein_stillness *stillness = watch->data;
	struct looking looking = {.stillness = stillness};
	uint64_t times;

	if (read(watch->fd, &times, sizeof(times)) < 0)
		return 0;
	stillness->looks++;
	look_at_all(&looking);
	stillness->failed = looking.failed ? stillness->failed + 1 : 0;
	if (stillness->failed < MOVES_MAX) {
		weigh(stillness, &looking.now);
		return 0;
	}
	rein_vec_free(&looking.now.items);
	give_up(stillness->agent,
		"it could not be seen whether the stopped agent stands still, so all of it was ended");
	return 0;
}

int rein_stillness_begin(struct rein_agent *agent, struct rein_error *err)
{
	struct rein_stillness *stillness;
	int r;

	if (agent->stillness || agent->proc_fd < 0)
		return 0;
	stillness = calloc(1, sizeof(*stillness));
	if (!stillness)
		return rein_fail(err, ENOMEM, "no memory to watch a stopped agent");
	stillness->agent = agent;
	stillness->timer = (struct rein_watch){.ready = look, .data = stillness};
	stillness->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	agent->stillness = stillness;
	r = stillness->timer.fd < 0 ? rein_fail_errno(err, "cannot make a timer")
				    : rein_loop_add(&agent->loop, &stillness->timer, EPOLLIN, err);
	if (r < 0) {
		rein_stillness_end(agent);
		return r;
	}
	set_pace(stillness, LOOK_NS);
	return 0;
}

void rein_stillness_end(struct rein_agent *agent)
{
	struct rein_stillness *stillness = agent->stillness;

	if (!stillness)
		return;
	agent->stillness = NULL;
	rein_loop_remove(&stillness->timer);
	rein_cleanup_fd(&stillness->timer.fd);
	rein_vec_free(&stillness->before.items);
	free(stillness);
}
