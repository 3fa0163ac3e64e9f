/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_QUESTION_H
#define REIN_AGENT_QUESTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/destination.h"
#include "mech/syscall_conditions.h"

/* A notified system call, and what can be learned about it from outside. What memory and paths say may have changed by
 * the time the kernel looks: good for records and for sparing a charge, never for letting something pass. */

struct rein_question {
	uint64_t id; /* of the notification */
	pid_t tid;   /* the asking thread, in the supervisor's PID namespace */
	int nr;
	uint32_t architecture;
	uint64_t args[6];
	unsigned paid; /* meters, 1 << enum rein_meter, that this call was charged to already */
};

/* Its process (thread group), or the thread itself if that cannot be known. */
pid_t rein_question_pid(const struct rein_question *q);
/* The parent of its process, 0 if that cannot be known. */
pid_t rein_question_parent(const struct rein_question *q);
/* The thread's name, "" if it is gone. */
void rein_question_comm(const struct rein_question *q, char ret_comm[16]);

/* The path in argument `path`, absolute as the agent sees it where it starts from can be known; with path < 0 that of
 * the descriptor `dir`. -errno if it cannot be read; then *ret_path holds what could be. */
#define REIN_QUESTION_PATH_MAX 8192
int rein_question_path(const struct rein_question *q, int dir, int path, char ret_path[REIN_QUESTION_PATH_MAX]);

/* The socket address in argument `arg`, its length in the next. -errno if it cannot be read. */
int rein_question_address(const struct rein_question *q, int arg, union rein_address *ret_address);

/* A copy of the asker's descriptor `fd`, close-on-exec; -errno. Closed by what agent/borrowed.h has. */
int rein_question_descriptor(const struct rein_question *q, int fd);

/* Whether the call counts for `row`: what the registers say, and what a look at the file shows. True where in doubt. */
bool rein_question_counts(const struct rein_question *q, const struct rein_watched_call *row);

#endif
