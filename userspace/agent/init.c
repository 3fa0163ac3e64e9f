/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/init.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "agent/message.h"
#include "base/cleanup.h"
#include "base/descriptors.h"
#include "mech/privileges.h"

struct init {
	const struct rein_start *start;
	int socket;
	int signal_fd;
	int status_fd;	 /* read end: hangs up when the command's exec succeeded; -1 afterwards */
	int terminal_fd; /* slave side of the agent's terminal, -1 if none */
	pid_t command;	 /* also its process group */
};

/* The supervisor is gone, or what it said makes no sense: as PID 1, to exit is to end the whole agent. */
static _Noreturn void end(void)
{
	_exit(EXIT_FAILURE);
}

static void wait_for(struct init *init, enum rein_message_kind kind)
{
	struct rein_message message;
	int fd;

	if (rein_message_receive(init->socket, 0, &message, &fd) != 1 || message.kind != kind)
		end();
}

/*
 * The terminal comes from the agent's own /dev/pts, so that ttyname works inside and no number of the host's is seen.
 * The supervisor gets the master side; the init, as session leader, keeps the slave as the controlling terminal, so
 * that the command's process group is not an orphan and ^Z stops it.
 */
static int make_terminal(struct init *init, struct rein_error *err)
{
	const bool *wanted = init->start->terminal;
	REIN_AUTO_FD int master = -1;
	int r, unlock = 0;

	if (!wanted[0] && !wanted[1] && !wanted[2])
		return 0;
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock))
		return rein_fail_errno(err, "cannot make a terminal for the agent");
	init->terminal_fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (init->terminal_fd < 0 || ioctl(init->terminal_fd, TIOCSCTTY, 0))
		return rein_fail_errno(err, "cannot open the agent's terminal");
	if (fchown(init->terminal_fd, init->start->launch->who.uid, (gid_t)-1))
		return rein_fail_errno(err, "cannot give the terminal to the agent's user");
	r = rein_message_send(init->socket, REIN_MESSAGE_TERMINAL, 0, NULL, master);
	return r < 0 ? rein_fail(err, -r, "cannot hand over the terminal: %s", strerror(-r)) : 0;
}

/* After the last change of credentials, since every such change clears the death signal. */
static int tie_to_supervisor(struct rein_error *err)
{
	if (prctl(PR_SET_DUMPABLE, 0) || prctl(PR_SET_PDEATHSIG, SIGKILL))
		return rein_fail_errno(err, "cannot tie the agent's life to the supervisor's");
	return 0;
}

static int set_up(struct init *init, struct rein_error *err)
{
	struct rein_launch *launch = init->start->launch;
	int r;

	if (setsid() < 0)
		return rein_fail_errno(err, "cannot start a session");
	r = rein_mechanisms_apply(launch, REIN_STAGE_INIT, err);
	if (!r)
		r = make_terminal(init, err);
	if (!r)
		r = rein_privileges_become(launch, err);
	if (!r)
		r = rein_privileges_drop(err);
	if (!r)
		r = tie_to_supervisor(err);
	if (!r)
		/* Copies of the supervisor's descriptors would keep its locks, logs and sockets alive behind its back.
		 */
		r = rein_descriptors_close_except((int[]){init->socket, init->terminal_fd}, 2, err);
	return r;
}

static int report_ready(struct init *init, struct rein_error *err)
{
	REIN_AUTO_FD int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (proc < 0)
		return rein_fail_errno(err, "cannot open the agent's /proc");
	r = rein_message_send(init->socket, REIN_MESSAGE_READY, 0, NULL, proc);
	return r < 0 ? rein_fail(err, -r, "cannot reach the supervisor: %s", strerror(-r)) : 0;
}

static int start_command(struct init *init, struct rein_error *err)
{
	int status[2];

	if (pipe2(status, O_CLOEXEC))
		return rein_fail_errno(err, "cannot make a pipe");
	init->command = fork();
	if (init->command < 0)
		return rein_fail_errno(err, "cannot fork the command; see limits.processes");
	if (!init->command)
		rein_start_command(init->start, status[1], init->terminal_fd);
	close(status[1]);
	init->status_fd = status[0];
	return 0;
}

/* The init holds on to nothing of the outside: neither the outer terminal nor a file that only the command was given.
 */
static int let_go(struct init *init, struct rein_error *err)
{
	REIN_AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t child;

	if (null < 0)
		return rein_fail_errno(err, "cannot open /dev/null");
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			return rein_fail_errno(err, "cannot replace descriptor %d", fd);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	init->signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	return init->signal_fd < 0 ? rein_fail_errno(err, "cannot make a signal descriptor") : 0;
}

static void pass_signal(const struct init *init, int signal)
{
	/* What a terminal would send goes to the whole job, the rest to the command alone. */
	bool job = signal == SIGINT || signal == SIGQUIT || signal == SIGTSTP || signal == SIGCONT;

	if (init->command > 0)
		kill(job ? -init->command : init->command, signal);
}

static void resume_command(const struct init *init)
{
	if (init->terminal_fd >= 0)
		tcsetpgrp(init->terminal_fd, init->command);
	pass_signal(init, SIGCONT);
}

static void obey(struct init *init)
{
	struct rein_message message;
	int fd;

	if (rein_message_receive(init->socket, 0, &message, &fd) != 1)
		end();
	switch (message.kind) {
	case REIN_MESSAGE_SIGNAL:
		pass_signal(init, message.value);
		break;
	case REIN_MESSAGE_FREEZE:
		kill(-1, SIGSTOP); /* atomic against fork: one with a signal pending starts over */
		break;
	case REIN_MESSAGE_THAW:
		kill(-1, SIGCONT);
		break;
	case REIN_MESSAGE_RESUME:
		resume_command(init);
		break;
	default:
		end();
	}
}

static void reap(struct init *init)
{
	struct signalfd_siginfo ignored;
	int status;
	pid_t pid;

	while (read(init->signal_fd, &ignored, sizeof(ignored)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != init->command)
			continue;
		if (WIFSTOPPED(status))
			rein_message_send(init->socket, REIN_MESSAGE_STOPPED, WSTOPSIG(status), NULL, -1);
		else
			rein_message_send(init->socket, REIN_MESSAGE_EXITED, status, NULL, -1);
	}
}

static void notice_exec(struct init *init)
{
	char failed;

	if (read(init->status_fd, &failed, 1) == 0)
		rein_message_send(init->socket, REIN_MESSAGE_STARTED, init->command, NULL, -1);
	close(rein_take_fd(&init->status_fd));
}

static _Noreturn void serve(struct init *init)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = init->socket, .events = POLLIN},
			{.fd = init->status_fd, .events = POLLIN},
			{.fd = init->signal_fd, .events = POLLIN},
		};

		if (poll(fds, REIN_COUNT(fds), -1) < 0 && errno != EINTR)
			end();
		if (fds[1].revents)
			notice_exec(init); /* before a death is reported: a start comes before an end */
		if (fds[2].revents)
			reap(init);
		if (fds[0].revents)
			obey(init);
	}
}

static _Noreturn void give_up(const struct init *init, const struct rein_error *err)
{
	rein_message_send(init->socket, REIN_MESSAGE_FAILED, 125, err->text, -1);
	end();
}

_Noreturn void rein_init_main(const struct rein_start *start)
{
	struct init init = {start, start->socket, -1, -1, -1, -1};
	struct rein_error err = {0};

	wait_for(&init, REIN_MESSAGE_GO);
	if (set_up(&init, &err) < 0 || report_ready(&init, &err) < 0)
		give_up(&init, &err);
	/* Hung up here means that the supervisor died before the death signal was armed. */
	wait_for(&init, REIN_MESSAGE_RUN);
	if (start_command(&init, &err) < 0 || let_go(&init, &err) < 0)
		give_up(&init, &err);
	serve(&init);
}
