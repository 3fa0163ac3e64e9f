/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe NAME[,NAME...] ARGUMENT...: one attempt; says how it ended, exits 0 if it believes that it got through. Several
 * are made one after the other, each in a process of its own.
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct probe *const groups[] = {
	probes_of_files,  probes_of_execution, probes_of_metadata, probes_of_namespaces, probes_of_processes,
	probes_of_kernel, probes_of_network,   probes_of_ipc,	   probes_of_rein,	 probes_of_lists,
};

static const struct work *const works[] = {probe_works, probe_evasions, probe_queues};

const char *probe_path(const char *folder, const char *name)
{
	static char buffers[4][4096];
	static unsigned next;
	char *buffer = buffers[next++ % 4];

	snprintf(buffer, sizeof(buffers[0]), "%s/%s", folder, name);
	return buffer;
}

int probe_show(int fd)
{
	char buffer[4096];
	ssize_t n;

	if (fd < 0)
		return errno;
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		if (write(STDOUT_FILENO, buffer, (size_t)n) < 0)
			return errno;
	close(fd);
	return n < 0 ? errno : 0;
}

int probe_put(int fd, const char *text)
{
	int error;

	if (fd < 0)
		return errno;
	error = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return error;
}

int probe_result(long result)
{
	return result < 0 ? errno : 0;
}

int probe_copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	char buffer[65536];
	ssize_t n = -1;

	while (in >= 0 && out >= 0 && (n = read(in, buffer, sizeof(buffer))) > 0)
		if (write(out, buffer, (size_t)n) != n)
			return errno;
	n = n < 0 ? errno : 0;
	close(in);
	close(out);
	return (int)n;
}

int probe_spawn(const char *path, const char *const argv[])
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execv(path, (char *const *)argv);
		_exit(111);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return status == 0 ? 0 : EACCES;
}

static const struct probe *find_probe(const char *name)
{
	for (size_t group = 0; group < sizeof(groups) / sizeof(groups[0]); group++)
		for (const struct probe *probe = groups[group]; probe->name; probe++)
			if (strcmp(probe->name, name) == 0)
				return probe;
	return NULL;
}

static int attempt(const struct probe *probe, char **argv)
{
	struct scene scene = {
		.outside = argv[2],
		.workspace = argv[3],
		.bystander = atoi(argv[4]),
		.address = strtoul(argv[5], NULL, 16),
		.tcp = (uint16_t)atoi(argv[6]),
		.tcp6 = (uint16_t)atoi(argv[7]),
		.udp = (uint16_t)atoi(argv[8]),
		.udp6 = (uint16_t)atoi(argv[9]),
		.abstract = argv[10],
		.shm = atoi(argv[11]),
		.msg = atoi(argv[12]),
		.token = argv[13],
		.inode = strtoul(argv[14], NULL, 10),
	};
	int error;

	printf("%s: trying\n", probe->name);
	error = probe->attempt(&scene);

	printf("%s: %s\n", probe->name, error ? strerror(error) : "got through");
	return error ? 1 : 0;
}

static void attempt_each(char **argv)
{
	char *rest;

	for (const char *name = strtok_r(argv[1], ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		const struct probe *probe = find_probe(name);
		pid_t pid = probe ? fork() : -1;

		if (pid == 0)
			_exit(attempt(probe, argv));
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	const struct probe *probe = argc == 15 ? find_probe(argv[1]) : NULL;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (probe)
		return attempt(probe, argv);
	if (argc == 15 && strchr(argv[1], ',')) {
		attempt_each(argv);
		return 1;
	}
	for (size_t i = 0; argc > 1 && i < sizeof(works) / sizeof(works[0]); i++)
		for (const struct work *work = works[i]; work->name; work++)
			if (strcmp(work->name, argv[1]) == 0)
				return work->run(argc - 1, argv + 1);
	fprintf(stderr, "probe: no probe %s with %d arguments\n", argc > 1 ? argv[1] : "given", argc);
	return 2;
}
