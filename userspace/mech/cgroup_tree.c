/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/cgroup_tree.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/cleanup.h"

#define END_STALE_MS 1000

uint64_t rein_cgroup_id(int fd)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(uint64_t)];
	} it = {.handle = {.handle_bytes = sizeof(uint64_t)}};
	uint64_t id = 0;
	int mount;

	if (name_to_handle_at(fd, "", &it.handle, &mount, AT_EMPTY_PATH))
		return 0;
	memcpy(&id, it.handle.f_handle, sizeof(id));
	return id;
}

pid_t rein_cgroup_fork(int fd, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)fd,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

int rein_cgroup_write(int fd, const char *file, const char *text)
{
	REIN_AUTO_FD int at = openat(fd, file, O_WRONLY | O_CLOEXEC);

	if (at < 0 || write(at, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

int rein_cgroup_read(int fd, const char *file, char *ret_text, size_t size)
{
	REIN_AUTO_FD int at = openat(fd, file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (at < 0)
		return -errno;
	n = read(at, ret_text, size - 1);
	if (n < 0)
		return -errno;
	ret_text[n] = '\0';
	return 0;
}

/* The file has lines such as "populated 1". */
static bool events_say(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at && !strncmp(at + strlen(word), " 1", 2);
}

bool rein_cgroup_says(int fd, const char *word)
{
	char text[256];

	return rein_cgroup_read(fd, "cgroup.events", text, sizeof(text)) < 0 || events_say(text, word);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The kernel wakes a poll for POLLPRI on each change of the file, after a read of it by the same descriptor. */
bool rein_cgroup_wait(int fd, const char *word, bool wanted, int timeout_ms)
{
	REIN_AUTO_FD int events = openat(fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	struct pollfd poll_fd = {.fd = events, .events = POLLPRI};
	int64_t end = now_ms() + timeout_ms;
	char text[256];

	while (events >= 0) {
		ssize_t n = pread(events, text, sizeof(text) - 1, 0);
		int64_t left = end - now_ms();

		if (n < 0)
			return false;
		text[n] = '\0';
		if (events_say(text, word) == wanted)
			return true;
		if (left <= 0)
			return false;
		poll(&poll_fd, 1, (int)left);
	}
	return false;
}

static int kill_listed(int fd)
{
	REIN_AUTO_FD int at = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	int copy = at < 0 ? -1 : dup(at), killed = 0, pid;
	REIN_AUTO_FILE FILE *file = copy < 0 ? NULL : fdopen(copy, "re");

	while (file && fscanf(file, "%d", &pid) == 1)
		if (pid > 0 && !kill(pid, SIGKILL))
			killed++;
	return killed;
}

static int each_child(int fd, int (*what)(int parent, const char *name, void *context), void *context)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	REIN_AUTO_DIR DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			what(fd, entry->d_name, context);
	return 0;
}

static int kill_tree(int fd);

static int kill_child(int parent, const char *name, void *context)
{
	REIN_AUTO_FD int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : kill_tree(fd);
}

/* Before 5.14 there is no cgroup.kill: frozen, nobody can fork away from under the loop; SIGKILL ends the frozen. */
static int kill_tree(int fd)
{
	rein_cgroup_write(fd, "cgroup.freeze", "1");
	for (int round = 0; round < 64 && kill_listed(fd) > 0; round++)
		;
	return each_child(fd, kill_child, NULL);
}

int rein_cgroup_kill_all(int fd)
{
	int r = rein_cgroup_write(fd, "cgroup.kill", "1");

	return r == -ENOENT || r == -EOPNOTSUPP ? kill_tree(fd) : r;
}

static int remove_child(int parent, const char *name, void *context)
{
	{
		REIN_AUTO_FD int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0)
			each_child(fd, remove_child, NULL);
	}
	return unlinkat(parent, name, AT_REMOVEDIR) ? -errno : 0;
}

/* Empties, then removes, parent/name. */
static int end_child(int parent, const char *name, int timeout_ms)
{
	REIN_AUTO_FD int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (rein_cgroup_says(fd, "populated"))
		r = rein_cgroup_kill_all(fd);
	if (!rein_cgroup_wait(fd, "populated", false, timeout_ms))
		return r < 0 ? r : -EBUSY;
	return remove_child(parent, name, NULL);
}

int rein_cgroup_end(const char *parent_path, const char *name, int timeout_ms, struct rein_error *err)
{
	REIN_AUTO_FD int parent = open(parent_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = parent < 0 ? -errno : end_child(parent, name, timeout_ms);

	if (r == -EBUSY)
		return rein_fail(err, EBUSY, "processes in %s/%s do not die; they are killed again at the next start",
				 parent_path, name);
	return r < 0 ? rein_fail(err, -r, "cannot remove the cgroup %s/%s: %s", parent_path, name, strerror(-r)) : 0;
}

/* Promise 1's second line: an agent whose supervisor is gone, and whose init has not ended it, ends here. */
static int end_if_stale(int parent, const char *name, void *context)
{
	REIN_AUTO_FD int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		return 0;
	return end_child(parent, name, END_STALE_MS);
}

/* As long as it has processes it cannot be removed. */
static int remove_if_stale(int parent, const char *name, void *context)
{
	REIN_AUTO_FD int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		return 0;
	return unlinkat(parent, name, AT_REMOVEDIR) ? -errno : 0;
}

static int make(const char *parent_path, const char *name, int (*if_stale)(int, const char *, void *),
		struct rein_error *err)
{
	REIN_AUTO_FD int parent = -1;
	REIN_AUTO_FD int fd = -1;

	if (mkdir(parent_path, 0755) && errno != EEXIST)
		return rein_fail_errno(err, "cannot make the cgroup %s", parent_path);
	/* Held while making: a folder that is not locked yet must not look like a dead one's. */
	parent = open(parent_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0 || flock(parent, LOCK_EX))
		return rein_fail_errno(err, "cannot open the cgroup %s", parent_path);
	each_child(parent, if_stale, NULL);
	if (mkdirat(parent, name, 0755))
		return rein_fail_errno(err, "cannot make the cgroup %s/%s", parent_path, name);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		return rein_fail_errno(err, "cannot lock the cgroup %s/%s", parent_path, name);
	return rein_take_fd(&fd);
}

int rein_cgroup_make(const char *parent_path, const char *name, struct rein_error *err)
{
	return make(parent_path, name, end_if_stale, err);
}

int rein_cgroup_make_group(const char *parent_path, const char *name, struct rein_error *err)
{
	return make(parent_path, name, remove_if_stale, err);
}
