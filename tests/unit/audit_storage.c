/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/chain.h"
#include "audit/key.h"
#include "base/cleanup.h"
#include "harness/logs.h"

static struct rein_scratch_log scratch;

static void make_scratch(void)
{
	rein_scratch_log_make(&scratch);
}

static void remove_scratch(void)
{
	rein_scratch_log_remove(&scratch);
}

TestSuite(audit_storage, .init = make_scratch, .fini = remove_scratch, .timeout = 60);

static void in_folder(char *ret_path, size_t size, const char *name)
{
	snprintf(ret_path, size, "%s/%s", scratch.folder, name);
}

/* The one head in the state folder. */
static void head_path(char *ret_path, size_t size)
{
	char heads[160];
	struct dirent *entry;

	snprintf(heads, sizeof(heads), "%s/heads", scratch.state);
	REIN_AUTO_DIR DIR *dir = opendir(heads);
	cr_assert(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			snprintf(ret_path, size, "%s/%.64s", heads, entry->d_name);
}

static bool is_refused_with(const char *words)
{
	struct rein_error err = {0};

	rein_scratch_log_refused(&scratch, &err);
	if (strstr(err.text, words))
		return true;
	fprintf(stderr, "it said: %s\n", err.text);
	return false;
}

Test(audit_storage, a_log_is_continued)
{
	rein_scratch_log_write(&scratch, 3);
	rein_scratch_log_write(&scratch, 4);
	cr_assert_eq(rein_scratch_log_verify(&scratch, 0).lines, 7);
}

Test(audit_storage, a_log_that_was_changed_is_not_continued)
{
	rein_scratch_log_write(&scratch, 3);
	REIN_AUTO_FREE char *text = rein_slurp(scratch.log), *after = NULL;

	memcpy(strstr(text, "4711"), "4712", 4);
	rein_spill(scratch.log, text);
	cr_assert(is_refused_with("was tampered with or damaged"));
	after = rein_slurp(scratch.log);
	cr_assert_str_eq(after, text);
}

Test(audit_storage, a_directory_is_no_log)
{
	cr_assert_eq(mkdir(scratch.log, 0700), 0);
	cr_assert(is_refused_with("is a directory"));
}

Test(audit_storage, a_link_is_no_log)
{
	cr_assert_eq(symlink("elsewhere", scratch.log), 0);
	cr_assert(is_refused_with("is a symbolic link: name the file itself"));
	cr_assert_eq(access(scratch.log, F_OK), -1);
}

Test(audit_storage, a_pipe_is_no_log_and_hangs_nobody)
{
	cr_assert_eq(mkfifo(scratch.log, 0600), 0);
	cr_assert(is_refused_with("is a pipe"));
}

Test(audit_storage, a_device_is_no_log)
{
	snprintf(scratch.log, sizeof(scratch.log), "/dev/full");
	cr_assert(is_refused_with("is a device"));
}

Test(audit_storage, standard_output_is_no_log)
{
	snprintf(scratch.log, sizeof(scratch.log), "/dev/stdout");
	cr_assert(is_refused_with("the audit log /dev/stdout"));
}

Test(audit_storage, a_file_with_two_names_is_no_log)
{
	char other[128];

	rein_spill(scratch.log, "");
	cr_assert_eq(chmod(scratch.log, 0600), 0);
	in_folder(other, sizeof(other), "other");
	cr_assert_eq(link(scratch.log, other), 0);
	cr_assert(is_refused_with("has 2 names"));
}

Test(audit_storage, a_file_that_others_may_write_is_no_log)
{
	rein_spill(scratch.log, "");
	cr_assert_eq(chmod(scratch.log, 0620), 0);
	cr_assert(is_refused_with("others may write"));
}

Test(audit_storage, a_file_in_no_folder_is_no_log)
{
	in_folder(scratch.log, sizeof(scratch.log), "no/log");
	cr_assert(is_refused_with("cannot open the folder of the audit log"));
}

Test(audit_storage, two_writers_are_one_too_many)
{
	struct rein_audit *audit = rein_scratch_log_open(&scratch);

	cr_assert(is_refused_with("another agent writes to the audit log"));
	cr_assert_eq(rein_audit_emit(audit, &rein_a_denial), 0);
	rein_audit_close(audit);
	rein_scratch_log_write(&scratch, 1);
	cr_assert_eq(rein_scratch_log_verify(&scratch, 0).lines, 2);
}

/* A child writes until it is killed; *ret_lines is at least as many as it had written by then. */
static void write_and_be_killed(uint64_t lines)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct rein_audit *audit = rein_scratch_log_open(&scratch);

		for (uint64_t i = 0; i < lines; i++) {
			rein_audit_emit(audit, &rein_a_denial);
			if (i == lines / 2)
				rein_audit_flush(audit, NULL);
		}
		kill(getpid(), SIGKILL);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status));
}

Test(audit_storage, what_was_written_before_a_kill_is_there_and_said_to_be_newer_than_the_head)
{
	struct rein_audit_verdict verdict;

	write_and_be_killed(10);
	verdict = rein_scratch_log_verify(&scratch, 0);
	cr_assert_eq(verdict.lines, 10);
	cr_assert_eq(verdict.unsigned_lines, 4);
	cr_assert(strstr(verdict.why, "newer than the signed head"), "%s", verdict.why);
	rein_scratch_log_write(&scratch, 2);
	cr_assert_eq(rein_scratch_log_verify(&scratch, 0).lines, 12);
}

/* A crash can leave any part of a line: wherever it ends, the log goes on, says so, and is whole. */
Test(audit_storage, a_line_torn_anywhere_is_said_and_continued)
{
	write_and_be_killed(4);
	REIN_AUTO_FREE char *whole = rein_slurp(scratch.log);
	char *last = strrchr(whole, '{'); /* of no nested object: the denial has none */
	size_t start = (size_t)(last - whole), length = strlen(whole);

	/* Short of its newline alone a line is whole; all before that is torn. */
	for (size_t end = start + 1; end < length - 1; end += 37) {
		REIN_AUTO_FREE char *torn = strndup(whole, end);
		struct rein_audit_verdict verdict;
		struct rein_error err = {0};

		rein_spill(scratch.log, torn);
		cr_assert_eq(rein_audit_verify(scratch.log, scratch.state, &verdict, &err), 0, "%s", err.text);
		cr_assert(strstr(verdict.why, "last line is unfinished"), "%s", verdict.why);
		rein_scratch_log_write(&scratch, 1);
		REIN_AUTO_FREE char *after = rein_slurp(scratch.log);

		cr_assert(!strncmp(after, torn, end), "what was torn has to stay");
		cr_assert(strstr(after, "\"op\":\"torn-line\""));
		cr_assert_eq(rein_scratch_log_verify(&scratch, 0).lines, 6);
		/* the next round starts from the log and the head of before */
		rein_scratch_log_remove(&scratch);
		rein_scratch_log_make(&scratch);
		write_and_be_killed(4);
		free(whole);
		whole = rein_slurp(scratch.log);
		start = (size_t)(strrchr(whole, '{') - whole);
		length = strlen(whole);
	}
}

Test(audit_storage, a_line_whole_but_for_its_newline_counts)
{
	write_and_be_killed(4);
	REIN_AUTO_FREE char *text = rein_slurp(scratch.log), *after = NULL;

	text[strlen(text) - 1] = '\0';
	rein_spill(scratch.log, text);
	rein_scratch_log_write(&scratch, 1);
	after = rein_slurp(scratch.log);
	cr_assert_null(strstr(after, "torn-line"));
	cr_assert_eq(rein_scratch_log_verify(&scratch, 0).lines, 5);
}

/* Whoever can write a line can chain it to rubbish: only a line that owns up to the rubbish before it may follow. */
static bool follows_rubbish(const char *op)
{
	struct rein_chain chain;
	char line[256], why[256];
	uint64_t bad;

	rein_chain_start(&chain);
	cr_assert(rein_chain_follow(&chain, "rubbish", 7, &bad, why, sizeof(why)));
	snprintf(line, sizeof(line), "{\"v\":1,\"seq\":1,\"op\":\"%s\",\"prev\":\"%s\"}", op, chain.hash);
	return rein_chain_follow(&chain, line, strlen(line), &bad, why, sizeof(why));
}

Test(audit_storage, a_torn_line_in_the_middle_needs_its_witness)
{
	cr_expect(follows_rubbish(REIN_TORN_OP));
	cr_expect_not(follows_rubbish("openat"));
}

Test(audit_storage, a_log_that_is_gone_is_missed)
{
	struct rein_audit_verdict verdict;

	rein_scratch_log_write(&scratch, 3);
	cr_assert_eq(unlink(scratch.log), 0);
	verdict = rein_scratch_log_verify(&scratch, -EBADMSG);
	cr_assert(strstr(verdict.why, "the log is gone: its signed head knows of 3 lines"), "%s", verdict.why);
}

Test(audit_storage, a_new_log_in_place_of_one_that_is_gone_says_so_first)
{
	rein_scratch_log_write(&scratch, 3);
	cr_assert_eq(unlink(scratch.log), 0);
	rein_scratch_log_write(&scratch, 1);
	REIN_AUTO_FREE char *text = rein_slurp(scratch.log);
	cr_assert(strstr(text, "\"op\":\"log-gone\"") < strchr(text, '\n'));
	cr_assert(strstr(text, "\"seq\":3") < strchr(text, '\n'), "the old log's length is not told");
	cr_assert_eq(rein_scratch_log_verify(&scratch, 0).lines, 2);
}

Test(audit_storage, the_log_of_another_agent_is_no_replacement)
{
	char other[128];

	rein_scratch_log_write(&scratch, 3);
	in_folder(other, sizeof(other), "kept");
	cr_assert_eq(rename(scratch.log, other), 0);
	in_folder(scratch.log, sizeof(scratch.log), "second");
	rein_scratch_log_write(&scratch, 3);
	in_folder(other, sizeof(other), "log.jsonl");
	cr_assert_eq(rename(scratch.log, other), 0);
	in_folder(scratch.log, sizeof(scratch.log), "log.jsonl");
	rein_scratch_log_verify(&scratch, -EBADMSG);
}

Test(audit_storage, a_head_that_was_changed_is_no_head)
{
	char path[512];

	rein_scratch_log_write(&scratch, 3);
	head_path(path, sizeof(path));
	REIN_AUTO_FREE char *text = rein_slurp(path);
	memcpy(strstr(text, "\"seq\":3"), "\"seq\":2", 7);
	rein_spill(path, text);
	struct rein_audit_verdict verdict = rein_scratch_log_verify(&scratch, -EBADMSG);
	cr_assert(strstr(verdict.why, "signature"), "%s", verdict.why);
}

Test(audit_storage, the_head_of_another_log_is_no_head)
{
	char first[512], second[512];

	rein_scratch_log_write(&scratch, 3);
	head_path(first, sizeof(first));
	REIN_AUTO_FREE char *stolen = rein_slurp(first);
	cr_assert_eq(unlink(first), 0);
	in_folder(scratch.log, sizeof(scratch.log), "second");
	rein_scratch_log_write(&scratch, 3);
	head_path(second, sizeof(second));
	rein_spill(second, stolen);
	struct rein_audit_verdict verdict = rein_scratch_log_verify(&scratch, -EBADMSG);
	cr_assert(strstr(verdict.why, "another log"), "%s", verdict.why);
}

Test(audit_storage, a_head_that_is_gone_is_said)
{
	char path[512];

	rein_scratch_log_write(&scratch, 3);
	head_path(path, sizeof(path));
	cr_assert_eq(unlink(path), 0);
	struct rein_audit_verdict verdict = rein_scratch_log_verify(&scratch, 0);
	cr_assert_not(verdict.head_known);
	cr_assert(strstr(verdict.why, "no signed head"), "%s", verdict.why);
}

Test(audit_storage, a_key_that_others_may_read_is_no_key)
{
	char key[256];
	struct stat status;

	rein_scratch_log_write(&scratch, 1);
	snprintf(key, sizeof(key), "%s/key", scratch.state);
	cr_assert(!stat(key, &status) && (status.st_mode & 07777) == 0600);
	cr_assert_eq(chmod(key, 0640), 0);
	cr_assert(is_refused_with("nobody else may read"));
}

Test(audit_storage, another_key_signs_no_head_of_this_log)
{
	char key[256];

	rein_scratch_log_write(&scratch, 1);
	snprintf(key, sizeof(key), "%s/key", scratch.state);
	cr_assert_eq(unlink(key), 0);
	rein_scratch_log_verify(&scratch, -EBADMSG);
}

/* The agent's first process begins as a copy of the supervisor. */
Test(audit_storage, a_child_does_not_inherit_the_key)
{
	struct rein_error err = {0};
	struct rein_key *key = NULL;
	int status;

	rein_scratch_log_write(&scratch, 1);
	cr_assert_eq(rein_key_read(scratch.state, &key, &err), 0, "%s", err.text);
	cr_assert_eq(strlen(rein_key_public(key)), 64);
	pid_t child = fork();
	if (child == 0)
		_exit(rein_key_public(key)[0] ? 1 : 0);
	cr_assert(waitpid(child, &status, 0) == child && status == 0, "the child has the key");
	rein_key_free(key);
}

Test(audit_storage, first_users_at_once_agree_on_one_key)
{
	pid_t children[8];
	int status;

	for (int i = 0; i < 8; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			char name[16];

			snprintf(name, sizeof(name), "log-%d", i);
			in_folder(scratch.log, sizeof(scratch.log), name);
			rein_scratch_log_write(&scratch, 2);
			_exit(0);
		}
	}
	for (int i = 0; i < 8; i++)
		cr_assert(waitpid(children[i], &status, 0) == children[i] && !status);
	for (int i = 0; i < 8; i++) {
		char name[16];

		snprintf(name, sizeof(name), "log-%d", i);
		in_folder(scratch.log, sizeof(scratch.log), name);
		cr_assert(rein_scratch_log_verify(&scratch, 0).head_known);
	}
}

/* Sums what a log says was refused: lines of their own, and counts. */
static uint64_t refusals(uint64_t *ret_lines)
{
	REIN_AUTO_FILE FILE *log = fopen(scratch.log, "re");
	REIN_AUTO_FREE char *line = NULL;
	uint64_t counted = 0;
	size_t room = 0;

	*ret_lines = 0;
	while (getline(&line, &room, log) > 0) {
		json_t *object = json_loads(line, 0, NULL);
		const char *kind = json_string_value(json_object_get(object, "kind"));
		const char *verdict = json_string_value(json_object_get(object, "verdict"));

		if (!strcmp(kind, "deny"))
			++*ret_lines;
		if (!strcmp(kind, "lost") && !strcmp(verdict, "deny"))
			counted += (uint64_t)json_integer_value(json_object_get(object, "lost"));
		json_decref(object);
	}
	return *ret_lines + counted;
}

#define FLOOD 1000000

Test(audit_storage, a_million_denials_are_all_counted_and_cost_little)
{
	struct rein_audit *audit = rein_scratch_log_open(&scratch);
	struct rein_event end = {.kind = REIN_KIND_END, .op = "end"};
	struct stat status;
	uint64_t lines;

	for (int i = 0; i < FLOOD; i++)
		rein_audit_emit(audit, &rein_a_denial);
	cr_assert_eq(rein_audit_flush(audit, NULL), 0);
	cr_assert_eq(rein_audit_emit(audit, &end), 0);
	rein_audit_close(audit);
	cr_assert_eq(refusals(&lines), FLOOD);
	cr_assert_geq(lines, 10000);
	cr_assert(!stat(scratch.log, &status) && status.st_size < 16 << 20);
	rein_scratch_log_verify(&scratch, 0);
}
