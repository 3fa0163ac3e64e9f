/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/orders.h"

#include <stdio.h>
#include <string.h>

#include "agent/breakers.h"
#include "base/cleanup.h"
#include "base/escape.h"
#include "mech/bpf_slot.h"

struct order {
	const char *breaker; /* NULL: all of them */
	bool refill;
	const char *by; /* the person, in words */
};

json_t *rein_orders_error(const struct rein_error *err)
{
	return json_pack("{s:b, s:s, s:i}", "ok", 0, "error", err->text, "errno", err->code);
}

static int running(const struct rein_agent *agent, struct rein_error *err)
{
	if (agent->life == REIN_LIFE_STARTING)
		return rein_fail(err, EAGAIN, "%s is only being started", agent->launch->id);
	if (agent->life >= REIN_LIFE_ENDING)
		return rein_fail(err, ESHUTDOWN, "%s is already being ended", agent->launch->id);
	return 0;
}

static int order_trip(struct rein_agent *agent, const struct order *order, struct rein_error *err)
{
	return rein_breakers_trip(agent, order->breaker, order->by, err);
}

static int order_reset(struct rein_agent *agent, const struct order *order, struct rein_error *err)
{
	return rein_breakers_reset(agent, order->breaker, order->refill, order->by, err);
}

static int order_freeze(struct rein_agent *agent, const struct order *order, struct rein_error *err)
{
	return rein_agent_hold(agent, REIN_HOLD_PERSON, err);
}

/* Every other hold has its own way out, and a thaw must not be one. */
static int order_thaw(struct rein_agent *agent, const struct order *order, struct rein_error *err)
{
	const char *id = agent->launch->id;

	if (agent->holds & REIN_HOLD_PERSON)
		return rein_agent_release(agent, REIN_HOLD_PERSON, err);
	if (agent->holds & REIN_HOLD_BREAKER)
		return rein_fail(err, EBUSY,
				 "a breaker froze %s: `rein log --kind trip %s` says which and why, `rein reset %s` "
				 "lets it go on",
				 id, id, id);
	if (agent->holds & REIN_HOLD_THROTTLE)
		return rein_fail(err, EBUSY,
				 "a breaker pauses %s until its rate allows more: `rein reset %s` ends the pause", id,
				 id);
	if (agent->holds & REIN_HOLD_AUDIT)
		return rein_fail(err, EBUSY,
				 "%s stands still since its audit log cannot be written: make room on that disk", id);
	return rein_fail(err, EALREADY, "%s is not frozen", id);
}

static int order_kill(struct rein_agent *agent, const struct order *order, struct rein_error *err)
{
	rein_agent_kill(agent, REIN_END_PERSON);
	return 0;
}

/* New programs decide about it: what keeps the old ones attached is let go. */
static int order_up(struct rein_agent *agent, const struct order *order, struct rein_error *err)
{
	return rein_slot_follow(agent->launch, err);
}

static const struct {
	const char *op;
	int (*carry_out)(struct rein_agent *agent, const struct order *order, struct rein_error *err);
	bool always; /* also of an agent that is being started or ended */
	const char *done;
} orders[] = {
	{"trip", order_trip, false, "tripped"},	       {"reset", order_reset, false, "reset"},
	{"freeze", order_freeze, false, "was frozen"}, {"thaw", order_thaw, false, "was thawed"},
	{"kill", order_kill, true, "is being ended"},  {"up", order_up, true, "holds what is loaded"},
};

static int find_order(const char *op, struct rein_error *err)
{
	for (size_t i = 0; i < REIN_COUNT(orders); i++)
		if (op && !strcmp(op, orders[i].op))
			return (int)i;
	return rein_fail(err, EINVAL, "an order must be one of status, trip, reset, freeze, thaw, kill, up");
}

static void describe(const struct rein_peer *peer, char *text, size_t size)
{
	REIN_AUTO_FREE char *comm = rein_escape(peer->comm, strlen(peer->comm));

	snprintf(text, size, "user %u (process %d, %s)", peer->uid, peer->pid, comm && *comm ? comm : "unknown");
}

static void record(struct rein_agent *agent, const struct rein_peer *peer, int index, const struct order *order)
{
	char why[256];
	struct rein_event event = {
		.kind = REIN_KIND_STATE,
		.verdict = REIN_VERDICT_ALLOW,
		.pid = peer->pid,
		.comm = peer->comm,
		.op = orders[index].op,
		.object = order->breaker,
		.mechanism = REIN_MECH_SUPERVISOR,
		.why = why,
	};

	snprintf(why, sizeof(why), "%s said `rein %s`: %s%s %s", order->by, orders[index].op, agent->launch->id,
		 orders[index].carry_out == order_trip || orders[index].carry_out == order_reset ? "'s breakers were"
												 : "",
		 orders[index].done);
	rein_agent_emit(agent, &event);
}

static int read_order(const json_t *request, struct order *order, struct rein_error *err)
{
	const json_t *breaker = json_object_get(request, "breaker"), *refill = json_object_get(request, "refill");

	if (breaker && !json_is_null(breaker) && !json_is_string(breaker))
		return rein_fail(err, EINVAL, "`breaker` must be a name");
	if (refill && !json_is_boolean(refill))
		return rein_fail(err, EINVAL, "`refill` must be true or false");
	order->breaker = json_string_value(breaker);
	order->refill = json_is_true(refill);
	return 0;
}

static int carry_out(struct rein_agent *agent, const struct rein_peer *peer, const json_t *request,
		     struct rein_error *err)
{
	struct order order = {0};
	char by[96];
	int index = find_order(json_string_value(json_object_get(request, "op")), err);
	int r = index < 0 ? index : read_order(request, &order, err);

	if (!r && !orders[index].always)
		r = running(agent, err);
	if (r < 0)
		return r;
	describe(peer, by, sizeof(by));
	order.by = by;
	r = orders[index].carry_out(agent, &order, err);
	if (!r)
		record(agent, peer, index, &order);
	return r;
}

json_t *rein_orders_take(struct rein_agent *agent, const struct rein_peer *peer, const json_t *request)
{
	const char *op = json_string_value(json_object_get(request, "op"));
	struct rein_error err = {0};

	if ((!op || strcmp(op, "status")) && carry_out(agent, peer, request, &err) < 0)
		return rein_orders_error(&err);
	return json_pack("{s:b, s:o}", "ok", 1, "status", rein_agent_status(agent));
}
