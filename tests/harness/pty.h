/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_PTY_H
#define REIN_TESTS_PTY_H

#include "harness/harness.h"

/* A person at a terminal: the program under test gets a pseudo-terminal whose other end the test types into. */
struct pty {
	int master;
	pid_t pid;
	char *seen; /* all that the terminal showed, NUL-terminated; owned */
	size_t length;
};

/* Starts argv as the leader of a session on a new terminal of that size. */
struct pty pty_start(const char *const argv[], const char *directory, unsigned short rows, unsigned short columns);
void pty_type(struct pty *pty, const char *keys);
/* Waits until the terminal shows `text` after what was there at the last call; fails the test after patience. */
void pty_expect(struct pty *pty, const char *text);
void pty_resize(struct pty *pty, unsigned short rows, unsigned short columns);
/* Waits for the end and returns the exit code, or 128 + signal. */
int pty_finish(struct pty *pty);

#endif
