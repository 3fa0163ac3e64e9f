/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/explain.h"
#include "base/cleanup.h"

/* The last event that an explanation led to, as text. */
static struct {
	int events;
	enum rein_kind kind;
	char why[4096], object[512], op[32], allow[512], exe[64];
	const struct rein_origin *rule;
	enum rein_mechanism mechanism;
	uint64_t lost;
} seen;

static void keep(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static int take(void *context, const struct rein_event *event, struct rein_error *err)
{
	const json_t *allow = json_object_get(event->detail, "allow");

	seen.events++;
	seen.kind = event->kind;
	seen.rule = event->rule;
	seen.mechanism = event->mechanism;
	seen.lost = event->lost;
	keep(seen.why, sizeof(seen.why), event->why);
	keep(seen.object, sizeof(seen.object), event->object);
	keep(seen.op, sizeof(seen.op), event->op);
	keep(seen.exe, sizeof(seen.exe), event->exe);
	keep(seen.allow, sizeof(seen.allow), json_string_value(allow));
	return 0;
}

/* A policy with one rule of each sort, and the view that it would have. */
static struct rein_path_rule usr = {.origin = {"base.yaml", 12, 3, "filesystem.read: /usr"},
				    .verdict = REIN_VERDICT_ALLOW,
				    .list = REIN_ACCESS_READ,
				    .path = "/usr"};
static struct rein_path_rule shadow = {.origin = {"base.yaml", 20, 3, "filesystem.read.deny: /etc/rein-secret"},
				       .verdict = REIN_VERDICT_DENY,
				       .list = REIN_ACCESS_READ,
				       .path = "/etc/rein-secret"};
static struct rein_path_rule work = {.origin = {"c.yaml", 5, 3, "filesystem.write: /work-of-test"},
				     .verdict = REIN_VERDICT_ALLOW,
				     .list = REIN_ACCESS_WRITE,
				     .path = "/work-of-test"};
static struct rein_place places[] = {
	{.kind = REIN_PLACE_HIDDEN, .path = (char *)"/etc/rein-secret", .rule = &shadow},
	{.kind = REIN_PLACE_PRIVATE,
	 .path = (char *)"/tmp",
	 .access = REIN_ACCESS_READ | REIN_ACCESS_WRITE,
	 .own = true},
	{.kind = REIN_PLACE_TREE,
	 .path = (char *)"/usr",
	 .access = REIN_ACCESS_READ | REIN_ACCESS_EXECUTE,
	 .rule = &usr},
	{.kind = REIN_PLACE_HIDDEN, .path = (char *)"/var/log/rein"},
	{.kind = REIN_PLACE_TREE,
	 .path = (char *)"/work-of-test",
	 .access = REIN_ACCESS_READ | REIN_ACCESS_WRITE,
	 .rule = &work},
};
static struct rein_net_rule net[] = {
	{.origin = {"c.yaml", 8, 5, "network.connect: 192.0.2.0/24:443"},
	 .verdict = REIN_VERDICT_ALLOW,
	 .direction = REIN_NET_CONNECT,
	 .family = REIN_NET_V4,
	 .address = {192, 0, 2},
	 .prefix_bits = 24,
	 .protocol = IPPROTO_TCP,
	 .port_low = 443,
	 .port_high = 443},
	{.origin = {"c.yaml", 9, 5, "network.connect.deny: 192.0.2.9/32"},
	 .verdict = REIN_VERDICT_DENY,
	 .direction = REIN_NET_CONNECT,
	 .family = REIN_NET_V4,
	 .address = {192, 0, 2, 9},
	 .prefix_bits = 32,
	 .protocol = IPPROTO_TCP,
	 .port_low = 1,
	 .port_high = 65535},
};
static struct rein_syscall_rule calls[] = {
	{.origin = {"c.yaml", 2, 1, "syscalls: @default"}, .verdict = REIN_VERDICT_ALLOW, .name = "@default"},
	{.origin = {"c.yaml", 3, 1, "syscalls.deny: chmod"}, .verdict = REIN_VERDICT_DENY, .name = "chmod"},
};
static struct rein_policy policy = {
	.name = "coding-agent",
	.net = {net, REIN_COUNT(net), REIN_COUNT(net)},
	.syscalls = {calls, REIN_COUNT(calls), REIN_COUNT(calls)},
};
static struct rein_plan plan = {.policy = &policy,
				.view = {.places = {places, REIN_COUNT(places), REIN_COUNT(places)}}};
static struct rein_launch launch = {.id = "coding-agent-0001", .policy = &policy, .plan = &plan};
static struct rein_agent agent = {.launch = &launch, .sink = {.emit = take}, .tick_fd = -1};

static struct rein_raw_event path_event(int nr, const char *path, int error, int flags)
{
	struct rein_raw_event raw = {.kind = REIN_EVENT_DENY_SYSCALL, .pid = 4711, .comm = "cat"};

	raw.nr = (unsigned)nr;
	raw.error = -error;
	raw.dirfd = (unsigned)AT_FDCWD;
	raw.amount = nr == SYS_openat ? REIN_EVENT_HAS_FLAGS | (unsigned)flags : 0;
	snprintf(raw.path, sizeof(raw.path), "%s", path);
	return raw;
}

static const struct {
	int nr;
	const char *path;
	int error, flags;
	const struct rein_path_rule *rule;
	const char *why, *allow; /* allow "": no line helps */
} refusals[] = {
	{SYS_openat, "/home/u/.ssh/id_rsa", EACCES, O_RDONLY, NULL,
	 "cat (pid 4711) tried to open /home/u/.ssh/id_rsa for reading; no rule of coding-agent allows it, so it was "
	 "refused (EACCES).",
	 "/home/u/.ssh/id_rsa"},
	{SYS_openat, "/usr/rein-test", EROFS, O_WRONLY | O_CREAT, &usr,
	 "cat (pid 4711) tried to open /usr/rein-test for writing; /usr is there for reading and running only by "
	 "`filesystem.read: /usr` (base.yaml:12), so it was refused (EROFS).",
	 "/usr/rein-test"},
	{SYS_unlinkat, "/etc/rein-secret", EACCES, 0, &shadow,
	 "cat (pid 4711) tried to delete /etc/rein-secret; `filesystem.read.deny: /etc/rein-secret` (base.yaml:20) "
	 "denies "
	 "it, so it was refused (EACCES).",
	 ""},
	{SYS_execve, "/work-of-test/run", EACCES, 0, &work,
	 "cat (pid 4711) tried to run /work-of-test/run; /work-of-test is there for reading and writing only by "
	 "`filesystem.write: /work-of-test` (c.yaml:5), so it was refused (EACCES).",
	 "/work-of-test/run"},
	{SYS_openat, "/var/log/rein/audit", EACCES, O_RDONLY, NULL,
	 "cat (pid 4711) tried to open /var/log/rein/audit for reading; /var/log/rein belongs to rein and is hidden "
	 "from "
	 "every agent, so it was refused (EACCES).",
	 ""},
	{SYS_rename, "/work-of-test", EBUSY, 0, &work,
	 "cat (pid 4711) tried to rename /work-of-test; rules are kept there, so that it can be neither moved nor "
	 "removed, so it was refused (EBUSY).",
	 ""},
	{SYS_chmod, "/srv/a: \"b\"", EACCES, 0, NULL,
	 "cat (pid 4711) tried to change the mode of /srv/a: \"b\"; no rule of coding-agent allows it, so it was "
	 "refused "
	 "(EACCES).",
	 "\"/srv/a: \\\"b\\\"\""},
	{SYS_openat, "/srv/$HOME", EACCES, O_RDONLY, NULL,
	 "cat (pid 4711) tried to open /srv/$HOME for reading; no rule of coding-agent allows it, so it was refused "
	 "(EACCES).",
	 ""},
};

Test(audit_explain, refused_paths_name_rule_and_remedy)
{
	for (size_t i = 0; i < REIN_COUNT(refusals); i++) {
		struct rein_raw_event raw =
			path_event(refusals[i].nr, refusals[i].path, refusals[i].error, refusals[i].flags);

		seen.events = 0;
		rein_explain_raw(&agent, &raw, sizeof(raw));
		cr_assert_eq(seen.events, 1, "%s", refusals[i].path);
		cr_expect_eq(seen.kind, REIN_KIND_DENY);
		cr_expect_str_eq(seen.why, refusals[i].why);
		cr_expect_str_eq(seen.allow, refusals[i].allow);
		cr_expect_eq(seen.rule, refusals[i].rule ? &refusals[i].rule->origin : NULL, "%s", refusals[i].path);
	}
}

Test(audit_explain, ordinary_permissions_are_no_work_of_rein)
{
	static const struct {
		int nr;
		const char *path;
		int error, flags;
	} ordinary[] = {
		{SYS_openat, "/usr/rein-test", EACCES, O_RDONLY}, {SYS_openat, "/work-of-test/a", EACCES, O_RDWR},
		{SYS_execve, "/usr/rein-test", EACCES, 0},	  {SYS_openat, "/tmp/a", EACCES, O_RDWR},
		{SYS_rename, "/work-of-test/a", EBUSY, 0},
	};

	for (size_t i = 0; i < REIN_COUNT(ordinary); i++) {
		struct rein_raw_event raw =
			path_event(ordinary[i].nr, ordinary[i].path, ordinary[i].error, ordinary[i].flags);

		seen.events = 0;
		rein_explain_raw(&agent, &raw, sizeof(raw));
		cr_expect_eq(seen.events, 0, "%s: %s", ordinary[i].path, seen.why);
	}
}

Test(audit_explain, links_and_relative_paths_are_followed)
{
	char folder[] = "/tmp/rein-explain-XXXXXX", link[64], expected[256];
	struct rein_place own = places[1];
	struct rein_raw_event raw;

	cr_assert(mkdtemp(folder) && !chdir(folder));
	snprintf(link, sizeof(link), "%s/link", folder);
	cr_assert_eq(symlink("/etc/passwd", link), 0);
	/* /tmp is the host's in this one */
	places[1] = (struct rein_place){.kind = REIN_PLACE_TREE, .path = (char *)"/tmp", .access = REIN_ACCESS_READ};
	raw = path_event(SYS_openat, "link", EACCES, O_RDONLY);
	raw.pid = (unsigned)getpid();
	rein_explain_raw(&agent, &raw, sizeof(raw));
	snprintf(expected, sizeof(expected), "%s for reading, which is /etc/passwd; no rule", link);
	cr_expect(strstr(seen.why, expected), "%s", seen.why);
	cr_expect_str_eq(seen.object, link);
	cr_expect_str_eq(seen.allow, "/etc/passwd");
	places[1] = own;
	unlink(link);
	rmdir(folder);
}

Test(audit_explain, a_path_of_a_process_that_is_gone_is_told_as_it_came)
{
	struct rein_raw_event raw = path_event(SYS_openat, "notes.txt", EACCES, O_RDONLY);

	raw.pid = 0x7ffffff0;
	rein_explain_raw(&agent, &raw, sizeof(raw));
	cr_expect(strstr(seen.why, "open notes.txt for reading; what that leads to is not known any more"), "%s",
		  seen.why);
	cr_expect_str_eq(seen.allow, "");
}

Test(audit_explain, addresses)
{
	static const uint8_t at_other_port[16] = {192, 0, 2, 1}, denied[16] = {192, 0, 2, 9},
			     far[16] = {198, 51, 100, 7}, six[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};

	rein_explain_address(&agent, 5, "curl", "connect", REIN_NET_CONNECT, REIN_NET_V4, at_other_port, 80,
			     IPPROTO_TCP, REIN_MECH_BROKER, EPERM);
	cr_expect_str_eq(
		seen.why,
		"curl (pid 5) tried to connect to 192.0.2.1:80/tcp; no rule of coding-agent allows it "
		"(`network.connect: 192.0.2.0/24:443` (c.yaml:8) allows this address at other ports), so it was "
		"refused (EPERM).");
	cr_expect_str_eq(seen.allow, "{cidr: \"192.0.2.1/32\", port: 80}");
	cr_expect_null(seen.rule);
	rein_explain_address(&agent, 5, "curl", "connect", REIN_NET_CONNECT, REIN_NET_V4, denied, 443, IPPROTO_TCP,
			     REIN_MECH_BROKER, EPERM);
	cr_expect_eq(seen.rule, &net[1].origin);
	cr_expect_str_eq(seen.allow, "");
	rein_explain_address(&agent, 5, "curl", "connect", REIN_NET_CONNECT, REIN_NET_V4, far, 443, IPPROTO_UDP,
			     REIN_MECH_BROKER, EPERM);
	cr_expect_str_eq(seen.allow, "{cidr: \"198.51.100.7/32\", port: 443, protocol: udp}");
	rein_explain_address(&agent, 5, "nc", "listen", REIN_NET_LISTEN, REIN_NET_V6, six, 80, IPPROTO_TCP,
			     REIN_MECH_BROKER, EPERM);
	cr_expect_str_eq(seen.object, "[2001:db8::1]:80/tcp");
	cr_expect(strstr(seen.why, "tried to listen on [2001:db8::1]:80/tcp; no rule"), "%s", seen.why);
}

Test(audit_explain, system_calls)
{
	uint32_t native = seccomp_arch_native();

	rein_explain_syscall(&agent, 6, "gdb", SYS_ptrace, native, NULL, REIN_MECH_BROKER, EPERM);
	cr_expect_str_eq(seen.why,
			 "gdb (pid 6) made the system call ptrace; no rule of coding-agent allows it, so it was "
			 "refused (EPERM).");
	cr_expect_str_eq(seen.allow, "ptrace");
	rein_explain_syscall(&agent, 6, "sh", SYS_chmod, native, NULL, REIN_MECH_BROKER, EPERM);
	cr_expect_eq(seen.rule, &calls[1].origin);
	cr_expect_str_eq(seen.allow, "");
	rein_explain_syscall(&agent, 6, "fio", SYS_io_uring_setup, native, NULL, REIN_MECH_BROKER, EPERM);
	cr_expect(strstr(seen.why, "no profile can allow it, because "), "%s", seen.why);
	rein_explain_syscall(&agent, 6, "x", SYS_socket, native, NULL, REIN_MECH_BROKER, EPERM);
	cr_expect(strstr(seen.why, "it is allowed, but not with these arguments"), "%s", seen.why);
	rein_explain_syscall(&agent, 6, "x", 9999, native, NULL, REIN_MECH_BROKER, EPERM);
	cr_expect_str_eq(seen.op, "number 9999");
}

Test(audit_explain, sockets_of_other_kinds)
{
	struct rein_raw_event raw = {.kind = REIN_EVENT_DENY_NET,
				     .pid = 7,
				     .comm = "ping",
				     .net_op = REIN_NET_OP_SOCKET,
				     .nr = AF_INET << 16 | SOCK_RAW << 8 | IPPROTO_ICMP,
				     .error = -EPERM};

	rein_explain_raw(&agent, &raw, sizeof(raw));
	cr_expect_str_eq(seen.object, "raw IPv4 socket");
	cr_expect_eq(seen.mechanism, REIN_MECH_BPF_NET);
}

Test(audit_explain, programs)
{
	struct rein_raw_event raw = {.kind = REIN_EVENT_EXEC, .pid = 8, .comm = "sh", .path = "/bin/sh"};

	rein_explain_raw(&agent, &raw, sizeof(raw));
	cr_expect_eq(seen.kind, REIN_KIND_EXEC);
	cr_expect_str_eq(seen.exe, "/bin/sh");
}

Test(audit_explain, what_it_does_not_know_is_counted_as_lost)
{
	struct rein_raw_event raw = {.kind = 77};

	rein_explain_raw(&agent, &raw, sizeof(raw));
	cr_expect_eq(seen.kind, REIN_KIND_LOST);
	cr_expect_eq(seen.lost, 1);
	seen.kind = REIN_KIND_COUNT;
	raw.kind = REIN_EVENT_EXEC;
	rein_explain_raw(&agent, &raw, sizeof(raw) - 1);
	cr_expect_eq(seen.kind, REIN_KIND_LOST);
}
