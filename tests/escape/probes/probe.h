/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_PROBE_H
#define REIN_TESTS_PROBE_H

#include <stdint.h>
#include <sys/types.h>

/*
 * One attempt to leave the confinement. It runs inside and tries; whether it did anything is judged outside, by its
 * effects. Returns 0 if it believes that it got through, else the errno that stopped it.
 */

/* What lies around the agent, made by the test (escape/world.c) and handed over as arguments in this order. */
struct scene {
	const char *outside; /* a folder that everybody may write, but is not declared: victim, secret, tool, socket */
	const char *workspace; /* which may be written but not executed; `sealed` and `.git/hooks` in it are denied */
	pid_t bystander;       /* a process of the same user outside */
	uintptr_t address;     /* of a text in its memory */
	uint16_t tcp, tcp6, udp, udp6; /* ports on which somebody outside listens on loopback */
	const char *abstract;	       /* name of an abstract UNIX socket outside */
	int shm, msg;		       /* System V identifiers of the host */
	const char *token; /* names made with it do not clash: the POSIX queue, files in /tmp and /dev/shm */
	uint64_t inode;	   /* of the secret */
};

struct probe {
	const char *name;
	int (*attempt)(const struct scene *scene);
};

/* A load of known size for the live tests: an ordinary small program. */
struct work {
	const char *name;
	int (*run)(int argc, char **argv);
};

extern const struct probe probes_of_files[], probes_of_execution[], probes_of_metadata[], probes_of_namespaces[],
	probes_of_processes[], probes_of_kernel[], probes_of_network[], probes_of_ipc[], probes_of_rein[],
	probes_of_lists[];
extern const struct work probe_works[], probe_evasions[], probe_queues[];

/* FOLDER/NAME in one of a few static buffers. */
const char *probe_path(const char *folder, const char *name);
/* Reads all of fd and writes it to standard output, where the test looks for what must not leak; closes it. */
int probe_show(int fd);
/* Writes text to fd and closes it. 0 or errno. */
int probe_put(int fd, const char *text);
/* 0 if result is not negative, else errno. */
int probe_result(long result);
/* Copies a file, made with mode 0755. 0 or errno. */
int probe_copy(const char *from, const char *to);
/* Runs a program and waits for it: 0 if it exits with 0, else EACCES. */
int probe_spawn(const char *path, const char *const argv[]);

#define PROBE_TOUCHED "touched by a probe\n"
#define PROBE_LEAKED_FD 200

#endif
