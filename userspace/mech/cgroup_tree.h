/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_CGROUP_TREE_H
#define REIN_MECH_CGROUP_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * Folders of cgroup2 that belong to one living process. Who made one holds a lock on its directory descriptor, so a
 * folder whose lock is free belongs to nobody and whoever notices ends it.
 */

/* Where a hierarchy is mounted and where this process is in it. */
struct rein_cgroup_mount {
	char point[256]; /* "" if it is not mounted */
	char own[512];	 /* this process's own folder, as a path of the file system; "" if it is not visible */
};

/* Finds cgroup2 for controller NULL, else the version 1 hierarchy of `controller` ("memory"). */
void rein_cgroup_mount_find(const char *controller, struct rein_cgroup_mount *ret_mount);

/* Makes and locks parent_path/name, after ending what dead processes left in there. Returns the descriptor, which the
 * caller closes after rein_cgroup_end. */
int rein_cgroup_make(const char *parent_path, const char *name, struct rein_error *err);

/* The same for a version 1 hierarchy, where what dead processes left is only removed once it is empty. */
int rein_cgroup_make_group(const char *parent_path, const char *name, struct rein_error *err);

/* The kernfs id by which BPF knows it; 0 if it cannot be had. */
uint64_t rein_cgroup_id(int fd);

/* Like fork, the child being born inside. Returns -1 with errno set. */
pid_t rein_cgroup_fork(int fd, int *ret_pidfd);

/* Reads and writes a file of the cgroup; -errno. read terminates the text. */
int rein_cgroup_write(int fd, const char *file, const char *text);
int rein_cgroup_read(int fd, const char *file, char *ret_text, size_t size);

/* Whether cgroup.events says `word` ("populated", "frozen"); an unreadable file says yes. */
bool rein_cgroup_says(int fd, const char *word);
/* Waits until it says `word` or not, at most `timeout_ms`; false if it did not come to that. */
bool rein_cgroup_wait(int fd, const char *word, bool wanted, int timeout_ms);

/* Sends SIGKILL to every process inside, sub-cgroups included; frozen ones too. */
int rein_cgroup_kill_all(int fd);

/* Kills what is left inside, waits at most `timeout_ms`, and removes it with its sub-cgroups. */
int rein_cgroup_end(const char *parent_path, const char *name, int timeout_ms, struct rein_error *err);

#endif
