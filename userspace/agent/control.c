/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/control.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/orders.h"
#include "base/cleanup.h"

/*
 * The protocol: on a connection the supervisor takes hold of the caller by a pidfd and then sends a greeting with a
 * nonce; the caller sends one request that quotes it, and gets one reply. The kernel says with each message who sent
 * it. So a request is believed only if it was sent by the very process that connected, at a time when that process was
 * held: neither the number of a dead process nor a connection handed to somebody else is of any use.
 */

#define CLIENTS_MAX 16
#define REQUEST_MAX 4096
#define NONCE_SIZE 16

struct client {
	struct rein_watch watch; /* fd -1: the place is free */
	struct rein_control *control;
	struct rein_peer peer;
	char nonce[2 * NONCE_SIZE + 1];
	uint64_t since; /* order of arrival */
};

struct rein_control {
	struct rein_agent *agent;
	struct rein_watch listener;
	uid_t starter;
	uint64_t arrivals;
	char path[700];
	struct client clients[CLIENTS_MAX];
};

static void drop(struct client *client)
{
	if (client->watch.fd < 0)
		return;
	rein_loop_remove(&client->watch);
	close(rein_take_fd(&client->watch.fd));
	rein_peer_forget(&client->peer);
}

/* A refusal is as worth knowing as what the agent itself was refused. */
static void record_refusal(struct rein_agent *agent, const struct rein_peer *peer, const char *why)
{
	struct rein_event event = {
		.kind = REIN_KIND_DENY,
		.verdict = REIN_VERDICT_DENY,
		.pid = peer->pid,
		.comm = peer->comm[0] ? peer->comm : NULL,
		.op = "control",
		.object = agent->launch->id,
		.mechanism = REIN_MECH_SUPERVISOR,
		.why = why,
		.error = EPERM,
	};

	rein_agent_emit(agent, &event);
}

/* A client that does not take its reply at once does without: the loop waits for nobody. */
static void send_json(struct client *client, json_t *message)
{
	REIN_AUTO_FREE char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;

	if (text && send(client->watch.fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		drop(client);
	json_decref(message);
}

static void refuse(struct client *client, const struct rein_error *err)
{
	if (err->code == EPERM)
		record_refusal(client->control->agent, &client->peer, err->text);
	send_json(client, rein_orders_error(err));
}

/* Reads one message and who sent it. Returns its length, or -errno. */
static int receive(int fd, char *buffer, size_t size, struct ucred *ret_sender, struct rein_error *err)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * 4)];
		struct cmsghdr align;
	} control;
	struct iovec into = {buffer, size};
	struct msghdr message = {
		.msg_iov = &into, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n <= 0)
		return rein_fail(err, n < 0 ? errno : EPIPE, "the caller left");
	*ret_sender = (struct ucred){.pid = -1};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS)
			memcpy(ret_sender, CMSG_DATA(c), sizeof(*ret_sender));
		/* Nobody was asked for descriptors. */
		for (size_t i = 0; c->cmsg_type == SCM_RIGHTS && i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++)
			close(((const int *)(const void *)CMSG_DATA(c))[i]);
	}
	if (message.msg_flags & MSG_TRUNC)
		return rein_fail(err, EMSGSIZE, "a request may have at most %d bytes", REQUEST_MAX);
	return (int)n;
}

static int admit(const struct client *client, const struct ucred *sender, const json_t *request, struct rein_error *err)
{
	const char *nonce = json_string_value(json_object_get(request, "nonce"));

	if (sender->pid != client->peer.pid || sender->uid != client->peer.uid)
		return rein_fail(err, EPERM,
				 "the connection was made by process %d, but the request came from process %d",
				 client->peer.pid, sender->pid);
	if (!nonce || strcmp(nonce, client->nonce))
		return rein_fail(err, EPERM, "the request does not quote the greeting's nonce");
	return rein_peer_admit(&client->peer, client->control->starter, err);
}

static json_t *answer(struct client *client, struct rein_error *err)
{
	char buffer[REQUEST_MAX];
	struct ucred sender;
	json_t *request, *reply = NULL;
	int n = receive(client->watch.fd, buffer, sizeof(buffer), &sender, err);

	if (n < 0)
		return NULL;
	request = json_loadb(buffer, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(request))
		rein_fail(err, EINVAL, "the request is not a JSON object");
	else if (admit(client, &sender, request, err) == 0)
		reply = rein_orders_take(client->control->agent, &client->peer, request);
	json_decref(request);
	return reply;
}

static int on_request(struct rein_watch *watch, uint32_t events)
{
	struct client *client = watch->data;
	struct rein_error err = {0};
	json_t *reply = answer(client, &err);

	if (reply)
		send_json(client, reply);
	else if (err.code && err.code != EPIPE && err.code != EAGAIN)
		refuse(client, &err);
	if (reply || err.code != EAGAIN)
		drop(client);
	return 0;
}

/* Whoever has waited longest makes room: idle connections keep nobody out. */
static struct client *place(struct rein_control *control)
{
	struct client *oldest = &control->clients[0];

	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (control->clients[i].watch.fd < 0)
			return &control->clients[i];
		if (control->clients[i].since < oldest->since)
			oldest = &control->clients[i];
	}
	drop(oldest);
	return oldest;
}

static int make_nonce(char *ret_text, struct rein_error *err)
{
	unsigned char bytes[NONCE_SIZE];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return rein_fail_errno(err, "cannot get random bytes");
	for (int i = 0; i < NONCE_SIZE; i++)
		sprintf(ret_text + 2 * i, "%02x", bytes[i]);
	return 0;
}

static int greet(struct client *client, struct rein_error *err)
{
	int on = 1, r = rein_peer_identify(client->watch.fd, &client->peer, err);

	if (!r && setsockopt(client->watch.fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)))
		r = rein_fail_errno(err, "cannot ask who sends");
	if (!r)
		r = make_nonce(client->nonce, err);
	if (!r)
		r = rein_loop_add(&client->control->agent->loop, &client->watch, EPOLLIN, err);
	if (!r)
		send_json(client, json_pack("{s:i, s:s}", "rein", 1, "nonce", client->nonce));
	return r;
}

static int on_connection(struct rein_watch *watch, uint32_t events)
{
	struct rein_control *control = watch->data;
	struct rein_error err = {0};
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client;

	if (fd < 0)
		return 0;
	client = place(control);
	*client = (struct client){
		.watch = {.fd = fd, .ready = on_request, .data = client},
		.control = control,
		.peer.pidfd = -1,
		.since = ++control->arrivals,
	};
	if (greet(client, &err) < 0) {
		refuse(client, &err);
		drop(client);
	}
	return 0;
}

/* Bound through the folder's descriptor, since a path may be longer than a socket's address. */
static int listen_in(const char *directory, struct rein_error *err)
{
	REIN_AUTO_FD int folder = open(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	REIN_AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (folder < 0 || fd < 0)
		return rein_fail_errno(err, "cannot make the control socket in %s", directory);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/control", folder);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || chmod(address.sun_path, 0600) ||
	    listen(fd, CLIENTS_MAX))
		return rein_fail_errno(err, "cannot make the control socket in %s", directory);
	return rein_take_fd(&fd);
}

int rein_control_open(struct rein_agent *agent, const char *directory, uid_t starter, struct rein_error *err)
{
	REIN_AUTO_FREE struct rein_control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return rein_fail(err, ENOMEM, "no memory for the control socket");
	control->agent = agent;
	control->starter = starter;
	for (int i = 0; i < CLIENTS_MAX; i++)
		control->clients[i].watch.fd = -1;
	snprintf(control->path, sizeof(control->path), "%s/control", directory);
	control->listener = (struct rein_watch){
		.fd = listen_in(directory, err),
		.ready = on_connection,
		.data = control,
	};
	if (control->listener.fd < 0)
		return control->listener.fd;
	r = rein_loop_add(&agent->loop, &control->listener, EPOLLIN, err);
	if (r < 0) {
		close(control->listener.fd);
		return r;
	}
	agent->control = rein_take_pointer(&control);
	return 0;
}

void rein_control_close(struct rein_agent *agent)
{
	struct rein_control *control = agent->control;

	if (!control)
		return;
	for (int i = 0; i < CLIENTS_MAX; i++)
		drop(&control->clients[i]);
	rein_loop_remove(&control->listener);
	close(control->listener.fd);
	unlink(control->path);
	free(control);
	agent->control = NULL;
}
