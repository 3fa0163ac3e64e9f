/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_NOTE_H
#define REIN_AGENT_NOTE_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/error.h"

/*
 * What an agent says that it is about to do, and how that reaches its supervisor: a claim for the record, never a
 * permission. No name in the file system and no socket stands open for it, so that it works under every profile and
 * nobody outside can join in. A thread of the agent
 *
 *   1. calls socket(REIN_NOTE_FAMILY, REIN_NOTE_TYPE, REIN_NOTE_OPEN), which no kernel and no profile allows. seccomp
 *      hands the call to the supervisor, and that gives it the write end of a pipe of its own;
 *   2. writes the text into it, and may close it;
 *   3. calls the same with REIN_NOTE_TELL. The supervisor reads the pipe and answers with the note's number, or with
 *      EINVAL (empty, or a NUL byte), EMSGSIZE (too long), EAGAIN (too many), ENOSPC (the record cannot take it).
 *
 * So who speaks is said by the kernel, a descriptor lasts for one note, nothing but bytes can pass, and nothing comes
 * back but a number. Outside an agent step 1 fails with EAFNOSUPPORT.
 */
#define REIN_NOTE_FAMILY AF_UNSPEC
#define REIN_NOTE_TYPE SOCK_SEQPACKET
#define REIN_NOTE_OPEN 0x7265696e
#define REIN_NOTE_TELL 0x7265696f

#define REIN_NOTE_MAX 4096 /* bytes of one note; what the pipe takes without waiting */

/* Says it from inside an agent. Waits for the answer; returns the note's number, or -errno with what to do. More than
 * REIN_NOTE_MAX bytes are refused by the supervisor, which counts that. */
int rein_note_send(const char *text, size_t length, struct rein_error *err);

#endif
