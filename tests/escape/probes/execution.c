/* SPDX-License-Identifier: GPL-2.0 */
/* Running what is not declared for execution, and carve-outs inside what may be written. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RAN "RAN-OUTSIDE-THE-RULES"
#define TOOL probe_path(scene->outside, "tool")
#define OWN_TOOL probe_path(scene->workspace, "own-tool")
#define LOADER "/lib64/ld-linux-x86-64.so.2"

/* The tool prints its arguments: what it printed is seen outside. */
static int run(const char *path)
{
	return probe_spawn(path, (const char *const[]){path, RAN, NULL});
}

static int execute_outside(const struct scene *scene)
{
	return run(TOOL);
}

/* Something that the agent may read but not execute, copied to where it may write. */
static int execute_workspace(const struct scene *scene)
{
	return probe_copy("/bin/echo", OWN_TOOL) ?: run(OWN_TOOL);
}

static int execute_workspace_in_child(const struct scene *scene)
{
	const char *script = "\"$0\" " RAN;

	return probe_copy("/bin/echo", OWN_TOOL)
		       ?: probe_spawn("/bin/sh", (const char *const[]){"sh", "-c", script, OWN_TOOL, NULL});
}

static int loader_outside(const struct scene *scene)
{
	return probe_spawn(LOADER, (const char *const[]){LOADER, TOOL, RAN, NULL});
}

static int loader_workspace(const struct scene *scene)
{
	return probe_copy("/bin/echo", OWN_TOOL)
		       ?: probe_spawn(LOADER, (const char *const[]){LOADER, OWN_TOOL, RAN, NULL});
}

static int loader_preload(const struct scene *scene)
{
	int error = probe_copy("/bin/echo", OWN_TOOL);

	if (error)
		return error;
	return probe_spawn(LOADER, (const char *const[]){LOADER, "--preload", OWN_TOOL, OWN_TOOL, RAN, NULL});
}

static int shebang(const struct scene *scene)
{
	const char *script = "#!/bin/sh\necho " RAN "\n";
	int error = probe_put(open(OWN_TOOL, O_WRONLY | O_CREAT | O_CLOEXEC, 0755), script);

	return error ?: run(OWN_TOOL);
}

static int execute_tmp(const struct scene *scene)
{
	return probe_copy("/bin/echo", "/tmp/own-tool") ?: run("/tmp/own-tool");
}

static int execute_dev_shm(const struct scene *scene)
{
	return probe_copy("/bin/echo", "/dev/shm/own-tool") ?: run("/dev/shm/own-tool");
}

static int execute_memory(const struct scene *scene)
{
	char path[64];
	int fd = memfd_create("own-tool", 0);

	if (fd < 0)
		return errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return probe_copy("/bin/echo", path) ?: run(path);
}

static int execute_descriptor(const struct scene *scene)
{
	int fd = open(TOOL, O_PATH);
	char path[64];

	if (fd < 0)
		return errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return run(path);
}

/* With root's privileges it would overwrite a file in the workspace that only root may write. */
static int execute_privileged(const struct scene *scene, const char *name)
{
	const char *program = probe_path(scene->outside, name), *target = probe_path(scene->workspace, "roots");

	return probe_spawn(program, (const char *const[]){program, "overwrite", target, NULL});
}

static int execute_setuid(const struct scene *scene)
{
	return execute_privileged(scene, "../tools/setuid");
}

static int execute_capable(const struct scene *scene)
{
	return execute_privileged(scene, "../tools/capable");
}

static int put_sealed(const struct scene *scene, const char *name)
{
	return probe_put(open(probe_path(scene->workspace, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0755), PROBE_TOUCHED);
}

static int carve_out_write(const struct scene *scene)
{
	return put_sealed(scene, ".git/config");
}

/* A file that was not there when the rules were read. */
static int carve_out_later_file(const struct scene *scene)
{
	return put_sealed(scene, ".git/hooks/pre-commit");
}

static int carve_out_missing(const struct scene *scene)
{
	return put_sealed(scene, ".envrc");
}

static int carve_out_rename(const struct scene *scene)
{
	if (rename(probe_path(scene->workspace, ".git/hooks"), probe_path(scene->workspace, ".git/old")))
		return errno;
	mkdir(probe_path(scene->workspace, ".git/hooks"), 0755);
	return put_sealed(scene, ".git/hooks/pre-commit");
}

static int carve_out_rename_parent(const struct scene *scene)
{
	if (rename(probe_path(scene->workspace, ".git"), probe_path(scene->workspace, "old")))
		return errno;
	mkdir(probe_path(scene->workspace, ".git"), 0755);
	mkdir(probe_path(scene->workspace, ".git/hooks"), 0755);
	return put_sealed(scene, ".git/hooks/pre-commit");
}

static int carve_out_exchange(const struct scene *scene)
{
	const char *other = probe_path(scene->workspace, "other");

	mkdir(other, 0755);
	if (renameat2(AT_FDCWD, other, AT_FDCWD, probe_path(scene->workspace, ".git"), RENAME_EXCHANGE))
		return errno;
	mkdir(probe_path(scene->workspace, ".git/hooks"), 0755);
	return put_sealed(scene, ".git/hooks/pre-commit");
}

static int carve_out_remove(const struct scene *scene)
{
	unlink(probe_path(scene->workspace, ".git/config"));
	return put_sealed(scene, ".git/config");
}

static int carve_out_rename_over(const struct scene *scene)
{
	int error = put_sealed(scene, "own-config");

	return error
		       ?: probe_result(rename(probe_path(scene->workspace, "own-config"),
					      probe_path(scene->workspace, ".git/config")));
}

static int carve_out_hard_link(const struct scene *scene)
{
	const char *own = probe_path(scene->workspace, "own-link");

	if (link(probe_path(scene->workspace, ".git/config"), own))
		return errno;
	return probe_put(open(own, O_WRONLY | O_TRUNC | O_CLOEXEC), PROBE_TOUCHED);
}

static int carve_out_symlink(const struct scene *scene)
{
	if (unlink(probe_path(scene->workspace, ".git/config")))
		return errno;
	return probe_result(symlink(probe_path(scene->workspace, "own"), probe_path(scene->workspace, ".git/config")));
}

static int carve_out_read_hidden(const struct scene *scene)
{
	return probe_show(open(probe_path(scene->workspace, "hidden"), O_RDONLY | O_CLOEXEC));
}

static int workspace_swap(const struct scene *scene)
{
	char moved[4096];

	snprintf(moved, sizeof(moved), "%s-old", scene->workspace);
	if (rename(scene->workspace, moved))
		return errno;
	return probe_result(symlink(scene->outside, scene->workspace));
}

const struct probe probes_of_execution[] = {
	{"execute-outside", execute_outside},
	{"execute-workspace", execute_workspace},
	{"execute-workspace-in-child", execute_workspace_in_child},
	{"loader-outside", loader_outside},
	{"loader-workspace", loader_workspace},
	{"loader-preload", loader_preload},
	{"shebang", shebang},
	{"execute-tmp", execute_tmp},
	{"execute-dev-shm", execute_dev_shm},
	{"execute-memory", execute_memory},
	{"execute-descriptor", execute_descriptor},
	{"execute-setuid", execute_setuid},
	{"execute-capable", execute_capable},
	{"carve-out-write", carve_out_write},
	{"carve-out-later-file", carve_out_later_file},
	{"carve-out-missing", carve_out_missing},
	{"carve-out-rename", carve_out_rename},
	{"carve-out-rename-parent", carve_out_rename_parent},
	{"carve-out-exchange", carve_out_exchange},
	{"carve-out-remove", carve_out_remove},
	{"carve-out-rename-over", carve_out_rename_over},
	{"carve-out-hard-link", carve_out_hard_link},
	{"carve-out-symlink", carve_out_symlink},
	{"carve-out-read-hidden", carve_out_read_hidden},
	{"workspace-swap", workspace_swap},
	{NULL, NULL},
};
