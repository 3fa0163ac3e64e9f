/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_BORROWED_H
#define REIN_AGENT_BORROWED_H

#include <sys/stat.h>
#include <sys/types.h>

/*
 * Descriptors of the agent's in the supervisor's hands. Who lets go of the last one waits as long as the agent likes:
 * of a socket by SO_LINGER. Here that ends at once; what is left to send goes on in the kernel. Also a look through
 * /proc holds the file for its time, and may be the last that does.
 */

/* Closes a copy, if it is one (>= 0). For the supervisor's loop: see base/hurry.h. */
void rein_borrowed_close(const int *copy);
#define REIN_AUTO_BORROWED __attribute__((cleanup(rein_borrowed_close)))

/* Where the descriptor `fd` of a process leads, not terminated by zero, as readlink; -1 and errno. */
ssize_t rein_borrowed_link(pid_t pid, int fd, char *to, size_t size);
/* What it is, as stat. */
int rein_borrowed_stat(pid_t pid, int fd, struct stat *ret_st);

#endif
