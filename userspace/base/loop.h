/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_BASE_LOOP_H
#define REIN_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* One epoll loop. Watches are owned by their users, who keep them alive until they remove them; a handler may remove
 * any watch, its own too. */

struct rein_loop;

struct rein_watch {
	int fd; /* -1: not watched */
	/* Events as of epoll(7). A negative return ends rein_loop_run with it. */
	int (*ready)(struct rein_watch *watch, uint32_t events);
	void *data;
	struct rein_loop *loop;
};

struct rein_loop {
	int epoll_fd;
	bool stop;
	struct rein_watch *removed[64]; /* during one turn, so that stale events are not delivered */
	int nr_removed;
};

int rein_loop_open(struct rein_loop *loop, struct rein_error *err);
void rein_loop_close(struct rein_loop *loop);
/* Starts watching watch->fd for `events`. */
int rein_loop_add(struct rein_loop *loop, struct rein_watch *watch, uint32_t events, struct rein_error *err);
int rein_loop_change(struct rein_watch *watch, uint32_t events);
/* Stops watching; does not close the descriptor. Harmless on a watch that is not watched. */
void rein_loop_remove(struct rein_watch *watch);
/* Runs until rein_loop_stop or a handler's error. */
int rein_loop_run(struct rein_loop *loop);
void rein_loop_stop(struct rein_loop *loop);

#endif
