/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_COURSE_H
#define REIN_AGENT_COURSE_H

#include "agent/breakers.h"
#include "agent/trip.h"

/* The inside of breakers: shared by breakers.c (what happens by itself) and breakers_person.c (what people ask for). */

struct rein_course {
	uint32_t seen;	      /* trips that were acted on */
	uint32_t told;	      /* trips when one was last told of */
	uint64_t told_ns;     /* and when that was; 0: never */
	uint64_t noticed_ns;  /* when a trip without news was first seen; 0: none is */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: nothing happens by itself */
	uint64_t wait_ns;     /* the last cool-down */
	bool half_open;	      /* as far as this side knows */
	enum rein_hold hold;  /* what it holds the agent by, 0: nothing */
};

struct rein_breakers {
	struct rein_agent *agent;
	struct rein_watch timer;
	bool in_kernel; /* hooks charge some of them */
	struct rein_course courses[REIN_BREAKERS_MAX];
};

/* Acts on a breaker that has just opened, and says so. Fills what `trip` does not hold yet. */
void rein_course_opened(struct rein_agent *agent, struct rein_trip *trip);
/* Opens a breaker without a charge, unless it is open, and acts on it. */
void rein_course_trip(struct rein_agent *agent, struct rein_trip *trip);
/* Acts on the trips whose news were lost or are still under way; a person is waiting for it. */
void rein_course_look(struct rein_agent *agent);
/* Closes a breaker and forgets its course; rein_course_settle must follow. */
void rein_course_shut(struct rein_agent *agent, int index);
/* Lets the agent go on as far as no breaker stops it, and arms the timer. */
int rein_course_settle(struct rein_agent *agent, struct rein_error *err);
/* Emits a transition. */
void rein_course_emit(struct rein_agent *agent, int index, const char *op, const char *why);

#endif
