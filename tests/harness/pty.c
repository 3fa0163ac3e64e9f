/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/pty.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct pty pty_start(const char *const argv[], const char *directory, unsigned short rows, unsigned short columns)
{
	struct winsize size = {.ws_row = rows, .ws_col = columns};
	struct pty pty = {.seen = calloc(1, 1)};

	pty.pid = forkpty(&pty.master, NULL, NULL, &size);
	cr_assert(pty.pid >= 0, "no pseudo-terminal: %s", strerror(errno));
	if (pty.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("TERM", "xterm", 1);
		if (chdir(directory))
			_exit(99);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	return pty;
}

void pty_type(struct pty *pty, const char *keys)
{
	cr_assert(write(pty->master, keys, strlen(keys)) == (ssize_t)strlen(keys));
}

/* Takes what the terminal shows; false at its end or after `ms`. */
static bool look(struct pty *pty, int ms)
{
	struct pollfd waiting = {.fd = pty->master, .events = POLLIN};
	char buffer[4096];
	ssize_t n;

	if (poll(&waiting, 1, ms) <= 0)
		return false;
	n = read(pty->master, buffer, sizeof(buffer));
	if (n <= 0)
		return false;
	pty->seen = realloc(pty->seen, pty->length + (size_t)n + 1);
	memcpy(pty->seen + pty->length, buffer, (size_t)n);
	pty->length += (size_t)n;
	pty->seen[pty->length] = '\0';
	return true;
}

void pty_expect(struct pty *pty, const char *text)
{
	char *at;

	while (!(at = memmem(pty->seen, pty->length, text, strlen(text))))
		cr_assert(look(pty, HARNESS_PATIENCE_MS / 4), "waited for '%s' on the terminal, which shows: %s", text,
			  pty->seen);
	at += strlen(text);
	pty->length -= (size_t)(at - pty->seen);
	memmove(pty->seen, at, pty->length + 1);
}

void pty_resize(struct pty *pty, unsigned short rows, unsigned short columns)
{
	struct winsize size = {.ws_row = rows, .ws_col = columns};

	cr_assert(ioctl(pty->master, TIOCSWINSZ, &size) == 0);
}

int pty_finish(struct pty *pty)
{
	int status;

	while (look(pty, HARNESS_PATIENCE_MS / 4))
		;
	cr_assert(waitpid(pty->pid, &status, 0) == pty->pid);
	close(pty->master);
	free(pty->seen);
	pty->seen = NULL;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
