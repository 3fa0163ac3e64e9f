/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

bool harness_root(void)
{
	return geteuid() == 0;
}

const char *harness_build(void)
{
	static char path[PATH_MAX];
	ssize_t n;

	if (path[0])
		return path;
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	cr_assert(n > 0, "who am I?");
	path[n] = '\0';
	for (int up = 0; up < 3; up++) /* BUILD/tests/GROUP/NAME */
		*strrchr(path, '/') = '\0';
	return path;
}

const char *harness_rein(void)
{
	static char path[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/rein", harness_build());
	return path;
}

const char *harness_source(void)
{
	static char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/../source", harness_build());
	return access(path, R_OK) ? NULL : path;
}

bool harness_user(uid_t *ret_uid, gid_t *ret_gid)
{
	const struct passwd *entry = harness_root() ? getpwnam("rein-test") : NULL;

	*ret_uid = entry ? entry->pw_uid : geteuid();
	*ret_gid = entry ? entry->pw_gid : getegid();
	return *ret_uid != 0;
}

void harness_skip(const char *text)
{
	fprintf(stderr, "skipped: %s\n", text);
	cr_skip_test("%s", text);
}

static bool has_marker(const char *pid, const char *marker)
{
	char path[300], line[8192];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, line, sizeof(line));
	if (fd >= 0)
		close(fd);
	return n > 0 && memmem(line, (size_t)n, marker, strlen(marker));
}

bool harness_marked(const char *marker, pid_t *ret_pid)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	pid_t found = 0;

	cr_assert(proc != NULL);
	while (!found && (entry = readdir(proc)))
		if (atoi(entry->d_name) > 0 && atoi(entry->d_name) != getpid() && has_marker(entry->d_name, marker))
			found = atoi(entry->d_name);
	closedir(proc);
	if (found && ret_pid)
		*ret_pid = found;
	return found;
}

static struct trial open_for(uid_t uid, gid_t gid)
{
	const char *parent = getenv("REIN_TRIALS"); /* removed as a whole after the run, whatever tests leave */
	struct trial trial = {.uid = uid, .gid = gid};

	snprintf(trial.root, sizeof(trial.root), "%s/rein-trial.XXXXXX", parent ? parent : "/var/tmp");
	cr_assert(mkdtemp(trial.root) != NULL, "no folder %s", trial.root);
	cr_assert(chmod(trial.root, 0755) == 0);
	snprintf(trial.workspace, sizeof(trial.workspace), "%s/ws", trial.root);
	snprintf(trial.profile, sizeof(trial.profile), "%s/profile.yaml", trial.root);
	snprintf(trial.audit, sizeof(trial.audit), "%s/audit.jsonl", trial.root);
	cr_assert(mkdir(trial.workspace, 0755) == 0 && chown(trial.workspace, uid, gid) == 0);
	return trial;
}

struct trial trial_open(void)
{
	uid_t uid;
	gid_t gid;

	if (!harness_user(&uid, &gid))
		harness_skip("no ordinary user rein-test on this machine");
	return open_for(uid, gid);
}

struct trial trial_open_own(void)
{
	return open_for(geteuid(), getegid());
}

void trial_close(struct trial *trial)
{
	if (strstr(trial->root, "/rein-trial.")) {
		OUTCOME gone =
			run_program((const char *const[]){"rm", "-rf", "--one-file-system", trial->root, NULL}, NULL);
	}
}

/* text with every `name` replaced by `value`; the caller frees. */
static char *replaced(const char *text, const char *name, const char *value)
{
	char *out = NULL, *at;
	size_t size;
	FILE *file = open_memstream(&out, &size);

	while ((at = strstr(text, name))) {
		fwrite(text, 1, (size_t)(at - text), file);
		fputs(value, file);
		text = at + strlen(name);
	}
	fputs(text, file);
	fclose(file);
	return out;
}

void trial_profile(const struct trial *trial, const char *text)
{
	char *first = replaced(text, "$TRIAL", trial->root);
	char *second = replaced(first, "$BUILD", harness_build());

	trial_write(trial, "profile.yaml", second, 0644);
	free(first);
	free(second);
}

static void full_path(const struct trial *trial, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s%s%s", name[0] == '/' ? "" : trial->root, name[0] == '/' ? "" : "/", name);
}

void trial_write(const struct trial *trial, const char *name, const char *content, mode_t mode)
{
	char path[PATH_MAX];
	int fd;

	full_path(trial, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	cr_assert(fd >= 0, "cannot write %s: %s", path, strerror(errno));
	cr_assert(write(fd, content, strlen(content)) == (ssize_t)strlen(content));
	cr_assert(fchmod(fd, mode) == 0);
	if (strncmp(path, trial->workspace, strlen(trial->workspace)) == 0)
		cr_assert(fchown(fd, trial->uid, trial->gid) == 0);
	close(fd);
}

char *trial_read(const struct trial *trial, const char *name)
{
	char path[PATH_MAX], *content = NULL;
	size_t size;
	FILE *from, *to;

	full_path(trial, name, path);
	from = fopen(path, "re");
	if (!from)
		return NULL;
	to = open_memstream(&content, &size);
	for (int c; (c = getc(from)) != EOF;)
		putc(c, to);
	fclose(to);
	fclose(from);
	return content;
}

/* `rein run` and its options, then the command; NULL-terminated. options are cut up in place. */
static void compose(const struct trial *trial, char *options, const char *const command[], const char *argv[64])
{
	const char *const first[] = {harness_rein(),   "run",	  "-p",	       trial->profile, "-w",
				     trial->workspace, "--audit", trial->audit};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		argv[n++] = first[i];
	for (char *rest, *word = strtok_r(options, " ", &rest); word && n < 40; word = strtok_r(NULL, " ", &rest))
		argv[n++] = word;
	argv[n++] = "--";
	for (size_t i = 0; command[i] && n < 63; i++)
		argv[n++] = command[i];
	argv[n] = NULL;
}

struct job trial_start_command(const struct trial *trial, const char *options, const char *const command[],
			       const struct job_options *job_options)
{
	struct job_options defaults = job_options ? *job_options : (struct job_options){0};
	char copy[1024];
	const char *argv[64];

	if (!defaults.directory)
		defaults.directory = trial->workspace;
	snprintf(copy, sizeof(copy), "%s", options);
	compose(trial, copy, command, argv);
	return job_start(argv, &defaults);
}

struct outcome trial_command(const struct trial *trial, const char *options, const char *const command[])
{
	struct job job = trial_start_command(trial, options, command, NULL);

	return job_finish(&job);
}

struct job trial_start(const struct trial *trial, const char *options, const char *script)
{
	return trial_start_command(trial, options, (const char *const[]){"/bin/sh", "-c", script, NULL}, NULL);
}

struct outcome trial_run(const struct trial *trial, const char *options, const char *script)
{
	struct job job = trial_start(trial, options, script);

	return job_finish(&job);
}
