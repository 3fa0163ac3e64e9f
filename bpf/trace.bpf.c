/* SPDX-License-Identifier: GPL-2.0 */

/*
 * bpf-trace: what an agent's processes do to files and how many they are, seen from the entrance and the exit of the
 * system calls. A tracepoint cannot fail a call, but a fatal signal that is pending when a write begins leaves no byte
 * written; other calls are counted when they have succeeded. The entrance hook runs for every process of the host, so
 * who is no agent leaves after one comparison.
 */

#include "bytes.bpf.h"
#include "report.bpf.h"
#include "told.bpf.h"

#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#define FICLONE 0x40049409
#define FICLONERANGE 0x4020940d
#define FS_IOC_SETFLAGS 0x40086602
#define FS_IOC_FSSETXATTR 0x401c5820

/* A cut is a delete only if there is something beyond the new end. */
static __always_inline int cuts(struct pt_regs *regs)
{
	struct file *file = file_of(regs_arg0(regs));

	return file_counts(file) && regs_arg1(regs) < file_size(file);
}

SEC("raw_tp/sys_enter")
int rein_sys_enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct call_frame frame = {.state = traced_agent(REIN_STATE_TRACE)};
	__u32 latched;

	if (!frame.state)
		return 0;
	latched = REIN_LOAD(&frame.state->latch);
	if (latched)
		stop_current(latched - 1);
	/* Unless it dies of that, this one call happens before it stops, and counts. */
	if (latched == 1 + REIN_ON_TRIP_KILL)
		return 0;
	if (ctx->args[1] >= CALLS_MAX)
		return 0;
	frame.nr = ctx->args[1];
	frame.regs = (struct pt_regs *)ctx->args[0];
	frame.call = &calls[frame.nr & (CALLS_MAX - 1)];
	if (frame.call->bytes)
		charge_current(&frame, REIN_METER_WRITE_BYTES, entering_bytes(&frame));
	if (frame.call->special == SPECIAL_FTRUNCATE && cuts(frame.regs))
		charge_current(&frame, REIN_METER_DELETE_FILES, 1);
	return 0;
}

/* What turned out to be more than was charged on the way in. */
static __always_inline void charge_rest(const struct call_frame *frame)
{
	__u32 thread = bpf_get_current_pid_tgid();
	__u64 *guessed = bpf_map_lookup_elem(&rein_guesses, &thread);
	__u64 bytes;

	if (!guessed)
		return;
	bytes = *guessed;
	bpf_map_delete_elem(&rein_guesses, &thread);
	if (frame->result > 0 && (__u64)frame->result > bytes)
		charge_current(frame, REIN_METER_WRITE_BYTES, frame->result - bytes);
}

static __always_inline void opened(const struct call_frame *frame)
{
	struct file *file = file_of(frame->result);
	__u32 mode;

	if (!file_counts(file))
		return;
	mode = BPF_CORE_READ(file, f_mode);
	if (mode & FMODE_CREATED) {
		charge_current(frame, REIN_METER_CREATE_FILES, 1);
		return;
	}
	if (mode & FMODE_WRITE)
		charge_current(frame, REIN_METER_WRITE_FILES, 1);
	if (open_flags(frame) & O_TRUNC)
		charge_current(frame, REIN_METER_DELETE_FILES, 1);
}

/* A range's bounds are in memory that can change: the whole of what it went to bounds them. */
static __always_inline void controlled(const struct call_frame *frame)
{
	__u32 command = regs_arg1(frame->regs);

	if (command == FS_IOC_SETFLAGS || command == FS_IOC_FSSETXATTR)
		charge_current(frame, REIN_METER_CHMOD_FILES, 1);
	else if (command == FICLONE || command == FICLONERANGE)
		charge_current(frame, REIN_METER_WRITE_BYTES, file_size(file_of(regs_arg0(frame->regs))));
}

/* In the abstract namespace a name begins with a zero byte, and is no file. */
static __always_inline void bound(const struct call_frame *frame)
{
	struct address address;

	if (address_read(frame, &address) && address.family == AF_UNIX && (address.port & 0xff))
		charge_current(frame, REIN_METER_CREATE_FILES, 1);
}

static __noinline int special(const struct call_frame *frame)
{
	switch (frame->call->special) {
	case SPECIAL_OPEN:
	case SPECIAL_CREAT:
		opened(frame);
		break;
	case SPECIAL_FALLOCATE:
		if (regs_arg1(frame->regs) & FALLOC_CUTS)
			charge_current(frame, REIN_METER_DELETE_FILES, 1);
		break;
	case SPECIAL_IOCTL:
		controlled(frame);
		break;
	case SPECIAL_BIND:
		bound(frame);
		break;
	}
	return 0;
}

/* Whether a rename could have replaced something: its target's name is gone by now, so a plain one counts. */
static __always_inline int may_replace(const struct call_frame *frame)
{
	__u64 flags = frame->call->flags ? regs_arg(frame->regs, frame->call->flags - 1) : 0;

	return !(flags & (RENAME_NOREPLACE | RENAME_EXCHANGE));
}

static __noinline int succeeded(const struct call_frame *frame)
{
	__u32 meters = frame->call->success;

	if (meters & ONE(CREATE_FILES))
		charge_current(frame, REIN_METER_CREATE_FILES, 1);
	if (meters & ONE(DELETE_FILES))
		charge_current(frame, REIN_METER_DELETE_FILES, 1);
	if (meters & ONE(CHMOD_FILES))
		charge_current(frame, REIN_METER_CHMOD_FILES, 1);
	if (!(meters & ONE(RENAME_FILES)))
		return 0;
	charge_current(frame, REIN_METER_RENAME_FILES, 1);
	if (may_replace(frame))
		charge_current(frame, REIN_METER_DELETE_FILES, 1);
	return 0;
}

SEC("raw_tp/sys_exit")
int rein_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct call_frame frame = {.state = traced_agent(REIN_STATE_TRACE | REIN_STATE_REPORT)};
	__u32 told = 0;
	__u64 nr;

	if (!frame.state)
		return 0;
	frame.regs = (struct pt_regs *)ctx->args[0];
	frame.result = ctx->args[1];
	nr = regs_nr(frame.regs);
	if (nr >= CALLS_MAX)
		return 0;
	frame.nr = nr;
	frame.call = &calls[nr & (CALLS_MAX - 1)];
	if (frame.state->flags & REIN_STATE_LABELS)
		told = told_take();
	if (!told && (frame.state->flags & REIN_STATE_REPORT) && is_refusal(&frame))
		report(&frame);
	if ((frame.state->flags & REIN_STATE_REPORT) && is_refused_address(&frame))
		report_address(&frame);
	if (!(frame.state->flags & REIN_STATE_TRACE))
		return 0;
	if (frame.call->bytes)
		charge_rest(&frame);
	if (frame.result < 0)
		return 0;
	special(&frame);
	return succeeded(&frame);
}

/* Tells of every program that the agent starts, and counts it. */
SEC("raw_tp/sched_process_exec")
int rein_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct linux_binprm *binprm = (struct linux_binprm *)ctx->args[2];
	struct call_frame frame = {.state = traced_agent(REIN_STATE_TRACE | REIN_STATE_REPORT)};
	struct rein_raw_event *event;

	if (!frame.state)
		return 0;
	if (frame.state->flags & REIN_STATE_TRACE)
		charge_current(&frame, REIN_METER_EXEC_COUNT, 1);
	event = event_begin(frame.state, REIN_EVENT_EXEC);
	if (!event)
		return 0;
	event_task(event);
	bpf_probe_read_kernel_str(event->path, sizeof(event->path), BPF_CORE_READ(binprm, filename));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Here, not at clone's entrance: the flags of clone3 are in memory that can change. Threads are no forks. */
SEC("raw_tp/task_newtask")
int rein_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct call_frame frame = {.state = traced_agent(REIN_STATE_TRACE)};

	if (frame.state && !(ctx->args[1] & CLONE_THREAD))
		charge_current(&frame, REIN_METER_FORK_COUNT, 1);
	return 0;
}

/* The helpers that read the kernel want a GPL-compatible licence. */
char rein_license[] SEC("license") = "GPL";
