/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_SYSCALL_CONDITIONS_H
#define REIN_MECH_SYSCALL_CONDITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

/*
 * Conditions on the registers of allowed system calls, and the calls that meters look at. Registers only: what a
 * pointer leads to can change between a filter's look and the kernel's.
 */

/* Holds if (args[arg] & mask) == value. */
struct rein_register_test {
	uint8_t arg;
	uint64_t mask, value;
};

/* Holds if all its tests do; at most one test for each argument. */
#define REIN_CASE_TESTS 4
struct rein_call_case {
	struct rein_register_test tests[REIN_CASE_TESTS];
	int nr_tests;
};
REIN_VEC_TYPE(rein_case_vec, struct rein_call_case);

/* What else of the plan a condition rests on. */
enum rein_call_feature {
	REIN_FEATURE_UNIX = 1 << 0, /* UNIX sockets are confined by something */
	/* More than Landlock's TCP rules stands between the agent and the network: they see neither UDP, nor data sent
	 * while connecting (MSG_FASTOPEN), nor listen() on a socket that was never bound. */
	REIN_FEATURE_NET = 1 << 1,
	REIN_FEATURE_BROKER = 1 << 2, /* the broker answers notified calls */
	/* Some place may be both written and executed: then a file in memory is no new way to run what one wrote. */
	REIN_FEATURE_OWN_PROGRAMS = 1 << 3,
};

/* Why a call is notified: 1 << enum rein_meter for what a meter counts, and these. */
#define REIN_WATCH_ADDRESS (1U << 16) /* connect and bind: refusals are recorded with their address */
#define REIN_WATCH_LISTEN (1U << 17)  /* listen: only on what the policy let bind */

/* When a watched call counts, judged by one register. */
enum rein_watch_when {
	REIN_WHEN_ALWAYS,
	REIN_WHEN_ANY,	/* any of `bits` is set */
	REIN_WHEN_NONE, /* the one bit of `bits` is clear */
	REIN_WHEN_IS,	/* the low 32 bits equal `bits` */
};

/* What the broker may look at to avoid charging for nothing. Where it cannot tell, it charges. */
enum rein_look {
	REIN_LOOK_NONE,	   /* counts as it stands */
	REIN_LOOK_CONTENT, /* counts if the path is a regular file that is not empty */
	REIN_LOOK_FILE,	   /* counts if the path is a regular file */
	REIN_LOOK_ABSENT,  /* counts if the path names nothing */
	REIN_LOOK_PRESENT, /* counts if the path names something, the link itself included */
	REIN_LOOK_SHRINKS, /* counts if the length in the argument after the path is less than the file's */
	REIN_LOOK_PEER,	   /* counts if the address is not of a UNIX socket; length in the argument after it */
	REIN_LOOK_NODE,	   /* counts if the address is of a UNIX socket that gets a name in the file system */
};

struct rein_watched_call {
	const char *name;
	unsigned watch; /* one bit */
	enum rein_watch_when when;
	uint8_t arg; /* the register that `when` looks at */
	uint64_t bits;
	enum rein_look look;
	int8_t dir;  /* argument with the folder a relative path starts from, or with the descriptor; -1: its cwd */
	int8_t path; /* argument with the path or address; -1: `dir` is the file itself */
};

/* Every row of the table, ended by a row without a name. */
extern const struct rein_watched_call rein_watched_calls[];
/* Whether the registers of a call make it count for `row`. Pure. */
bool rein_watched_counts(const struct rein_watched_call *row, const uint64_t *args);

/*
 * The cases in which system call `name` is let through without asking anybody, with `features` (enum rein_call_feature)
 * and `watch` being watched: any case that holds will do. A call without conditions has one case without tests.
 * Appends to *cases; -ENOMEM.
 */
int rein_call_cases(const char *name, unsigned features, unsigned watch, struct rein_case_vec *cases);
/* Why the arguments of an allowed call can be refused, as a sentence goes on after "because"; NULL for a call without
 * conditions. Static. */
const char *rein_call_condition(const char *name);
/* Whether any case holds. Pure. */
bool rein_cases_hold(const struct rein_case_vec *cases, const uint64_t *args);

#endif
