/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/verdict.h"

#include <stdio.h>
#include <string.h>

#include "agent/addressed.h"
#include "agent/breakers.h"
#include "agent/deputy.h"
#include "agent/explain.h"
#include "agent/explaining.h"
#include "agent/trip.h"
#include "mech/syscall_groups.h"

static const struct rein_verdict_on_call passes = {REIN_REPLY_PASS, 0};

static struct rein_verdict_on_call refuse(int error)
{
	return (struct rein_verdict_on_call){REIN_REPLY_REFUSE, error};
}

/* What a call is about, in words; "" if it is about nothing that has a name. */
static void describe(const struct rein_question *q, const struct rein_watched_call *row,
		     char ret_text[REIN_QUESTION_PATH_MAX])
{
	union rein_address address;

	ret_text[0] = '\0';
	if (row->look != REIN_LOOK_PEER && row->look != REIN_LOOK_NODE && (row->dir >= 0 || row->path >= 0))
		rein_question_path(q, row->dir, row->path, ret_text);
	else if (row->path >= 0 && !rein_question_address(q, row->path, &address))
		rein_address_text(&address, ret_text, REIN_QUESTION_PATH_MAX);
}

static struct rein_verdict_on_call refuse_by_policy(struct rein_agent *agent, const struct rein_question *q)
{
	const struct rein_watched_call *row = rein_watched_calls;
	const char *name = rein_syscall_name(q->nr);
	char comm[16], object[REIN_QUESTION_PATH_MAX] = "";

	while (row->name && (!name || strcmp(row->name, name)))
		row++;
	if (row->name)
		describe(q, row, object);
	rein_question_comm(q, comm);
	rein_explain_syscall(agent, rein_question_pid(q), comm, q->nr, q->architecture, *object ? object : NULL,
			     REIN_MECH_BROKER, EPERM);
	return refuse(EPERM);
}

/* A call that an open breaker refuses, as an event. The trip itself was told before. */
static void record_refusal(struct rein_agent *agent, const struct rein_question *q, const struct rein_watched_call *row,
			   int index)
{
	char path[REIN_QUESTION_PATH_MAX] = "", comm[16];
	struct rein_refused refused = {
		.agent = agent,
		.pid = rein_question_pid(q),
		.comm = comm,
		.op = row->name,
		.mechanism = REIN_MECH_BROKER,
		.error = EDQUOT,
	};

	rein_question_comm(q, comm);
	describe(q, row, path);
	rein_explain_refused_charge(&refused, index, 1, *path ? path : NULL);
}

static const enum rein_reply replies[REIN_ON_TRIP_COUNT] = {
	[REIN_ON_TRIP_DENY] = REIN_REPLY_REFUSE,
	[REIN_ON_TRIP_THROTTLE] = REIN_REPLY_PARK,
	[REIN_ON_TRIP_FREEZE] = REIN_REPLY_PARK,
	[REIN_ON_TRIP_KILL] = REIN_REPLY_NEVER,
};

/* A breaker refused: what its on_trip asks for. */
static struct rein_verdict_on_call stop(struct rein_agent *agent, const struct rein_question *q,
					const struct rein_watched_call *row, const struct rein_charged *charged)
{
	const struct rein_breaker *breaker = &agent->launch->state->breakers[charged->breaker];
	char comm[16];

	if (charged->tripped) {
		rein_question_comm(q, comm);
		rein_breakers_tripped(agent, charged->breaker, 1, rein_question_pid(q), comm);
	}
	if (breaker->on_trip >= REIN_ON_TRIP_COUNT)
		return refuse(EDQUOT);
	if (breaker->on_trip == REIN_ON_TRIP_DENY)
		record_refusal(agent, q, row, charged->breaker);
	return (struct rein_verdict_on_call){replies[breaker->on_trip], EDQUOT};
}

/* Charges the one meter of a row, if it is watched and the call has not paid yet. */
static struct rein_verdict_on_call charge(struct rein_agent *agent, const struct rein_filter *filter,
					  struct rein_question *q, const struct rein_watched_call *row)
{
	unsigned due = row->watch & filter->watch & ~q->paid;
	struct rein_charged charged;

	if (!due || due >= 1U << REIN_METER_COUNT)
		return passes;
	charged = rein_breakers_charge(agent->launch->state, (enum rein_meter)__builtin_ctz(due), REIN_MECH_BROKER, 1,
				       false, rein_now_ns());
	if (!charged.passed && charged.breaker < 0)
		return refuse(EDQUOT);
	if (!charged.passed)
		return stop(agent, q, row, &charged);
	q->paid |= due;
	return passes;
}

struct rein_verdict_on_call rein_question_charge(struct rein_agent *agent, const struct rein_filter *filter,
						 struct rein_question *q)
{
	const char *name = rein_syscall_name(q->nr);
	struct rein_verdict_on_call verdict = passes;

	for (const struct rein_watched_call *row = rein_watched_calls; row->name; row++) {
		if (!(row->watch & filter->watch & ~q->paid) || strcmp(row->name, name) ||
		    !rein_question_counts(q, row))
			continue;
		verdict = charge(agent, filter, q, row);
		if (verdict.reply != REIN_REPLY_PASS)
			break;
	}
	return verdict;
}

struct rein_verdict_on_call rein_question_charge_peer(struct rein_agent *agent, const struct rein_filter *filter,
						      struct rein_question *q)
{
	const struct rein_watched_call row = {
		.name = rein_syscall_name(q->nr),
		.watch = 1U << REIN_METER_NET_CONNECTS,
		.dir = -1,
		.path = -1,
	};

	return charge(agent, filter, q, &row);
}

struct rein_verdict_on_call rein_question_judge(struct rein_agent *agent, const struct rein_filter *filter,
						struct rein_question *q)
{
	struct rein_verdict_on_call verdict;

	if (!rein_filter_allows(filter, q->nr, q->args))
		return refuse_by_policy(agent, q);
	if (agent->launch->plan->by_broker && rein_deputy_acts(q->nr))
		return rein_deputy_act(agent, filter, q);
	if (filter->watch & REIN_WATCH_ADDRESS && !rein_addressed_allows(agent, q))
		return refuse(EPERM);
	verdict = rein_question_charge(agent, filter, q);
	if (verdict.reply == REIN_REPLY_PASS && filter->watch & REIN_WATCH_LISTEN)
		return rein_addressed_listen(agent, q);
	return verdict;
}
