/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_STATE_H
#define REIN_STATE_H

#include <rein/breaker.h>
#include <rein/meter.h>

/*
 * The state of one agent that hooks and supervisor share. With root it is one
 * page of the pinned BPF array `rein_states`, which its supervisor maps; without
 * root it is the supervisor's own memory, charged by the broker and the sampler.
 * Either way the code that changes it is breaker.h.
 */

#define REIN_ABI 2	     /* of everything under include/rein; pinned objects carry it */
#define REIN_SLOTS 2048	     /* agents at once on one host */
#define REIN_BREAKERS_MAX 16 /* of one agent */

enum rein_state_flag {
	REIN_STATE_NET = 1 << 0,    /* bpf-net decides about its packets and sockets */
	REIN_STATE_TRACE = 1 << 1,  /* bpf-trace meters its syscalls */
	REIN_STATE_REPORT = 1 << 2, /* bpf-trace reports syscalls that failed with a refusal */
	REIN_STATE_FILE = 1 << 3,   /* bpf-file meters its file operations, exec and fork before they happen */
	REIN_STATE_LABELS = 1 << 4, /* bpf-file decides about its paths by labels, see label.h */
	REIN_STATE_QUEUES = 1 << 5, /* it may use io_uring or aio: bpf-file keeps what seccomp does otherwise */
};

/* Whose programs of bpf-file decide, see bpf/hook.bpf.h. Words are changed one by one, each at once. */
struct rein_turn {
	__u64 build;	/* 0: nobody's yet */
	__u64 previous; /* the build before it, while that is being replaced; else 0 */
	__u64 change;	/* counts replacements */
};

struct rein_breaker {
	struct rein_limit limit;
	struct rein_bucket bucket;
	__u8 meter;	/* enum rein_meter */
	__u8 on_trip;	/* enum rein_on_trip */
	__u8 mechanism; /* enum rein_mechanism: who charges it; others leave it alone */
	__u8 pad[5];
};

struct rein_state {
	__u32 abi;	 /* REIN_ABI; 0 in a slot that nobody uses */
	__u32 slot;	 /* this state's index, for keys of other maps */
	__u32 flags;	 /* enum rein_state_flag */
	__u32 init_tgid; /* of rein's own init, in the root PID namespace: never metered, never signalled */
	__u64 cgroup_id;
	/*
	 * The latch: 0, or 1 + the enum rein_on_trip (FREEZE or KILL) of the breaker that tripped. Set by the CPU that
	 * trips; while set, every hook stops every process of the agent. Only the supervisor clears it.
	 */
	__u32 latch;
	__u32 nr_breakers;
	__u64 lost;	       /* events that found the ring full */
	__u64 lost_denials;    /* of these, the ones that were refusals */
	__u16 breakers_of[16]; /* by meter: which breakers count it, one bit each */
	__u64 meters[16];      /* by meter: all that happened or was tried and let through */
	__u64 denials;	       /* refusals that hooks decided */
	__u64 tracer;	       /* the build of bpf-trace whose programs its supervisor holds; others leave it alone */
	__u32 name_port;       /* on loopback, where the supervisor answers questions about names; 0: nowhere */
	__u32 pad_names;
	__u64 reserved[5];
	struct rein_breaker breakers[REIN_BREAKERS_MAX];
	__u8 pad[4096 - 272 - 16 * 96];
};

_Static_assert(sizeof(struct rein_breaker) == 96, "shared with the kernel");
_Static_assert(sizeof(struct rein_state) == 4096, "one page, so that a supervisor maps its own slot only");
_Static_assert(REIN_METER_COUNT <= 16, "breakers_of and meters have 16 places");

#endif
