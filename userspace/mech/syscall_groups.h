/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_SYSCALL_GROUPS_H
#define REIN_MECH_SYSCALL_GROUPS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * System calls by name and by group, on this machine's own architecture. What the installed libseccomp is too old to
 * name is known from a table of our own, so that a profile means the same on every distribution.
 */

#define REIN_CALLS_MAX 512 /* numbers from here on are unknown to this rein, and do not exist for an agent */

/* The number of system call `name`; -1 if it is unknown or this architecture lacks it. */
int rein_syscall_number(const char *name);
/* The name of number `nr`; NULL if it is unknown. Static. */
const char *rein_syscall_name(int nr);

/* Members of group `name` ("@file"), NULL-terminated, which may be groups again; NULL if there is no such group. */
const char *const *rein_syscall_group(const char *name);
/* Calls `each` for every system call that `name`, a call or a group, stands for here. */
void rein_syscall_expand(const char *name, void (*each)(void *context, int nr), void *context);

/* A call that no profile can allow, or not on every machine. */
struct rein_syscall_never {
	const char *name;
	const char *why; /* goes after "because", for people */
	bool absent;	 /* answered ENOSYS, as a kernel without it would, because programs then do without */
	bool queues;	 /* but a profile may allow it where bpf-file counts what it does: see rein_plan.queues */
};

/* The row of `name`; NULL if a profile may allow it. */
const struct rein_syscall_never *rein_syscall_never(const char *name);

/* Calls that rein itself makes between the filter and the command's exec, or that no program lives without. A policy
 * that leaves one out cannot start anything. NULL-terminated. */
extern const char *const rein_syscall_vital[];

#endif
