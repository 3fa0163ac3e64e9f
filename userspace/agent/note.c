/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/note.h"

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static int no_agent(struct rein_error *err)
{
	return rein_fail(err, ENOTCONN,
			 "this is no agent of rein: a note goes into the record of the agent that makes it, so `rein "
			 "note` is for programs inside one, such as a hook of what `rein run -- COMMAND` starts");
}

static int nobody_listens(struct rein_error *err)
{
	return rein_fail(err, EPERM,
			 "nobody takes notes here: either this is no agent of rein, or the supervisor cannot be "
			 "reached because seccomp notifications do not work on this machine (`rein doctor`, outside, "
			 "says why)");
}

static int open_channel(struct rein_error *err)
{
	int fd = socket(REIN_NOTE_FAMILY, REIN_NOTE_TYPE, REIN_NOTE_OPEN);

	if (fd >= 0)
		return fd;
	if (errno == EAFNOSUPPORT || errno == EINVAL || errno == EPROTONOSUPPORT)
		return no_agent(err);
	if (errno == EPERM || errno == EACCES || errno == ENOSYS)
		return nobody_listens(err);
	return rein_fail_errno(err, "cannot reach the supervisor");
}

static const struct {
	int code;
	const char *why;
} refusals[] = {
	{EINVAL, "a note must not be empty, or hold a NUL byte"},
	{EMSGSIZE, "a note may have at most 4096 bytes: say it shorter"},
	{EAGAIN, "too many notes in a short time: about ten short ones a second are taken; go on without, or wait"},
	{ENOSPC, "the audit log cannot take this note; the person who started the agent can make room"},
};
_Static_assert(REIN_NOTE_MAX == 4096, "said in words above");

static int hear(struct rein_error *err)
{
	int number = socket(REIN_NOTE_FAMILY, REIN_NOTE_TYPE, REIN_NOTE_TELL);

	for (size_t i = 0; number < 0 && i < REIN_COUNT(refusals); i++)
		if (errno == refusals[i].code)
			return rein_fail(err, errno, "the note was not recorded: %s", refusals[i].why);
	return number < 0 ? rein_fail_errno(err, "the note was not recorded") : number;
}

int rein_note_send(const char *text, size_t length, struct rein_error *err)
{
	REIN_AUTO_FD int fd = open_channel(err);

	if (fd < 0)
		return fd;
	/* One byte too many says as much as all of them, and fits into any pipe. */
	if (length > REIN_NOTE_MAX)
		length = REIN_NOTE_MAX + 1;
	if (length && write(fd, text, length) != (ssize_t)length)
		return rein_fail_errno(err, "cannot hand the note to the supervisor");
	return hear(err);
}
