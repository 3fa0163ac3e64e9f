/* SPDX-License-Identifier: GPL-2.0 */
/* cost getppid|open|fork COUNT [FILE]: nanoseconds for each, on one line. Run bare and confined in turns. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void call_getppid(const char *file)
{
	syscall(SYS_getppid);
}

static void open_and_close(const char *file)
{
	close(open(file, O_RDONLY | O_CLOEXEC));
}

static void write_block(const char *file)
{
	static int fd = -1;
	static char block[4096];

	if (fd < 0)
		fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (pwrite(fd, block, sizeof(block), 0) < 0)
		exit(1);
}

static void fork_and_wait(const char *file)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static const struct {
	const char *name;
	void (*once)(const char *file);
} loads[] = {
	{"getppid", call_getppid},
	{"open", open_and_close},
	{"write", write_block},
	{"fork", fork_and_wait},
};

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 3 && i < sizeof(loads) / sizeof(loads[0]); i++) {
		long count = atol(argv[2]);
		double started = now_ns();

		if (strcmp(loads[i].name, argv[1]) != 0)
			continue;
		for (long n = 0; n < count; n++)
			loads[i].once(argv[3]);
		printf("%.0f\n", (now_ns() - started) / (double)count);
		return 0;
	}
	return 2;
}
