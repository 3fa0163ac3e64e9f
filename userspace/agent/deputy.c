/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/deputy.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/addressed.h"
#include "agent/borrowed.h"
#include "agent/broker.h"
#include "agent/errand.h"
#include "agent/explain.h"
#include "base/cleanup.h"
#include "mech/syscall_groups.h"

/* A copy of the asker's socket, and what cannot change about it. */
struct deputy {
	struct rein_agent *agent;
	const struct rein_filter *filter;
	struct rein_question *q;
	int socket;
	int domain, type, protocol;
	union rein_address to; /* a copy too */
	socklen_t to_length;
};

static struct rein_verdict_on_call refuse(int error)
{
	return (struct rein_verdict_on_call){REIN_REPLY_REFUSE, error};
}

static struct rein_verdict_on_call done(int result)
{
	return (struct rein_verdict_on_call){REIN_REPLY_DONE, result ? -errno : 0};
}

static int ask_socket(int socket, int option, int *ret_value)
{
	socklen_t length = sizeof(*ret_value);

	return getsockopt(socket, SOL_SOCKET, option, ret_value, &length) ? -errno : 0;
}

/* In the kernel's order: first the descriptor, then the address. */
static int look(struct deputy *deputy)
{
	struct rein_question *q = deputy->q;
	int r;

	deputy->socket = rein_question_descriptor(q, (int)q->args[0]);
	if (deputy->socket < 0)
		return deputy->socket;
	r = ask_socket(deputy->socket, SO_DOMAIN, &deputy->domain);
	if (!r)
		r = ask_socket(deputy->socket, SO_TYPE, &deputy->type);
	if (!r)
		r = ask_socket(deputy->socket, SO_PROTOCOL, &deputy->protocol);
	if (r)
		return r;
	deputy->to_length = (socklen_t)q->args[2];
	return rein_question_address(q, 1, &deputy->to);
}

static bool of_internet(const struct deputy *deputy)
{
	return deputy->domain == AF_INET || deputy->domain == AF_INET6;
}

static bool is_tcp(const struct deputy *deputy)
{
	return deputy->type == SOCK_STREAM && deputy->protocol == IPPROTO_TCP;
}

/* To connect to "any" address is to connect to loopback; so it is judged as that, and done as that. */
static void name_loopback(union rein_address *to)
{
	if (to->any.sa_family == AF_INET && to->v4.sin_addr.s_addr == htonl(INADDR_ANY))
		to->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (to->any.sa_family != AF_INET6)
		return;
	if (IN6_IS_ADDR_UNSPECIFIED(&to->v6.sin6_addr))
		to->v6.sin6_addr = in6addr_loopback;
	if (IN6_IS_ADDR_V4MAPPED(&to->v6.sin6_addr) && !to->v6.sin6_addr.s6_addr32[3])
		to->v6.sin6_addr.s6_addr32[3] = htonl(INADDR_LOOPBACK);
}

/* Long enough for the family that it says, so that all that was judged is what the kernel will look at. */
static int check_address(struct deputy *deputy)
{
	int family = deputy->to.any.sa_family;

	if (family == AF_INET && deputy->to_length >= sizeof(struct sockaddr_in))
		deputy->to_length = sizeof(struct sockaddr_in);
	else if (family == AF_INET6 && deputy->to_length >= offsetof(struct sockaddr_in6, sin6_scope_id))
		deputy->to_length = sizeof(struct sockaddr_in6);
	else
		return family == AF_INET || family == AF_INET6 ? -EINVAL : -EAFNOSUPPORT;
	return 0;
}

static bool may(const struct deputy *deputy, enum rein_net_direction direction)
{
	struct rein_destination to;

	if (!rein_destination_of(&deputy->to, &to))
		return false;
	to.direction = direction;
	to.protocol = (uint8_t)deputy->protocol;
	if (rein_destination_allowed(deputy->agent->launch, &to))
		return true;
	rein_addressed_record(deputy->agent, deputy->q, &to);
	return false;
}

static long perform_connect(const struct rein_errand *errand)
{
	return connect(errand->socket, &errand->to.any, errand->to_length) ? -errno : 0;
}

/* In a thread even where the socket says that it will not wait: the agent can change that at any time. */
static struct rein_verdict_on_call send_to_connect(struct deputy *deputy)
{
	struct rein_errand *errand = calloc(1, sizeof(*errand));

	if (!errand)
		return refuse(ENOMEM);
	*errand = (struct rein_errand){
		.id = deputy->q->id,
		.tid = deputy->q->tid,
		.socket = rein_take_fd(&deputy->socket),
		.to = deputy->to,
		.to_length = deputy->to_length,
		.perform = perform_connect,
	};
	return rein_errand_run(deputy->agent, errand);
}

static struct rein_verdict_on_call do_connect(struct deputy *deputy)
{
	struct rein_verdict_on_call verdict;
	int r;

	/* Ends a connection, or an attempt at one. */
	if (deputy->to.any.sa_family == AF_UNSPEC)
		return done(connect(deputy->socket, &deputy->to.any, deputy->to_length));
	r = check_address(deputy);
	if (r)
		return refuse(-r);
	name_loopback(&deputy->to);
	if (!may(deputy, REIN_NET_CONNECT))
		return refuse(EPERM);
	verdict = rein_question_charge_peer(deputy->agent, deputy->filter, deputy->q);
	return verdict.reply == REIN_REPLY_PASS ? send_to_connect(deputy) : verdict;
}

/* Port 0 lets the kernel choose, as clients do; whether the agent may listen there is asked when it does. */
static struct rein_verdict_on_call do_bind(struct deputy *deputy)
{
	int r;

	/* An old way to say "any address of IPv4". */
	if (deputy->to.any.sa_family == AF_UNSPEC && deputy->domain == AF_INET &&
	    deputy->to.v4.sin_addr.s_addr == htonl(INADDR_ANY))
		deputy->to.any.sa_family = AF_INET;
	r = check_address(deputy);
	if (r)
		return refuse(-r);
	if (deputy->to.v4.sin_port && !may(deputy, REIN_NET_LISTEN))
		return refuse(EPERM);
	return done(bind(deputy->socket, &deputy->to.any, deputy->to_length));
}

static struct rein_verdict_on_call refuse_uncopied(const struct deputy *deputy)
{
	struct rein_question *q = deputy->q;
	char comm[16];

	rein_question_comm(q, comm);
	rein_explain_uncopied(deputy->agent, rein_question_pid(q), comm, rein_syscall_name(q->nr), EPERM);
	return refuse(EPERM);
}

static struct rein_verdict_on_call refuse_kind(const struct deputy *deputy)
{
	struct rein_question *q = deputy->q;
	char comm[16];

	rein_question_comm(q, comm);
	rein_explain_syscall(deputy->agent, rein_question_pid(q), comm, q->nr, q->architecture, NULL, REIN_MECH_BROKER,
			     EPERM);
	return refuse(EPERM);
}

bool rein_deputy_acts(int nr)
{
	return nr == SYS_connect || nr == SYS_bind;
}

static struct rein_verdict_on_call act(struct deputy *deputy)
{
	int r = look(deputy);

	if (!rein_broker_awaited(deputy->agent, deputy->q))
		return (struct rein_verdict_on_call){REIN_REPLY_NEVER, 0};
	if (deputy->socket == -EPERM)
		return refuse_uncopied(deputy);
	if (r)
		return refuse(-r);
	if (!of_internet(deputy))
		return rein_question_charge(deputy->agent, deputy->filter, deputy->q);
	if (!is_tcp(deputy))
		return refuse_kind(deputy);
	return deputy->q->nr == SYS_connect ? do_connect(deputy) : do_bind(deputy);
}

struct rein_verdict_on_call rein_deputy_act(struct rein_agent *agent, const struct rein_filter *filter,
					    struct rein_question *q)
{
	struct deputy deputy = {.agent = agent, .filter = filter, .q = q, .socket = -1};
	struct rein_verdict_on_call verdict = act(&deputy);

	rein_borrowed_close(&deputy.socket);
	return verdict;
}
