/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_LABEL_BPF_H
#define REIN_LABEL_BPF_H

#include <rein/label.h>

#include "hook.bpf.h"
#include "told.bpf.h"

/*
 * What an agent's labels say about a file, a name, and everything above them. A file is looked for by its inode, so it
 * does not matter by which path, mount, root or namespace it was reached; what is above it, by the dentries up to the
 * root of its file system. Names stand beside inodes, for what somebody else puts there later; in folders that do not
 * tell upper from lower case a name is known only as the policy writes it.
 */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, REIN_SLOTS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_HASH);
			__uint(max_entries, 1);
			__uint(key_size, sizeof(struct rein_label_key));
			__uint(value_size, sizeof(struct rein_label));
		});
} rein_labels SEC(".maps");

/* What is asked of the labels, and what they say. */
struct label_answer {
	__u64 dentry;
	__u32 slot;
	__u32 ask;    /* enum rein_label_deny: a label that denies one of these is all that is wanted */
	__u32 denied; /* by all labels that were met */
	__u32 rule;   /* of the label that denied what is asked, else of the first that denied anything */
	__u32 names;  /* how many dentries from the start to what that label is on, that one included */
	__u32 held;   /* the start stands above something denied, by held_rule */
	__u32 held_rule;
	__u32 replaced; /* the label that counts is about what once stood there */
	__u32 zero;	/* that the verifier does not know to be 0 */
	__u32 pad;
};

/* On the way from a dentry to the root of its file system. */
struct label_walk {
	struct label_answer answer;
	void *labels;
	struct dentry *at, *below; /* below: where it was before */
	__u32 device;
	__u16 known; /* `below` is a folder that stood above something denied at the start of the agent */
	__u16 done;
};

/*
 * The hash of a name, as userspace makes it; 0 if it cannot be read. Global, so that the verifier looks at its loop
 * once: the address of the name comes as a number.
 */
__attribute__((noinline)) __u64 label_hash(__u64 name, __u32 length)
{
	__u64 hash = REIN_LABEL_HASH_START;
	char piece[16];

	if (length > REIN_LABEL_NAME_MAX)
		return 0;
	for (__u64 from = 0; from < REIN_LABEL_NAME_MAX && from < length; from += sizeof(piece)) {
		__u64 rest = length - from;

		if (rest > sizeof(piece))
			rest = sizeof(piece);
		asm volatile("" : "+r"(rest)); /* or the compiler keeps the bound in a register of its own */
		if (rest > sizeof(piece))
			return 0;
		if (bpf_probe_read_kernel(piece, rest, (const void *)(name + from)))
			return 0;
		for (__u64 i = 0; i < sizeof(piece); i++)
			if (i < rest)
				hash = REIN_LABEL_HASH_STEP(hash, piece[i]);
	}
	return REIN_LABEL_HASH_END(hash);
}

static __always_inline void label_hold(struct label_answer *answer, const struct rein_label *label)
{
	answer->held = 1;
	answer->held_rule = label->rule;
}

static __always_inline void label_apply(struct label_answer *answer, __u32 deny, __u32 rule, __u32 names,
					__u32 replaced)
{
	if (!deny)
		return;
	if (!answer->denied || deny & answer->ask) {
		answer->rule = rule;
		answer->names = names;
		answer->replaced = replaced;
	}
	answer->denied |= deny;
}

/* What the folder `key` says about the name by which the walk came into it. Non-zero: that cannot be known. */
static __always_inline int label_name(struct label_walk *walk, struct rein_label_key *key, __u32 names)
{
	struct dentry *below = walk->below;
	struct rein_label *label;

	key->name = label_hash((__u64)BPF_CORE_READ(below, d_name.name), BPF_CORE_READ(below, d_name.len));
	if (!key->name)
		return -EACCES;
	label = bpf_map_lookup_elem(walk->labels, key);
	if (!label)
		return 0;
	label_apply(&walk->answer, label->deny, label->rule, names, 0);
	if (!walk->known)
		label_apply(&walk->answer, label->deny_other, label->rule, names, 1);
	if (names == 1 && label->flags & REIN_LABEL_HOLD)
		label_hold(&walk->answer, label);
	return 0;
}

static long label_step(__u32 steps, struct label_walk *walk)
{
	struct dentry *at = walk->at, *parent = BPF_CORE_READ(at, d_parent);
	struct inode *inode = BPF_CORE_READ(at, d_inode);
	struct rein_label_key key = {.device = walk->device};
	struct rein_label *label = NULL;
	__u32 flags = 0;

	if (inode) {
		key.inode = BPF_CORE_READ(inode, i_ino);
		label = bpf_map_lookup_elem(walk->labels, &key);
	}
	if (label) {
		flags = label->flags;
		if (flags & REIN_LABEL_NAMES && steps && label_name(walk, &key, steps))
			return 1;
		label_apply(&walk->answer, label->deny, label->rule, steps + 1, 0);
		if (!steps && flags & REIN_LABEL_HOLD)
			label_hold(&walk->answer, label);
	}
	walk->known = !!(flags & REIN_LABEL_HOLD);
	walk->done = walk->answer.denied & walk->answer.ask || parent == at;
	walk->below = at;
	walk->at = parent;
	return walk->done;
}

/*
 * Fills in the answer. 0: it is whole; otherwise what is asked for is not to be had. Global, so that the verifier looks
 * at it once and not once for each hook, and knows nothing about the answer. Before 6.7 it takes the
 * first round of a loop for all of them, and drops what cannot happen in that one: nothing may be a constant to it.
 */
__attribute__((noinline)) int label_walk(struct label_answer *answer)
{
	struct label_walk walk = {};
	struct dentry *start;

	if (!answer)
		return -EACCES;
	start = (struct dentry *)answer->dentry;
	walk.answer = *answer;
	walk.known = walk.done = answer->zero;
	walk.labels = bpf_map_lookup_elem(&rein_labels, &walk.answer.slot);
	walk.at = walk.below = start;
	if (!walk.labels || !start)
		return -EACCES;
	walk.device = BPF_CORE_READ(start, d_sb, s_dev);
	bpf_loop(REIN_LABEL_DEPTH_MAX, label_step, &walk, 0);
	*answer = walk.answer;
	return walk.done ? 0 : -EACCES;
}

static __always_inline int label_look(struct rein_state *state, struct dentry *dentry, __u32 ask,
				      struct label_answer *answer)
{
	*answer = (struct label_answer){
		.dentry = (__u64)dentry,
		.slot = state->slot,
		.ask = ask,
		.rule = REIN_LABEL_NO_RULE,
	};
	return label_walk(answer);
}

#define LABEL_NAMES_TOLD 24
#define LABEL_O_TRUNC 01000

/* So that a name can be read behind others without a look at how much room is left. */
struct label_event {
	struct rein_raw_event event;
	char beyond[REIN_EVENT_PATH_MAX];
};

static __always_inline void label_tell_names(struct rein_raw_event *event, struct dentry *dentry, __u32 names)
{
	__u32 at = 0;

	for (__u32 i = 0; i < LABEL_NAMES_TOLD && i < names; i++) {
		long length = bpf_probe_read_kernel_str(event->path + (at & (REIN_EVENT_PATH_MAX - 1)),
							REIN_EVENT_PATH_MAX, BPF_CORE_READ(dentry, d_name.name));

		if (length < 0)
			break;
		at += length;
		if (at > REIN_EVENT_PATH_MAX)
			break;
		dentry = BPF_CORE_READ(dentry, d_parent);
		if (i + 1 == names)
			return;
	}
	event->truncated = 1;
}

/* Tells of a refusal and is its result. */
static __noinline int label_refuse(struct rein_state *state, struct dentry *dentry, const struct label_answer *answer,
				   __u64 amount, __u32 op)
{
	struct rein_raw_event *event;

	__sync_fetch_and_add(&state->denials, 1);
	event = event_begin_sized(state, REIN_EVENT_DENY_FILE, sizeof(struct label_event));
	if (!event)
		return -EACCES;
	event_task(event);
	event->amount = amount | (answer->replaced ? REIN_EVENT_REPLACED : 0);
	event->nr = op;
	event->error = -EACCES;
	event->rule = answer->rule;
	label_tell_names(event, dentry, answer->names ? answer->names : LABEL_NAMES_TOLD);
	bpf_ringbuf_submit(event, 0);
	told_mark();
	return -EACCES;
}

/* May `wanted` be done to what `dentry` names, be it there or not? */
static __noinline int label_decide(struct rein_state *state, struct dentry *dentry, __u32 wanted, __u32 op)
{
	struct label_answer answer;

	if (label_look(state, dentry, wanted, &answer))
		return label_refuse(state, dentry, &answer, wanted | REIN_EVENT_TOO_DEEP, op);
	return answer.denied & wanted ? label_refuse(state, dentry, &answer, wanted, op) : 0;
}

/* The same of what goes away: it may not stand above something denied either. *ret_denied: by all labels above it. */
static __noinline int label_decide_removal(struct rein_state *state, struct dentry *dentry, __u32 op, __u32 *ret_denied)
{
	struct label_answer answer;

	if (label_look(state, dentry, REIN_LABEL_WRITE, &answer))
		return label_refuse(state, dentry, &answer, REIN_LABEL_WRITE | REIN_EVENT_TOO_DEEP, op);
	*ret_denied = answer.denied;
	if (answer.denied & REIN_LABEL_WRITE)
		return label_refuse(state, dentry, &answer, REIN_LABEL_WRITE, op);
	if (!answer.held)
		return 0;
	answer.rule = answer.held_rule;
	answer.names = 1;
	return label_refuse(state, dentry, &answer, REIN_LABEL_WRITE | REIN_EVENT_HELD, op);
}

/* A denial that the new place would take off what is brought there. */
static __noinline int label_decide_passage(struct rein_state *state, struct dentry *from, __u32 denied_from,
					   __u32 denied_to, __u32 op)
{
	struct label_answer answer;
	__u32 lost = denied_from & ~denied_to;

	if (!lost)
		return 0;
	label_look(state, from, lost, &answer);
	return label_refuse(state, from, &answer, lost, op);
}

/* What the hooks of bpf-file ask. An agent without labels pays for one comparison. */

static __always_inline int label_check(struct rein_state *state, struct dentry *dentry, __u32 wanted, __u32 op)
{
	return wanted && state->flags & REIN_STATE_LABELS ? label_decide(state, dentry, wanted, op) : 0;
}

/* `dentry` goes away: unlink, rmdir. */
static __always_inline int label_check_removal(struct rein_state *state, struct dentry *dentry, __u32 op)
{
	__u32 denied = 0;

	return state->flags & REIN_STATE_LABELS ? label_decide_removal(state, dentry, op, &denied) : 0;
}

#define RENAME_EXCHANGE (1U << 1)

static __noinline int label_decide_rename(struct rein_state *state, struct dentry *from, struct dentry *to, __u32 flags)
{
	__u32 denied_from = 0, denied_to = 0;
	int refused = label_decide_removal(state, from, REIN_FILE_OP_RENAME, &denied_from);

	if (!refused)
		refused = label_decide_removal(state, to, REIN_FILE_OP_RENAME, &denied_to);
	if (!refused)
		refused = label_decide_passage(state, from, denied_from, denied_to, REIN_FILE_OP_RENAME);
	if (!refused && flags & RENAME_EXCHANGE)
		refused = label_decide_passage(state, to, denied_to, denied_from, REIN_FILE_OP_RENAME);
	return refused;
}

static __always_inline int label_check_rename(struct rein_state *state, struct dentry *from, struct dentry *to,
					      __u32 flags)
{
	return state->flags & REIN_STATE_LABELS ? label_decide_rename(state, from, to, flags) : 0;
}

/* Of what is denied nobody makes another name, except where the same is denied. */
static __noinline int label_decide_link(struct rein_state *state, struct dentry *from, struct dentry *to)
{
	__u32 denied_from = 0, denied_to = 0;
	int refused = label_decide_removal(state, from, REIN_FILE_OP_LINK, &denied_from);

	if (!refused)
		refused = label_decide_removal(state, to, REIN_FILE_OP_LINK, &denied_to);
	return refused ? refused : label_decide_passage(state, from, denied_from, denied_to, REIN_FILE_OP_LINK);
}

static __always_inline int label_check_link(struct rein_state *state, struct dentry *from, struct dentry *to)
{
	return state->flags & REIN_STATE_LABELS ? label_decide_link(state, from, to) : 0;
}

/* What an open file gives, or is asked to give. */
static __always_inline __u32 label_access(struct file *file)
{
	__u32 mode = BPF_CORE_READ(file, f_mode), flags = BPF_CORE_READ(file, f_flags), wanted = 0;

	if (mode & FMODE_READ)
		wanted |= REIN_LABEL_READ;
	if (mode & FMODE_WRITE || flags & LABEL_O_TRUNC)
		wanted |= REIN_LABEL_WRITE;
	if (flags & FMODE_EXEC)
		wanted |= REIN_LABEL_EXECUTE;
	return wanted;
}

static __always_inline int label_check_file(struct rein_state *state, struct file *file, __u32 wanted, __u32 op)
{
	if (!wanted || !(state->flags & REIN_STATE_LABELS))
		return 0;
	return label_decide(state, BPF_CORE_READ(file, f_path.dentry), wanted, op);
}

/* Connecting is neither reading nor writing: a socket that may not be read of is one that is not there. */
static __always_inline int label_check_socket(struct rein_state *state, struct sock *sock)
{
	struct dentry *dentry;

	if (!sock || !(state->flags & REIN_STATE_LABELS))
		return 0;
	dentry = BPF_CORE_READ((struct unix_sock *)sock, path.dentry);
	return dentry ? label_decide(state, dentry, REIN_LABEL_READ, REIN_FILE_OP_OPEN) : 0;
}

#endif
