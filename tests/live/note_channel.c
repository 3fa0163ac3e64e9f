/* SPDX-License-Identifier: GPL-2.0 */
/* The calls that a note is made of, from a child that makes them by hand: what they give, and what they do not. */
#include "agent/note_channel.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/note.h"
#include "agent/notes.h"
#include "base/cleanup.h"
#include "harness/brokered.h"

static struct rein_trial_plan trial;
static struct rein_brokered brokered;

/* What the child found, in memory that both see. */
static struct found {
	int taken, refused, other;
	int line; /* of the first thing that was not as expected; 0: none */
} * found;

/* In the child, where an assertion has no runner. */
#define EXPECT(condition)                         \
	do {                                      \
		if (!(condition) && !found->line) \
			found->line = __LINE__;   \
	} while (0)

static void setup(void)
{
	rein_trial_plan_init(&trial);
	trial.plan.use[REIN_MECH_BROKER] = true;
	memset(&brokered, 0, sizeof(brokered));
	found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(found, MAP_FAILED);
}

static void teardown(void)
{
	rein_note_channel_close(&brokered.agent);
	rein_notes_close(&brokered.agent);
	rein_trial_plan_free(&trial);
	munmap(found, sizeof(*found));
}

TestSuite(note_channel, .init = setup, .fini = teardown, .timeout = 60);

static void run(int (*attempt)(void))
{
	int status = rein_brokered_run(&brokered, &trial, attempt, 20000);

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", status);
	cr_assert_eq(found->line, 0, "line %d", found->line);
}

static int call(int what)
{
	return socket(REIN_NOTE_FAMILY, REIN_NOTE_TYPE, what);
}

static bool fails(long result, int error)
{
	return result < 0 && errno == error;
}

static int one_note(void)
{
	struct rein_error err;

	EXPECT(rein_note_send("first", 5, &err) == 1);
	EXPECT(rein_note_send("second", 6, &err) == 2);
	return 0;
}

static void expect_two(void)
{
	cr_expect_eq(rein_brokered_count(&brokered, REIN_KIND_NOTE, "note"), 2);
	cr_expect_str_eq(brokered.events[0].object, "first");
	cr_expect_eq(brokered.events[0].pid, brokered.child);
	cr_expect_eq(rein_brokered_count(&brokered, REIN_KIND_DENY, NULL), 0);
}

Test(note_channel, the_kernel_says_who_notes)
{
	run(one_note);
	expect_two();
}

Test(note_channel, works_where_no_unix_socket_can_be_made)
{
	trial.plan.unix_sockets = false;
	trial.plan.host_network = true;
	run(one_note);
	expect_two();
}

Test(note_channel, works_where_the_profile_denies_sockets)
{
	rein_trial_plan_syscall(&trial, REIN_VERDICT_DENY, "socket");
	run(one_note);
	expect_two();
}

static long send_descriptor(int over, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} space = {0};
	struct iovec iov = {(char[]){"x"}, 1};
	struct msghdr header = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof(space)};
	struct cmsghdr *control = CMSG_FIRSTHDR(&header);

	*control =
		(struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fd))};
	memcpy(CMSG_DATA(control), &fd, sizeof(fd));
	return sendmsg(over, &header, MSG_NOSIGNAL);
}

/* It takes bytes, and nothing else can be done with it. */
static int misuse(void)
{
	struct sockaddr_un control = {.sun_family = AF_UNIX, .sun_path = "/run/rein/control"};
	int fd = call(REIN_NOTE_OPEN);
	char byte;

	signal(SIGPIPE, SIG_IGN);
	EXPECT(fd >= 0);
	EXPECT((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY);
	EXPECT(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	EXPECT(fails(read(fd, &byte, 1), EBADF));
	EXPECT(fails(lseek(fd, 0, SEEK_SET), ESPIPE));
	for (int i = 0; i < 100; i++)
		EXPECT(fails(send_descriptor(fd, 0), ENOTSOCK));
	EXPECT(fails(connect(fd, (struct sockaddr *)&control, sizeof(control)), ENOTSOCK));
	EXPECT(write(fd, "text", 4) == 4);
	EXPECT(call(REIN_NOTE_TELL) == 1);
	/* It was for one note. */
	EXPECT(fails(write(fd, "more", 4), EPIPE));
	EXPECT(fails(call(REIN_NOTE_TELL), ENOTCONN));
	return 0;
}

Test(note_channel, takes_bytes_for_one_note_and_nothing_else)
{
	run(misuse);
	cr_expect_eq(rein_brokered_count(&brokered, REIN_KIND_NOTE, NULL), 1);
	cr_expect_str_eq(brokered.events[0].object, "text");
}

/* A channel is its thread's: another process has nothing to tell, whatever it inherited. */
static int share(void)
{
	int fd = call(REIN_NOTE_OPEN), status = -1;
	pid_t child = fork();

	if (!child)
		_exit(!(write(fd, "lent", 4) == 4 && fails(call(REIN_NOTE_TELL), ENOTCONN)));
	EXPECT(waitpid(child, &status, 0) == child && !status);
	EXPECT(call(REIN_NOTE_TELL) == 1);
	return 0;
}

Test(note_channel, is_of_the_thread_that_asked)
{
	run(share);
	cr_expect_eq(brokered.events[0].pid, brokered.child);
}

static int too_much(void)
{
	static char text[65536];
	int fd = call(REIN_NOTE_OPEN);

	memset(text, 'x', sizeof(text));
	EXPECT(write(fd, text, sizeof(text)) == sizeof(text));
	EXPECT(fails(call(REIN_NOTE_TELL), EMSGSIZE));
	fd = call(REIN_NOTE_OPEN);
	EXPECT(write(fd, text, REIN_NOTE_MAX) == REIN_NOTE_MAX);
	EXPECT(call(REIN_NOTE_TELL) == 1);
	EXPECT(call(REIN_NOTE_OPEN) >= 0);
	EXPECT(fails(call(REIN_NOTE_TELL), EINVAL));
	return 0;
}

Test(note_channel, refuses_too_much_and_nothing)
{
	run(too_much);
	cr_expect_eq(rein_brokered_count(&brokered, REIN_KIND_NOTE, NULL), 1);
}

#define FLOOD 400

static int flood(void)
{
	struct rein_error err;

	for (int i = 0; i < FLOOD; i++) {
		int r = rein_note_send("again", 5, &err);

		*(r > 0 ? &found->taken : r == -EAGAIN ? &found->refused : &found->other) += 1;
	}
	return 0;
}

Test(note_channel, a_flood_is_bounded_and_counted)
{
	json_t *counts;

	run(flood);
	counts = rein_notes_json(&brokered.agent);
	cr_expect_eq(found->taken + found->refused, FLOOD, "%d others", found->other);
	cr_expect_geq(found->taken, REIN_NOTES_BURST);
	cr_expect_eq(rein_brokered_count(&brokered, REIN_KIND_NOTE, NULL), (size_t)found->taken);
	cr_expect_eq(json_integer_value(json_object_get(counts, "recorded")), found->taken);
	cr_expect_eq(json_integer_value(json_object_get(json_object_get(counts, "refused"), "too_many")),
		     found->refused);
	json_decref(counts);
}

static int descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Threads that come, ask for a descriptor and end. */
static int open_and_leave(void)
{
	for (int i = 0; i < 200; i++) {
		pid_t child = fork();

		if (!child)
			_exit(call(REIN_NOTE_OPEN) < 0);
		EXPECT(waitpid(child, NULL, 0) == child);
	}
	return 0;
}

Test(note_channel, the_supervisor_holds_few_descriptors)
{
	int before = descriptors(), held;

	run(open_and_leave);
	held = descriptors();
	cr_expect_leq(held, before + 16);
	rein_note_channel_close(&brokered.agent);
	cr_expect_leq(descriptors(), before);
}

/* Without room for a descriptor the call fails, and the supervisor goes on. */
static int no_room(void)
{
	struct rein_error err;
	int last = 0;

	while (last >= 0)
		last = dup(0);
	EXPECT(fails(call(REIN_NOTE_OPEN), EMFILE));
	close_range(3, ~0U, 0);
	EXPECT(rein_note_send("there", 5, &err) == 1);
	return 0;
}

Test(note_channel, a_full_table_of_descriptors_is_the_askers_own_matter)
{
	struct rlimit few = {64, 64};

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	run(no_room);
}

static int others(void)
{
	EXPECT(fails(socket(AF_UNSPEC, SOCK_SEQPACKET, REIN_NOTE_TELL + 1), EPERM));
	EXPECT(fails(socket(AF_UNSPEC, SOCK_STREAM, REIN_NOTE_OPEN), EPERM));
	EXPECT(fails(socket(AF_VSOCK, SOCK_SEQPACKET, REIN_NOTE_OPEN), EPERM));
	return 0;
}

Test(note_channel, what_is_near_it_is_refused_as_ever)
{
	run(others);
	cr_expect_eq(rein_brokered_count(&brokered, REIN_KIND_DENY, "socket"), 3);
}

/* Outside of any filter there is nobody. */
Test(note_channel, outside_there_is_none)
{
	struct rein_error err = {0};

	cr_expect_eq(rein_note_send("forged", 6, &err), -ENOTCONN);
	cr_expect(strstr(err.text, "this is no agent of rein"), "%s", err.text);
}
