/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CMD_CMD_H
#define REIN_CMD_CMD_H

#include "base/error.h"
#include "base/loop.h"

#define REIN_VERSION "0.1"

/* One subcommand of the table in cmd/main.c. main gets argv from its own name on and returns the exit code. */
struct rein_cmd {
	const char *name, *arguments, *summary; /* arguments: options too, as after `usage: rein NAME` */
	int (*main)(int argc, char **argv);
};

/* Exit codes of `rein run` (design.md section 5). Other commands: 0, 1 (it failed), 2 (misused). */
enum rein_exit {
	REIN_EXIT_BREAKER = 122,
	REIN_EXIT_DENIED = 123,
	REIN_EXIT_ENDED = 124,
	REIN_EXIT_NOT_STARTED = 125,
	REIN_EXIT_NOT_EXECUTABLE = 126,
	REIN_EXIT_NOT_FOUND = 127,
};

/* Prints `rein: ...` to stderr; a control byte is shown, never sent. Where stderr is a terminal the prefix is in
 * colour. */
void rein_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * From now on rein_say waits for nobody: what stderr does not take at once is kept, up to a bound, and written as
 * `loop` finds that it takes more. NULL: there is no loop any more, and what is kept stays until rein_say_finish.
 */
void rein_say_attend(struct rein_loop *loop);
/* Writes what is left, not waiting long, and says how much could not be kept. */
void rein_say_finish(void);
/* Says err and returns `code`. */
int rein_say_error(const struct rein_error *err, int code);

#define REIN_CMD(name) int rein_cmd_##name(int argc, char **argv)
REIN_CMD(run);
REIN_CMD(plan);
REIN_CMD(check);
REIN_CMD(doctor);
REIN_CMD(ps);
REIN_CMD(trip);
REIN_CMD(reset);
REIN_CMD(freeze);
REIN_CMD(thaw);
REIN_CMD(kill);
REIN_CMD(up);
REIN_CMD(down);
REIN_CMD(log);
REIN_CMD(why);
REIN_CMD(verify);
REIN_CMD(note);
REIN_CMD(help);

#endif
