/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/nameserver.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/lookup.h"
#include "base/cleanup.h"

#define PORT_TRIES 32
#define TURN_MAX 64	 /* datagrams in one turn of the loop */
#define CLIENTS_MAX 16	 /* connections at once; the oldest makes room */
#define QUESTION_MAX 512 /* a question has one name and a few options */
#define ANSWER_MAX 4096
#define LENGTH_BYTES 2 /* in front of a message by TCP */

enum { UDP_V4, TCP_V4, UDP_V6, TCP_V6, SOCKETS };

static const struct {
	int family, type;
} kinds[SOCKETS] = {
	[UDP_V4] = {AF_INET, SOCK_DGRAM},
	[TCP_V4] = {AF_INET, SOCK_STREAM},
	[UDP_V6] = {AF_INET6, SOCK_DGRAM},
	[TCP_V6] = {AF_INET6, SOCK_STREAM},
};

/* A connection. Its place is used again and never freed before the end, so that an event that comes late finds a socket
 * that has nothing for it. */
struct client {
	struct rein_nameserver *server;
	struct rein_watch watch; /* fd -1: the place is free */
	unsigned serial;	 /* grows with each connection */
	size_t got;
	uint8_t bytes[LENGTH_BYTES + QUESTION_MAX];
};

struct rein_nameserver {
	struct rein_agent *agent;
	struct rein_lookup *lookup;
	struct rein_watch sockets[SOCKETS];
	struct client clients[CLIENTS_MAX];
	unsigned next_serial;
};

static void drop(struct client *client)
{
	rein_loop_remove(&client->watch);
	if (client->watch.fd >= 0)
		close(rein_take_fd(&client->watch.fd));
}

/* A client that does not read what it asked for is done with. */
static void send_tcp(struct client *client, uint8_t *message, size_t size)
{
	message[0] = (uint8_t)(size >> 8);
	message[1] = (uint8_t)size;
	if (send(client->watch.fd, message, size + LENGTH_BYTES, MSG_NOSIGNAL) != (ssize_t)size + LENGTH_BYTES)
		drop(client);
}

static void reply(void *context, const struct rein_asker *asker, const struct rein_dns_question *question,
		  const struct rein_dns_answer *answer)
{
	struct rein_nameserver *server = context;
	struct client *client = asker->client < 0 ? NULL : &server->clients[asker->client];
	uint8_t message[LENGTH_BYTES + ANSWER_MAX];
	ssize_t size = rein_dns_answer_write(question, answer, client ? ANSWER_MAX : REIN_DNS_UDP_ROOM,
					     message + LENGTH_BYTES);

	if (size < 0)
		return;
	if (!client)
		sendto(server->sockets[asker->socket].fd, message + LENGTH_BYTES, (size_t)size, 0,
		       (const struct sockaddr *)&asker->address, asker->size);
	else if (client->watch.fd >= 0 && client->serial == asker->serial)
		send_tcp(client, message, (size_t)size);
}

/* Whether it was a question. */
static bool take(struct rein_nameserver *server, const uint8_t *bytes, size_t size, const struct rein_asker *asker)
{
	struct rein_dns_question question;
	uint8_t refusal[LENGTH_BYTES + REIN_DNS_HEADER];
	int id;

	if (rein_dns_question_read(bytes, size, &question, &id) == 0) {
		rein_lookup_ask(server->lookup, &question, asker);
		return true;
	}
	rein_lookup_garbled(server->lookup);
	if (id < 0 || asker->client >= 0)
		return false;
	rein_dns_refusal_write((uint16_t)id, refusal);
	sendto(server->sockets[asker->socket].fd, refusal, REIN_DNS_HEADER, 0, (const struct sockaddr *)&asker->address,
	       asker->size);
	return false;
}

static int on_datagram(struct rein_watch *watch, uint32_t events)
{
	struct rein_nameserver *server = watch->data;
	struct rein_asker asker = {.socket = (int)(watch - server->sockets), .client = -1};
	uint8_t bytes[QUESTION_MAX + 1];

	for (int i = 0; i < TURN_MAX; i++) {
		ssize_t n;

		asker.size = sizeof(asker.address);
		n = recvfrom(watch->fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&asker.address, &asker.size);
		if (n < 0)
			return 0;
		take(server, bytes, (size_t)n, &asker);
	}
	return 0;
}

/* Every whole message in the buffer. */
static bool take_messages(struct client *client)
{
	struct rein_nameserver *server = client->server;
	struct rein_asker asker = {.client = (int)(client - server->clients), .serial = client->serial};

	while (client->got >= LENGTH_BYTES) {
		size_t length = (size_t)client->bytes[0] << 8 | client->bytes[1], whole = LENGTH_BYTES + length;

		if (length > QUESTION_MAX)
			return false;
		if (client->got < whole)
			break;
		if (!take(server, client->bytes + LENGTH_BYTES, length, &asker) || client->watch.fd < 0)
			return false;
		client->got -= whole;
		memmove(client->bytes, client->bytes + whole, client->got);
	}
	return true;
}

static int on_client(struct rein_watch *watch, uint32_t events)
{
	struct client *client = watch->data;
	ssize_t n;

	if (watch->fd < 0)
		return 0;
	n = recv(watch->fd, client->bytes + client->got, sizeof(client->bytes) - client->got, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	client->got += n > 0 ? (size_t)n : 0;
	if (n <= 0 || !take_messages(client))
		drop(client);
	return 0;
}

static struct client *place_for_client(struct rein_nameserver *server)
{
	struct client *oldest = &server->clients[0];

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = &server->clients[i];

		if (client->watch.fd < 0)
			return client;
		if ((int)(client->serial - oldest->serial) < 0)
			oldest = client;
	}
	drop(oldest);
	return oldest;
}

static int on_connection(struct rein_watch *watch, uint32_t events)
{
	struct rein_nameserver *server = watch->data;
	int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *client;

	if (fd < 0)
		return 0;
	client = place_for_client(server);
	client->watch.fd = fd;
	client->serial = server->next_serial++;
	client->got = 0;
	if (rein_loop_add(&server->agent->loop, &client->watch, EPOLLIN, NULL) < 0)
		drop(client);
	return 0;
}

static int bind_one(int family, int type, uint16_t *port)
{
	REIN_AUTO_FD int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t size = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int one = 1;

	v4.sin_port = v6.sin6_port = htons(*port);
	if (fd < 0 || (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
	    bind(fd, address, size) || getsockname(fd, address, &size) || (type == SOCK_STREAM && listen(fd, 16)))
		return -errno;
	*port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
	return rein_take_fd(&fd);
}

static void close_sockets(struct rein_nameserver *server)
{
	for (size_t i = 0; i < SOCKETS; i++) {
		rein_loop_remove(&server->sockets[i]);
		if (server->sockets[i].fd >= 0)
			close(rein_take_fd(&server->sockets[i].fd));
	}
}

/* All at the port that the first one got. A machine without IPv6 does without those; what goes there goes nowhere. */
static int bind_all(struct rein_nameserver *server, uint16_t *ret_port)
{
	*ret_port = 0;
	for (size_t i = 0; i < SOCKETS; i++) {
		int fd = bind_one(kinds[i].family, kinds[i].type, ret_port);

		if (fd < 0 && (kinds[i].family == AF_INET || fd == -EADDRINUSE))
			return fd;
		server->sockets[i].fd = fd < 0 ? -1 : fd;
	}
	return 0;
}

static int find_port(struct rein_nameserver *server, uint16_t *ret_port, struct rein_error *err)
{
	int r = -EADDRINUSE;

	for (int i = 0; i < PORT_TRIES && r == -EADDRINUSE; i++) {
		close_sockets(server);
		r = bind_all(server, ret_port);
	}
	return r < 0 ? rein_fail(err, -r, "cannot listen for the agent's questions about names: %s", strerror(-r)) : 0;
}

static int watch_all(struct rein_nameserver *server, struct rein_error *err)
{
	int r = 0;

	for (size_t i = 0; i < SOCKETS && !r; i++)
		if (server->sockets[i].fd >= 0)
			r = rein_loop_add(&server->agent->loop, &server->sockets[i], EPOLLIN, err);
	return r;
}

static struct rein_nameserver *make(struct rein_agent *agent)
{
	struct rein_nameserver *server = calloc(1, sizeof(*server));

	for (size_t i = 0; server && i < SOCKETS; i++)
		server->sockets[i] = (struct rein_watch){
			.fd = -1,
			.ready = kinds[i].type == SOCK_DGRAM ? on_datagram : on_connection,
			.data = server,
		};
	for (size_t i = 0; server && i < CLIENTS_MAX; i++) {
		server->clients[i].server = server;
		server->clients[i].watch =
			(struct rein_watch){.fd = -1, .ready = on_client, .data = &server->clients[i]};
	}
	if (server)
		server->agent = agent;
	return server;
}

int rein_nameserver_open(struct rein_agent *agent, struct rein_error *err)
{
	uint16_t port;
	int r;

	if (!agent->launch->plan->names)
		return 0;
	agent->nameserver = make(agent);
	if (!agent->nameserver)
		return rein_fail(err, ENOMEM, "no memory for the agent's name server");
	r = find_port(agent->nameserver, &port, err);
	if (!r)
		r = watch_all(agent->nameserver, err);
	if (!r)
		r = rein_lookup_open(agent, reply, agent->nameserver, &agent->nameserver->lookup, err);
	if (r < 0)
		rein_nameserver_close(agent);
	else
		__atomic_store_n(&agent->launch->state->name_port, port, __ATOMIC_RELEASE);
	return r;
}

void rein_nameserver_close(struct rein_agent *agent)
{
	struct rein_nameserver *server = rein_take_pointer(&agent->nameserver);

	if (!server)
		return;
	rein_lookup_close(server->lookup);
	close_sockets(server);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		drop(&server->clients[i]);
	free(server);
}
