/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_HARNESS_LABELLED_H
#define REIN_TESTS_HARNESS_LABELLED_H

#include "harness/caged.h"
#include "harness/sandbox.h"

/*
 * A cage whose processes are denied things by bpf-file's labels and by nothing else: no mounts, no Landlock, no
 * seccomp. They are root with every privilege, so that what they may not do, nobody may.
 */
struct labelled {
	struct sandbox sandbox; /* for the folder, the rules and the view */
	struct caged caged;
};

/* Skips where bpf-file does not work. `folder`: where the scratch folder is made; NULL: the sandbox's usual place.
 * Rules are added to ->sandbox from here on. */
void labelled_open(struct labelled *labelled, const char *folder);
/* Computes the view and starts the cage. */
void labelled_start(struct labelled *labelled);
/* The same with bpf-trace, which tells of calls that came back refused. */
void labelled_start_traced(struct labelled *labelled);
/* Runs `inside` in the cage; fails the test if it does not return 0. */
void labelled_expect(struct labelled *labelled, int (*inside)(void *));
void labelled_close(struct labelled *labelled);

/* For what runs inside: whether a call came back with EACCES. */
#define REFUSED(call) ((errno = 0, (call) == -1) && errno == EACCES)
/* Whether the file can be opened like that. */
bool opens(const char *path, int flags);

#endif
