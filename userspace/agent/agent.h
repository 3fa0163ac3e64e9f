/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_AGENT_H
#define REIN_AGENT_AGENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/event.h"
#include "base/loop.h"
#include "mech/mech.h"

/*
 * A running agent as its supervisor sees it. One supervisor process has exactly one; everything here is touched by its
 * single thread only. The parts (breakers, broker, sampler, control, terminal) know this struct and not each other.
 */

enum rein_life {
	REIN_LIFE_STARTING, /* nothing of the agent's command has run */
	REIN_LIFE_RUNNING,
	REIN_LIFE_FROZEN, /* every process stopped; `holds` says by whom */
	REIN_LIFE_ENDING, /* being killed */
	REIN_LIFE_ENDED,  /* no process is left */
};

/* Why an agent is stopped, or was ended: several can hold at once, and it runs only while none does. */
enum rein_hold {
	REIN_HOLD_BREAKER = 1 << 0,  /* on_trip: freeze */
	REIN_HOLD_THROTTLE = 1 << 1, /* until the rate allows */
	REIN_HOLD_PERSON = 1 << 2,   /* rein freeze */
	REIN_HOLD_AUDIT = 1 << 3,    /* audit: strict, and nothing can be written */
	REIN_HOLD_ABSENCE = 1 << 4,  /* rein itself is stopped (^Z) */
};

/* What ended an agent other than itself; decides the exit code of `rein run`. */
enum rein_end_cause {
	REIN_END_ITSELF,
	REIN_END_BREAKER,   /* 122 */
	REIN_END_WALL_TIME, /* 124, as the rest */
	REIN_END_PERSON,
	REIN_END_AUDIT,
	REIN_END_SUPERVISOR, /* a signal to rein, or an error of its own */
};

struct rein_breakers;
struct rein_broker;
struct rein_errands;
struct rein_sampler;
struct rein_control;
struct rein_terminal;
struct rein_stillness;
struct rein_notes;
struct rein_note_channels;
struct rein_nameserver;

struct rein_agent {
	struct rein_launch *launch; /* borrowed */
	char *const *argv;	    /* of the command; borrowed */
	struct rein_sink sink;
	struct rein_loop loop;
	enum rein_life life;
	unsigned holds; /* enum rein_hold */
	enum rein_end_cause end_cause;
	bool ci;

	pid_t init_pid; /* rein's own PID 1 of the agent, as the supervisor sees it */
	int init_pidfd;
	int init_socket; /* SOCK_SEQPACKET to the init, see agent/init.h */
	int proc_fd; /* the agent's own /proc (its PID namespace), O_PATH directory; -1 until the init has sent it */

	uint64_t started_ns;		  /* CLOCK_MONOTONIC */
	uint64_t counts[REIN_KIND_COUNT]; /* events by kind */
	uint64_t denials;		  /* refusals, those that are only counted too; what --fail-on-deny looks at */
	uint64_t unwritten;		  /* events that the sink could not take */
	bool owes_flush;		  /* events since the sink was last flushed */
	int tick_fd;			  /* timer that flushes the sink a second after it came to owe something */

	struct rein_breakers *breakers;
	struct rein_broker *broker;	    /* NULL: no notified system calls */
	struct rein_errands *errands;	    /* NULL: none was ever run */
	struct rein_sampler *sampler;	    /* NULL: nothing sampled */
	struct rein_stillness *stillness;   /* NULL: not stopped, or by a freezer that needs no watching */
	struct rein_nameserver *nameserver; /* NULL: no line names a host */
	struct rein_control *control;
	struct rein_notes *notes;		  /* NULL: none was made */
	struct rein_note_channels *note_channels; /* the same */
	struct rein_terminal *terminal;		  /* NULL: no terminal */
};

/* CLOCK_MONOTONIC in nanoseconds, the clock of all breakers. */
uint64_t rein_now_ns(void);

/* Adds one reason to stop; the agent stops if it was running. Idempotent. Stops by cgroup.freeze where there is one,
 * else through the init. */
int rein_agent_hold(struct rein_agent *agent, enum rein_hold hold, struct rein_error *err);
/* Takes one reason away; the agent goes on when none is left. */
int rein_agent_release(struct rein_agent *agent, enum rein_hold hold, struct rein_error *err);
/* Kills every process; the first cause stays. Returns at once, the end arrives in the loop. */
void rein_agent_kill(struct rein_agent *agent, enum rein_end_cause cause);
/* Counts and sends one event to the sink, under the number of its note; under `audit: strict` a full disk holds the
 * agent. */
void rein_agent_emit(struct rein_agent *agent, const struct rein_event *event);
/* Within a second the sink is flushed, and counts of notes that were refused are written. */
void rein_agent_owe_flush(struct rein_agent *agent);

#endif
