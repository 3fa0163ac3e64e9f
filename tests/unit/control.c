/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/callers.h"

/* The control socket in a real loop, with callers in processes of their own. */

TestSuite(control, .init = callers_begin, .fini = callers_end, .timeout = 20);

ORDER(ask_status, "status", NULL, false)
ORDER(ask_freeze, "freeze", NULL, false)
ORDER(ask_thaw, "thaw", NULL, false)
ORDER(ask_trip, "trip", "deletes", false)
ORDER(ask_trip_unknown, "trip", "deletes2", false)
ORDER(ask_reset, "reset", NULL, true)
ORDER(ask_kill, "kill", NULL, false)
ORDER(ask_nonsense, "dance", NULL, false)

Test(control, status_shows_the_agent_and_is_not_an_order)
{
	serve(ask_status);
	cr_assert_eq(found->r, 0, "%s", found->text);
	cr_assert_str_eq(found->state, "running");
	cr_assert_eq(trial.nr_told, 0);
}

Test(control, freeze_and_thaw_do_so_and_are_recorded_with_who_it_was)
{
	char by[64];

	serve(ask_freeze);
	cr_assert_eq(found->r, 0, "%s", found->text);
	cr_assert_eq(trial.agent.holds, REIN_HOLD_PERSON);
	cr_assert_str_eq(trial.told[0].op, "freeze");
	cr_assert_eq(trial.told[0].kind, REIN_KIND_STATE);
	snprintf(by, sizeof(by), "user %u (process ", geteuid());
	cr_assert(strstr(trial.told[0].why, by), "%s", trial.told[0].why);
	serve(ask_thaw);
	cr_assert_eq(trial.agent.holds, 0);
	cr_assert_str_eq(found->state, "running");
	serve(ask_thaw);
	cr_assert_eq(found->r, -EALREADY);
	cr_assert_str_eq(found->text, "coding-agent-7f3a is not frozen");
}

Test(control, a_thaw_is_no_way_around_a_breaker)
{
	serve(ask_trip);
	cr_assert_eq(found->r, 0, "%s", found->text);
	cr_assert_str_eq(found->state, "frozen");
	serve(ask_thaw);
	cr_assert_eq(found->r, -EBUSY);
	cr_assert(strstr(found->text, "rein reset coding-agent-7f3a"), "%s", found->text);
	cr_assert_eq(trial.agent.life, REIN_LIFE_FROZEN);
	serve(ask_reset);
	cr_assert_eq(found->r, 0, "%s", found->text);
	cr_assert_eq(trial.agent.life, REIN_LIFE_RUNNING);
}

Test(control, kill_ends_it_for_a_person)
{
	serve(ask_kill);
	cr_assert_eq(found->r, 0, "%s", found->text);
	cr_assert_eq(trial.agent.life, REIN_LIFE_ENDING);
	cr_assert_eq(trial.agent.end_cause, REIN_END_PERSON);
	serve(ask_reset);
	cr_assert_eq(found->r, -ESHUTDOWN);
}

Test(control, what_it_does_not_know_is_refused_with_a_sentence)
{
	serve(ask_nonsense);
	cr_assert_eq(found->r, -EINVAL);
	cr_assert_str_eq(found->text, "an order must be one of status, trip, reset, freeze, thaw, kill, up");
	serve(ask_trip_unknown);
	cr_assert_eq(found->r, -ENOENT);
}

static void send_kill(int fd, const char *nonce)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "{\"op\": \"kill\", \"nonce\": \"%s\"}", nonce);

	send(fd, text, (size_t)n, MSG_NOSIGNAL);
}

static void hand_over(void)
{
	char nonce[64];
	int fd = dial();
	pid_t pid;

	hear_nonce(fd, nonce);
	pid = fork();
	if (pid == 0) {
		send_kill(fd, nonce);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	hear_reply(fd);
}

Test(control, a_connection_handed_to_another_process_is_worth_nothing)
{
	serve(hand_over);
	cr_assert_eq(found->code, EPERM);
	cr_assert(strstr(found->text, "the request came from process"), "%s", found->text);
	cr_assert_eq(trial.agent.life, REIN_LIFE_RUNNING);
	cr_assert_eq(rein_trial_agent_count(&trial, REIN_KIND_DENY), 1);
}

/* The process that connected dies; its number could be anybody's by now. */
static void connect_and_die(void)
{
	int fd = dial(), alive[2];
	char nonce[64], byte;

	hear_nonce(fd, nonce);
	if (pipe(alive))
		_exit(7);
	if (fork() > 0)
		_exit(0);
	close(alive[1]);
	while (read(alive[0], &byte, 1) > 0) /* ends with the parent's life */
		;
	send_kill(fd, nonce);
	_exit(0);
}

Test(control, a_connection_that_outlives_its_maker_is_worth_nothing)
{
	serve(connect_and_die);
	if (!rein_trial_agent_last(&trial, REIN_KIND_DENY))
		rein_trial_agent_await(&trial, REIN_KIND_DENY, "control");
	cr_assert_eq(trial.agent.life, REIN_LIFE_RUNNING);
}

static void in_pid_namespace(void (*ask)(void))
{
	int status;
	pid_t pid;

	if (unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWPID : CLONE_NEWPID))
		_exit(77);
	pid = fork();
	if (pid == 0) {
		ask();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 5);
}

static void kill_from_inside(void)
{
	in_pid_namespace(ask_kill);
}

Test(control, the_same_uid_inside_a_pid_namespace_is_refused)
{
	serve(kill_from_inside);
	cr_assert_eq(found->r, -EPERM);
	cr_assert_str_eq(found->text,
			 "the caller is inside an agent or a container: only a process outside may do this");
	cr_assert_eq(trial.agent.life, REIN_LIFE_RUNNING);
	cr_assert_eq(rein_trial_agent_count(&trial, REIN_KIND_DENY), 1);
}

static int outside_ns;

static void enter_outside_and_kill(void)
{
	setns(outside_ns, CLONE_NEWPID); /* if it worked it would be for children only */
	order("kill", NULL, false);
}

static void (*insider)(void);

static void ask_from_inside(void)
{
	outside_ns = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	in_pid_namespace(insider);
}

Test(control, setns_does_not_bring_a_process_out)
{
	insider = enter_outside_and_kill;
	serve(ask_from_inside);
	cr_assert_eq(found->r, -EPERM, "%s", found->text);
	cr_assert_eq(trial.agent.life, REIN_LIFE_RUNNING);
}

static void child_of_insider(void)
{
	setns(outside_ns, CLONE_NEWPID);
	pid_t pid = fork();

	if (pid == 0) {
		order("kill", NULL, false);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

Test(control, nor_does_it_bring_its_children_out)
{
	insider = child_of_insider;
	serve(ask_from_inside);
	cr_assert_eq(found->r, -EPERM, "%s", found->text);
	cr_assert_eq(trial.agent.life, REIN_LIFE_RUNNING);
}

static void kill_as_stranger(void)
{
	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		_exit(6);
	order("kill", NULL, false);
}

Test(control, another_user_is_refused_even_where_the_socket_can_be_reached)
{
	char path[800];

	if (geteuid() != 0)
		cr_skip("needs root to become another user");
	snprintf(path, sizeof(path), "%s/control", callers_directory());
	serve(kill_as_stranger);
	cr_assert_eq(found->r, -EPERM, "the modes alone keep others out: %s", found->text);
	cr_assert_eq(chmod(callers_directory(), 0755), 0);
	cr_assert_eq(chmod(path, 0666), 0);
	serve(kill_as_stranger);
	cr_assert_eq(found->r, -EPERM);
	cr_assert(strstr(found->text, "only the user who started this agent"), "%s", found->text);
	cr_assert_eq(trial.agent.life, REIN_LIFE_RUNNING);
}

static const struct {
	const char *text;
	size_t length; /* 0: of the string */
	int code;
} bad_requests[] = {
	{"", 1, EINVAL},
	{"nonsense", 0, EINVAL},
	{"[]", 0, EINVAL},
	{"\"kill\"", 0, EINVAL},
	{"{\"op\": \"kill\"", 0, EINVAL},
	{"{\"op\": \"kill\", \"op\": \"kill\"}", 0, EINVAL},
	{"{\"op\": \"kill\"}", 0, EPERM},
	{"{\"op\": \"kill\", \"nonce\": \"00000000000000000000000000000000\"}", 0, EPERM},
	{"{\"op\": \"kill\", \"nonce\": 7}", 0, EPERM},
	{"{}", 0, EPERM},
};
static size_t which;

static void send_bad(void)
{
	char nonce[64];
	int fd = dial();
	size_t length = bad_requests[which].length;

	hear_nonce(fd, nonce);
	send(fd, bad_requests[which].text, length ? length : strlen(bad_requests[which].text), MSG_NOSIGNAL);
	hear_reply(fd);
}

static void send_long(void)
{
	char nonce[64], text[8000];
	int fd = dial();

	hear_nonce(fd, nonce);
	memset(text, ' ', sizeof(text));
	send(fd, text, sizeof(text), MSG_NOSIGNAL);
	hear_reply(fd);
}

Test(control, malformed_requests_are_answered_and_hurt_nobody)
{
	for (which = 0; which < sizeof(bad_requests) / sizeof(bad_requests[0]); which++) {
		serve(send_bad);
		cr_assert_eq(found->code, bad_requests[which].code, "%s: %d %s", bad_requests[which].text, found->code,
			     found->text);
	}
	serve(send_long);
	cr_assert_eq(found->code, EMSGSIZE);
	cr_assert_eq(trial.agent.life, REIN_LIFE_RUNNING);
	serve(ask_status);
	cr_assert_eq(found->r, 0);
}

static void idle_then_ask(void)
{
	for (int i = 0; i < 100; i++)
		dial();
	order("status", NULL, false);
}

Test(control, idle_connections_keep_nobody_out)
{
	serve(idle_then_ask);
	cr_assert_eq(found->r, 0, "%s", found->text);
}

static void ask_and_leave(void)
{
	for (int i = 0; i < 50; i++) {
		char nonce[64];
		int fd = dial();

		hear_nonce(fd, nonce);
		if (i % 2)
			send(fd, "{", 1, MSG_NOSIGNAL);
		close(fd);
	}
	order("status", NULL, false);
}

static int nr_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

Test(control, callers_that_leave_early_leave_nothing_behind)
{
	int before = nr_descriptors();

	serve(ask_and_leave);
	cr_assert_eq(found->r, 0, "%s", found->text);
	serve(ask_status);
	cr_assert_leq(nr_descriptors(), before);
}

static void send_descriptors(void)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * 8)];
		struct cmsghdr align;
	} control = {0};
	struct iovec data = {"{}", 2};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	char nonce[64];
	int fd = dial(), fds[8];

	hear_nonce(fd, nonce);
	for (int i = 0; i < 8; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(fds)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	sendmsg(fd, &message, MSG_NOSIGNAL);
	hear_reply(fd);
}

Test(control, descriptors_that_nobody_asked_for_are_closed)
{
	int before = nr_descriptors();

	serve(send_descriptors);
	serve(ask_status);
	cr_assert_leq(nr_descriptors(), before);
}
