/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

uint64_t harness_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* In the child: the test's ordinary user, as a login would set it up. */
static void become_user(void)
{
	uid_t uid;
	gid_t gid;
	const struct passwd *entry;

	if (!harness_root() || !harness_user(&uid, &gid))
		return;
	entry = getpwuid(uid);
	if (!entry || initgroups(entry->pw_name, gid) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		_exit(99);
	setenv("HOME", entry->pw_dir, 1);
	setenv("USER", entry->pw_name, 1);
	setenv("LOGNAME", entry->pw_name, 1);
	unsetenv("XDG_RUNTIME_DIR");
}

static void become(const char *const argv[], const struct job_options *options, int in, int out, int err)
{
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	if (options->leak_fd) {
		dup2(options->leak_fd, HARNESS_LEAKED_FD);
		syscall(SYS_close_range, 3, HARNESS_LEAKED_FD - 1, 0);
		syscall(SYS_close_range, HARNESS_LEAKED_FD + 1, ~0U, 0);
	} else {
		syscall(SYS_close_range, 3, ~0U, 0);
	}
	signal(SIGPIPE, SIG_DFL);
	for (size_t i = 0; options->environment && options->environment[i]; i++)
		putenv((char *)options->environment[i]);
	if (options->other_user)
		become_user();
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nothing running */
	if (options->directory && chdir(options->directory))
		_exit(99);
	execvp(argv[0], (char *const *)argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

struct job job_start(const char *const argv[], const struct job_options *options)
{
	static const struct job_options plain;
	int in[2] = {-1, -1}, out[2], err[2];
	struct job job = {.in = -1};

	options = options ? options : &plain;
	cr_assert(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0, "no pipes");
	if (options->keep_input)
		cr_assert(pipe2(in, O_CLOEXEC) == 0, "no pipes");
	else
		in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	job.pid = fork();
	cr_assert(job.pid >= 0, "no fork");
	if (job.pid == 0)
		become(argv, options, in[0], out[1], err[1]);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	job.in = in[1];
	job.streams[0] = out[0];
	job.streams[1] = err[0];
	job.pidfd = (int)syscall(SYS_pidfd_open, job.pid, 0);
	cr_assert(job.pidfd >= 0, "no pidfd");
	for (int i = 0; i < 2; i++)
		job.output[i] = calloc(1, 1);
	return job;
}

/* Takes what is there from one stream. Past a mebibyte only the end of it is kept. */
static void collect(struct job *job, int i)
{
	char buffer[65536];
	ssize_t n = read(job->streams[i], buffer, sizeof(buffer));

	if (n <= 0) {
		close(job->streams[i]);
		job->streams[i] = -1;
		return;
	}
	if (job->length[i] > 1 << 20) {
		size_t keep = job->length[i] / 2;

		memmove(job->output[i], job->output[i] + job->length[i] - keep, keep);
		job->length[i] = keep;
	}
	job->output[i] = realloc(job->output[i], job->length[i] + (size_t)n + 1);
	memcpy(job->output[i] + job->length[i], buffer, (size_t)n);
	job->length[i] += (size_t)n;
	job->output[i][job->length[i]] = '\0';
}

static int left_ms(uint64_t deadline_ns)
{
	uint64_t now = harness_now_ns();

	return now >= deadline_ns ? 0 : (int)((deadline_ns - now) / 1000000 + 1);
}

/* One turn: output or the end of the program. Returns false at the deadline. *ret_ended says whether it ended. */
static bool turn(struct job *job, uint64_t deadline_ns, bool *ret_ended)
{
	struct pollfd polls[3] = {{.fd = job->streams[0], .events = POLLIN},
				  {.fd = job->streams[1], .events = POLLIN},
				  {.fd = job->pidfd, .events = POLLIN}};
	int n = poll(polls, 3, left_ms(deadline_ns));

	for (int i = 0; i < 2; i++)
		if (polls[i].revents)
			collect(job, i);
	*ret_ended = polls[2].revents && !polls[0].revents && !polls[1].revents;
	return n != 0;
}

bool job_says(struct job *job, int stream, const char *text, int ms)
{
	uint64_t deadline = harness_now_ns() + (uint64_t)ms * 1000000;
	bool ended = false;

	while (!memmem(job->output[stream - 1], job->length[stream - 1], text, strlen(text)))
		if (ended || !turn(job, deadline, &ended))
			return false;
	return true;
}

void job_expect(struct job *job, int stream, const char *text)
{
	cr_assert(job_says(job, stream, text, HARNESS_PATIENCE_MS), "waited for '%s'; output: %s; errors: %s", text,
		  job->output[0], job->output[1]);
}

bool job_ends(struct job *job, int ms)
{
	uint64_t deadline = harness_now_ns() + (uint64_t)ms * 1000000;
	bool ended = false;

	while (!ended)
		if (!turn(job, deadline, &ended))
			return false;
	return true;
}

static void forget(struct job *job)
{
	for (int i = 0; i < 2; i++)
		if (job->streams[i] >= 0)
			close(job->streams[i]);
	if (job->in >= 0)
		close(job->in);
	close(job->pidfd);
	job->in = job->pidfd = job->streams[0] = job->streams[1] = -1;
	job->closed = true;
}

struct outcome job_finish(struct job *job)
{
	struct outcome outcome = {0};
	int status;

	if (job->in >= 0)
		close(job->in);
	job->in = -1;
	if (!job_ends(job, 5 * HARNESS_PATIENCE_MS))
		kill(job->pid, SIGKILL);
	cr_assert(waitpid(job->pid, &status, 0) == job->pid, "lost a child");
	outcome.signalled = WIFSIGNALED(status);
	outcome.code = outcome.signalled ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	for (int i = 0; i < 2; i++) /* so that the whole of it is one string */
		for (size_t at = 0; at < job->length[i]; at++)
			if (!job->output[i][at])
				job->output[i][at] = '\n';
	outcome.out = job->output[0];
	outcome.err = job->output[1];
	job->output[0] = job->output[1] = NULL;
	forget(job);
	return outcome;
}

void job_kill(struct job *job)
{
	if (job->closed)
		return;
	syscall(SYS_pidfd_send_signal, job->pidfd, SIGKILL, NULL, 0); /* harmless where it has been waited for */
	waitpid(job->pid, NULL, 0);
	free(job->output[0]);
	free(job->output[1]);
	forget(job);
}

struct outcome run_program(const char *const argv[], const struct job_options *options)
{
	struct job job = job_start(argv, options);

	return job_finish(&job);
}

struct outcome run_shell(const char *format, ...)
{
	char *script = NULL;
	struct outcome outcome;
	va_list args;

	va_start(args, format);
	cr_assert(vasprintf(&script, format, args) >= 0);
	va_end(args);
	outcome = run_program((const char *const[]){"/bin/sh", "-c", script, NULL}, NULL);
	free(script);
	return outcome;
}

void outcome_free(struct outcome *outcome)
{
	free(outcome->out);
	free(outcome->err);
	outcome->out = outcome->err = NULL;
}
