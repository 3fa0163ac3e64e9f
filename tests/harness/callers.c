/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/callers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct rein_trial_agent trial;
static struct rein_registered registered;

struct found *found;

void callers_begin(void)
{
	struct rein_error err = {0};

	found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(found, MAP_FAILED);
	rein_trial_agent_init(&trial);
	rein_trial_agent_breaker(&trial, "deletes", REIN_ON_TRIP_FREEZE);
	rein_trial_agent_start(&trial, false);
	strcpy(registered.id, trial.launch.id);
	strcpy(registered.directory, "/tmp/rein-control-XXXXXX");
	cr_assert_not_null(mkdtemp(registered.directory));
	cr_assert_eq(rein_control_open(&trial.agent, registered.directory, geteuid(), &err), 0, "%s", err.text);
}

void callers_end(void)
{
	rein_control_close(&trial.agent);
	cr_assert_eq(rmdir(registered.directory), 0, "the socket must be gone with the agent");
	rein_trial_agent_free(&trial);
}

static int ended(struct rein_watch *watch, uint32_t events)
{
	rein_loop_stop(watch->loop);
	return 0;
}

void serve(void (*ask)(void))
{
	pid_t pid = fork();
	struct rein_watch watch = {.ready = ended};
	int status;

	if (pid == 0) {
		ask();
		_exit(0);
	}
	watch.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	cr_assert_geq(watch.fd, 0);
	cr_assert_eq(rein_loop_add(&trial.agent.loop, &watch, EPOLLIN, NULL), 0);
	cr_assert_geq(rein_loop_run(&trial.agent.loop), 0);
	rein_loop_remove(&watch);
	close(watch.fd);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the caller ended with %d", status);
}

static void note(int r, const struct rein_error *err, const json_t *reply)
{
	const char *state = json_string_value(json_object_get(json_object_get(reply, "status"), "state"));

	found->r = r;
	found->code = err->code;
	snprintf(found->text, sizeof(found->text), "%s", err->text);
	snprintf(found->state, sizeof(found->state), "%s", state ? state : "");
}

void order(const char *op, const char *breaker, bool refill)
{
	json_t *request = json_pack("{s:s, s:s?, s:b}", "op", op, "breaker", breaker, "refill", refill), *reply = NULL;
	struct rein_error err = {0};
	int r = rein_control_ask(&registered, request, &reply, &err);

	note(r, &err, reply);
}

int dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/control", registered.directory);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		_exit(3);
	return fd;
}

static json_t *hear(int fd)
{
	char text[65536];
	ssize_t n = recv(fd, text, sizeof(text), 0);

	return n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
}

void hear_nonce(int fd, char nonce[64])
{
	const char *word = json_string_value(json_object_get(hear(fd), "nonce"));

	if (!word)
		_exit(4);
	snprintf(nonce, 64, "%s", word);
}

void hear_reply(int fd)
{
	json_t *reply = hear(fd);
	const char *error = json_string_value(json_object_get(reply, "error"));

	found->r = json_is_true(json_object_get(reply, "ok")) ? 0 : -1;
	found->code = (int)json_integer_value(json_object_get(reply, "errno"));
	snprintf(found->text, sizeof(found->text), "%s", error ? error : "");
}

const char *callers_directory(void)
{
	return registered.directory;
}
