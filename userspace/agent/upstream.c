/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/upstream.h"

#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SERVERS_MAX 3
#define ROUNDS 2
#define PATIENCE_NS 1500000000ULL /* for each attempt: a client's own patience is 5 s */
#define QUESTION_MAX 512
#define LENGTH_BYTES 2	/* in front of a message by TCP */
#define REPLY_MAX 16384 /* a longer one is refused */

struct server {
	struct sockaddr_storage address;
	socklen_t size;
};

/* One question under way. Its place is used again and never freed before the end, so that an event that comes late
 * finds a socket that has nothing for it. */
struct query {
	struct rein_upstream *upstream;
	struct rein_watch watch; /* fd -1: the place is free */
	struct rein_dns_question question;
	struct server servers[SERVERS_MAX];
	unsigned nr_servers, attempt, token;
	bool tcp;
	size_t got; /* by TCP, of the length and the reply */
	uint64_t deadline_ns;
	uint8_t reply[REPLY_MAX];
};

struct rein_upstream {
	struct rein_loop *loop;
	rein_upstream_answered answered;
	void *context;
	struct rein_watch timer;
	struct query queries[REIN_UPSTREAM_MAX];
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

static void arm(struct rein_upstream *upstream)
{
	struct itimerspec when = {0};
	uint64_t first = 0;

	for (size_t i = 0; i < REIN_UPSTREAM_MAX; i++) {
		const struct query *query = &upstream->queries[i];

		if (query->watch.fd >= 0 && (!first || query->deadline_ns < first))
			first = query->deadline_ns;
	}
	when.it_value.tv_sec = (time_t)(first / 1000000000ULL);
	when.it_value.tv_nsec = (long)(first % 1000000000ULL);
	timerfd_settime(upstream->timer.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void close_socket(struct query *query)
{
	rein_loop_remove(&query->watch);
	if (query->watch.fd >= 0)
		close(rein_take_fd(&query->watch.fd));
}

static void finish(struct query *query, const struct rein_dns_answer *answer)
{
	struct rein_upstream *upstream = query->upstream;

	close_socket(query);
	arm(upstream);
	upstream->answered(upstream->context, query->token, answer);
}

/* The C library reads resolv.conf; done for each question, so that a machine that changes its network is followed. */
static unsigned find_servers(struct server *ret_servers)
{
	struct __res_state state = {0};
	unsigned count = 0;

	if (res_ninit(&state))
		return 0;
	for (int i = 0; i < state.nscount && i < MAXNS && count < SERVERS_MAX; i++) {
		const struct sockaddr_in6 *v6 = state._u._ext.nsaddrs[i];
		struct server *server = &ret_servers[count];

		*server = (struct server){.size = v6 ? sizeof(*v6) : sizeof(struct sockaddr_in)};
		if (v6)
			memcpy(&server->address, v6, sizeof(*v6));
		else
			memcpy(&server->address, &state.nsaddr_list[i], sizeof(state.nsaddr_list[i]));
		count += v6 || state.nsaddr_list[i].sin_family == AF_INET;
	}
	res_nclose(&state);
	return count;
}

static const struct server *server_of(const struct query *query)
{
	return &query->servers[query->attempt % query->nr_servers];
}

static int open_socket(struct query *query)
{
	const struct server *server = server_of(query);
	int type = query->tcp ? SOCK_STREAM : SOCK_DGRAM;
	int fd = socket(server->address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* Connected: the kernel takes what comes from that address and port alone. */
	if (connect(fd, (const struct sockaddr *)&server->address, server->size) && errno != EINPROGRESS) {
		int r = -errno;

		close(fd);
		return r;
	}
	query->watch.fd = fd;
	return 0;
}

static int send_question(struct query *query)
{
	uint8_t bytes[LENGTH_BYTES + QUESTION_MAX];
	ssize_t size = rein_dns_question_write(&query->question, bytes + LENGTH_BYTES, QUESTION_MAX);
	size_t skip = query->tcp ? 0 : LENGTH_BYTES, length;

	if (size < 0)
		return (int)size;
	bytes[0] = (uint8_t)(size >> 8);
	bytes[1] = (uint8_t)size;
	length = (size_t)size + LENGTH_BYTES - skip;
	return send(query->watch.fd, bytes + skip, length, MSG_NOSIGNAL) == (ssize_t)length ? 0 : -EIO;
}

static int start_attempt(struct query *query)
{
	int r = open_socket(query);

	if (r < 0)
		return r;
	query->deadline_ns = now() + PATIENCE_NS;
	query->got = 0;
	if (getrandom(&query->question.id, sizeof(query->question.id), 0) != sizeof(query->question.id))
		return -EIO;
	r = query->tcp ? 0 : send_question(query);
	if (!r)
		r = rein_loop_add(query->upstream->loop, &query->watch, query->tcp ? EPOLLOUT : EPOLLIN, NULL);
	return r;
}

/* Goes on to the next server until one can be asked. */
static void try_next(struct query *query)
{
	int r = -EIO;

	for (;;) {
		close_socket(query);
		if (query->attempt >= query->nr_servers * ROUNDS)
			break;
		r = start_attempt(query);
		if (!r)
			break;
		query->attempt++;
		query->tcp = false;
	}
	if (r < 0 || query->watch.fd < 0)
		finish(query, NULL);
	else
		arm(query->upstream);
}

static void give_up_on_server(struct query *query)
{
	query->attempt++;
	query->tcp = false;
	try_next(query);
}

/* By UDP anybody may send what is no answer: it is passed over, and the wait goes on. By TCP it ends the attempt. */
static void take_reply(struct query *query, const uint8_t *bytes, size_t size)
{
	struct rein_dns_answer answer;
	int r = rein_dns_answer_read(bytes, size, &query->question, &answer);

	if (r == -EBADMSG && !query->tcp)
		return;
	if (r < 0 || (answer.truncated && query->tcp)) {
		give_up_on_server(query);
	} else if (answer.truncated) {
		query->tcp = true;
		try_next(query);
	} else {
		finish(query, &answer);
	}
}

static void read_udp(struct query *query)
{
	ssize_t n = recv(query->watch.fd, query->reply, sizeof(query->reply), MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		give_up_on_server(query);
	else if ((size_t)n <= sizeof(query->reply))
		take_reply(query, query->reply, (size_t)n);
}

static void read_tcp(struct query *query)
{
	ssize_t n = recv(query->watch.fd, query->reply + query->got, sizeof(query->reply) - query->got, 0);
	size_t length;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	query->got += n > 0 ? (size_t)n : 0;
	length = query->got < LENGTH_BYTES ? 0 : (size_t)query->reply[0] << 8 | query->reply[1];
	if (query->got >= LENGTH_BYTES && query->got >= LENGTH_BYTES + length)
		take_reply(query, query->reply + LENGTH_BYTES, length);
	else if (n <= 0 || length > sizeof(query->reply) - LENGTH_BYTES)
		give_up_on_server(query);
}

static int on_socket(struct rein_watch *watch, uint32_t events)
{
	struct query *query = watch->data;

	if (watch->fd < 0)
		return 0;
	if (!query->tcp)
		read_udp(query);
	else if (events & EPOLLOUT && (send_question(query) || rein_loop_change(watch, EPOLLIN)))
		give_up_on_server(query);
	else if (!(events & EPOLLOUT))
		read_tcp(query);
	return 0;
}

static int on_timer(struct rein_watch *watch, uint32_t events)
{
	struct rein_upstream *upstream = watch->data;
	uint64_t times, time = now();

	if (read(watch->fd, &times, sizeof(times)) < 0)
		return 0;
	for (size_t i = 0; i < REIN_UPSTREAM_MAX; i++)
		if (upstream->queries[i].watch.fd >= 0 && upstream->queries[i].deadline_ns <= time)
			give_up_on_server(&upstream->queries[i]);
	arm(upstream);
	return 0;
}

int rein_upstream_ask(struct rein_upstream *upstream, const char *name, uint16_t type, unsigned token)
{
	struct query *query = NULL;

	for (size_t i = 0; i < REIN_UPSTREAM_MAX && !query; i++)
		if (upstream->queries[i].watch.fd < 0)
			query = &upstream->queries[i];
	if (!query)
		return -EBUSY;
	query->question = (struct rein_dns_question){.type = type, .recursion = true};
	memcpy(query->question.name, name, strlen(name) + 1);
	query->token = token;
	query->attempt = 0;
	query->tcp = false;
	query->nr_servers = find_servers(query->servers);
	if (!query->nr_servers)
		return -ENETUNREACH;
	try_next(query);
	return 0;
}

int rein_upstream_open(struct rein_loop *loop, rein_upstream_answered answered, void *context,
		       struct rein_upstream **ret_upstream, struct rein_error *err)
{
	struct rein_upstream *upstream = calloc(1, sizeof(*upstream));
	int r;

	if (!upstream)
		return rein_fail(err, ENOMEM, "no memory for questions to name servers");
	upstream->loop = loop;
	upstream->answered = answered;
	upstream->context = context;
	for (size_t i = 0; i < REIN_UPSTREAM_MAX; i++) {
		upstream->queries[i].upstream = upstream;
		upstream->queries[i].watch =
			(struct rein_watch){.fd = -1, .ready = on_socket, .data = &upstream->queries[i]};
	}
	upstream->timer = (struct rein_watch){
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.ready = on_timer,
		.data = upstream,
	};
	r = upstream->timer.fd < 0 ? rein_fail_errno(err, "cannot make a timer")
				   : rein_loop_add(loop, &upstream->timer, EPOLLIN, err);
	if (r < 0)
		rein_upstream_close(upstream);
	else
		*ret_upstream = upstream;
	return r;
}

void rein_upstream_close(struct rein_upstream *upstream)
{
	if (!upstream)
		return;
	for (size_t i = 0; i < REIN_UPSTREAM_MAX; i++)
		close_socket(&upstream->queries[i]);
	rein_loop_remove(&upstream->timer);
	if (upstream->timer.fd >= 0)
		close(upstream->timer.fd);
	free(upstream);
}
