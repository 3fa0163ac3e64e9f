/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/inherited.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

#define PORTION 65536

static const char *const names[] = {"input", "output", "error"};

static bool write_all(const char *bytes, size_t count)
{
	ssize_t n;

	for (size_t done = 0; done < count; done += (size_t)n)
		if ((n = write(STDOUT_FILENO, bytes + done, count - done)) < 0)
			return false;
	return true;
}

/* Holds nothing but the two; signals of the terminal are the agent's business. Its death is the end of the input. */
static _Noreturn void feed(int pipe_fd, pid_t parent)
{
	static char portion[PORTION];
	sigset_t all;
	ssize_t n;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent || dup2(pipe_fd, STDOUT_FILENO) < 0 ||
	    syscall(SYS_close_range, 2U, ~0U, 0U))
		_exit(EXIT_FAILURE);
	while ((n = read(STDIN_FILENO, portion, sizeof(portion))) > 0 && write_all(portion, (size_t)n))
		;
	_exit(EXIT_SUCCESS);
}

static int replace_input(uid_t uid, pid_t *ret_feeder, struct rein_error *err)
{
	REIN_AUTO_FD int from = -1, to = -1;
	pid_t parent = getpid();
	int pair[2];

	if (pipe2(pair, O_CLOEXEC))
		return rein_fail_errno(err, "cannot make a pipe for standard input");
	from = pair[0];
	to = pair[1];
	if (fchown(from, uid, (gid_t)-1))
		return rein_fail_errno(err, "cannot give standard input to the agent's user");
	*ret_feeder = fork();
	if (*ret_feeder < 0)
		return rein_fail_errno(err, "cannot start the process that feeds standard input");
	if (!*ret_feeder)
		feed(to, parent);
	return dup2(from, STDIN_FILENO) < 0 ? rein_fail_errno(err, "cannot replace standard input") : 0;
}

static bool is_only_read(int fd)
{
	return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
}

static int refuse(int fd, const char *what, struct rein_error *err)
{
	return rein_fail(err, EINVAL,
			 "standard %s is %s: redirect it elsewhere, or close it; it would lead the agent past its "
			 "profile",
			 names[fd], what);
}

static int look_at(int fd, bool *ret_feed, struct rein_error *err)
{
	struct stat what;

	if (fstat(fd, &what))
		return errno == EBADF ? 0 : rein_fail_errno(err, "cannot look at standard %s", names[fd]);
	if (S_ISDIR(what.st_mode))
		return refuse(fd, "a folder", err);
	if (fcntl(fd, F_GETFL) & O_PATH)
		return refuse(fd, "a bare handle (O_PATH)", err);
	if ((!S_ISREG(what.st_mode) && !S_ISBLK(what.st_mode)) || !is_only_read(fd))
		return 0;
	if (fd != STDIN_FILENO)
		return refuse(fd, "a file opened for reading", err);
	*ret_feed = true;
	return 0;
}

int rein_inherited_prepare(uid_t uid, pid_t *ret_feeder, struct rein_error *err)
{
	bool wanted = false;
	int r = 0;

	*ret_feeder = -1;
	for (int fd = 0; !r && fd < 3; fd++)
		r = look_at(fd, &wanted, err);
	return !r && wanted ? replace_input(uid, ret_feeder, err) : r;
}

void rein_inherited_close(pid_t feeder)
{
	if (feeder < 0)
		return;
	kill(feeder, SIGKILL);
	waitpid(feeder, NULL, 0);
}
