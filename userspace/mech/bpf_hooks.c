/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_hooks.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

/* The content of the file: the link of each program when it was last attached, 0 if never. */
struct ids {
	uint32_t links[REIN_TRACE_COUNT];
};

static int open_ids(struct rein_error *err)
{
	int fd = open(REIN_RUN_DIR "/hooks", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? rein_fail_errno(err, "cannot open " REIN_RUN_DIR "/hooks") : fd;
}

static uint32_t program_id(int fd)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

/* Ids are given again after 2^31 links, and a file can be stale: what is joined must run the very program. */
static int join(uint32_t id, int program)
{
	REIN_AUTO_FD int fd = id ? bpf_link_get_fd_by_id(id) : -1;
	struct bpf_link_info info = {0};
	uint32_t size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) || info.type != BPF_LINK_TYPE_RAW_TRACEPOINT ||
	    info.prog_id != program_id(program))
		return -1;
	return rein_take_fd(&fd);
}

static int attach(const char *tracepoint, int program, uint32_t *ret_id)
{
	REIN_AUTO_FD int fd = bpf_raw_tracepoint_open(tracepoint, program);
	struct bpf_link_info info = {0};
	uint32_t size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	*ret_id = info.id;
	return rein_take_fd(&fd);
}

#define LEAVING_MS 1000

/* A link whose last holder is gone leaves a moment later; until then it can neither be joined nor made again. */
static int attach_patiently(const char *tracepoint, int program, uint32_t *ret_id)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	int fd = attach(tracepoint, program, ret_id);

	for (int i = 0; fd == -EEXIST && i < LEAVING_MS; i++) {
		nanosleep(&moment, NULL);
		fd = attach(tracepoint, program, ret_id);
	}
	return fd;
}

void rein_hooks_drop(struct rein_hooks *hooks)
{
	for (size_t i = 0; i < REIN_TRACE_COUNT; i++)
		if (hooks->links[i] >= 0)
			close(rein_take_fd(&hooks->links[i]));
}

static int hold_each(const struct rein_pins *pins, unsigned flags, struct ids *ids, struct rein_hooks *hooks,
		     struct rein_error *err)
{
	for (size_t i = 0; i < REIN_TRACE_COUNT; i++) {
		if (!(rein_trace_pins[i].flags & flags))
			continue;
		hooks->links[i] = join(ids->links[i], pins->programs[i]);
		if (hooks->links[i] < 0)
			hooks->links[i] =
				attach_patiently(rein_trace_pins[i].tracepoint, pins->programs[i], &ids->links[i]);
		if (hooks->links[i] < 0)
			return rein_fail(err, -hooks->links[i], "cannot attach to the tracepoint %s: %s",
					 rein_trace_pins[i].tracepoint, strerror(-hooks->links[i]));
	}
	return 0;
}

int rein_hooks_hold(const struct rein_pins *pins, unsigned flags, struct rein_hooks *ret_hooks, struct rein_error *err)
{
	struct rein_hooks hooks = REIN_HOOKS_NONE;
	REIN_AUTO_FD int fd = open_ids(err);
	struct ids ids = {0};
	int r;

	if (fd < 0)
		return fd;
	if (pread(fd, &ids, sizeof(ids), 0) != sizeof(ids))
		memset(&ids, 0, sizeof(ids));
	r = hold_each(pins, flags, &ids, &hooks, err);
	if (!r && pwrite(fd, &ids, sizeof(ids), 0) != sizeof(ids))
		r = rein_fail_errno(err, "cannot write " REIN_RUN_DIR "/hooks");
	if (r < 0) {
		rein_hooks_drop(&hooks);
		return r;
	}
	*ret_hooks = hooks;
	return 0;
}
