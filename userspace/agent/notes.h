/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_NOTES_H
#define REIN_AGENT_NOTES_H

#include "agent/agent.h"

/*
 * The notes of an agent: numbered from 1 in the order in which they were heard. Each event carries the number of the
 * last note before it. That is the last of the whole agent, not of a process: who makes a note is mostly a hook that
 * is gone at once, and by the time an event is read from the kernel its ancestors may be, too, so that any finer answer
 * would sometimes be a guess. The record of a note names the process and its parent.
 */

/* A second: ten of up to 255 bytes; a longer one counts for more. */
#define REIN_NOTES_RATE 10
#define REIN_NOTES_BURST 200
#define REIN_NOTES_UNIT 256

struct rein_note {
	const char *text; /* as it came: any bytes */
	size_t length;
	pid_t pid, ppid;
	const char *comm;
};

/* Records a note and returns its number; -EINVAL, -EMSGSIZE, -EAGAIN or -ENOSPC as in agent/note.h, and counts it. */
int rein_notes_add(struct rein_agent *agent, const struct rein_note *note, uint64_t now_ns);
/* The note that something stood under which happened at `mono_ns` (0: now). 0: none, or none that is known any more. */
uint64_t rein_notes_at(const struct rein_notes *notes, uint64_t mono_ns);
/* Records how many were refused since this was last said: at most one line for each reason. */
void rein_notes_flush(struct rein_agent *agent);
/* {recorded, refused: {REASON: count}}; the caller owns it. */
json_t *rein_notes_json(const struct rein_agent *agent);
void rein_notes_close(struct rein_agent *agent);

#endif
