/* SPDX-License-Identifier: GPL-2.0 */
/*
 * steps FOLDER: what one operation costs a process that works in FOLDER, in ticks of the processor's clock. In a guest
 * under `-icount shift=0` a tick is one instruction, and the figures are the same in every run. Each is the median of
 * many single operations, so that an interrupt in between counts for nothing. Prints "NAME TICKS" lines.
 *
 * steps whole FOLDER: the same with what makes each operation ready and what cleans up after it.
 * steps repeat NAME COUNT FOLDER: does one whole operation COUNT times, for those who count something else about it.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 61

static char self[4096];
static char block[4096];
static int out = -1, listener = -1;
static struct sockaddr_in there = {.sin_family = AF_INET};

static uint64_t ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	uint64_t now;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
	return now;
#endif
}

__attribute__((noreturn)) static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Each operation: made ready without the clock, done with it, cleaned up without it. */
static int held = -1;

static void close_held(void)
{
	close(held);
	held = -1;
}

static void open_and_close(void)
{
	int fd = open("file", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("open");
	close(fd);
}

static void write_byte(void)
{
	if (pwrite(out, block, 1, 0) != 1)
		die("write");
}

static void write_block(void)
{
	if (pwrite(out, block, sizeof(block), 0) != sizeof(block))
		die("write");
}

static void make_victim(void)
{
	held = open("victim", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (held < 0)
		die("victim");
	close_held();
}

static void unlink_victim(void)
{
	if (unlink("victim"))
		die("unlink");
}

static void fork_and_exec(void)
{
	pid_t child = fork();
	int status;

	if (!child) {
		execl(self, "steps", "nothing", NULL);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		die("exec");
}

static void make_socket(void)
{
	held = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (held < 0)
		die("socket");
}

static void connect_socket(void)
{
	if (connect(held, (struct sockaddr *)&there, sizeof(there)))
		die("connect");
}

/* Reset, so that no connection lingers and its timer disturbs nobody. */
static void hang_up(void)
{
	static const struct linger at_once = {.l_onoff = 1};
	int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (peer < 0)
		die("accept");
	setsockopt(held, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close_held();
	close(peer);
}

static const struct operation {
	const char *name;
	void (*before)(void), (*once)(void), (*after)(void);
} operations[] = {
	{"nothing", NULL, NULL, NULL},
	{"open+close", NULL, open_and_close, NULL},
	{"write-1B", NULL, write_byte, NULL},
	{"write-4KiB", NULL, write_block, NULL},
	{"unlink", make_victim, unlink_victim, NULL},
	{"fork+exec", NULL, fork_and_exec, NULL},
	{"connect", make_socket, connect_socket, hang_up},
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static void perform(void (*part)(void))
{
	if (part)
		part();
}

static uint64_t time_once(const struct operation *operation)
{
	uint64_t started, ended;

	perform(operation->before);
	started = ticks();
	perform(operation->once);
	ended = ticks();
	perform(operation->after);
	return ended - started;
}

static uint64_t time_whole(const struct operation *operation)
{
	uint64_t started = ticks();

	perform(operation->before);
	perform(operation->once);
	perform(operation->after);
	return ticks() - started;
}

static int by_size(const void *one, const void *other)
{
	const uint64_t *a = one, *b = other;

	return *a < *b ? -1 : *a > *b;
}

static uint64_t median(const struct operation *operation, uint64_t (*time)(const struct operation *operation))
{
	uint64_t results[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++)
		results[i] = time(operation);
	qsort(results, ROUNDS, sizeof(results[0]), by_size);
	return results[ROUNDS / 2];
}

static void make_ready(const char *folder)
{
	socklen_t size = sizeof(there);

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 || chdir(folder))
		die(folder);
	out = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (out < 0 || pwrite(out, block, sizeof(block), 0) != sizeof(block))
		die("file");
	there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	there.sin_port = htons(3456);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (listener < 0 || bind(listener, (struct sockaddr *)&there, size) || listen(listener, 8))
		die("listener");
}

static int show_medians(uint64_t (*time)(const struct operation *operation))
{
	uint64_t nothing = median(&operations[0], time);

	for (size_t i = 1; i < OPERATIONS; i++)
		printf("%s %llu\n", operations[i].name, (unsigned long long)(median(&operations[i], time) - nothing));
	return 0;
}

static int repeat(const char *name, long count)
{
	for (size_t i = 0; i < OPERATIONS; i++) {
		if (strcmp(operations[i].name, name) != 0)
			continue;
		while (count-- > 0)
			time_whole(&operations[i]);
		return 0;
	}
	return 2;
}

int main(int argc, char **argv)
{
	if (argc < 2 || !strcmp(argv[1], "nothing"))
		return argc < 2 ? 2 : 0;
	make_ready(argv[argc - 1]);
	if (argc == 5 && !strcmp(argv[1], "repeat"))
		return repeat(argv[2], atol(argv[3]));
	return show_medians(argc == 3 ? time_whole : time_once);
}
