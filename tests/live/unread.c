/* SPDX-License-Identifier: GPL-2.0 */
/* A terminal or pipe that nobody reads stops the agent that writes to it, never the supervisor. */
#include "harness/pty.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROFILE                                          \
	"rein: 1\n"                                      \
	"name: unread\n"                                 \
	"description: Writes more than anybody reads.\n" \
	"extends: [base]\n"                              \
	"filesystem: {write: [$WORKSPACE, $TMPDIR]}\n"

/* Goes on once every buffer up to the reader that is none is full. */
static const char stuck[] = "import os, select, time\n"
			    "for i in range(100): open('d%d' % i, 'w').close()\n"
			    "os.set_blocking(1, False)\n"
			    "while select.select([], [1], [], 0.5)[1]:\n"
			    "    try: os.write(1, b'flood\\t\\n' * 500)\n"
			    "    except BlockingIOError: pass\n"
			    "if not os.fork():\n"
			    "    os.set_blocking(1, True)\n"
			    "    while True: os.write(1, b'more\\t\\n' * 500)\n"
			    "for i in range(100): os.unlink('d%d' % i)\n"
			    "time.sleep(424244)\n";

/* After su: the terminal belongs to whoever was there before, and may not be opened again. */
static struct pty start(const struct trial *trial, bool after_su)
{
	const char *argv[32];
	char uid[32], gid[32];
	size_t n = 0;

	if (after_su) {
		snprintf(uid, sizeof(uid), "--reuid=%u", trial->uid);
		snprintf(gid, sizeof(gid), "--regid=%u", trial->gid);
		for (const char *const *word =
			     (const char *const[]){"setpriv", uid, gid, "--clear-groups", "--reset-env", NULL};
		     *word; word++)
			argv[n++] = *word;
	}
	for (const char *const *word =
		     (const char *const[]){harness_rein(), "run", "-p", trial->profile, "-w", trial->workspace,
					   "--audit", trial->audit, "--", "/usr/bin/python3", "stuck.py", NULL};
	     *word; word++)
		argv[n++] = *word;
	argv[n] = NULL;
	trial_write(trial, "ws/stuck.py", stuck, 0644);
	cr_assert(chown(trial->root, trial->uid, trial->gid) == 0);
	return pty_start(argv, trial->workspace, 30, 100);
}

/* Its end, with nothing read of what it writes. */
static int end_unread(const struct pty *pty)
{
	int status;

	cr_assert_eq(waitpid(pty->pid, &status, 0), pty->pid);
	close(pty->master);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void need_root(void)
{
	if (!harness_root())
		harness_skip("unread: terminals of others (this is not root)");
}

static int left_in(const struct trial *trial)
{
	OUTCOME files = run_shell("ls %s | grep -c '^d'", trial->workspace);

	return atoi(files.out);
}

static void breaker_kills(bool after_su)
{
	TRIAL trial = trial_open();
	struct pty pty;

	trial_profile(&trial,
		      PROFILE "breakers:\n  deletes: {meter: delete.files, rate: 1/m, burst: 10, on_trip: kill}\n");
	pty = start(&trial, after_su);
	cr_assert_eq(end_unread(&pty), 122);
	cr_assert_geq(left_in(&trial), 89);
}

Test(unread, a_breaker_kills, .timeout = 60)
{
	breaker_kills(false);
}

Test(unread, a_breaker_kills_after_su, .timeout = 60)
{
	need_root();
	breaker_kills(true);
}

static void wall_time_ends(bool after_su)
{
	TRIAL trial = trial_open();
	struct pty pty;

	trial_profile(&trial, PROFILE "limits: {wall_time: 4s}\n");
	pty = start(&trial, after_su);
	cr_assert_eq(end_unread(&pty), 124);
}

Test(unread, wall_time_ends, .timeout = 60)
{
	wall_time_ends(false);
}

Test(unread, wall_time_ends_after_su, .timeout = 60)
{
	need_root();
	wall_time_ends(true);
}

static void orders_are_heard(bool after_su)
{
	TRIAL trial = trial_open();
	const char *const ps[] = {harness_rein(), "ps", NULL};
	struct pty pty;

	trial_profile(&trial,
		      PROFILE "breakers:\n  deletes: {meter: delete.files, rate: 1/m, burst: 10, on_trip: freeze}\n");
	pty = start(&trial, after_su);
	trial_wait_event(&trial, "trip", "object", "deletes");
	OUTCOME seen = run_program(ps, &(struct job_options){.other_user = after_su});
	cr_assert(strstr(seen.out, trial_agent(&trial)), "%s%s", seen.out, seen.err);
	OUTCOME killed = run_program((const char *const[]){harness_rein(), "kill", trial_agent(&trial), NULL},
				     &(struct job_options){.other_user = after_su});
	cr_assert_eq(killed.code, 0, "%s", killed.err);
	cr_assert_eq(end_unread(&pty), 124);
	cr_assert_not(harness_marked("424244", NULL));
}

Test(unread, orders_are_heard, .timeout = 60)
{
	orders_are_heard(false);
}

Test(unread, orders_are_heard_after_su, .timeout = 60)
{
	need_root();
	orders_are_heard(true);
}

/* A pipe for messages that somebody else has filled. */
static void fill(int fd)
{
	static const char bytes[4096];

	cr_assert(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	cr_assert(fcntl(fd, F_SETFL, 0) == 0);
}

Test(unread, messages_wait_for_nobody, .timeout = 60)
{
	TRIAL trial = trial_open();
	int pipe_fds[2], status;
	pid_t pid;

	trial_profile(&trial,
		      PROFILE "breakers:\n  deletes: {meter: delete.files, rate: 1/m, burst: 10, on_trip: kill}\n");
	cr_assert(pipe(pipe_fds) == 0);
	fill(pipe_fds[1]);
	pid = fork();
	if (pid == 0) {
		dup2(pipe_fds[1], 2);
		execl(harness_rein(), "rein", "run", "-p", trial.profile, "-w", trial.workspace, "--audit", trial.audit,
		      "--", "/bin/sh", "-c", "for i in $(seq 100); do : >d$i; done; rm d*; exec sleep 424244", NULL);
		_exit(127);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 122, "%d", status);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
