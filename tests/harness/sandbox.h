/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_TESTS_HARNESS_SANDBOX_H
#define REIN_TESTS_HARNESS_SANDBOX_H

#include "mech/mech.h"

/* A process behind the mounts and Landlock of a policy made by hand, without the rest of rein. */
struct sandbox {
	char scratch[64]; /* a folder of the test's own below /var/tmp, removed in the end */
	struct rein_policy policy;
	struct rein_plan plan;
	struct rein_machine machine;
	struct rein_launch launch;
	char text[1024]; /* of the last error */
};

/* Makes the scratch folder; reads nothing but /usr and its links. */
void sandbox_open(struct sandbox *sandbox);
void sandbox_close(struct sandbox *sandbox);

/* Adds a rule; `path` is printf-like and relative to the scratch folder unless it starts with a slash. */
void sandbox_allow(struct sandbox *sandbox, enum rein_access list, const char *path);
void sandbox_deny(struct sandbox *sandbox, enum rein_access list, const char *path);
/* Allows executing the file with the content that its digest, of 64 digits, says; the caller keeps that alive. */
void sandbox_allow_digest(struct sandbox *sandbox, const char *path, const char *sha256);
/* The absolute path of something in the scratch folder; valid until the next call but seven. */
const char *sandbox_path(const struct sandbox *sandbox, const char *path);
/* Makes a folder, or a file with the given text, with the folders above it. */
void sandbox_folder(const struct sandbox *sandbox, const char *path);
void sandbox_file(const struct sandbox *sandbox, const char *path, const char *text);
/* Whether the file on the host holds exactly this text. */
bool sandbox_holds(const struct sandbox *sandbox, const char *path, const char *text);

enum sandbox_with {
	SANDBOX_MOUNTS = 1 << 0,
	SANDBOX_LANDLOCK = 1 << 1,
	SANDBOX_BOTH = SANDBOX_MOUNTS | SANDBOX_LANDLOCK,
};

/*
 * Computes the view, prepares, clones and runs `inside` in the child, which returns 0 or a number that says where it
 * failed. Returns that number, -1 if the sandbox could not be set up (see sandbox->text), 1000 + N for signal N.
 */
int sandbox_run(struct sandbox *sandbox, enum sandbox_with with, int (*inside)(const struct sandbox *));

/* Runs `inside` with the mounts alone and with Landlock too, and fails the test where it does not return 0. */
void sandbox_expect(struct sandbox *sandbox, int (*inside)(const struct sandbox *));

/* For what runs inside: whether the file can be opened for reading; made, if need be, and written to. */
bool can_read(const char *file);
bool can_write(const char *file);

/*
 * For what runs inside: returns a number made from the line of the first condition that does not hold. Lines beyond
 * 240 count modulo, since an exit status is a byte.
 */
#define HOLDS(condition)                           \
	do {                                       \
		if (!(condition))                  \
			return __LINE__ % 240 + 1; \
	} while (0)

#endif
