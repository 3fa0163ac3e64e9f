/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_HARNESS_H
#define REIN_TESTS_HARNESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What live and escape tests are written in: run the built program as a person would, then look at the effects from
 * outside. A helper that cannot do its work fails the running Criterion test. No helper sleeps to synchronise: they
 * wait on descriptors, with a deadline that only a broken program meets.
 */

#define HARNESS_PATIENCE_MS (60000 * harness_slow())

/* ---- programs ---- */

/* A program that was started and whose output is being collected. */
struct job {
	pid_t pid;
	int pidfd;
	int in;		  /* write end of its standard input, -1: /dev/null */
	int streams[2];	  /* read ends of its standard output and error, -1 once at their end */
	char *output[2];  /* what arrived, NUL-terminated; owned by the job */
	size_t length[2]; /* bytes in them */
	bool closed;	  /* pid has been waited for */
};

/* What came of a job. Strings are owned; free with outcome_free. */
struct outcome {
	int code; /* exit code, or 128 + signal that ended the program itself */
	bool signalled;
	char *out, *err;
};

#define HARNESS_LEAKED_FD 200

struct job_options {
	bool keep_input;		/* give it a pipe as standard input */
	int leak_fd;			/* a descriptor it inherits as HARNESS_LEAKED_FD; 0: none */
	bool other_user;		/* as root: run it as the ordinary user of the tests */
	const char *directory;		/* NULL: ours */
	const char *const *environment; /* NAME=VALUE to add; NULL: none */
};

/* Starts argv (searched in PATH). options may be NULL. */
struct job job_start(const char *const argv[], const struct job_options *options);
/* Collects output until `text` stands in stream 1 or 2 (output, error). Fails the test at its end or after patience. */
void job_expect(struct job *job, int stream, const char *text);
/* As job_expect but only says whether it came within `ms`. */
bool job_says(struct job *job, int stream, const char *text, int ms);
/* Waits for the end. The job is over after it. */
struct outcome job_finish(struct job *job);
/* Whether it ended within `ms`; job_finish is still to be called. */
bool job_ends(struct job *job, int ms);
/* Kills it if it runs, and frees it. */
void job_kill(struct job *job);

struct outcome run_program(const char *const argv[], const struct job_options *options);
void outcome_free(struct outcome *outcome);
#define OUTCOME __attribute__((cleanup(outcome_free), unused)) struct outcome

/* Runs `sh -c script` unconfined. */
struct outcome run_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- this machine ---- */

bool harness_root(void);
/* The built program, and the folder it is in. */
const char *harness_rein(void);
const char *harness_build(void);
/* A copy of the source tree, for tests that build it; NULL where there is none. */
const char *harness_source(void);
/* The ordinary user of the tests: ourselves if we are not root. False if there is none. */
bool harness_user(uid_t *ret_uid, gid_t *ret_gid);
/* Says `skipped: text` aloud and skips the running test. */
void harness_skip(const char *text);
/* How many times slower than usual this machine is (REIN_SLOW), at least 1: for guards and bounds on time only. */
int harness_slow(void);
/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t harness_now_ns(void);
/* Whether a process with `marker` in its command line lives; *ret_pid may be NULL. */
bool harness_marked(const char *marker, pid_t *ret_pid);

/* ---- a trial: a folder with workspace, profile and audit log of one or more launches ---- */

struct trial {
	char root[64];	     /* not writable for the agent */
	char workspace[128]; /* owned by `uid`, who the agent runs as */
	char profile[128];
	char audit[128];
	uid_t uid;
	gid_t gid;
};

/* Agents run as the ordinary user, started by whoever runs the test. */
struct trial trial_open(void);
/* The workspace belongs to whoever runs the test: as root, the agent is uid 0. */
struct trial trial_open_own(void);
void trial_close(struct trial *trial);
#define TRIAL __attribute__((cleanup(trial_close))) struct trial

/* Writes the profile. `$TRIAL` in the text stands for trial->root, `$BUILD` for the built tree. */
void trial_profile(const struct trial *trial, const char *text);
/* Writes a file under trial->root (or an absolute path), owned by the agent's user if it is in the workspace. */
void trial_write(const struct trial *trial, const char *name, const char *content, mode_t mode);
/* Reads a file under trial->root; the caller frees. NULL if it cannot be read. */
char *trial_read(const struct trial *trial, const char *name);

/* `rein run -p PROFILE -w WORKSPACE --audit AUDIT OPTIONS -- sh -c SCRIPT`; options are separated by blanks. */
struct job trial_start(const struct trial *trial, const char *options, const char *script);
struct outcome trial_run(const struct trial *trial, const char *options, const char *script);
/* The same with a command instead of a shell script. */
struct job trial_start_command(const struct trial *trial, const char *options, const char *const command[],
			       const struct job_options *job_options);
struct outcome trial_command(const struct trial *trial, const char *options, const char *const command[]);

/* ---- its audit log ---- */

/* The log as an array of objects; an unreadable line fails the test. The caller owns it. */
json_t *trial_events(const struct trial *trial);
/* How many events are of `kind`; with `key`, only those whose `key` holds the text `value`. */
int trial_count(const struct trial *trial, const char *kind, const char *key, const char *value);
/* Waits until there is such an event. */
void trial_wait_event(const struct trial *trial, const char *kind, const char *key, const char *value);
/* The agent's id, as soon as the log has it; static storage. */
const char *trial_agent(const struct trial *trial);
/* `rein verify` finds the chain whole. */
void trial_verify(const struct trial *trial);

/* Waits until `path` exists. */
void harness_wait_file(const char *path);

#endif
