/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_REPORT_BPF_H
#define REIN_REPORT_BPF_H

#include "endpoint.bpf.h"
#include "frame.bpf.h"

/* Telling of calls that came back refused, whoever refused them. */

#define O_WRONLY 01
#define O_CREAT 0100
#define O_TRUNC 01000
#define UNIX_PATH_MAX 108

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

/* An address in the agent's memory, as bind and connect were given it. */
struct address {
	__u16 family;
	__be16 port;
	union {
		__u32 v4;
		struct {
			__u32 flow_info;
			__u32 v6[4];
		};
	};
};

/* What lies behind a short address is read too and ignored, unless its page ends. */
static __always_inline int address_read(const struct call_frame *frame, struct address *address)
{
	const void *at = (const void *)regs_arg1(frame->regs);

	__builtin_memset(address, 0, sizeof(*address));
	return !bpf_probe_read_user(address, sizeof(*address), at) ||
	       !bpf_probe_read_user(address, __builtin_offsetof(struct address, v6), at);
}

/* Landlock refuses TCP with EACCES; what bpf-net refuses with EPERM it has told of itself. */
static __always_inline int is_refused_address(const struct call_frame *frame)
{
	if (frame->call->special != SPECIAL_CONNECT && frame->call->special != SPECIAL_BIND)
		return 0;
	return frame->result == -EACCES || frame->result == -EPERM;
}

static __always_inline void event_inet(struct rein_raw_event *event, const struct call_frame *frame,
				       const struct address *address)
{
	__u8 protocol = socket_protocol(file_of(regs_arg0(frame->regs)));
	struct endpoint end;

	if (address->family == AF_INET)
		endpoint_v4(&end, address->v4, bpf_ntohs(address->port), protocol);
	else
		endpoint_v6(&end, address->v6, bpf_ntohs(address->port), protocol);
	event->kind = REIN_EVENT_DENY_NET;
	event->error = -EACCES;
	event->net_op = frame->call->special == SPECIAL_BIND ? REIN_NET_OP_BIND : REIN_NET_OP_CONNECT;
	event->protocol = protocol;
	event->family = end.key.family;
	event->port = end.port;
	__builtin_memcpy(event->address, end.key.address, sizeof(event->address));
}

/* The path of a UNIX socket stands where the port of the others does. */
static __always_inline void event_unix(struct rein_raw_event *event, const struct call_frame *frame)
{
	event->nr = frame->nr;
	event->dirfd = AT_FDCWD;
	bpf_probe_read_user_str(event->path, UNIX_PATH_MAX, (const char *)regs_arg1(frame->regs) + 2);
}

static __noinline int report_address(const struct call_frame *frame)
{
	struct rein_raw_event *event;
	struct address address;

	if (!address_read(frame, &address))
		return 0;
	if (address.family != AF_UNIX && frame->result != -EACCES)
		return 0;
	if (address.family != AF_UNIX && address.family != AF_INET && address.family != AF_INET6)
		return 0;
	event = event_begin(frame->state, REIN_EVENT_DENY_SYSCALL);
	if (!event)
		return 0;
	event_task(event);
	event->error = frame->result;
	if (address.family == AF_UNIX)
		event_unix(event, frame);
	else
		event_inet(event, frame, &address);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

#endif
