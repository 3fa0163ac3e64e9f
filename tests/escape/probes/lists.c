/* SPDX-License-Identifier: GPL-2.0 */
/* Running what may be read but is not in a list of single programs: by children, loaders, descriptors, mappings. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RAN "RAN-OUTSIDE-THE-RULES"
#define PROGRAM "/usr/bin/echo" /* may be read; not in the list */
#define LISTED "/bin/sh"

/* Whether the descriptor of a program runs. */
static int run_descriptor(int fd)
{
	const char *const argv[] = {PROGRAM, RAN, NULL}, *const environment[] = {NULL};
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		syscall(SYS_execveat, fd, "", argv, environment, AT_EMPTY_PATH);
		_exit(1);
	}
	return waitpid(pid, &status, 0) == pid && !status ? 0 : EACCES;
}

static int run_opened(const char *path, int flags)
{
	int fd = open(path, flags);

	return fd < 0 ? errno : run_descriptor(fd);
}

static int run_by_name(const char *folder, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%d", folder, fd);
	return probe_spawn(path, (const char *const[]){path, RAN, NULL});
}

static int in_child(const struct scene *scene)
{
	return probe_spawn(LISTED, (const char *const[]){"sh", "-c", PROGRAM " " RAN, NULL});
}

static int in_grandchild(const struct scene *scene)
{
	return probe_spawn(LISTED,
			   (const char *const[]){"sh", "-c", "sh -c '" PROGRAM " " RAN "; exit $?'; exit $?", NULL});
}

static int by_exec_of_child(const struct scene *scene)
{
	return probe_spawn(LISTED, (const char *const[]){"sh", "-c", "exec " PROGRAM " " RAN, NULL});
}

static int by_script(const struct scene *scene)
{
	const char *script = probe_path(scene->outside, "../tools/script"); /* listed; its interpreter is not */

	return probe_spawn(script, (const char *const[]){script, NULL});
}

static int by_interpreter(const struct scene *scene)
{
	const char *own = probe_path(scene->workspace, "own-script");
	int error = probe_put(open(own, O_WRONLY | O_CREAT | O_CLOEXEC, 0755), "#!" PROGRAM " " RAN "\n");

	return error ?: probe_spawn(own, (const char *const[]){own, NULL});
}

static const char *find_loader(void)
{
	static const char *const loaders[] = {"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"};

	return access(loaders[0], F_OK) ? loaders[1] : loaders[0];
}

static int by_loader(const struct scene *scene)
{
	return probe_spawn(find_loader(), (const char *const[]){find_loader(), PROGRAM, RAN, NULL});
}

static int by_descriptor(const struct scene *scene)
{
	return run_opened(PROGRAM, O_RDONLY);
}

static int by_path_descriptor(const struct scene *scene)
{
	return run_opened(PROGRAM, O_PATH);
}

static int by_name_of_descriptor(const struct scene *scene)
{
	int fd = open(PROGRAM, O_RDONLY);

	return fd < 0 ? errno : run_by_name("/proc/self/fd", fd) && run_by_name("/dev/fd", fd) ? EACCES : 0;
}

static int by_root(const struct scene *scene)
{
	const char *path = "/proc/self/root" PROGRAM;

	return probe_spawn(path, (const char *const[]){path, RAN, NULL});
}

static int in_memory(unsigned flags)
{
	int fd = (int)syscall(SYS_memfd_create, "program", flags), reopened;
	char path[64];

	if (fd < 0)
		return errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (probe_copy(PROGRAM, path))
		return errno;
	fchmod(fd, 0755);
	reopened = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	return run_descriptor(reopened);
}

static int from_memory(const struct scene *scene)
{
	return in_memory(0);
}

static int from_executable_memory(const struct scene *scene)
{
	return in_memory(0x10 /* MFD_EXEC */);
}

static int from_sealed_memory(const struct scene *scene)
{
	return in_memory(0x8 /* MFD_NOEXEC_SEAL */);
}

static int unnamed(const char *folder)
{
	int fd = open(folder, O_TMPFILE | O_WRONLY, 0755), reopened;
	char path[64];

	if (fd < 0)
		return errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (probe_copy(PROGRAM, path))
		return errno;
	reopened = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	return run_descriptor(reopened);
}

static int from_unnamed_file(const struct scene *scene)
{
	return unnamed(scene->workspace) && unnamed("/tmp") && unnamed("/dev/shm") ? EACCES : 0;
}

static int from_copy(const struct scene *scene)
{
	const char *own = probe_path(scene->workspace, "own-program");

	return probe_copy(PROGRAM, own) ?: probe_spawn(own, (const char *const[]){own, RAN, NULL});
}

static int over_listed(const struct scene *scene)
{
	const char *own = probe_path(scene->workspace, "own-program");

	if (probe_copy(PROGRAM, own))
		return errno;
	rename(own, LISTED);
	probe_copy(PROGRAM, LISTED);
	return probe_spawn(LISTED, (const char *const[]){LISTED, RAN, NULL});
}

static int by_link(const struct scene *scene)
{
	const char *own = probe_path(scene->workspace, "own-link");

	if (link(PROGRAM, own) && symlink(PROGRAM, own))
		return errno;
	return probe_spawn(own, (const char *const[]){own, RAN, NULL});
}

/* What dlopen does. */
static int by_mapping(const struct scene *scene)
{
	int fd = open(PROGRAM, O_RDONLY | O_CLOEXEC);

	return probe_result((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0));
}

static int by_later_protection(const struct scene *scene)
{
	int fd = open(PROGRAM, O_RDONLY | O_CLOEXEC);
	void *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	return map == MAP_FAILED ? errno : probe_result(mprotect(map, 4096, PROT_READ | PROT_EXEC));
}

static int by_mapping_of_own_file(const struct scene *scene)
{
	const char *own = probe_path(scene->workspace, "own-library");
	int error = probe_copy(PROGRAM, own), fd = open(own, O_RDONLY | O_CLOEXEC);

	return error ?: probe_result((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0));
}

const struct probe probes_of_lists[] = {
	{"list-in-child", in_child},
	{"list-in-grandchild", in_grandchild},
	{"list-by-exec-of-child", by_exec_of_child},
	{"list-by-script", by_script},
	{"list-by-interpreter", by_interpreter},
	{"list-by-loader", by_loader},
	{"list-by-descriptor", by_descriptor},
	{"list-by-path-descriptor", by_path_descriptor},
	{"list-by-name-of-descriptor", by_name_of_descriptor},
	{"list-by-root", by_root},
	{"list-from-memory", from_memory},
	{"list-from-executable-memory", from_executable_memory},
	{"list-from-sealed-memory", from_sealed_memory},
	{"list-from-unnamed-file", from_unnamed_file},
	{"list-from-copy", from_copy},
	{"list-over-listed", over_listed},
	{"list-by-link", by_link},
	{"list-by-mapping", by_mapping},
	{"list-by-later-protection", by_later_protection},
	{"list-by-mapping-of-own-file", by_mapping_of_own_file},
	{NULL, NULL},
};
