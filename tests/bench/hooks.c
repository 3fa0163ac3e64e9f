/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What of a hook's price is rein's and what the kernel's own, which it takes for any program.
 *
 * hooks list: the functions of the kernel that rein's programs are attached to.
 * hooks runs: how often those programs have run so far, in all; kernel.bpf_stats_enabled must be on.
 * hooks blank LIST COMMAND...: runs COMMAND with programs that do nothing attached to the functions in the file LIST.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A program of rein's that is attached to a function of the kernel. */
struct hook {
	unsigned type, attach_type, function; /* enum bpf_prog_type, enum bpf_attach_type, BTF id */
	unsigned long long runs;
	char name[BPF_OBJ_NAME_LEN];
};

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int hook_of(unsigned program_id, struct hook *hook)
{
	struct bpf_prog_info info = {0};
	int fd = bpf_prog_get_fd_by_id(program_id);
	__u32 size = sizeof(info);
	int r = fd < 0 ? -1 : bpf_obj_get_info_by_fd(fd, &info, &size);

	if (fd >= 0)
		close(fd);
	if (r || strncmp(info.name, "rein_", 5) != 0)
		return 0;
	hook->type = info.type;
	hook->function = info.attach_btf_id;
	hook->runs = info.run_cnt;
	memcpy(hook->name, info.name, sizeof(hook->name));
	return 1;
}

/* Fills *hook from the link if it is one of rein's to a function of the kernel. */
static int hook_of_link(unsigned link_id, struct hook *hook)
{
	struct bpf_link_info info = {0};
	int fd = bpf_link_get_fd_by_id(link_id);
	__u32 size = sizeof(info);
	int r = fd < 0 ? -1 : bpf_obj_get_info_by_fd(fd, &info, &size);

	if (fd >= 0)
		close(fd);
	if (r || info.type != BPF_LINK_TYPE_TRACING)
		return 0;
	hook->attach_type = info.tracing.attach_type;
	return hook_of(info.prog_id, hook);
}

static int each(void (*show)(const struct hook *hook, void *context), void *context)
{
	struct hook hook = {0};
	__u32 id = 0;

	while (!bpf_link_get_next_id(id, &id))
		if (hook_of_link(id, &hook))
			show(&hook, context);
	return 0;
}

static void show_hook(const struct hook *hook, void *context)
{
	printf("%u %u %u %s\n", hook->type, hook->attach_type, hook->function, hook->name);
}

static void add_runs(const struct hook *hook, void *context)
{
	*(unsigned long long *)context += hook->runs;
}

/* Returns 0, as a hook does that lets everything pass. The link lives as long as this process. */
static int attach_blank(const struct hook *hook)
{
	static const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = hook->attach_type,
		    .attach_btf_id = hook->function);
	int program =
		bpf_prog_load(hook->type, "blank", "GPL", nothing, sizeof(nothing) / sizeof(nothing[0]), &options);

	return program < 0 ? -1 : bpf_raw_tracepoint_open(NULL, program);
}

static int attach_blanks(const char *list)
{
	FILE *file = fopen(list, "re");
	struct hook hook = {0};
	int attached = 0;

	if (!file)
		return -1;
	while (fscanf(file, "%u %u %u %15s", &hook.type, &hook.attach_type, &hook.function, hook.name) == 4) {
		if (attach_blank(&hook) < 0) {
			attached = -1;
			break;
		}
		attached++;
	}
	fclose(file);
	return attached;
}

static int run_blank(const char *list, char **command)
{
	int status;
	pid_t child;

	if (attach_blanks(list) < 0)
		return fail("blank");
	child = fork();
	if (!child) {
		execvp(command[0], command);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return fail(command[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	unsigned long long runs = 0;

	if (argc == 2 && !strcmp(argv[1], "list"))
		return each(show_hook, NULL);
	if (argc == 2 && !strcmp(argv[1], "runs")) {
		each(add_runs, &runs);
		return printf("%llu\n", runs) < 0;
	}
	if (argc > 3 && !strcmp(argv[1], "blank"))
		return run_blank(argv[2], argv + 3);
	return 2;
}
