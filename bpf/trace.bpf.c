/* SPDX-License-Identifier: GPL-2.0 */

/*
 * bpf-trace: what an agent's processes do to files and how many they are, seen from the entrance and the exit of the
 * system calls. A tracepoint cannot fail a call, but a fatal signal that is pending when a write begins leaves no byte
 * written; other calls are counted when they have succeeded. The entrance hook runs for every process of the host, so
 * who is no agent leaves after one comparison.
 */

#include "calls.bpf.h"
#include "files.bpf.h"
#include "meter.bpf.h"

#define SIGKILL 9
#define SIGSTOP 19

#define O_WRONLY 01
#define O_CREAT 0100
#define O_TRUNC 01000
#define MAP_SHARED 1 /* also a bit of MAP_SHARED_VALIDATE */
#define MAP_ANONYMOUS 0x20
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#define FALLOC_FL_PUNCH_HOLE 0x02
#define FALLOC_FL_COLLAPSE_RANGE 0x08
#define FALLOC_FL_ZERO_RANGE 0x10
#define FALLOC_CUTS (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE)
#define FICLONE 0x40049409
#define FICLONERANGE 0x4020940d
#define FS_IOC_SETFLAGS 0x40086602
#define FS_IOC_FSSETXATTR 0x401c5820
#define AF_UNIX 1
#define MAX_RW_COUNT 0x7ffff000ULL
#define IOVECS_MAX 1024
#define PIPE_DEFAULT 65536 /* bytes that one splice out of a pipe usually moves */

struct call_frame {
	struct pt_regs *regs;
	const struct call *call;
	struct rein_state *state;
	__u32 nr;
	__s64 result;
};

/* What the entrance charged for calls whose size only the exit knows, by thread. A lost entry is charged twice. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} rein_guesses SEC(".maps");

/* The agent that the current task belongs to, if these programs meter it. */
static __always_inline struct rein_state *traced_agent(__u32 wanted)
{
	struct rein_state *state;

	if (bpf_get_current_ancestor_cgroup_id(rein_level - 1) != rein_parent_id)
		return NULL;
	state = agent_of(bpf_get_current_ancestor_cgroup_id(rein_level));
	if (!state || !(state->flags & wanted) || state->init_tgid == bpf_get_current_pid_tgid() >> 32)
		return NULL;
	return state;
}

/* Only the current process can be reached from here; the others meet the latch at their next call. */
static __always_inline void stop_current(__u32 on_trip)
{
	bpf_send_signal(on_trip == REIN_ON_TRIP_KILL ? SIGKILL : SIGSTOP);
}

static __always_inline void event_task(struct rein_raw_event *event)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->ppid = BPF_CORE_READ(task, real_parent, tgid);
	bpf_get_current_comm(event->comm, sizeof(event->comm));
}

static __always_inline void event_path(struct rein_raw_event *event, const struct call_frame *frame)
{
	long length;

	event->nr = frame->nr;
	if (!frame->call->path)
		return;
	length = bpf_probe_read_user_str(event->path, sizeof(event->path),
					 (const void *)regs_arg(frame->regs, frame->call->path - 1));
	event->truncated = length == sizeof(event->path);
	event->dirfd = frame->call->dirfd ? regs_arg(frame->regs, frame->call->dirfd - 1) : (__u32)-100;
}

/* Charges and, where a breaker refuses, stops who did it. */
static __noinline int charge_current(const struct call_frame *frame, __u32 meter, __u64 n)
{
	struct rein_state *state = frame->state;
	struct rein_raw_event *event;
	int charged;

	if (!n)
		return 0;
	charged = charge(state, meter, n);
	if (charged == CHARGE_PASSED)
		return 0;
	stop_current(trip(state, charged));
	/* Nothing between an event's making and its test: before 6.2 the verifier forgets that one of the two is dead.
	 */
	event = trip_event(state, charged, meter, n);
	if (!event)
		return 0;
	event_task(event);
	if (frame->call)
		event_path(event, frame);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

struct iovec_sum {
	const char *vector;
	__u64 bytes;
	__u64 huge; /* some length's bits from 31 on: more than any call writes, and the sum may have wrapped */
};

static long iovec_add(__u32 index, struct iovec_sum *sum)
{
	__u64 iovec[2]; /* base, length */

	if (bpf_probe_read_user(iovec, sizeof(iovec), sum->vector + index * sizeof(iovec)))
		return 1;
	sum->bytes += iovec[1];
	sum->huge |= iovec[1] >> 31;
	return 0;
}

/* Another thread may change the vector afterwards, and a page of it may be missing: the exit charges what was more. */
static __always_inline __u64 iovec_bytes(struct pt_regs *regs)
{
	struct iovec_sum sum = {.vector = (const char *)regs_arg1(regs)};
	__u64 count = regs_arg2(regs);

	if (count > IOVECS_MAX)
		return 0;
	bpf_loop(count, iovec_add, &sum, 0);
	return sum.huge || sum.bytes > MAX_RW_COUNT ? MAX_RW_COUNT : sum.bytes;
}

/* Copies ask for as much as there may be (2 GiB, or all that fits a register): the source's size bounds it. */
static __always_inline __u64 copy_bytes(__u32 in_fd, __u64 offset_pointer, __u64 count)
{
	struct file *in = file_of(in_fd);
	__u64 rest;

	if (count > MAX_RW_COUNT)
		count = MAX_RW_COUNT;
	if (file_type(in) == S_IFREG)
		rest = file_rest(in, !offset_pointer);
	else
		rest = PIPE_DEFAULT;
	return rest < count ? rest : count;
}

static long shared_mapping(struct task_struct *task, struct vm_area_struct *vma, int *shared)
{
	*shared = BPF_CORE_READ(vma, vm_file) && (BPF_CORE_READ(vma, vm_flags) & VM_SHARED);
	return 0;
}

/* Growth of a shared mapping of a file; where the mapping cannot be looked at, it counts as one. */
static __always_inline __u64 mremap_bytes(struct pt_regs *regs)
{
	__u64 before = regs_arg1(regs), after = regs_arg2(regs);
	int shared = 0;

	if (after <= before)
		return 0;
	if (bpf_find_vma(bpf_get_current_task_btf(), regs_arg0(regs), shared_mapping, &shared, 0) == -EBUSY)
		return after - before;
	return shared ? after - before : 0;
}

/*
 * Stores into a shared mapping are no calls, so the mapping is charged in full when it is made, and again when it is
 * synced: an upper bound. Without PROT_WRITE too, since mprotect() could add it, if the file is open for writing.
 */
static __always_inline __u64 mmap_bytes(struct pt_regs *regs)
{
	struct file *file;

	if (!(regs_arg3(regs) & MAP_SHARED) || (regs_arg3(regs) & MAP_ANONYMOUS))
		return 0;
	file = file_of(regs_arg4(regs));
	if (!file_counts(file) || !(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
		return 0;
	return regs_arg1(regs);
}

static __always_inline void guess(__u64 bytes)
{
	__u32 thread = bpf_get_current_pid_tgid();

	bpf_map_update_elem(&rein_guesses, &thread, &bytes, BPF_ANY);
}

/* The bytes that the call is about to write to a regular file, as far as they can be known now. */
static __noinline __u64 entering_bytes(const struct call_frame *frame)
{
	struct pt_regs *regs = frame->regs;
	__u64 bytes = 0;

	switch (frame->call->bytes) {
	case BYTES_COUNT:
		bytes = regs_arg2(regs) < MAX_RW_COUNT ? regs_arg2(regs) : MAX_RW_COUNT;
		return file_counts(file_of(regs_arg0(regs))) ? bytes : 0;
	case BYTES_IOVEC:
		if (!file_counts(file_of(regs_arg0(regs))))
			return 0;
		bytes = iovec_bytes(regs);
		break;
	case BYTES_SENDFILE:
		if (!file_counts(file_of(regs_arg0(regs))))
			return 0;
		bytes = copy_bytes(regs_arg1(regs), regs_arg2(regs), regs_arg3(regs));
		break;
	case BYTES_SPLICE:
		if (!file_counts(file_of(regs_arg2(regs))))
			return 0;
		bytes = copy_bytes(regs_arg0(regs), regs_arg1(regs), regs_arg4(regs));
		break;
	case BYTES_FALLOCATE:
		return file_counts(file_of(regs_arg0(regs))) && !(regs_arg1(regs) & FALLOC_CUTS) ? regs_arg3(regs) : 0;
	case BYTES_MMAP:
		return mmap_bytes(regs);
	case BYTES_MREMAP:
		return mremap_bytes(regs);
	case BYTES_MSYNC:
		return regs_arg1(regs);
	default:
		return 0;
	}
	guess(bytes);
	return bytes;
}

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
	if (latched) {
		stop_current(latched - 1);
		return 0;
	}
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

static __always_inline __u64 open_flags(const struct call_frame *frame)
{
	__u64 flags;

	if (frame->call->special == SPECIAL_CREAT)
		return O_CREAT | O_WRONLY | O_TRUNC;
	flags = regs_arg(frame->regs, frame->call->flags - 1);
	if (frame->nr == __NR_openat2 && bpf_probe_read_user(&flags, sizeof(flags), (const void *)flags))
		return O_CREAT | O_WRONLY | O_TRUNC; /* unreadable: as if it wanted all */
	return flags;
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

static __always_inline void bound(const struct call_frame *frame)
{
	struct {
		__u16 family;
		char first; /* of the path; 0 in the abstract namespace, which is no file */
	} address = {};

	bpf_probe_read_user(&address, 3, (const void *)regs_arg1(frame->regs));
	if (address.family == AF_UNIX && address.first)
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

static __always_inline int is_refusal(const struct call_frame *frame)
{
	if (!frame->call->path)
		return 0;
	if (frame->result == -EPERM || frame->result == -EACCES || frame->result == -EROFS)
		return 1;
	return frame->call->moves && (frame->result == -EXDEV || frame->result == -EBUSY);
}

static __noinline int report(const struct call_frame *frame)
{
	struct rein_raw_event *event = event_begin(frame->state, REIN_EVENT_DENY_SYSCALL);

	if (!event)
		return 0;
	event_task(event);
	event_path(event, frame);
	event->error = frame->result;
	if (frame->call->special == SPECIAL_OPEN || frame->call->special == SPECIAL_CREAT)
		event->amount = REIN_EVENT_HAS_FLAGS | (open_flags(frame) & 0xffffffff);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("raw_tp/sys_exit")
int rein_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct call_frame frame = {.state = traced_agent(REIN_STATE_TRACE | REIN_STATE_REPORT)};
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
	if ((frame.state->flags & REIN_STATE_REPORT) && is_refusal(&frame))
		report(&frame);
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
