/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "profile/address.h"
#include "profile/path.h"
#include "profile/resolve.h"
#include "profile/words.h"

/* Where: the rules about paths, sockets and addresses. */

#define ASK_LATER                                                                                                  \
	"asking a person is not part of this version of rein, so nobody would ever be asked; move what is listed " \
	"here to allow or deny"
#define HOST_LATER                                                                                                     \
	"rules by host name are not part of this version of rein, so nothing would keep them; write the addresses as " \
	"cidr"
#define SHA256_ELSEWHERE "sha256 is for lines that allow in filesystem.execute"

/* Expanded once, a glob would let every later file escape. */
static int check_glob(const struct rein_resolver *resolver, const struct rein_raw_text *path)
{
	if (!strpbrk(path->text, "*?"))
		return 0;
	return rein_refuse_at(resolver, path,
			      "\"%.200s\": paths take no wildcards, since files made later would escape them; name the "
			      "folder instead",
			      path->text);
}

/*
 * A workspace that is the home folder, or holds it, would hand over what the user's shell and tools run by themselves:
 * `rein run` in $HOME is a slip, not a wish.
 */
static int check_workspace(const struct rein_resolver *resolver, const struct rein_raw_text *raw, const char *path)
{
	const char *home = resolver->context->home, *workspace = resolver->context->workspace;

	if (!workspace || !strstr(raw->text, "WORKSPACE") || strcmp(path, workspace) != 0)
		return 0;
	if (strcmp(path, "/") != 0 && (!home || strcmp(home, "/") == 0 || !rein_path_contains(path, home)))
		return 0;
	return rein_refuse_at(
		resolver, raw,
		"the workspace %.200s holds the home folder, so everything in it would be writable; start in "
		"the folder of a project, or name one with --workspace",
		path);
}

/* A link below the workspace may be the agent's own work, from an earlier run. */
static int check_link(const struct rein_resolver *resolver, const struct rein_raw_text *raw, const char *path)
{
	const char *workspace = resolver->context->workspace;
	REIN_AUTO_FREE char *real = NULL;

	if (!workspace || strcmp(path, workspace) == 0 || !rein_path_contains(workspace, path))
		return 0;
	real = rein_path_real(path);
	if (real && rein_path_contains(workspace, real))
		return 0;
	return rein_refuse_at(
		resolver, raw,
		"%.200s leads out of the workspace by a symbolic link, which an agent may have made; name "
		"the place itself",
		path);
}

static int resolve_path(struct rein_resolver *resolver, const struct rein_raw_text *raw, const char **ret_path)
{
	const char *path = NULL;
	int r = check_glob(resolver, raw);

	if (r == 0)
		r = rein_variables_expand(resolver, raw, &path);
	if (r < 0)
		return r;
	/* Cleaning only shortens; the string is the policy's own. */
	if (rein_path_clean((char *)path, resolver->err) < 0)
		return rein_place_error(resolver, raw);
	*ret_path = path;
	return 0;
}

/* `hold_in_folder` decides here: what cannot come to be, for want of a folder to stand in, needs no holding. */
static bool skips(const struct rein_raw_name *raw, const char *path)
{
	char folder[PATH_MAX];
	struct stat st;

	if (!raw->if_missing || *raw->if_missing == REIN_IF_MISSING_HOLD)
		return false;
	if (*raw->if_missing == REIN_IF_MISSING_SKIP)
		return true;
	strcpy(folder, path);
	*strrchr(folder, '/') = '\0';
	if (stat(*folder ? folder : "/", &st) < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
	return !S_ISDIR(st.st_mode);
}

/* One digest has one spelling from here on. A start without the check would be what the line forbids. */
static int resolve_digest(struct rein_resolver *resolver, const struct rein_raw_name *raw, struct rein_path_rule *rule)
{
	char digest[REIN_DIGEST_ROOM];

	if (!raw->sha256)
		return 0;
	if (rule->list != REIN_ACCESS_EXECUTE || rule->verdict != REIN_VERDICT_ALLOW)
		return rein_refuse_at(resolver, raw->sha256, SHA256_ELSEWHERE);
	if (raw->optional)
		return rein_refuse_at(resolver, raw->sha256,
				      "a line with sha256 cannot be optional: other content would run without it");
	if (!rein_digest_parse(raw->sha256->text, digest))
		return rein_refuse_at(resolver, raw->sha256,
				      "\"%.80s\" is no SHA-256: 64 hexadecimal digits, as sha256sum prints them",
				      raw->sha256->text);
	rule->sha256 = rein_policy_text(resolver->policy, "%s", digest);
	return rule->sha256 ? 0 : rein_out_of_memory(resolver);
}

static int check_path_rule(const struct rein_resolver *resolver, const struct rein_raw_name *raw,
			   const struct rein_path_rule *rule)
{
	int r = 0;

	if (rule->verdict != REIN_VERDICT_ALLOW)
		return 0;
	if (raw->if_missing)
		return rein_refuse_at(
			resolver, &raw->name,
			"if_missing is for deny lines; a missing path in an allow list is always skipped");
	if (rule->list == REIN_ACCESS_WRITE)
		r = check_workspace(resolver, &raw->name, rule->path);
	return r < 0 ? r : check_link(resolver, &raw->name, rule->path);
}

static int add_path(struct rein_resolver *resolver, const struct rein_raw_name *raw, enum rein_access list,
		    enum rein_verdict verdict)
{
	struct rein_path_rule rule = {.list = list, .verdict = verdict, .optional = raw->optional}, *slot;
	int r = resolve_path(resolver, &raw->name, &rule.path);

	if (r < 0)
		return r;
	rule.skip_if_missing = skips(raw, rule.path);
	r = check_path_rule(resolver, raw, &rule);
	if (r == 0)
		r = resolve_digest(resolver, raw, &rule);
	if (r < 0)
		return r;
	rule.origin = rein_origin_at(resolver, raw->name.line, raw->name.column, "filesystem.%s.%s: %s",
				     rein_access_name(list), rein_verdict_name(verdict), raw->name.text);
	slot = rein_vec_add(&resolver->policy->paths);
	if (!slot || !rule.origin.text)
		return rein_out_of_memory(resolver);
	*slot = rule;
	return 0;
}

static int refuse_ask(const struct rein_resolver *resolver, const struct rein_raw_names *ask)
{
	return ask && ask->count ? rein_refuse_later(resolver, ask->line, ask->column, ASK_LATER) : 0;
}

static int resolve_path_rules(struct rein_resolver *resolver, const struct rein_raw_name_rules *raw,
			      enum rein_access list)
{
	unsigned i;
	int r;

	if (!raw)
		return 0;
	r = refuse_ask(resolver, raw->ask);
	resolver->policy->declared |= raw->allow ? list : 0;
	for (i = 0; r == 0 && raw->allow && i < raw->allow->count; i++)
		r = add_path(resolver, &raw->allow->items[i], list, REIN_VERDICT_ALLOW);
	for (i = 0; r == 0 && raw->deny && i < raw->deny->count; i++)
		r = add_path(resolver, &raw->deny->items[i], list, REIN_VERDICT_DENY);
	return r;
}

int rein_resolve_paths(struct rein_resolver *resolver, const struct rein_raw_profile *raw)
{
	int r;

	if (!raw->filesystem)
		return 0;
	r = resolve_path_rules(resolver, raw->filesystem->read, REIN_ACCESS_READ);
	if (r == 0)
		r = resolve_path_rules(resolver, raw->filesystem->write, REIN_ACCESS_WRITE);
	return r < 0 ? r : resolve_path_rules(resolver, raw->filesystem->execute, REIN_ACCESS_EXECUTE);
}

static int resolve_address(struct rein_resolver *resolver, const struct rein_raw_net *raw, struct rein_net_rule *rule)
{
	const struct rein_raw_text at = {.line = raw->line, .column = raw->column};
	struct rein_network network;

	if (raw->host)
		return rein_refuse_at(resolver, raw->host, HOST_LATER);
	if (!raw->cidr)
		return rein_refuse_at(resolver, &at, "a rule needs a cidr, such as {cidr: 127.0.0.1/32, port: 443}");
	if (rein_network_parse(raw->cidr->text, &network, resolver->err) < 0)
		return rein_place_error(resolver, raw->cidr);
	rule->family = network.family;
	rule->prefix_bits = network.prefix_bits;
	memcpy(rule->address, network.address, sizeof(rule->address));
	return 0;
}

static int resolve_port(struct rein_resolver *resolver, const struct rein_raw_net *raw, struct rein_net_rule *rule)
{
	struct rein_port_range ports = {0, 65535};

	/* What one binds to have the kernel pick a port. Nobody connects to it. */
	if (raw->port && rule->direction == REIN_NET_LISTEN && strcmp(raw->port->text, "0") == 0)
		ports.high = 0;
	else if (raw->port && rein_ports_parse(raw->port->text, &ports, resolver->err) < 0)
		return rein_place_error(resolver, raw->port);
	rule->port_low = ports.low;
	rule->port_high = ports.high;
	rule->protocol = IPPROTO_TCP;
	if (raw->protocol && !rein_protocol_parse(raw->protocol->text, &rule->protocol))
		return rein_refuse_at(resolver, raw->protocol, "protocol: \"%.64s\" is neither tcp nor udp",
				      raw->protocol->text);
	return 0;
}

static const char *or_nothing(const struct rein_raw_text *text)
{
	return text ? text->text : "";
}

static struct rein_origin net_origin(const struct rein_resolver *resolver, const struct rein_raw_net *raw,
				     const struct rein_net_rule *rule)
{
	return rein_origin_at(resolver, raw->line, raw->column, "network.%s.%s: {cidr: %s%s%s%s%s}",
			      rein_net_direction_name(rule->direction), rein_verdict_name(rule->verdict),
			      or_nothing(raw->cidr), raw->port ? ", port: " : "", or_nothing(raw->port),
			      raw->protocol ? ", protocol: " : "", or_nothing(raw->protocol));
}

static int add_net(struct rein_resolver *resolver, const struct rein_raw_net *raw, enum rein_net_direction direction,
		   enum rein_verdict verdict)
{
	struct rein_net_rule rule = {.direction = direction, .verdict = verdict, .optional = raw->optional}, *slot;
	int r = resolve_address(resolver, raw, &rule);

	if (r == 0)
		r = resolve_port(resolver, raw, &rule);
	if (r < 0)
		return r;
	rule.origin = net_origin(resolver, raw, &rule);
	slot = rein_vec_add(&resolver->policy->net);
	if (!slot || !rule.origin.text)
		return rein_out_of_memory(resolver);
	*slot = rule;
	return 0;
}

static int resolve_net_rules(struct rein_resolver *resolver, const struct rein_raw_net_rules *raw,
			     enum rein_net_direction direction)
{
	unsigned i;
	int r = 0;

	if (!raw)
		return 0;
	if (raw->ask && raw->ask->count)
		return rein_refuse_later(resolver, raw->ask->line, raw->ask->column, ASK_LATER);
	if (raw->allow)
		resolver->policy->declared |= direction == REIN_NET_CONNECT ? REIN_LIST_CONNECT : REIN_LIST_LISTEN;
	for (i = 0; r == 0 && raw->allow && i < raw->allow->count; i++)
		r = add_net(resolver, &raw->allow->items[i], direction, REIN_VERDICT_ALLOW);
	for (i = 0; r == 0 && raw->deny && i < raw->deny->count; i++)
		r = add_net(resolver, &raw->deny->items[i], direction, REIN_VERDICT_DENY);
	return r;
}

static int add_socket(struct rein_resolver *resolver, const struct rein_raw_name *raw, enum rein_verdict verdict)
{
	struct rein_unix_rule rule = {.verdict = verdict, .optional = raw->optional}, *slot;
	int r = resolve_path(resolver, &raw->name, &rule.path);

	if (r == 0 && raw->if_missing)
		r = rein_refuse_at(resolver, &raw->name, "if_missing is for deny lines of filesystem");
	if (r == 0 && raw->sha256)
		r = rein_refuse_at(resolver, raw->sha256, SHA256_ELSEWHERE);
	if (r == 0 && verdict == REIN_VERDICT_ALLOW)
		r = check_link(resolver, &raw->name, rule.path);
	if (r < 0)
		return r;
	rule.origin = rein_origin_at(resolver, raw->name.line, raw->name.column, "network.unix.%s: %s",
				     rein_verdict_name(verdict), raw->name.text);
	slot = rein_vec_add(&resolver->policy->sockets);
	if (!slot || !rule.origin.text)
		return rein_out_of_memory(resolver);
	*slot = rule;
	return 0;
}

static int resolve_sockets(struct rein_resolver *resolver, const struct rein_raw_name_rules *raw)
{
	unsigned i;
	int r;

	if (!raw)
		return 0;
	r = refuse_ask(resolver, raw->ask);
	resolver->policy->declared |= raw->allow ? REIN_LIST_UNIX : 0;
	for (i = 0; r == 0 && raw->allow && i < raw->allow->count; i++)
		r = add_socket(resolver, &raw->allow->items[i], REIN_VERDICT_ALLOW);
	for (i = 0; r == 0 && raw->deny && i < raw->deny->count; i++)
		r = add_socket(resolver, &raw->deny->items[i], REIN_VERDICT_DENY);
	return r;
}

int rein_resolve_network(struct rein_resolver *resolver, const struct rein_raw_network *raw)
{
	int r = resolve_net_rules(resolver, raw->connect, REIN_NET_CONNECT);

	if (r == 0)
		r = resolve_net_rules(resolver, raw->listen, REIN_NET_LISTEN);
	return r < 0 ? r : resolve_sockets(resolver, raw->unix_sockets);
}
