/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_ERRAND_H
#define REIN_AGENT_ERRAND_H

#include <pthread.h>

#include "agent/verdict.h"

/*
 * What the broker does for an asker and may take long. Each errand has a thread of its own, so that one that waits for
 * a distant host delays nobody else; such a thread touches its errand and nothing else of the supervisor. It ends when
 * the work is done, when the asker is gone, or when a signal waits for the asker, which then asks again or sees EINTR,
 * as the kernel would have it.
 */

enum rein_errand_stop {
	REIN_ERRAND_GOES_ON,
	REIN_ERRAND_INTERRUPTED, /* the asker has a signal to take */
	REIN_ERRAND_DROPPED,	 /* nobody waits for the answer */
};

struct rein_errand {
	uint64_t id; /* of the question */
	pid_t tid;
	int listener; /* borrowed */
	int socket;   /* a copy of the asker's; owned */
	union rein_address to;
	socklen_t to_length;
	/* Does it, waiting as long as the socket's own settings say. The result of the call, or -errno; -EINTR where a
	 * signal came, after which it can be called again. */
	long (*perform)(const struct rein_errand *errand);
	int stop; /* enum rein_errand_stop; atomic */
	pthread_t thread;
};

/* Runs the errand, which it takes over: LATER, or REFUSE where no thread can be had. */
struct rein_verdict_on_call rein_errand_run(struct rein_agent *agent, struct rein_errand *errand);
void rein_errand_free(struct rein_errand *errand);

/* Drops what is under way and waits for its threads. */
void rein_errands_close(struct rein_agent *agent);

#endif
