/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/landlock_abi.h"
#include "harness/sandbox.h"
#include "mech/landlock_net.h"
#include "mech/landlock_rights.h"

/* Landlock by itself, without mounts: that the second lock holds if the first one breaks. */

static struct sandbox sandbox;

static void open_sandbox(void)
{
	sandbox_open(&sandbox);
	if (!sandbox.machine.facts[REIN_MECH_LANDLOCK].works)
		cr_skip_test("no Landlock here: %s", sandbox.machine.facts[REIN_MECH_LANDLOCK].detail);
}

static void close_sandbox(void)
{
	sandbox_close(&sandbox);
}

TestSuite(landlock, .init = open_sandbox, .fini = close_sandbox, .timeout = 60);

static void run(int (*inside)(const struct sandbox *))
{
	int r = sandbox_run(&sandbox, SANDBOX_LANDLOCK, inside);

	cr_assert_eq(r, 0, "returned %d: %s", r, sandbox.text);
}

static bool refused(long result)
{
	return result < 0 && (errno == EACCES || errno == EPERM || errno == EXDEV);
}

static int keeps_paths(const struct sandbox *s)
{
	int fd = open(sandbox_path(s, "ro/file"), O_RDONLY);

	HOLDS(fd >= 0);
	HOLDS(refused(open(sandbox_path(s, "ro/file"), O_WRONLY)));
	HOLDS(refused(open(sandbox_path(s, "secret"), O_RDONLY)));
	HOLDS(refused(unlink(sandbox_path(s, "ro/file"))));
	HOLDS(refused(mkdir(sandbox_path(s, "ro/new"), 0700)));
	HOLDS(refused(rename(sandbox_path(s, "ro/file"), sandbox_path(s, "rw/file"))));
	HOLDS(refused(link(sandbox_path(s, "secret"), sandbox_path(s, "rw/stolen"))));
	HOLDS(refused(mknod(sandbox_path(s, "rw/node"), S_IFCHR | 0600, 0x103)));
	HOLDS(!mkdir(sandbox_path(s, "rw/a"), 0700) && !mkdir(sandbox_path(s, "rw/b"), 0700));
	HOLDS(open(sandbox_path(s, "rw/a/x"), O_WRONLY | O_CREAT, 0600) >= 0);
	if (s->machine.landlock_abi >= 2)
		HOLDS(!rename(sandbox_path(s, "rw/a/x"), sandbox_path(s, "rw/b/x")));
	if (s->machine.landlock_abi >= 3)
		HOLDS(refused(truncate(sandbox_path(s, "ro/file"), 0)));
	HOLDS(open("/dev/null", O_RDWR) >= 0);
	HOLDS(access("/proc/self/status", R_OK) == 0 && open("/proc/self/status", O_RDONLY) >= 0);
	HOLDS(refused(open("/proc/self/oom_score_adj", O_WRONLY)));
	HOLDS(refused(open("/tmp/x", O_WRONLY | O_CREAT, 0600)));
	return 0;
}

Test(landlock, keeps_paths)
{
	sandbox_file(&sandbox, "ro/file", "old");
	sandbox_file(&sandbox, "secret", "old");
	sandbox_folder(&sandbox, "rw");
	sandbox_allow(&sandbox, REIN_ACCESS_READ, "ro");
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "rw");
	run(keeps_paths);
	cr_assert(sandbox_holds(&sandbox, "ro/file", "old"));
}

static int execute(const char *path)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		execl(path, path, (char *)NULL);
		_exit(errno == EACCES ? 201 : 202);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int keeps_execution(const struct sandbox *s)
{
	HOLDS(execute("/usr/bin/true") == 0);
	HOLDS(execute(sandbox_path(s, "rw/true")) == 201);
	return 0;
}

Test(landlock, keeps_execution)
{
	char command[128];

	sandbox_folder(&sandbox, "rw");
	snprintf(command, sizeof(command), "cp /usr/bin/true %.64s/rw/true", sandbox.scratch);
	cr_assert(!system(command));
	sandbox_allow(&sandbox, REIN_ACCESS_WRITE, "rw");
	run(keeps_execution);
}

static int keeps_signals(const struct sandbox *s)
{
	HOLDS(!kill(getpid(), 0));
	if (s->machine.landlock_abi >= 6)
		HOLDS(refused(kill(getppid(), 0)));
	return 0;
}

Test(landlock, keeps_signals)
{
	run(keeps_signals);
}

static void allow_port(int direction, uint16_t low, uint16_t high, int family)
{
	struct rein_net_rule *rule = rein_vec_add(&sandbox.policy.net);

	*rule = (struct rein_net_rule){
		.origin = {"trial.yaml", 50, 1, "network"},
		.verdict = REIN_VERDICT_ALLOW,
		.direction = direction,
		.family = family,
		.protocol = IPPROTO_TCP,
		.port_low = low,
		.port_high = high,
	};
}

static long bind_to(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)};
	REIN_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

static long connect_to(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)};
	REIN_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static int keeps_ports(const struct sandbox *s)
{
	if (s->machine.landlock_abi < 4)
		return 0;
	HOLDS(!bind_to(27001));
	HOLDS(refused(bind_to(27002)));
	HOLDS(refused(bind_to(0)));
	HOLDS(connect_to(27003) < 0 && errno == ECONNREFUSED);
	HOLDS(refused(connect_to(27004)));
	HOLDS(refused(connect_to(27005)));
	return 0;
}

Test(landlock, keeps_ports)
{
	sandbox.plan.host_network = true;
	allow_port(REIN_NET_LISTEN, 27001, 27001, REIN_NET_V4);
	allow_port(REIN_NET_LISTEN, 27001, 27001, REIN_NET_V6);
	allow_port(REIN_NET_CONNECT, 27003, 27003, REIN_NET_V4);
	allow_port(REIN_NET_CONNECT, 27003, 27004, REIN_NET_V6); /* 27004 is not for IPv4 */
	run(keeps_ports);
	rein_vec_free(&sandbox.policy.net);
}

Test(landlock, asks_each_abi_for_what_it_has)
{
	static const struct {
		int abi;
		uint64_t fs, net, scoped;
	} table[] = {
		{1, 0x1fff, 0, 0}, {2, 0x3fff, 0, 0}, {3, 0x7fff, 0, 0}, {4, 0x7fff, 3, 0},  {5, 0xffff, 3, 0},
		{6, 0xffff, 3, 3}, {7, 0xffff, 3, 3}, {8, 0xffff, 3, 3}, {9, 0x1ffff, 3, 3}, {10, 0x1ffff, 15, 3},
	};

	for (size_t i = 0; i < REIN_COUNT(table); i++) {
		struct rein_landlock_ruleset handled = rein_landlock_handled(table[i].abi);

		cr_assert_eq(handled.fs, table[i].fs, "ABI %d", table[i].abi);
		cr_assert_eq(handled.net, table[i].net, "ABI %d", table[i].abi);
		cr_assert_eq(handled.scoped, table[i].scoped, "ABI %d", table[i].abi);
	}
}

Test(landlock, leaves_the_network_to_bpf_where_it_would_refuse_too_much)
{
	static struct rein_landlock_ports ports;

	allow_port(REIN_NET_CONNECT, 1, 65535, REIN_NET_V4);
	sandbox.plan.policy = &sandbox.policy;
	sandbox.plan.host_network = true;
	sandbox.plan.use[REIN_MECH_BPF_NET] = true;
	rein_landlock_ports_compute(&sandbox.plan, 15, &ports);
	cr_assert_eq(ports.handled, 0);
	sandbox.policy.net.items[0].port_low = 65535;
	rein_landlock_ports_compute(&sandbox.plan, 15, &ports);
	cr_assert_eq(ports.handled, REIN_LANDLOCK_CONNECT_TCP);
	cr_assert_eq(ports.rights[65535], REIN_LANDLOCK_CONNECT_TCP);
	cr_assert_eq(ports.rights[443], 0);
	rein_vec_free(&sandbox.policy.net);
}

static int takes_thousands_of_rules(const struct sandbox *s)
{
	HOLDS(open(sandbox_path(s, "d1999/file"), O_RDONLY) >= 0);
	HOLDS(refused(open(sandbox_path(s, "secret"), O_RDONLY)));
	return 0;
}

Test(landlock, takes_thousands_of_rules)
{
	char name[32];

	sandbox_file(&sandbox, "secret", "old");
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "d%d/file", i);
		sandbox_file(&sandbox, name, "old");
		snprintf(name, sizeof(name), "d%d", i);
		sandbox_allow(&sandbox, REIN_ACCESS_READ, name);
	}
	run(takes_thousands_of_rules);
}
