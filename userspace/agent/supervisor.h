/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_SUPERVISOR_H
#define REIN_AGENT_SUPERVISOR_H

#include <signal.h>

#include "agent/start.h"
#include "agent/supervise.h"

/*
 * The supervisor's own parts: what rein_supervise is made of. Each part opens one descriptor, watches it in the agent's
 * loop and knows what to do when it is ready.
 */

struct ring_buffer;

struct rein_supervisor {
	struct rein_agent agent; /* first: what the other parts of agent/ see */
	const struct rein_run *run;
	struct rein_outcome *outcome;
	struct rein_start start;
	pid_t feeder; /* of standard input, see agent/inherited.h; -1 if none */
	sigset_t old_mask;
	struct rein_watch init; /* the init's end, by its pidfd */
	struct rein_watch talk; /* its messages */
	struct rein_watch signals;
	struct rein_watch tick; /* agent.tick_fd */
	struct rein_watch wall_time;
	struct rein_watch ring_watch;
	struct ring_buffer *ring; /* NULL: no BPF events */
	int ring_budget;	  /* events that this turn of the loop may still take */
	uint64_t told_lost;	  /* refusals without an event, as far as they are recorded */
};

/* agent/signals.c: blocks all signals and watches them; the mask before is kept for the command. */
int rein_signals_open(struct rein_supervisor *supervisor, struct rein_error *err);
void rein_signals_close(struct rein_supervisor *supervisor);

/* agent/conversation.c: what the init says. */
int rein_conversation_open(struct rein_supervisor *supervisor, struct rein_error *err);
void rein_conversation_close(struct rein_supervisor *supervisor);

/* agent/clock.c: the wall-time limit and the tick that flushes the audit. */
int rein_clock_open(struct rein_supervisor *supervisor, struct rein_error *err);
void rein_clock_close(struct rein_supervisor *supervisor);

/* agent/ring.c: events of BPF programs. Drain takes what is there now, bounded. */
int rein_ring_open(struct rein_supervisor *supervisor, struct rein_error *err);
void rein_ring_drain(struct rein_supervisor *supervisor);
void rein_ring_close(struct rein_supervisor *supervisor);

/* agent/record.c: the first and the last event. A start that cannot be recorded is an error: nothing may run unseen. */
int rein_record_start(struct rein_supervisor *supervisor, struct rein_error *err);
void rein_record_end(struct rein_supervisor *supervisor);
/* What found the ring full was counted in the kernel: records the count, as far as it was not yet. */
void rein_record_lost(struct rein_supervisor *supervisor);

#endif
