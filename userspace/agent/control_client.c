/* SPDX-License-Identifier: GPL-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "agent/control.h"
#include "agent/registry.h"
#include "base/cleanup.h"

/* The side of the control socket that asks. */

#define REPLY_MAX 65536
/* A supervisor answers within milliseconds, unless somebody has stopped it. */
#define PATIENCE_S 5

/* An id that was cut short is good as long as only one agent's begins with it. */
static int pick(const struct rein_registered_vec *agents, const char *id, size_t *ret_index, struct rein_error *err)
{
	size_t matches = 0, length = strlen(id);

	for (size_t i = 0; i < agents->count; i++) {
		if (strncmp(agents->items[i].id, id, length) != 0)
			continue;
		*ret_index = i;
		matches++;
		if (!agents->items[i].id[length])
			return 0;
	}
	if (matches == 0 || !length)
		return rein_fail(err, ESRCH, "no agent `%s` is running; `rein ps` lists those that are", id);
	if (matches > 1)
		return rein_fail(err, EINVAL,
				 "`%s` could be any of %zu agents: `rein ps` lists them, give more of the id", id,
				 matches);
	return 0;
}

int rein_control_find(const char *id, struct rein_registered *ret_agent, struct rein_error *err)
{
	struct rein_registered_vec agents = {0};
	size_t index = 0;
	int r = rein_registry_list(&agents, err);

	if (!r)
		r = pick(&agents, id, &index, err);
	if (!r)
		*ret_agent = agents.items[index];
	rein_vec_free(&agents);
	return r;
}

static int connect_to(const struct rein_registered *agent, struct rein_error *err)
{
	static const struct timeval patience = {.tv_sec = PATIENCE_S};
	REIN_AUTO_FD int folder = open(agent->directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	REIN_AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (folder < 0 || fd < 0)
		return rein_fail_errno(err, "cannot reach %s", agent->id);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/control", folder);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return rein_take_fd(&fd);
	if (errno == ENOENT || errno == ECONNREFUSED)
		return rein_fail(err, ESRCH, "%s has just ended", agent->id);
	if (errno == EACCES)
		return rein_fail(err, EPERM, "%s was started by another user", agent->id);
	return rein_fail_errno(err, "cannot reach %s", agent->id);
}

static int hear(int fd, const char *id, json_t **ret_message, struct rein_error *err)
{
	REIN_AUTO_FREE char *buffer = malloc(REPLY_MAX);
	ssize_t n = buffer ? recv(fd, buffer, REPLY_MAX, 0) : -1;
	json_t *message;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return rein_fail(err, ETIMEDOUT, "the supervisor of %s does not answer: is it stopped?", id);
	if (n < 0)
		return rein_fail_errno(err, "cannot hear the supervisor of %s", id);
	message = json_loadb(buffer, (size_t)n, 0, NULL);
	if (!json_is_object(message)) {
		json_decref(message);
		return n ? rein_fail(err, EBADMSG, "the supervisor of %s said something unknown", id)
			 : rein_fail(err, ESRCH, "%s has just ended", id);
	}
	*ret_message = message;
	return 0;
}

/* -errno if the message says that something failed. */
static int judge(const json_t *message, struct rein_error *err)
{
	const char *error = json_string_value(json_object_get(message, "error"));
	int code = (int)json_integer_value(json_object_get(message, "errno"));

	return error ? rein_fail(err, code > 0 ? code : EIO, "%s", error) : 0;
}

static int ask(int fd, const char *id, const json_t *request, const json_t *greeting, struct rein_error *err)
{
	json_t *quoting = json_copy((json_t *)(uintptr_t)request);
	REIN_AUTO_FREE char *text = NULL;

	json_object_set(quoting, "nonce", json_object_get(greeting, "nonce"));
	text = json_dumps(quoting, JSON_COMPACT);
	json_decref(quoting);
	if (!text)
		return rein_fail(err, ENOMEM, "no memory for a request");
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return rein_fail_errno(err, "cannot ask the supervisor of %s", id);
	return 0;
}

int rein_control_ask(const struct rein_registered *agent, const json_t *request, json_t **ret_reply,
		     struct rein_error *err)
{
	json_t *greeting = NULL, *reply = NULL;
	REIN_AUTO_FD int fd = connect_to(agent, err);
	int r = fd < 0 ? fd : hear(fd, agent->id, &greeting, err);

	if (!r)
		r = judge(greeting, err);
	if (!r)
		r = ask(fd, agent->id, request, greeting, err);
	if (!r)
		r = hear(fd, agent->id, &reply, err);
	if (!r)
		r = judge(reply, err);
	json_decref(greeting);
	if (!r)
		*ret_reply = reply;
	else
		json_decref(reply);
	return r;
}
