/* SPDX-License-Identifier: GPL-2.0 */
/* Loads rather than escapes: what live tests run inside to make trouble of a known size. */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* storm MARKER: forks without end, up to what limits allow, leaving each parent behind: sessions, daemons, execs. */
static int storm(int argc, char **argv)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	for (unsigned turn = 0;; turn++) {
		pid_t pid = fork();

		if (pid < 0) {
			usleep(1000); /* the limit is reached: go on as soon as something ends */
			continue;
		}
		if (pid > 0) {
			if (turn % 4 == 3)
				pause();
			continue;
		}
		setsid();
		if (fork() > 0)
			_exit(0);
		if (turn % 3 == 0)
			execl("/proc/self/exe", "probe", "storm", argc > 1 ? argv[1] : "", (char *)NULL);
	}
}

/* linger MARKER FILE: becomes a daemon of the classical kind, makes FILE and stays. */
static int linger(int argc, char **argv)
{
	int ready[2];
	char byte;

	if (argc < 3 || pipe(ready))
		return EINVAL;
	if (fork() > 0) {
		close(ready[1]);
		return read(ready[0], &byte, 1) == 1 ? 0 : EIO;
	}
	setsid();
	signal(SIGHUP, SIG_IGN);
	if (fork() > 0)
		_exit(0);
	close(open(argv[2], O_WRONLY | O_CREAT, 0644));
	if (write(ready[1], "", 1) != 1)
		_exit(1);
	for (int fd = 0; fd < 64; fd++)
		close(fd);
	for (;;)
		pause();
}

struct task {
	const char *folder;
	int number;
	size_t size, rounds;
	int socket;
	struct sockaddr_in to;
};

/* Appends `rounds` blocks of `size` bytes to a file of its own. */
static void *write_blocks(void *data)
{
	struct task *task = data;
	char path[4096], *block = calloc(1, task->size);
	int fd;

	snprintf(path, sizeof(path), "%s/out.%d", task->folder, task->number);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	for (size_t i = 0; i < task->rounds; i++)
		if (write(fd, block, task->size) < 0 && errno != EINTR && errno != EDQUOT)
			break;
	free(block);
	return NULL;
}

/* writers FOLDER COUNT SIZE ROUNDS PROCESSES: COUNT threads, or processes if PROCESSES is 1. */
static int writers(int argc, char **argv)
{
	int count = argc > 5 ? atoi(argv[2]) : 0;
	struct task tasks[64];
	pthread_t threads[64];

	if (count < 1 || count > 64)
		return EINVAL;
	for (int i = 0; i < count; i++) {
		tasks[i] = (struct task){.folder = argv[1],
					 .number = i,
					 .size = strtoul(argv[3], NULL, 10),
					 .rounds = strtoul(argv[4], NULL, 10)};
		if (atoi(argv[5]) == 1 && fork() == 0) {
			write_blocks(&tasks[i]);
			_exit(0);
		}
		if (atoi(argv[5]) != 1 && pthread_create(&threads[i], NULL, write_blocks, &tasks[i]))
			return EAGAIN;
	}
	for (int i = 0; i < count; i++)
		if (atoi(argv[5]) != 1)
			pthread_join(threads[i], NULL);
	while (wait(NULL) > 0)
		;
	return 0;
}

static void *send_datagrams(void *data)
{
	struct task *task = data;
	char *block = calloc(1, task->size);

	for (size_t i = 0; i < task->rounds; i++)
		sendto(task->socket, block, task->size, 0, (struct sockaddr *)&task->to, sizeof(task->to));
	free(block);
	return NULL;
}

/* senders PORT COUNT SIZE ROUNDS: COUNT threads send datagrams to 127.0.0.1. */
static int senders(int argc, char **argv)
{
	int count = argc > 4 ? atoi(argv[2]) : 0;
	struct task tasks[64];
	pthread_t threads[64];

	if (count < 1 || count > 64)
		return EINVAL;
	for (int i = 0; i < count; i++) {
		tasks[i] = (struct task){.size = strtoul(argv[3], NULL, 10), .rounds = strtoul(argv[4], NULL, 10)};
		tasks[i].to = (struct sockaddr_in){.sin_family = AF_INET,
						   .sin_port = htons((uint16_t)atoi(argv[1])),
						   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		tasks[i].socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (tasks[i].socket < 0 || pthread_create(&threads[i], NULL, send_datagrams, &tasks[i]))
			return EAGAIN;
	}
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

/* flood PATH COUNT: that many refused opens. */
static int flood(int argc, char **argv)
{
	long refused = 0;

	for (long i = 0; argc > 2 && i < atol(argv[2]); i++) {
		int fd = open(argv[1], O_RDONLY | O_CLOEXEC);

		refused += fd < 0;
		if (fd >= 0)
			close(fd);
	}
	printf("refused %ld\n", refused);
	return 0;
}

/* flood-calls ANYTHING COUNT: that many refused system calls. */
static int flood_calls(int argc, char **argv)
{
	long refused = 0;

	for (long i = 0; argc > 2 && i < atol(argv[2]); i++)
		refused += syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL) < 0;
	printf("refused %ld\n", refused);
	return 0;
}

/* remove FOLDER COUNT: unlinks FOLDER/f0 ... one after the other, on regardless of refusals. */
static int remove_files(int argc, char **argv)
{
	char path[4096];

	for (int i = 0; argc > 2 && i < atoi(argv[2]); i++) {
		snprintf(path, sizeof(path), "%s/f%d", argv[1], i);
		unlink(path);
	}
	return 0;
}

/* overwrite FILE: what a program with privileges of its own does. */
static int overwrite(int argc, char **argv)
{
	return argc > 1 ? probe_put(open(argv[1], O_WRONLY | O_TRUNC | O_CLOEXEC), PROBE_TOUCHED) : EINVAL;
}

static void go_on(int signal)
{
}

/* Has SIGCONT sent to itself for ever, with a handler, so that a stop by SIGSTOP lasts no longer than half a
 * millisecond.
 */
static void refuse_to_stop(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCONT};
	struct itimerspec often = {{0, 500000}, {0, 500000}};
	timer_t timer;

	signal(SIGCONT, go_on);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &often, NULL))
		exit(1);
}

/* restless FOLDER: one process makes and deletes files until a breaker trips, others that refuse to stop keep writing
 * to FOLDER/ticks. */
static int restless(int argc, char **argv)
{
	int ticks, children;

	if (argc < 2 || chdir(argv[1]))
		return EINVAL;
	ticks = open("ticks", O_WRONLY | O_CREAT | O_APPEND, 0644);
	for (children = 0; children < 4; children++) {
		if (fork())
			continue;
		refuse_to_stop();
		for (;;) {
			if (write(ticks, ".", 1) != 1)
				_exit(1);
			usleep(1000);
		}
	}
	for (unsigned i = 0;; i++) {
		char name[32];

		snprintf(name, sizeof(name), "f%u", i);
		close(open(name, O_WRONLY | O_CREAT, 0644));
		unlink(name);
	}
}

const struct work probe_works[] = {
	{"storm", storm},	  {"linger", linger},
	{"writers", writers},	  {"senders", senders},
	{"flood", flood},	  {"flood-calls", flood_calls},
	{"remove", remove_files}, {"overwrite", overwrite},
	{"restless", restless},	  {NULL, NULL},
};
