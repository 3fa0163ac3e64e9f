/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/start.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/message.h"
#include "base/cleanup.h"

/* The shell's codes for a command that cannot be run. */
enum { EXIT_NOT_STARTED = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

static _Noreturn void fail(const struct rein_start *start, int status_fd, int code, const struct rein_error *err)
{
	ssize_t ignored;

	rein_message_send(start->socket, REIN_MESSAGE_FAILED, code, err->text, -1);
	ignored = write(status_fd, "!", 1);
	(void)ignored; /* the supervisor has the message; the init only loses a shortcut */
	_exit(code);
}

/*
 * A process group of its own, in the foreground: what a shell would do for a job. Where standard output goes elsewhere,
 * the keyboard may be another program's (a pager's, in a pipeline): then the command starts in the background, and is
 * stopped and brought to the foreground should it ever read from its terminal.
 */
static int take_terminal(const struct rein_start *start, int terminal_fd, struct rein_error *err)
{
	if (setpgid(0, 0))
		return rein_fail_errno(err, "cannot make a process group for the command");
	if (terminal_fd < 0)
		return 0;
	/* SIGTTOU is still blocked, as all signals are, or this would stop us. */
	if (start->terminal[1] && tcsetpgrp(terminal_fd, getpid()))
		return rein_fail_errno(err, "cannot give the terminal to the command");
	for (int fd = 0; fd < 3; fd++)
		if (start->terminal[fd] && dup2(terminal_fd, fd) < 0)
			return rein_fail_errno(err, "cannot give the command its terminal as descriptor %d", fd);
	return 0;
}

/*
 * /dev/null as it was inherited is the host's node on a mount that can be written: an agent that owns it, as uid 0,
 * could change its mode for everybody. The agent's own is the same device on a mount that is read only.
 */
static int use_own_null(struct rein_error *err)
{
	for (int fd = 0; fd < 3; fd++) {
		REIN_AUTO_FD int own = -1;
		struct stat st;

		if (fstat(fd, &st) || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
			continue;
		own = open("/dev/null", (fcntl(fd, F_GETFL) & O_ACCMODE) | O_NOCTTY | O_CLOEXEC);
		if (own < 0 || dup2(own, fd) < 0)
			return rein_fail_errno(err, "cannot give the command a /dev/null of its own as descriptor %d",
					       fd);
	}
	return 0;
}

static int confine(const struct rein_start *start, struct rein_error *err)
{
	int r;

	/* Whatever else was inherited closes with the exec; the two descriptors still needed are among them. */
	if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC))
		return rein_fail_errno(err, "cannot close inherited descriptors");
	r = rein_mechanisms_apply(start->launch, REIN_STAGE_AGENT, err);
	if (r < 0 || start->launch->notify_fd < 0)
		return r;
	/* From here on calls may wait for the supervisor, which serves them once it has this descriptor. */
	r = rein_message_send(start->socket, REIN_MESSAGE_NOTIFY, 0, NULL, start->launch->notify_fd);
	return r < 0 ? rein_fail(err, -r, "cannot hand the seccomp listener to the supervisor: %s", strerror(-r)) : 0;
}

static int exec_failure(const char *command, int code, struct rein_error *err)
{
	static const char found_but[] =
		"; it is there, but is not a program this agent may execute: see filesystem.execute "
		"of the profile, its mode and its interpreter";

	rein_fail(err, code, "cannot run %s: %s%s", command, strerror(code), code == EACCES ? found_but : "");
	return code == ENOENT || code == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

_Noreturn void rein_start_command(const struct rein_start *start, int status_fd, int terminal_fd)
{
	struct rein_error err = {0};

	if (take_terminal(start, terminal_fd, &err) < 0 || use_own_null(&err) < 0 || confine(start, &err) < 0)
		fail(start, status_fd, EXIT_NOT_STARTED, &err);
	sigprocmask(SIG_SETMASK, &start->mask, NULL);
	environ = (char **)start->envp;
	execvp(start->argv[0], start->argv);
	fail(start, status_fd, exec_failure(start->argv[0], errno, &err), &err);
}
