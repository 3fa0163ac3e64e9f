/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_TRIP_H
#define REIN_AGENT_TRIP_H

#include <stdio.h>

#include "agent/agent.h"

/* One trip in words, for the audit and for whoever has to decide what happens next. */

enum rein_trip_cause {
	REIN_TRIP_RATE,	  /* burst and rate were used up */
	REIN_TRIP_SINGLE, /* one operation larger than the burst */
	REIN_TRIP_TOTAL,  /* the total for the agent's life was used up */
	REIN_TRIP_PROBE,  /* on probation, and past it */
	REIN_TRIP_PERSON, /* rein trip */
	REIN_TRIP_BLIND,  /* a process that cannot be watched */
};

/* Strings are borrowed. */
struct rein_trip {
	int index;	  /* of the breaker */
	uint64_t amount;  /* units of the operation; 0: not known */
	pid_t pid;	  /* 0: not known */
	const char *comm; /* NULL: not known */
	const char *by;	  /* the person who tripped it; NULL: the meter did */
	pid_t hidden;	  /* the process that cannot be watched, as the agent numbers it; 0: the meter tripped it */
	bool from_half_open;
	enum rein_on_trip action; /* what is done about it */
	uint64_t wait_ns;	  /* until it half-opens or goes on by itself; 0: never */
	bool spent;		  /* the total is used up */
	uint64_t now_ns;
};

/* Why it tripped. */
enum rein_trip_cause rein_trip_cause(const struct rein_agent *agent, const struct rein_trip *trip);
/* What the operation that tripped it got, as a positive errno; 0: it was not failed, or nobody knows. */
int rein_trip_errno(const struct rein_agent *agent, const struct rein_trip *trip);
/* One sentence: who did what, what the breaker allows and where that stands, what was done, what a person can do. */
void rein_trip_why(const struct rein_agent *agent, const struct rein_trip *trip, char *ret_text, size_t size);

/* What a process does when `meter` counts n units, as in "tried to write 4KiB to files". 0: how many is not known. */
void rein_trip_write_deed(FILE *out, enum rein_meter meter, uint64_t n);

/* The rule of breaker `index`, as the plan holds it. */
const struct rein_breaker_rule *rein_breakers_rule(const struct rein_agent *agent, int index);
/* `n` units of `meter` as people write them, in `text` of REIN_UNITS_MAX. Returns `text`. */
const char *rein_meter_amount(enum rein_meter meter, uint64_t n, char *text);

#endif
