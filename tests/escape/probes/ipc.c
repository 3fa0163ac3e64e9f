/* SPDX-License-Identifier: GPL-2.0 */
/* Reaching outside by shared memory, queues, keys, sockets of files and descriptors that were left open. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static int shared_memory(const struct scene *scene)
{
	char *memory = shmat(scene->shm, NULL, 0);

	if (memory == (char *)-1)
		return errno;
	memcpy(memory, PROBE_TOUCHED, 8);
	return 0;
}

static int remove_shared_memory(const struct scene *scene)
{
	return probe_result(shmctl(scene->shm, IPC_RMID, NULL));
}

static int message_queue(const struct scene *scene)
{
	struct {
		long type;
		char text[8];
	} message = {1, "touched"};

	return probe_result(msgsnd(scene->msg, &message, sizeof(message.text), IPC_NOWAIT));
}

static int posix_queue(const struct scene *scene)
{
	char name[128];
	mqd_t queue;

	snprintf(name, sizeof(name), "/rein-probe-%s", scene->token);
	queue = mq_open(name, O_WRONLY | O_NONBLOCK);
	return queue < 0 ? errno : probe_result(mq_send(queue, PROBE_TOUCHED, 8, 0));
}

static int shared_memory_file(const struct scene *scene)
{
	char name[128];

	snprintf(name, sizeof(name), "rein-host-%s", scene->token);
	return probe_put(open(probe_path("/dev/shm", name), O_WRONLY | O_CLOEXEC), PROBE_TOUCHED);
}

static int abstract_socket(const struct scene *scene, int type)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t length = strlen(scene->abstract);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	memcpy(to.sun_path + 1, scene->abstract, length);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)))
		return errno;
	return probe_put(fd, PROBE_TOUCHED);
}

static int abstract_stream(const struct scene *scene)
{
	return abstract_socket(scene, SOCK_STREAM);
}

static int connect_path(const char *path, int *ret_fd)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return errno;
	*ret_fd = fd;
	return 0;
}

static int path_stream(const struct scene *scene)
{
	int fd = -1;

	return connect_path(probe_path(scene->outside, "socket"), &fd) ?: probe_put(fd, PROBE_TOUCHED);
}

static int tmp_stream(const struct scene *scene)
{
	char name[128];
	int fd = -1;

	snprintf(name, sizeof(name), "rein-socket-%s", scene->token);
	return connect_path(probe_path("/tmp", name), &fd) ?: probe_put(fd, PROBE_TOUCHED);
}

/* The way to a daemon that runs things for its clients. */
static int daemons(const struct scene *scene)
{
	static const char *const sockets[] = {"/run/dbus/system_bus_socket", "/run/docker.sock",
					      "/var/run/docker.sock",	     "/run/containerd/containerd.sock",
					      "/run/podman/podman.sock",     "/run/systemd/private",
					      "/run/systemd/journal/socket", "/dev/log",
					      "/run/user/1000/bus",	     "/run/udev/control"};
	int error = ENOENT, fd = -1;

	for (size_t i = 0; error && i < sizeof(sockets) / sizeof(sockets[0]); i++)
		error = connect_path(sockets[i], &fd);
	return error;
}

/* The outside end sends a descriptor of the victim to whoever connects. */
static int descriptor_by_socket(const struct scene *scene)
{
	char byte, room[CMSG_SPACE(sizeof(int))] = "";
	struct iovec text = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &text, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	int fd = -1, passed, error = connect_path(probe_path(scene->outside, "socket"), &fd);

	if (error)
		return error;
	if (recvmsg(fd, &message, 0) < 0 || !CMSG_FIRSTHDR(&message))
		return errno;
	memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(passed));
	return probe_put(passed, PROBE_TOUCHED);
}

static int inherited_descriptor(const struct scene *scene)
{
	return probe_show(dup(PROBE_LEAKED_FD));
}

static int inherited_any(const struct scene *scene)
{
	int found = 0;

	for (int fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			found = fd;
	return found ? 0 : EBADF;
}

static int read_key(const struct scene *scene)
{
	char name[128], text[128] = "";
	long key;

	snprintf(name, sizeof(name), "rein-probe-%s", scene->token);
	key = syscall(SYS_keyctl, 10 /* SEARCH */, -4 /* user keyring */, "user", name, 0);
	if (key < 0 || syscall(SYS_keyctl, 11 /* READ */, key, text, sizeof(text) - 1) < 0)
		return errno;
	puts(text);
	return 0;
}

static int add_key(const struct scene *scene)
{
	return probe_result(syscall(SYS_add_key, "user", "rein-probe-made", "x", 1, -4));
}

/* Typing into a terminal that is not its own. */
static int type_into_terminals(const struct scene *scene)
{
	static const char *const terminals[] = {"/dev/tty",  "/dev/console", "/dev/tty0",
						"/dev/tty1", "/dev/pts/0",   "/dev/pts/1"};
	int error = EACCES;

	for (size_t i = 0; error && i < sizeof(terminals) / sizeof(terminals[0]); i++) {
		int fd = open(terminals[i], O_RDWR | O_NOCTTY | O_CLOEXEC);

		error = fd < 0 ? errno : probe_result(ioctl(fd, TIOCSTI, "x"));
	}
	return error;
}

const struct probe probes_of_ipc[] = {
	{"shared-memory", shared_memory},
	{"remove-shared-memory", remove_shared_memory},
	{"message-queue", message_queue},
	{"posix-queue", posix_queue},
	{"shared-memory-file", shared_memory_file},
	{"abstract-stream", abstract_stream},
	{"path-stream", path_stream},
	{"tmp-stream", tmp_stream},
	{"daemons", daemons},
	{"descriptor-by-socket", descriptor_by_socket},
	{"inherited-descriptor", inherited_descriptor},
	{"inherited-any", inherited_any},
	{"read-key", read_key},
	{"add-key", add_key},
	{"type-into-terminals", type_into_terminals},
	{NULL, NULL},
};
