/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_EXPLAINING_H
#define REIN_AGENT_EXPLAINING_H

#include <rein/event.h>
#include <stdio.h>

#include "agent/agent.h"
#include "agent/deed.h"
#include "mech/names.h"

/* What the explanations of paths, addresses, system calls and breakers have in common. */

/* Who was refused, when, and what came back. Strings are borrowed; 0 and NULL: not known. */
struct rein_refused {
	struct rein_agent *agent;
	uint64_t time_ns; /* CLOCK_MONOTONIC; 0: now */
	pid_t pid, ppid;
	const char *comm, *op;
	enum rein_mechanism mechanism;
	int error; /* positive errno */
};

/* "cat (pid 12)", "process 12", "the agent". */
void rein_write_subject(FILE *out, const struct rein_refused *refused);
/* ", so it was refused (EACCES)." */
void rein_write_outcome(FILE *out, const struct rein_refused *refused);
/* "`filesystem.read: /usr` (base.yaml:12)" */
void rein_write_rule(FILE *out, const struct rein_origin *rule);
/* "no rule of coding-agent" */
void rein_write_no_rule(FILE *out, const struct rein_refused *refused);

/* A refusal as an event, which borrows all strings. */
struct rein_event rein_refusal_event(const struct rein_refused *refused, const char *object,
				     const struct rein_origin *rule, const char *why);
/* Emits the refusal. Takes over `why` and `detail`, which may be NULL. */
void rein_emit_refusal(const struct rein_refused *refused, const char *object, const struct rein_origin *rule,
		       char *why, json_t *detail);

/* A detail that says how a profile would allow it: in which list, such as `filesystem.read`, and by which item, as
 * YAML. NULL if the item is NULL. */
json_t *rein_remedy(const char *list, const char *item);
/* `text` as an item of a YAML list, quoted if it has to be; NULL if it cannot be written down. The caller frees. */
char *rein_yaml_item(const char *text);

/*
 * What the policy says about a path. `path` is absolute; `raw` refusals are those that a hook saw come back, which may
 * be those of ordinary permissions: of them only what the policy refuses is told.
 */
struct rein_path_refusal {
	struct rein_refused refused;
	const char *path; /* as the agent gave it, made absolute if that could be done */
	struct rein_deed deed;
	bool raw;
	bool truncated; /* path is only its beginning */
};
void rein_explain_refused_path(const struct rein_path_refusal *refusal);

/* An address. `op` in refused is "connect", "send", "listen", "bind", "receive". */
struct rein_address_refusal {
	struct rein_refused refused;
	enum rein_net_direction direction;
	enum rein_net_family family;
	const uint8_t *address;
	uint16_t port;
	uint8_t protocol;
};
void rein_explain_refused_address(const struct rein_address_refusal *refusal);

/* Why a name was not found, or an address that it led to left out. */
enum rein_name_reason {
	REIN_NAME_ALLOWED,
	REIN_NAME_DENIED,	  /* no rule, or `rule` */
	REIN_NAME_GARBLED,	  /* not even a question */
	REIN_NAME_BUDGET,	  /* see agent/name_budget.h */
	REIN_NAME_INSIDE,	  /* see agent/inside.h */
	REIN_NAME_DENIED_ADDRESS, /* by cidr lines */
	REIN_NAME_NO_ROOM,
};

/* `name`, `ip` and `rule` as far as they are known, else NULL; for an address `rule` is what allows the name. */
void rein_explain_refused_name(struct rein_agent *agent, const char *name, const struct rein_ip *ip,
			       const struct rein_host_rule *rule, enum rein_name_reason reason);

/* A label refused: `raw` is a REIN_EVENT_DENY_FILE. False: it is of a form that is not known. */
bool rein_explain_refused_file(const struct rein_refused *refused, const struct rein_raw_event *raw);

/* What bpf-file cannot follow, done by the call `nr` to `object`, which may be NULL. */
void rein_explain_refused_unknown(const struct rein_refused *refused, int nr, const char *object);

/* A socket of a kind that is not allowed. `kind` as in rein_raw_event.nr of REIN_NET_OP_SOCKET. */
void rein_explain_refused_socket(const struct rein_refused *refused, uint32_t kind);

/* What breaker `index` does not let through: `n` units, about `object`, which may be NULL. Its trip was told before. */
void rein_explain_refused_charge(const struct rein_refused *refused, int index, uint64_t n, const char *object);

/* What bpf-file was asked about (enum rein_file_op) in a word; never NULL. */
const char *rein_file_op_name(uint32_t op);

#endif
