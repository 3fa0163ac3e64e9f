/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/message.h"

static int pair[2];

static void make_pair(void)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

TestSuite(message, .init = make_pair);

Test(message, carries_kind_value_and_text)
{
	struct rein_message message;
	int fd;

	cr_assert_eq(rein_message_send(pair[0], REIN_MESSAGE_FAILED, 127, "no such file", -1), 0);
	cr_assert_eq(rein_message_receive(pair[1], 0, &message, &fd), 1);
	cr_assert_eq(message.kind, REIN_MESSAGE_FAILED);
	cr_assert_eq(message.value, 127);
	cr_assert_str_eq(message.text, "no such file");
	cr_assert_eq(fd, -1);
}

Test(message, carries_a_descriptor_that_closes_on_exec)
{
	struct rein_message message;
	int ends[2], fd;
	char byte;

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(rein_message_send(pair[0], REIN_MESSAGE_NOTIFY, 0, NULL, ends[1]), 0);
	cr_assert_eq(rein_message_receive(pair[1], 0, &message, &fd), 1);
	cr_assert_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	cr_assert_eq(write(fd, "x", 1), 1);
	cr_assert_eq(read(ends[0], &byte, 1), 1);
}

Test(message, cuts_what_is_too_long)
{
	struct rein_message message;
	char text[4096];
	int fd;

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cr_assert_eq(rein_message_send(pair[0], REIN_MESSAGE_FAILED, 1, text, -1), 0);
	cr_assert_eq(rein_message_receive(pair[1], 0, &message, &fd), 1);
	cr_assert_eq(strlen(message.text), sizeof(message.text) - 1);
}

Test(message, tells_a_hang_up_from_silence)
{
	struct rein_message message;
	int fd;

	cr_assert_eq(rein_message_receive(pair[1], MSG_DONTWAIT, &message, &fd), -EAGAIN);
	close(pair[0]);
	cr_assert_eq(rein_message_receive(pair[1], 0, &message, &fd), 0);
}

Test(message, refuses_what_is_too_short_and_keeps_no_descriptor_of_it)
{
	struct rein_message message;
	int fd;

	cr_assert_eq(send(pair[0], "abc", 3, 0), 3);
	cr_assert_eq(rein_message_receive(pair[1], 0, &message, &fd), -EBADMSG);
	cr_assert_eq(fd, -1);
}
