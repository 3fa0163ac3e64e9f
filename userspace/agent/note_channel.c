/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/note_channel.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/note.h"
#include "agent/notes.h"
#include "base/cleanup.h"

/* Threads that may be in the midst of a note at once; one more takes the place of who has waited longest. */
#define CHANNELS_MAX 16

struct channel {
	int fd;		/* read end; -1: the place is free */
	pid_t tid;	/* of the thread that it was made for */
	uint64_t since; /* order of arrival */
};

struct rein_note_channels {
	struct channel items[CHANNELS_MAX];
	uint64_t arrivals;
};

bool rein_note_channel_concerns(const struct rein_question *q)
{
	return q->nr == SYS_socket && (uint32_t)q->args[0] == REIN_NOTE_FAMILY &&
	       (uint32_t)q->args[1] == REIN_NOTE_TYPE &&
	       ((uint32_t)q->args[2] == REIN_NOTE_OPEN || (uint32_t)q->args[2] == REIN_NOTE_TELL);
}

static struct rein_note_channels *channels_of(struct rein_agent *agent)
{
	if (agent->note_channels)
		return agent->note_channels;
	agent->note_channels = calloc(1, sizeof(*agent->note_channels));
	for (int i = 0; agent->note_channels && i < CHANNELS_MAX; i++)
		agent->note_channels->items[i].fd = -1;
	return agent->note_channels;
}

static void drop(struct channel *channel)
{
	if (channel->fd >= 0)
		close(rein_take_fd(&channel->fd));
}

static struct channel *find(struct rein_note_channels *channels, pid_t tid)
{
	for (int i = 0; i < CHANNELS_MAX; i++)
		if (channels->items[i].fd >= 0 && channels->items[i].tid == tid)
			return &channels->items[i];
	return NULL;
}

/* The thread's own place, a free one, or the oldest. */
static struct channel *place(struct rein_note_channels *channels, pid_t tid)
{
	struct channel *own = find(channels, tid), *oldest = &channels->items[0];

	for (int i = 0; !own && i < CHANNELS_MAX; i++) {
		if (channels->items[i].fd < 0)
			return &channels->items[i];
		if (channels->items[i].since < oldest->since)
			oldest = &channels->items[i];
	}
	own = own ? own : oldest;
	drop(own);
	return own;
}

static struct rein_verdict_on_call done(int value)
{
	return (struct rein_verdict_on_call){REIN_REPLY_DONE, value};
}

/*
 * Gives the thread the write end as the result of its call. Waits for the thread to take it: that one sleeps in the
 * kernel, where neither a stop nor the freezer holds it, and needs a moment of a CPU.
 */
static int give(int notify_fd, const struct rein_question *q, int fd)
{
	struct seccomp_notif_addfd gift = {
		.id = q->id,
		.flags = SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = (uint32_t)fd,
		.newfd_flags = O_CLOEXEC,
	};

	return ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &gift) < 0 ? -errno : 0;
}

/* The agent's end waits as a pipe does; ours never. Their modes are apart, and nobody inside has ours. */
static struct rein_verdict_on_call open_channel(struct rein_note_channels *channels, const struct rein_question *q,
						int notify_fd)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC))
		return done(-errno);
	REIN_AUTO_FD int ours = ends[0], theirs = ends[1];

	r = fcntl(ours, F_SETFL, O_NONBLOCK) ? -errno : give(notify_fd, q, theirs);
	if (r < 0)
		return done(r);
	*place(channels, q->tid) =
		(struct channel){.fd = rein_take_fd(&ours), .tid = q->tid, .since = ++channels->arrivals};
	return (struct rein_verdict_on_call){REIN_REPLY_NEVER, 0};
}

static struct rein_verdict_on_call hear(struct rein_agent *agent, struct rein_note_channels *channels,
					const struct rein_question *q)
{
	struct channel *channel = find(channels, q->tid);
	char text[REIN_NOTE_MAX + 1], comm[16];
	struct rein_note note = {.text = text, .comm = comm};
	ssize_t n;

	if (!channel)
		return done(-ENOTCONN);
	n = read(channel->fd, text, sizeof(text));
	drop(channel);
	note.length = n > 0 ? (size_t)n : 0;
	note.pid = rein_question_pid(q);
	note.ppid = rein_question_parent(q);
	rein_question_comm(q, comm);
	return done(rein_notes_add(agent, &note, rein_now_ns()));
}

struct rein_verdict_on_call rein_note_channel_serve(struct rein_agent *agent, const struct rein_question *q,
						    int notify_fd)
{
	struct rein_note_channels *channels = channels_of(agent);

	if (!channels)
		return done(-ENOMEM);
	return (uint32_t)q->args[2] == REIN_NOTE_OPEN ? open_channel(channels, q, notify_fd) : hear(agent, channels, q);
}

void rein_note_channel_close(struct rein_agent *agent)
{
	for (int i = 0; agent->note_channels && i < CHANNELS_MAX; i++)
		drop(&agent->note_channels->items[i]);
	free(agent->note_channels);
	agent->note_channels = NULL;
}
