/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_MESSAGE_H
#define REIN_AGENT_MESSAGE_H

#include <stdint.h>

#include "base/error.h"

/*
 * What the supervisor and the agent's init say to each other, over one SOCK_SEQPACKET pair. The supervisor's end is
 * held by nobody else, so its hang-up means that the supervisor is dead. The agent's command never holds either end.
 */

enum rein_message_kind {
	/* supervisor to init */
	REIN_MESSAGE_GO = 1, /* the id maps are written and the cgroup is joined: set up */
	REIN_MESSAGE_RUN,    /* the supervisor watches: start the command */
	REIN_MESSAGE_SIGNAL, /* value: pass this signal on to the command */
	REIN_MESSAGE_FREEZE, /* stop every process */
	REIN_MESSAGE_THAW,   /* let every process go on */
	REIN_MESSAGE_RESUME, /* the command was stopped by ^Z and a person wants it back in the foreground */
	/* init to supervisor */
	REIN_MESSAGE_READY,    /* set up; with the descriptor of the agent's own /proc */
	REIN_MESSAGE_TERMINAL, /* with the master side of the agent's terminal */
	REIN_MESSAGE_NOTIFY,   /* from the command before its exec: with the seccomp listener */
	REIN_MESSAGE_FAILED,   /* value: exit code of rein; text: why */
	REIN_MESSAGE_STARTED,  /* the command's exec succeeded; value: its pid in the agent's PID namespace */
	REIN_MESSAGE_STOPPED,  /* value: the signal that stopped the command */
	REIN_MESSAGE_EXITED,   /* value: wait status of the command */
};

struct rein_message {
	uint32_t kind; /* enum rein_message_kind */
	int32_t value;
	char text[1024]; /* NUL-terminated */
};

/* Sends one message, with descriptor `fd` attached unless it is -1. Returns 0 or -errno. */
int rein_message_send(int socket, enum rein_message_kind kind, int value, const char *text, int fd);

/* Receives one message; *ret_fd is the attached descriptor, -1 if none, the caller's to close. Returns 1, 0 on hang-up,
 * or -errno (-EAGAIN with nothing there if `flags` has MSG_DONTWAIT). A malformed message is -EBADMSG. */
int rein_message_receive(int socket, int flags, struct rein_message *ret_message, int *ret_fd);

#endif
