/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_WORLD_H
#define REIN_TESTS_WORLD_H

#include "harness/harness.h"

/*
 * The world around an agent, made so that only rein stands between the two: files that everybody may write, a process
 * of the same user, listeners, shared memory. world_marks says afterwards what was touched.
 */

enum world_mark {
	WORLD_LEAK = 1 << 0,	  /* the secret, or what the bystander holds, came out */
	WORLD_FILES = 1 << 1,	  /* a file or folder outside changed, came or went */
	WORLD_CARVE_OUT = 1 << 2, /* something denied inside the workspace changed */
	WORLD_RAN = 1 << 3,	  /* a program ran that may not be executed */
	WORLD_BYSTANDER = 1 << 4, /* the process outside was ended, stopped, changed */
	WORLD_PACKET = 1 << 5,	  /* a listener heard something */
	WORLD_IPC = 1 << 6,	  /* shared memory, queues */
	WORLD_MACHINE = 1 << 7,	  /* host name, core pattern, routes */
	WORLD_REIN = 1 << 8,	  /* rein's log, profile */
	WORLD_SURVIVOR = 1 << 9,  /* a process outlived the agent */
	WORLD_CLAIM = 1 << 10,	  /* the probe says that it got through: judged where no safe effect can be seen */
};

struct world {
	struct trial trial;
	char token[32], outside[96];
	pid_t bystander;
	int bystander_pidfd;
	uintptr_t address;
	int listeners[6]; /* tcp, tcp6, udp, udp6, abstract, path */
	int tmp_listener, sender;
	uint16_t ports[4];
	int shm, msg, queue;
	char *before; /* what world_picture said at the start */
	uint64_t inode;
};

/* The probes' profile goes to trial->profile. `own`: the agent has the uid of whoever runs the test. */
struct world world_open(bool own, const char *profile);
/* Runs a probe in it, confined or bare. The caller frees the outcome. */
struct outcome world_probe(struct world *world, const char *probe, bool confined);
/* What was touched, as enum world_mark. */
unsigned world_marks(struct world *world, const struct outcome *outcome);
/* The names of marks; static storage. */
const char *world_mark_names(unsigned marks);
void world_close(struct world *world);
#define WORLD __attribute__((cleanup(world_close))) struct world

#endif
