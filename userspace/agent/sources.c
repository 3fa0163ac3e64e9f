/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/procfs.h"
#include "base/cleanup.h"

#define TEXT_MAX 8192

#define EXITING 0x4	 /* PF_EXITING */
#define FORKED_ONLY 0x40 /* PF_FORKNOEXEC */
#define KILLED (1UL << (SIGKILL - 1))

/* What the file `stat` tells of a process or thread. */
struct stat_line {
	char state;
	unsigned flags;
	unsigned long pending; /* signals, of the thread itself */
};

/* One that cannot be read is gone; what is not understood lives. */
static bool read_stat(int proc_fd, const char *path, struct stat_line *ret_line)
{
	struct stat_line line = {0};
	char text[TEXT_MAX];
	const char *name_end;

	if (rein_proc_read(proc_fd, path, text, sizeof(text)))
		return false;
	name_end = strrchr(text, ')');
	if (!name_end || sscanf(name_end,
				") %c %*s %*s %*s %*s %*s %u %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
				"%*s %*s %*s %*s "
				"%*s %*s %*s %lu",
				&line.state, &line.flags, &line.pending) != 3)
		line = (struct stat_line){.state = '?'};
	*ret_line = line;
	return true;
}

/* A thread whose process ends has SIGKILL pending until it gets a processor to end on. */
static bool is_ending(const struct stat_line *line)
{
	return line->state == 'Z' || line->state == 'X' || line->flags & EXITING || line->pending & KILLED;
}

static void find_living_thread(int task_fd, const char *tid, void *data)
{
	bool *living = data;
	struct stat_line line;
	char path[32];

	snprintf(path, sizeof(path), "%.20s/stat", tid);
	if (!*living && read_stat(task_fd, path, &line))
		*living = !is_ending(&line);
}

/* Its first thread may have ended, and others write on. */
static bool has_living_thread(int proc_fd, const char *pid)
{
	char path[32];
	bool living = false;
	REIN_AUTO_FD int task_fd = -1;

	snprintf(path, sizeof(path), "%.20s/task", pid);
	task_fd = openat(proc_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return task_fd >= 0 && !rein_proc_each(task_fd, find_living_thread, &living) && living;
}

/*
 * Whether a process that shows no io is one of the agent's that lives. The init is ours. While the memory of one that
 * has ended is given back, which takes large ones a while, kernels of 2026 show no io of it either.
 */
static bool hides(int proc_fd, const char *pid, bool began)
{
	struct stat_line line;
	char path[32];

	snprintf(path, sizeof(path), "%.20s/stat", pid);
	if (!strcmp(pid, "1") || !read_stat(proc_fd, path, &line))
		return false;
	if (is_ending(&line))
		return has_living_thread(proc_fd, pid);
	return began || !(line.flags & FORKED_ONLY);
}

static bool was_hidden(const struct rein_written *before, pid_t pid)
{
	for (size_t i = 0; i < before->nr_hidden; i++)
		if (before->hidden[i] == pid)
			return true;
	return false;
}

struct written_look {
	const struct rein_written *before;
	struct rein_written now;
};

/* More than can be remembered at once are no passing state. */
static void add_hidden(struct written_look *look, pid_t pid)
{
	bool full = look->now.nr_hidden == REIN_HIDDEN_MAX;

	look->now.began = true;
	if (full || was_hidden(look->before, pid))
		look->now.hidden_again = pid;
	if (!full)
		look->now.hidden[look->now.nr_hidden++] = pid;
}

static void add_written(int proc_fd, const char *pid, void *data)
{
	struct written_look *look = data;
	int r;

	char path[32], text[TEXT_MAX];
	unsigned long long bytes = 0;
	const char *line;

	snprintf(path, sizeof(path), "%.20s/io", pid);
	r = rein_proc_read(proc_fd, path, text, sizeof(text));
	if ((r == -EACCES || r == -EPERM) && hides(proc_fd, pid, look->now.began))
		add_hidden(look, (pid_t)strtol(pid, NULL, 10));
	if (r)
		return;
	look->now.began |= strcmp(pid, "1") != 0;
	/* cancelled_write_bytes has it in its name too, so the line's start counts */
	line = strstr(text, "\nwrite_bytes:");
	if (line && sscanf(line, "\nwrite_bytes: %llu", &bytes) == 1)
		look->now.bytes += bytes;
}

int rein_source_written(int proc_fd, struct rein_written *written)
{
	struct written_look look = {.before = written, .now = {.began = written->began}};
	int r = rein_proc_each(proc_fd, add_written, &look);

	if (!r)
		*written = look.now;
	return r;
}

static void find_root(int proc_fd, const char *pid, void *data)
{
	uint64_t *found = data;
	char path[32];
	int fd;

	if (*found)
		return;
	snprintf(path, sizeof(path), "%.20s/root", pid);
	fd = openat(proc_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		*found = (uint64_t)fd + 1;
}

int rein_source_root(int proc_fd)
{
	uint64_t found = 0;
	int r = rein_proc_each(proc_fd, find_root, &found);

	if (r)
		return r;
	return found ? (int)(found - 1) : -ENOENT;
}

#define PRIVATE_MAX 32

/* Whether this file system was not among those seen, which it then is. */
static bool first_of(dev_t dev, dev_t *seen, size_t *count)
{
	for (size_t i = 0; i < *count; i++)
		if (seen[i] == dev)
			return false;
	if (*count < PRIVATE_MAX)
		seen[(*count)++] = dev;
	return true;
}

static uint64_t used_at(int root_fd, const char *inside, dev_t *seen, size_t *count)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	REIN_AUTO_FD int fd = (int)syscall(SYS_openat2, root_fd, inside, &how, sizeof(how));
	struct statvfs fs;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !first_of(st.st_dev, seen, count) || fstatvfs(fd, &fs))
		return 0;
	return (uint64_t)(fs.f_blocks - fs.f_bfree) * fs.f_frsize;
}

int rein_source_private(int root_fd, const struct rein_view *view, uint64_t *ret_bytes)
{
	dev_t seen[PRIVATE_MAX];
	size_t count = 0;
	uint64_t sum = 0;

	for (size_t i = 0; i < view->places.count; i++)
		if (view->places.items[i].kind == REIN_PLACE_PRIVATE)
			sum += used_at(root_fd, view->places.items[i].path, seen, &count);
	*ret_bytes = sum;
	return 0;
}

/* netstat has a line of names and one of values for each group. */
static unsigned long long value_of(const char *text, const char *group, const char *name)
{
	const char *names = strstr(text, group);
	const char *values = names ? strstr(names + 1, group) : NULL;
	unsigned long long value = 0;
	size_t length = strlen(name);

	while (names && values && *names && *names != '\n') {
		names += strcspn(names, " \n");
		values += strcspn(values, " \n");
		names += *names == ' ';
		values += *values == ' ';
		if (!strncmp(names, name, length) && (names[length] == ' ' || names[length] == '\n'))
			return sscanf(values, "%llu", &value) == 1 ? value : 0;
	}
	return 0;
}

static unsigned long long value_v6(const char *text, const char *name)
{
	const char *line = strstr(text, name);
	unsigned long long value = 0;

	return line && sscanf(line + strlen(name), "%llu", &value) == 1 ? value : 0;
}

int rein_source_octets(int proc_fd, uint64_t *ret_in, uint64_t *ret_out)
{
	char text[TEXT_MAX];
	uint64_t in, out;
	int r = rein_proc_read(proc_fd, "1/net/netstat", text, sizeof(text));

	if (r)
		return r;
	in = value_of(text, "IpExt:", "InOctets");
	out = value_of(text, "IpExt:", "OutOctets");
	if (!rein_proc_read(proc_fd, "1/net/snmp6", text, sizeof(text))) { /* not there without IPv6 */
		in += value_v6(text, "Ip6InOctets");
		out += value_v6(text, "Ip6OutOctets");
	}
	*ret_in = in;
	*ret_out = out;
	return 0;
}

static void add_usage(int proc_fd, const char *pid, void *data)
{
	uint64_t *sums = data;
	char path[32], text[TEXT_MAX];
	unsigned long long resident, shared;

	snprintf(path, sizeof(path), "%.20s/statm", pid);
	if (rein_proc_read(proc_fd, path, text, sizeof(text)) || sscanf(text, "%*u %llu %llu", &resident, &shared) != 2)
		return;
	sums[0]++;
	sums[1] += resident > shared ? resident - shared : 0;
}

int rein_source_usage(int proc_fd, uint64_t *ret_processes, uint64_t *ret_memory)
{
	uint64_t sums[2] = {0, 0};
	int r = rein_proc_each(proc_fd, add_usage, sums);

	if (r)
		return r;
	*ret_processes = sums[0] ? sums[0] - 1 : 0; /* PID 1 is ours */
	*ret_memory = sums[1] * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

#define LOOKS_TO_BELIEVE 3

uint64_t rein_monotone_add(struct rein_monotone *monotone, uint64_t sum)
{
	uint64_t from = monotone->peak;

	if (sum < monotone->peak) {
		monotone->dip = monotone->looks && monotone->dip < sum ? monotone->dip : sum;
		if (++monotone->looks < LOOKS_TO_BELIEVE)
			return 0;
		from = monotone->dip;
	}
	monotone->peak = sum;
	monotone->looks = 0;
	return sum - from;
}
