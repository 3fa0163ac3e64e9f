/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_VERDICT_H
#define REIN_AGENT_VERDICT_H

#include "agent/agent.h"
#include "agent/question.h"
#include "mech/syscall_filter.h"

/* What is to become of one notified call. */
enum rein_reply {
	REIN_REPLY_REFUSE, /* with an errno */
	REIN_REPLY_PASS,   /* the kernel goes on, under every other mechanism */
	REIN_REPLY_DONE,   /* the broker did it; `value` is its result, or -errno */
	REIN_REPLY_LATER,  /* somebody else answers, see agent/errand.h */
	REIN_REPLY_PARK,   /* unanswered until the agent goes on */
	REIN_REPLY_NEVER,  /* unanswered: the agent is being killed */
};

struct rein_verdict_on_call {
	enum rein_reply reply;
	int value; /* REFUSE: positive errno; DONE: result or -errno */
};

/* Judges: the policy by registers, addresses for the record, then the meters, which it charges. Records refusals and
 * trips. */
struct rein_verdict_on_call rein_question_judge(struct rein_agent *agent, const struct rein_filter *filter,
						struct rein_question *q);

/* Charges the call to every meter that counts it, each once, however often the call is judged. PASS, or what becomes of
 * it. */
struct rein_verdict_on_call rein_question_charge(struct rein_agent *agent, const struct rein_filter *filter,
						 struct rein_question *q);
/* The same for net.connects alone, where it is known that the call is about a peer. */
struct rein_verdict_on_call rein_question_charge_peer(struct rein_agent *agent, const struct rein_filter *filter,
						      struct rein_question *q);

#endif
