/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/explain.h"

#include <fcntl.h>
#include <limits.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/borrowed.h"
#include "agent/breakers.h"
#include "agent/broker.h"
#include "agent/explaining.h"
#include "base/cleanup.h"
#include "mech/syscall_groups.h"

void rein_write_subject(FILE *out, const struct rein_refused *refused)
{
	if (refused->comm && *refused->comm && refused->pid)
		fprintf(out, "%s (pid %d)", refused->comm, refused->pid);
	else if (refused->pid)
		fprintf(out, "Process %d", refused->pid);
	else
		fprintf(out, "The agent");
}

void rein_write_outcome(FILE *out, const struct rein_refused *refused)
{
	const char *name = refused->error ? strerrorname_np(refused->error) : NULL;

	fprintf(out, ", so it was refused");
	if (name)
		fprintf(out, " (%s)", name);
	fputc('.', out);
}

void rein_write_rule(FILE *out, const struct rein_origin *rule)
{
	fprintf(out, "`%s`", rule->text ? rule->text : "a rule");
	if (rule->file && rule->line > 0)
		fprintf(out, " (%s:%d)", rule->file, rule->line);
	else if (rule->file)
		fprintf(out, " (%s)", rule->file);
}

void rein_write_no_rule(FILE *out, const struct rein_refused *refused)
{
	fprintf(out, "no rule of %s", refused->agent->launch->policy->name);
}

struct rein_event rein_refusal_event(const struct rein_refused *refused, const char *object,
				     const struct rein_origin *rule, const char *why)
{
	return (struct rein_event){
		.kind = REIN_KIND_DENY,
		.verdict = REIN_VERDICT_DENY,
		.mono_ns = refused->time_ns,
		.pid = refused->pid,
		.ppid = refused->ppid,
		.comm = refused->comm,
		.op = refused->op,
		.object = object,
		.rule = rule,
		.mechanism = refused->mechanism,
		.why = why,
		.error = refused->error,
	};
}

void rein_emit_refusal(const struct rein_refused *refused, const char *object, const struct rein_origin *rule,
		       char *why, json_t *detail)
{
	REIN_AUTO_FREE char *owned = why;
	struct rein_event event = rein_refusal_event(refused, object, rule, owned);

	event.detail = detail;
	rein_agent_emit(refused->agent, &event);
	json_decref(detail);
}

static bool is_plain(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-")] == '\0' &&
	       text[0] != '-';
}

char *rein_yaml_item(const char *text)
{
	char *item = malloc(2 * strlen(text) + 3), *out = item;
	bool plain = is_plain(text);

	if (!item)
		return NULL;
	if (!plain)
		*out++ = '"';
	for (; *text; text++) {
		/* A dollar would be read as a variable, and no profile may hold a control byte. */
		if ((unsigned char)*text < 0x20 || *text == 0x7f || *text == '$') {
			free(item);
			return NULL;
		}
		if (*text == '"' || *text == '\\')
			*out++ = '\\';
		*out++ = *text;
	}
	if (!plain)
		*out++ = '"';
	*out = '\0';
	return item;
}

json_t *rein_remedy(const char *list, const char *item)
{
	return item ? json_pack("{s:s, s:s}", "list", list, "allow", item) : NULL;
}

static struct rein_refused refused_of(struct rein_agent *agent, const struct rein_raw_event *raw)
{
	return (struct rein_refused){
		.agent = agent,
		.time_ns = raw->time_ns,
		.pid = (pid_t)raw->pid,
		.ppid = (pid_t)raw->ppid,
		.comm = raw->comm,
		.error = raw->error < 0 ? -raw->error : raw->error,
	};
}

/* The folder that a relative path starts from, as the process has it now; "" if that cannot be known any more. */
static void find_base(const struct rein_raw_event *raw, char *ret_base, size_t size)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%u/cwd", raw->pid);
	n = (int)raw->dirfd == AT_FDCWD ? readlink(link, ret_base, size - 1)
					: rein_borrowed_link((pid_t)raw->pid, (int)raw->dirfd, ret_base, size - 1);
	ret_base[n > 0 && ret_base[0] == '/' ? n : 0] = '\0';
}

static char *absolute(const struct rein_raw_event *raw)
{
	char base[PATH_MAX], *path = NULL;

	if (raw->path[0] == '/')
		return strdup(raw->path);
	find_base(raw, base, sizeof(base));
	if (asprintf(&path, "%s%s%s", base, base[0] && raw->path[0] ? "/" : "", raw->path) < 0)
		return NULL;
	return path;
}

static void take_exec(struct rein_agent *agent, const struct rein_raw_event *raw)
{
	rein_agent_emit(agent, &(struct rein_event){
				       .kind = REIN_KIND_EXEC,
				       .verdict = REIN_VERDICT_ALLOW,
				       .mono_ns = raw->time_ns,
				       .pid = (pid_t)raw->pid,
				       .ppid = (pid_t)raw->ppid,
				       .exe = raw->path,
				       .comm = raw->comm,
				       .op = "exec",
			       });
}

static void take_syscall(struct rein_agent *agent, const struct rein_raw_event *raw)
{
	REIN_AUTO_FREE char *path = absolute(raw);
	const char *name = rein_syscall_name((int)raw->nr);
	struct rein_path_refusal refusal = {
		.refused = refused_of(agent, raw),
		.path = path ? path : raw->path,
		.raw = true,
		.truncated = raw->truncated,
	};

	if (rein_broker_told(agent, (pid_t)raw->pid, (int)raw->nr, raw->time_ns))
		return;
	refusal.refused.op = name ? name : "unknown";
	refusal.deed = rein_deed_of(refusal.refused.op, raw->amount);
	rein_explain_refused_path(&refusal);
}

static void take_net(struct rein_agent *agent, const struct rein_raw_event *raw)
{
	static const char *const ops[] = {
		[REIN_NET_OP_CONNECT] = "connect", [REIN_NET_OP_SEND] = "send",	  [REIN_NET_OP_BIND] = "bind",
		[REIN_NET_OP_SOCKET] = "socket",   [REIN_NET_OP_EGRESS] = "send", [REIN_NET_OP_INGRESS] = "receive",
	};
	struct rein_address_refusal refusal = {
		.refused = refused_of(agent, raw),
		.direction = raw->net_op == REIN_NET_OP_BIND ? REIN_NET_LISTEN : REIN_NET_CONNECT,
		.family = raw->family,
		.address = raw->address,
		.port = raw->port,
		.protocol = raw->protocol,
	};

	/* bpf-net refuses with EPERM; EACCES is what Landlock says. */
	refusal.refused.mechanism = raw->error == -EACCES ? REIN_MECH_LANDLOCK : REIN_MECH_BPF_NET;
	refusal.refused.op = raw->net_op < REIN_COUNT(ops) && ops[raw->net_op] ? ops[raw->net_op] : "network";
	if (raw->net_op == REIN_NET_OP_SOCKET)
		rein_explain_refused_socket(&refusal.refused, raw->nr);
	else
		rein_explain_refused_address(&refusal);
}

static void take_trip(struct rein_agent *agent, const struct rein_raw_event *raw)
{
	if (raw->breaker < agent->launch->state->nr_breakers)
		rein_breakers_tripped(agent, raw->breaker, raw->amount, (pid_t)raw->pid, raw->comm);
}

static void take_breaker(struct rein_agent *agent, const struct rein_raw_event *raw)
{
	struct rein_refused refused = refused_of(agent, raw);

	refused.mechanism = REIN_MECH_BPF_FILE;
	refused.op = rein_file_op_name(raw->nr);
	if (raw->breaker < agent->launch->state->nr_breakers)
		rein_explain_refused_charge(&refused, raw->breaker, raw->amount, raw->path[0] ? raw->path : NULL);
}

/* What came in a form that this program does not know is lost, and counted as such: it may have been a refusal. */
static void count_unknown(struct rein_agent *agent)
{
	rein_agent_emit(agent, &(struct rein_event){
				       .kind = REIN_KIND_LOST,
				       .verdict = REIN_VERDICT_DENY,
				       .lost = 1,
				       .why = "An event from the kernel had a form that this rein does not know.",
			       });
}

static void take_file(struct rein_agent *agent, const struct rein_raw_event *raw)
{
	struct rein_refused refused = refused_of(agent, raw);

	if (!rein_explain_refused_file(&refused, raw))
		count_unknown(agent);
}

static void take_call(struct rein_agent *agent, const struct rein_raw_event *raw)
{
	rein_explain_syscall(agent, (pid_t)raw->pid, raw->comm, (int)raw->nr, seccomp_arch_native(),
			     raw->path[0] ? raw->path : NULL, REIN_MECH_BPF_FILE, -raw->error);
}

static void take_unknown(struct rein_agent *agent, const struct rein_raw_event *raw)
{
	struct rein_refused refused = refused_of(agent, raw);

	refused.mechanism = REIN_MECH_BPF_FILE;
	rein_explain_refused_unknown(&refused, (int)raw->nr, raw->path[0] ? raw->path : NULL);
}

static void (*const takers[])(struct rein_agent *agent, const struct rein_raw_event *raw) = {
	[REIN_EVENT_EXEC] = take_exec,
	[REIN_EVENT_DENY_SYSCALL] = take_syscall,
	[REIN_EVENT_DENY_NET] = take_net,
	[REIN_EVENT_TRIP] = take_trip,
	[REIN_EVENT_DENY_BREAKER] = take_breaker,
	[REIN_EVENT_DENY_FILE] = take_file,
	[REIN_EVENT_DENY_CALL] = take_call,
	[REIN_EVENT_DENY_UNKNOWN] = take_unknown,
};

void rein_explain_raw(struct rein_agent *agent, const struct rein_raw_event *raw, size_t size)
{
	struct rein_raw_event event;

	if (size < sizeof(event) || raw->kind >= REIN_COUNT(takers) || !takers[raw->kind]) {
		count_unknown(agent);
		return;
	}
	event = *raw;
	event.comm[sizeof(event.comm) - 1] = '\0';
	event.path[sizeof(event.path) - 1] = '\0';
	takers[event.kind](agent, &event);
}

void rein_explain_address(struct rein_agent *agent, pid_t pid, const char *comm, const char *op,
			  enum rein_net_direction direction, enum rein_net_family family, const uint8_t *address,
			  uint16_t port, uint8_t protocol, enum rein_mechanism mechanism, int error)
{
	struct rein_address_refusal refusal = {
		.refused = {.agent = agent, .pid = pid, .comm = comm, .op = op, .mechanism = mechanism, .error = error},
		.direction = direction,
		.family = family,
		.address = address,
		.port = port,
		.protocol = protocol,
	};

	rein_explain_refused_address(&refusal);
}
