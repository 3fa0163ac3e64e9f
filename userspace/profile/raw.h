/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_RAW_H
#define REIN_PROFILE_RAW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/*
 * One profile file as libcyaml hands it over: every key in its long form, every text with its place in the file.
 * A pointer is NULL where the file leaves the key out, which is not the same as an empty list. What the texts mean
 * is the business of those who resolve them.
 */

struct rein_raw_text {
	char *text;
	int line, column;
};

struct rein_raw_texts {
	struct rein_raw_text *items;
	unsigned count;
	int line, column;
};

enum rein_if_missing {
	REIN_IF_MISSING_HOLD,
	REIN_IF_MISSING_SKIP,
	REIN_IF_MISSING_HOLD_IN_FOLDER, /* hold it where the folder that it would stand in exists, else skip it */
};

/* A path, or the name of a system call. */
struct rein_raw_name {
	struct rein_raw_text name;
	bool optional;
	enum rein_if_missing *if_missing;
	struct rein_raw_text *sha256;
};

struct rein_raw_names {
	struct rein_raw_name *items;
	unsigned count;
	int line, column;
};

struct rein_raw_name_rules {
	struct rein_raw_names *allow, *ask, *deny;
};

struct rein_raw_net {
	struct rein_raw_text *cidr, *host, *port, *protocol;
	bool optional;
	int line, column;
};

struct rein_raw_nets {
	struct rein_raw_net *items;
	unsigned count;
	int line, column;
};

struct rein_raw_net_rules {
	struct rein_raw_nets *allow, *ask, *deny;
};

struct rein_raw_filesystem {
	struct rein_raw_name_rules *read, *write, *execute;
};

struct rein_raw_network {
	struct rein_raw_net_rules *connect, *listen;
	struct rein_raw_name_rules *unix_sockets;
};

struct rein_raw_variable {
	struct rein_raw_text name, value;
};

struct rein_raw_variables {
	struct rein_raw_variable *items;
	unsigned count;
	int line, column;
};

struct rein_raw_environment {
	struct rein_raw_texts *keep;
	struct rein_raw_variables *set;
};

struct rein_raw_limit {
	struct rein_raw_text limit;
	bool optional;
};

struct rein_raw_limits {
	struct rein_raw_limit *processes, *memory, *open_files, *file_size, *wall_time;
};

struct rein_raw_breaker {
	struct rein_raw_text name;
	struct rein_raw_text meter, rate, burst, on_trip;
	struct rein_raw_text *total, *probe, *cool_down, *exactness;
	bool optional;
};

struct rein_raw_breakers {
	struct rein_raw_breaker *items;
	unsigned count;
	int line, column;
};

struct rein_raw_approvals {
	struct rein_raw_text *timeout, *otherwise;
};

struct rein_raw_profile {
	struct rein_raw_text rein;
	struct rein_raw_text *name, *description, *audit;
	struct rein_raw_texts *extends;
	struct rein_raw_filesystem *filesystem;
	struct rein_raw_network *network;
	struct rein_raw_name_rules *syscalls;
	struct rein_raw_environment *environment;
	struct rein_raw_limits *limits;
	struct rein_raw_breakers *breakers;
	struct rein_raw_approvals *approvals;
};

/*
 * Parses one profile; `file` is what messages call it. The caller frees *ret_raw with rein_raw_free. Errors say
 * file:line:column.
 */
int rein_raw_parse(const char *bytes, size_t length, const char *file, struct rein_raw_profile **ret_raw,
		   struct rein_error *err);
void rein_raw_free(struct rein_raw_profile *raw);

static inline void rein_cleanup_raw(struct rein_raw_profile **raw)
{
	rein_raw_free(*raw);
}
#define REIN_AUTO_RAW __attribute__((cleanup(rein_cleanup_raw)))

#endif
