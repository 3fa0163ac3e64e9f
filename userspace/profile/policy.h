/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_PROFILE_POLICY_H
#define REIN_PROFILE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include <rein/meter.h>
#include <rein/net.h>

#include "base/error.h"
#include "base/vec.h"

/*
 * A policy: a profile after `extends`, ceiling and variables, immutable from then on. Every rule keeps the file:line
 * that wrote it. All strings are owned by the policy and die with it. Lists stand in the order: file that extends
 * last. Precedence is by verdict (deny, ask, allow), never by order.
 */

enum rein_verdict {
	REIN_VERDICT_DENY,
	REIN_VERDICT_ASK,
	REIN_VERDICT_ALLOW,
	REIN_VERDICT_TRIP, /* in events only */
};

struct rein_origin {
	const char *file; /* as a person would open it; "built in" for what rein itself adds */
	int line, column; /* from 1; 0 where there is none */
	const char *text; /* the rule in one line, such as `filesystem.write.allow: $WORKSPACE` */
};

enum rein_access {
	REIN_ACCESS_READ = 1 << 0,
	REIN_ACCESS_WRITE = 1 << 1,
	REIN_ACCESS_EXECUTE = 1 << 2,
};

struct rein_path_rule {
	struct rein_origin origin;
	enum rein_verdict verdict;
	enum rein_access list; /* the one list it stands in; `write` implies `read` is for the reader of the policy */
	const char *path;      /* absolute, variables replaced, no `.`, `..`, `//` or trailing `/`; symlinks kept */
	bool optional;
	bool skip_if_missing; /* of a deny: `if_missing: skip` */
	const char *sha256;   /* of an allow in `execute`: the one content it allows, 64 lower-case digits; NULL: any */
};

struct rein_net_rule {
	struct rein_origin origin;
	enum rein_verdict verdict;
	enum rein_net_direction direction;
	enum rein_net_family family;
	uint8_t address[16];
	uint8_t prefix_bits; /* 0 to 32 or 0 to 128 */
	uint8_t protocol;    /* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t port_low, port_high;
	bool optional;
};

/* Addresses under the name of a host. Only ever of network.connect. */
struct rein_host_rule {
	struct rein_origin origin;
	enum rein_verdict verdict;
	const char *name; /* lower case; of a wildcard what follows the `*.` */
	bool wildcard;	  /* every name beneath it, at any depth, and not the name itself */
	uint8_t protocol;
	uint16_t port_low, port_high;
	bool optional;
};

struct rein_unix_rule {
	struct rein_origin origin;
	enum rein_verdict verdict;
	const char *path; /* as in rein_path_rule */
	bool optional;
};

struct rein_syscall_rule {
	struct rein_origin origin;
	enum rein_verdict verdict;
	const char *name; /* a system call, or "@group"; checked against the groups when planned */
	bool optional;
};

struct rein_env_rule {
	struct rein_origin origin;
	const char *name;  /* of `keep`: may end in `*`; of `set`: exact */
	const char *value; /* NULL: keep */
};

enum rein_limit_kind {
	REIN_LIMIT_PROCESSES,
	REIN_LIMIT_MEMORY,     /* bytes, of the whole agent */
	REIN_LIMIT_OPEN_FILES, /* per process */
	REIN_LIMIT_FILE_SIZE,  /* bytes */
	REIN_LIMIT_WALL_TIME,  /* nanoseconds */
	REIN_LIMIT_COUNT,
};

struct rein_limit_rule {
	struct rein_origin origin; /* file NULL: not set */
	uint64_t value;
	bool optional;
};

struct rein_breaker_rule {
	struct rein_origin origin;
	const char *name;
	enum rein_meter meter;
	uint64_t rate_units, rate_period_ns; /* rate_units per rate_period_ns, both positive */
	uint64_t burst;			     /* units, positive */
	uint64_t total;			     /* units; 0: unbounded */
	uint64_t probe;			     /* units; default burst / 10, at least 1 */
	uint64_t cool_down_ns;		     /* 0: latched until a human resets it */
	enum rein_on_trip on_trip;
	enum rein_exactness exactness; /* the least that it accepts */
	bool optional;
};

/* The allow lists of a policy, as bits. */
enum rein_list {
	REIN_LIST_READ = REIN_ACCESS_READ,
	REIN_LIST_WRITE = REIN_ACCESS_WRITE,
	REIN_LIST_EXECUTE = REIN_ACCESS_EXECUTE,
	REIN_LIST_CONNECT = 1 << 3,
	REIN_LIST_LISTEN = 1 << 4,
	REIN_LIST_UNIX = 1 << 5,
	REIN_LIST_SYSCALLS = 1 << 6,
	REIN_LIST_KEEP = 1 << 7,
};

enum rein_audit_mode { REIN_AUDIT_RELAXED, REIN_AUDIT_STRICT };

struct rein_policy {
	const char *name, *description;
	const char *file;			      /* of the profile that was asked for */
	const char *workspace, *home, *tmpdir, *user; /* what the variables stood for */
	REIN_VEC(struct rein_path_rule) paths;
	REIN_VEC(struct rein_net_rule) net;
	REIN_VEC(struct rein_host_rule) hosts;
	REIN_VEC(struct rein_unix_rule) sockets;
	REIN_VEC(struct rein_syscall_rule) syscalls;
	REIN_VEC(struct rein_env_rule) environment;
	struct rein_limit_rule limits[REIN_LIMIT_COUNT];
	REIN_VEC(struct rein_breaker_rule) breakers;
	uint64_t approval_timeout_ns;
	enum rein_verdict approval_otherwise;
	enum rein_audit_mode audit;
	unsigned declared; /* enum rein_list: lists that a file has, empty ones too; a ceiling constrains only these */
	REIN_VEC(char *) strings; /* owns every string above */
};

/* What a profile's variables and search path are made from. Strings are borrowed. */
struct rein_profile_context {
	const char *workspace;		  /* absolute and real: no symlinks */
	const char *home, *tmpdir, *user; /* of the agent's user; NULL: undefined */
	const char *config_home;	  /* $XDG_CONFIG_HOME or $HOME/.config of the invoking user; may be NULL */
	const char *installed_dir;	  /* where the shipped profiles are */
	const char *system_dir;		  /* /etc/rein unless a test says otherwise: profiles/ and ceiling.yaml in it */
};

/*
 * Loads profile `name` (a path if it holds a `/`, else searched for) into *ret_policy, which the caller frees with
 * rein_policy_free. Errors say file:line:column.
 */
int rein_policy_load(const char *name, const struct rein_profile_context *context, struct rein_policy **ret_policy,
		     struct rein_error *err);
/* Whether a line allows a file with one content only. */
bool rein_policy_names_digests(const struct rein_policy *policy);
void rein_policy_free(struct rein_policy *policy);

static inline void rein_cleanup_policy(struct rein_policy **policy)
{
	rein_policy_free(*policy);
}
#define REIN_AUTO_POLICY __attribute__((cleanup(rein_cleanup_policy)))

#endif
