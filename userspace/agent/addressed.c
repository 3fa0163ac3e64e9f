/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/addressed.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "agent/borrowed.h"
#include "agent/broker.h"
#include "agent/explain.h"
#include "mech/syscall_groups.h"

static int socket_option(const struct rein_question *q, int option, int otherwise)
{
	REIN_AUTO_BORROWED int copy = rein_question_descriptor(q, (int)q->args[0]);
	int value = otherwise;
	socklen_t length = sizeof(value);

	if (copy < 0 || getsockopt(copy, SOL_SOCKET, option, &value, &length))
		return otherwise;
	return value;
}

void rein_addressed_record(struct rein_agent *agent, const struct rein_question *q, const struct rein_destination *to)
{
	char comm[16];

	rein_question_comm(q, comm);
	rein_explain_address(agent, rein_question_pid(q), comm, rein_syscall_name(q->nr), to->direction, to->family,
			     to->address, to->port, to->protocol, REIN_MECH_BROKER, EPERM);
}

bool rein_addressed_allows(struct rein_agent *agent, const struct rein_question *q)
{
	union rein_address address;
	struct rein_destination to;

	if ((q->nr != SYS_connect && q->nr != SYS_bind) || rein_question_address(q, 1, &address) ||
	    !rein_destination_of(&address, &to))
		return true;
	to.direction = q->nr == SYS_bind ? REIN_NET_LISTEN : REIN_NET_CONNECT;
	if (rein_destination_allowed(agent->launch, &to))
		return true;
	to.protocol = (uint8_t)socket_option(q, SO_PROTOCOL, IPPROTO_TCP);
	if (rein_destination_allowed(agent->launch, &to))
		return true;
	rein_addressed_record(agent, q, &to);
	return false;
}

/*
 * Whether listening on this socket opens no port that no rule names: one that was never bound has none, one that was
 * connected and is no more has the kernel's. A rule for port 0 names any that the kernel picks.
 */
static bool may_listen(struct rein_agent *agent, const struct rein_question *q, const union rein_address *address)
{
	struct rein_destination at, any;

	if (!rein_destination_of(address, &at))
		return true;
	at.direction = REIN_NET_LISTEN;
	any = at;
	any.port = 0;
	if (rein_destination_allowed(agent->launch, &at) || rein_destination_allowed(agent->launch, &any))
		return true;
	rein_addressed_record(agent, q, &at);
	return false;
}

struct rein_verdict_on_call rein_addressed_listen(struct rein_agent *agent, const struct rein_question *q)
{
	union rein_address address = {0};
	socklen_t length = sizeof(address);
	REIN_AUTO_BORROWED int copy = -1;

	if (q->nr != SYS_listen)
		return (struct rein_verdict_on_call){REIN_REPLY_PASS, 0};
	copy = rein_question_descriptor(q, (int)q->args[0]);
	if (!rein_broker_awaited(agent, q))
		return (struct rein_verdict_on_call){REIN_REPLY_NEVER, 0};
	if (copy < 0)
		return (struct rein_verdict_on_call){REIN_REPLY_REFUSE, copy == -EBADF ? EBADF : EPERM};
	if (getsockname(copy, &address.any, &length))
		return (struct rein_verdict_on_call){REIN_REPLY_REFUSE, errno};
	if (!may_listen(agent, q, &address))
		return (struct rein_verdict_on_call){REIN_REPLY_REFUSE, EPERM};
	return (struct rein_verdict_on_call){REIN_REPLY_DONE, listen(copy, (int)q->args[1]) ? -errno : 0};
}
