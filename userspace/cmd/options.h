/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CMD_OPTIONS_H
#define REIN_CMD_OPTIONS_H

#include <stdbool.h>

#include "base/error.h"

/* The options that subcommands share, read by one table. A subcommand names those that it takes. */

enum rein_option {
	REIN_OPTION_PROFILE = 1 << 0,	   /* -p, --profile NAME */
	REIN_OPTION_WORKSPACE = 1 << 1,	   /* -w, --workspace DIR */
	REIN_OPTION_USER = 1 << 2,	   /* --user NAME */
	REIN_OPTION_AUDIT = 1 << 3,	   /* --audit FILE */
	REIN_OPTION_REPORT = 1 << 4,	   /* --report FILE */
	REIN_OPTION_CI = 1 << 5,	   /* --ci */
	REIN_OPTION_DEGRADE = 1 << 6,	   /* --degrade */
	REIN_OPTION_FAIL_ON_DENY = 1 << 7, /* --fail-on-deny */
	REIN_OPTION_JSON = 1 << 8,	   /* --json */
	REIN_OPTION_REFILL = 1 << 9,	   /* --refill */
	REIN_OPTION_FOLLOW = 1 << 10,	   /* -f, --follow */
	REIN_OPTION_KIND = 1 << 11,	   /* --kind KIND */
	REIN_OPTION_DENIED = 1 << 12,	   /* --denied */
	REIN_OPTION_ALL = 1 << 13,	   /* --all */
	REIN_OPTION_HOOK = 1 << 14,	   /* --hook */
};

/* Strings are the caller's argv. */
struct rein_options {
	const char *profile;		   /* "coding-agent" where -p is not given */
	const char *workspace;		   /* NULL: the current directory */
	const char *user, *audit, *report; /* NULL: not given */
	const char *kind;		   /* of events; NULL: all */
	bool ci, degrade, fail_on_deny, json, refill, follow, denied, all, hook;
	bool help;	  /* --help was asked for: nothing else is read */
	char **arguments; /* what is no option, NULL-terminated; for `run` the command */
	int nr_arguments;
};

/* What one subcommand takes. */
struct rein_usage {
	unsigned takes;			  /* enum rein_option */
	int min_arguments, max_arguments; /* max -1: any number */
	const char *arguments;		  /* what they are, for messages: "COMMAND", "AGENT [BREAKER]" */
	bool command; /* the first argument that is no option ends the options: the rest belongs to a command */
	int misuse;   /* exit code of a misuse: 2, but 125 for `run` */
};

/* Reads argv (argv[0]: the subcommand's own name) into *ret_options. -EINVAL with a sentence that says what to do. */
int rein_options_parse(int argc, char **argv, const struct rein_usage *usage, struct rein_options *ret_options,
		       struct rein_error *err);

/*
 * The same for a subcommand's main: says what is wrong, or shows the help that was asked for. Returns true if the
 * subcommand should go on; otherwise *ret_code is its exit code.
 */
bool rein_options_read(int argc, char **argv, const struct rein_usage *usage, struct rein_options *ret_options,
		       int *ret_code);

#endif
