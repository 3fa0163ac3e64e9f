/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/sources.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define TEXT_MAX 8192

static int read_text(int dir_fd, const char *path, char text[TEXT_MAX])
{
	REIN_AUTO_FD int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (used < TEXT_MAX - 1 && (n = read(fd, text + used, TEXT_MAX - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	return used ? 0 : -EIO;
}

/* Calls `each` for every process; readdir of /proc goes by ascending PID. */
static int for_each_process(int proc_fd, void (*each)(int proc_fd, const char *pid, uint64_t *sums), uint64_t *sums)
{
	int fd = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	REIN_AUTO_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		int code = errno;

		if (fd >= 0)
			close(fd);
		return -code;
	}
	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			each(proc_fd, entry->d_name, sums);
	return 0;
}

static void add_written(int proc_fd, const char *pid, uint64_t *sum)
{
	char path[32], text[TEXT_MAX];
	unsigned long long bytes = 0;
	const char *line;

	snprintf(path, sizeof(path), "%.20s/io", pid);
	if (read_text(proc_fd, path, text))
		return;
	/* cancelled_write_bytes has it in its name too, so the line's start counts */
	line = strstr(text, "\nwrite_bytes:");
	if (line && sscanf(line, "\nwrite_bytes: %llu", &bytes) == 1)
		*sum += bytes;
}

int rein_source_written(int proc_fd, uint64_t *ret_bytes)
{
	uint64_t sum = 0;
	int r = for_each_process(proc_fd, add_written, &sum);

	if (!r)
		*ret_bytes = sum;
	return r;
}

static void find_root(int proc_fd, const char *pid, uint64_t *found)
{
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
	int r = for_each_process(proc_fd, find_root, &found);

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
	int r = read_text(proc_fd, "1/net/netstat", text);

	if (r)
		return r;
	in = value_of(text, "IpExt:", "InOctets");
	out = value_of(text, "IpExt:", "OutOctets");
	if (!read_text(proc_fd, "1/net/snmp6", text)) { /* not there without IPv6 */
		in += value_v6(text, "Ip6InOctets");
		out += value_v6(text, "Ip6OutOctets");
	}
	*ret_in = in;
	*ret_out = out;
	return 0;
}

static void add_usage(int proc_fd, const char *pid, uint64_t *sums)
{
	char path[32], text[TEXT_MAX];
	unsigned long long resident, shared;

	snprintf(path, sizeof(path), "%.20s/statm", pid);
	if (read_text(proc_fd, path, text) || sscanf(text, "%*u %llu %llu", &resident, &shared) != 2)
		return;
	sums[0]++;
	sums[1] += resident > shared ? resident - shared : 0;
}

int rein_source_usage(int proc_fd, uint64_t *ret_processes, uint64_t *ret_memory)
{
	uint64_t sums[2] = {0, 0};
	int r = for_each_process(proc_fd, add_usage, sums);

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
