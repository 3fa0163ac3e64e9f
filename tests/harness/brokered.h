/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_HARNESS_BROKERED_H
#define REIN_TESTS_HARNESS_BROKERED_H

#include "agent/agent.h"
#include "harness/policies.h"

/* One child under the filter of a plan made by hand, with a broker that answers it: no init, no namespaces. */

struct rein_brokered_event {
	enum rein_kind kind;
	pid_t pid;
	int error;
	char op[32], object[256], comm[16];
};

#define REIN_BROKERED_EVENTS 256
struct rein_brokered {
	struct rein_agent agent;
	struct rein_brokered_event events[REIN_BROKERED_EVENTS]; /* the first of them */
	size_t nr_events;					 /* all of them */
	/* Called in the loop every `every_ms`, if set. */
	void (*tick)(struct rein_brokered *brokered);
	int every_ms;
	int ticks;
	pid_t child;
	int init_socket_far_end; /* what the broker's agent would tell its init */
};

/* Runs `attempt` in the child; returns its wait status, or -1 if it had to be killed after `timeout_ms`. */
int rein_brokered_run(struct rein_brokered *brokered, struct rein_trial_plan *trial, int (*attempt)(void),
		      int timeout_ms);

/* How many events of that kind, about that call (NULL: any). */
size_t rein_brokered_count(const struct rein_brokered *brokered, enum rein_kind kind, const char *op);

/* A folder of the test's own as working directory; leaving it removes it. */
void rein_brokered_folder_enter(void);
void rein_brokered_folder_leave(void);
/* Makes file0 and so on, with a line in each; and how many of the first thousand have content still. */
void rein_brokered_files(int n);
int rein_brokered_files_left(void);

#endif
