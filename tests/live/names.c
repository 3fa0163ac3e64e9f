/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/harness.h"

/*
 * Host names as an agent meets them: name servers and services stand in another network namespace, at the end of a
 * veth pair (see names_server.py). Asserted is what connects, what the agent is told, and what arrives at the servers.
 */

#define SERVER "tests/live/names_server.py"

struct far {
	struct job job;
	struct trial trial;
};

static void shell(const char *script)
{
	OUTCOME outcome = run_shell("%s", script);

	cr_assert_eq(outcome.code, 0, "%s: %s", script, outcome.err);
}

/* The test's process gets a network and mounts of its own, so that /etc/resolv.conf can say where to ask. */
static void leave_host(void)
{
	cr_assert_eq(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	shell("ip link set lo up");
}

static void connect_far(const struct far *far)
{
	char script[2048];

	snprintf(script, sizeof(script),
		 "set -e; ip link add near0 type veth peer name far0 netns %d\n"
		 "ip addr add 192.0.2.1/24 dev near0; ip link set near0 up; ip route add default via 192.0.2.53\n"
		 "nsenter -t %d -n sh -ec 'ip link set lo up; ip addr add 192.0.2.53/24 dev far0\n"
		 "ip addr add 192.0.2.54/24 dev far0; ip link set far0 up\n"
		 "for a in 198.51.100.1 198.51.100.2 198.51.100.3 198.51.100.4 10.1.2.3 10.9.9.9; do\n"
		 "ip addr add $a/32 dev lo; done'\n"
		 "printf 'nameserver 192.0.2.53\\nnameserver 192.0.2.54\\n' >%s/resolv\n"
		 "mount --bind %s/resolv /etc/resolv.conf\n",
		 far->job.pid, far->job.pid, far->trial.root, far->trial.root);
	shell(script);
	cr_assert_eq(write(far->job.in, "go\n", 3), 3);
}

static const char *asked_log(const struct far *far)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/asked", far->trial.root);
	return path;
}

static struct far open_far(void)
{
	struct far far = {.trial = {.root = ""}};

	if (!harness_root())
		harness_skip("network namespaces with addresses take root");
	if (access(SERVER, R_OK) || access("/usr/bin/python3", X_OK))
		harness_skip(SERVER " or python3 is not here");
	leave_host();
	far.trial = trial_open();
	const char *const argv[] = {"unshare", "-n", "/usr/bin/python3", SERVER, asked_log(&far), NULL};
	far.job = job_start(argv, &(struct job_options){.keep_input = true});
	job_expect(&far.job, 1, "here");
	connect_far(&far);
	job_expect(&far.job, 1, "ready");
	return far;
}

static void close_far(struct far *far)
{
	job_kill(&far->job);
	umount2("/etc/resolv.conf", MNT_DETACH);
	trial_close(&far->trial);
}
#define FAR __attribute__((cleanup(close_far))) struct far

#define HEAD                                                                                                  \
	"rein: 1\nname: names\nextends: [base]\nfilesystem: {read: [/], write: [$WORKSPACE], execute: [/]}\n" \
	"network:\n  connect:\n"

static const char usual[] = HEAD "    allow:\n"
				 "    - {host: \"*.example.test\", port: 443}\n"
				 "    - {host: plain.example.test, port: 443, protocol: udp}\n"
				 "    - {host: \"*.wide.test\", port: 443}\n"
				 "    - {cidr: 10.9.9.9/32, port: 444}\n"
				 "    deny:\n"
				 "    - {host: secret.example.test}\n"
				 "    - {cidr: 198.51.100.3/32, port: 1-442}\n";

/* Says what the agent is told about each name: `NAME=ADDRESS,ADDRESS`, or `NAME=-`. */
#define LOOK_UP                                                                                             \
	"import socket, sys\n"                                                                              \
	"def look(n):\n"                                                                                    \
	"    try: return ','.join(sorted({x[4][0] for x in socket.getaddrinfo(n, 443, socket.AF_INET)}))\n" \
	"    except OSError: return '-'\n"                                                                  \
	"def talk(a, p, k=socket.SOCK_STREAM):\n"                                                           \
	"    s = socket.socket(socket.AF_INET, k); s.settimeout(20)\n"                                      \
	"    try: s.connect((a, p)); s.send(b'x'); return s.recv(99).decode()\n"                            \
	"    except OSError as e: return e.errno\n"

static struct outcome run_python(const struct far *far, const char *profile, const char *script)
{
	char text[8192];

	trial_profile(&far->trial, profile);
	snprintf(text, sizeof(text), "%s%s", LOOK_UP, script);
	trial_write(&far->trial, "ws/t.py", text, 0644);
	return trial_run(&far->trial, "", "/usr/bin/python3 t.py");
}

static void expect_said(const struct outcome *outcome, const char *text)
{
	cr_expect(strstr(outcome->out, text), "\"%s\" is not in:\n%s%s", text, outcome->out, outcome->err);
}

/* How many questions about `name` have arrived. */
static int asked(const struct far *far, const char *name)
{
	OUTCOME outcome = run_shell("grep -c ' %s ' %s", name, asked_log(far));

	return atoi(outcome.out);
}

Test(names, what_a_line_allows_is_found_and_nothing_else)
{
	FAR far = open_far();
	OUTCOME outcome =
		run_python(&far, usual,
			   "for n in 'plain alias second gone secret big PLAIN'.split(): print(n + '=' + look(n + "
			   "'.example.test'))\n"
			   "for n in ['example.test', 'evil.test', 'plain.example.test.evil.test', 'localhost']:\n"
			   "    print(n + '=' + look(n))\n");

	cr_expect_eq(outcome.code, 0, "%s", outcome.err);
	expect_said(&outcome, "plain=198.51.100.1\n");
	expect_said(&outcome, "PLAIN=198.51.100.1\n");
	expect_said(&outcome, "alias=198.51.100.3\n");
	expect_said(&outcome, "second=198.51.100.1\n");
	expect_said(&outcome, "gone=-\n");
	expect_said(&outcome, "big=198.51.100.1,203.0.113.1,203.0.113.10");
	expect_said(&outcome, "secret=-\nbig");
	expect_said(&outcome, "example.test=-\nevil.test=-\nplain.example.test.evil.test=-\nlocalhost=127.0.0.1\n");
	cr_expect_eq(asked(&far, "secret.example.test"), 0);
	cr_expect_eq(asked(&far, "evil.test"), 0);
	cr_expect_gt(asked(&far, "gone.example.test"), 0);
	cr_expect_gt(trial_count(&far.trial, "deny", "object", "evil.test"), 0);
	cr_expect_gt(trial_count(&far.trial, "deny", "why", "denies it, so no such name was found (NXDOMAIN)."), 0);
}

Test(names, an_address_is_open_once_a_name_has_brought_it)
{
	FAR far = open_far();
	OUTCOME outcome = run_python(&far, usual,
				     "print('before', talk('198.51.100.1', 443))\n"
				     "print('told', look('plain.example.test'))\n"
				     "print('after', talk('198.51.100.1', 443))\n"
				     "print('datagram', talk('198.51.100.1', 443, socket.SOCK_DGRAM))\n"
				     "print('port', talk('198.51.100.1', 444))\n"
				     "print('other', talk('198.51.100.2', 443))\n"
				     "print('by name', talk('alias.example.test', 443))\n"
				     "print('no udp', talk('198.51.100.3', 443, socket.SOCK_DGRAM))\n"
				     "print('turn', talk('rotate.example.test', 443))\n"
				     "print('cidr', talk('10.9.9.9', 444), talk('10.9.9.9', 443))\n");

	cr_expect_eq(outcome.code, 0, "%s", outcome.err);
	expect_said(&outcome, "before 1\n");
	expect_said(&outcome, "after 198.51.100.1:443 x\n");
	expect_said(&outcome, "datagram 198.51.100.1:443 x\n");
	expect_said(&outcome, "port 1\n");
	expect_said(&outcome, "other 1\n");
	expect_said(&outcome, "by name 198.51.100.3:443 x\n");
	expect_said(&outcome, "no udp 1\n");
	expect_said(&outcome, "turn 198.51.100.2:443 x\n");
	expect_said(&outcome, "cidr 10.9.9.9:444 x 1\n");
}

Test(names, no_name_leads_to_this_machine_or_private_networks)
{
	FAR far = open_far();
	OUTCOME outcome = run_python(&far, usual,
				     "for n in 'zero loopback private own mixed declared'.split(): print(n + '=' + "
				     "look(n + '.example.test'))\n"
				     "print('private', talk('10.1.2.3', 443), 'declared', talk('10.9.9.9', 443))\n");

	cr_expect_eq(outcome.code, 0, "%s", outcome.err);
	expect_said(&outcome, "zero=-\nloopback=-\nprivate=-\nown=-\nmixed=198.51.100.2\ndeclared=10.9.9.9\n");
	expect_said(&outcome, "private 1 declared 1\n");
	cr_expect_gt(trial_count(&far.trial, "deny", "object", "own.example.test -> 192.0.2.1"), 0);
}

Test(names, bad_replies_are_no_answer)
{
	FAR far = open_far();
	OUTCOME outcome = run_python(
		&far, usual,
		"for n in 'circle strange huge garbage liar'.split(): print(n + '=' + look(n + '.example.test'))\n"
		"print('strange', talk('198.51.100.4', 443), 'liar', talk('198.51.100.1', 443))\n"
		"print('plain=' + look('plain.example.test'))\n");

	cr_expect_eq(outcome.code, 0, "%s", outcome.err);
	expect_said(&outcome, "circle=-\nstrange=-\nhuge=-\ngarbage=-\nliar=-\n");
	expect_said(&outcome, "strange 1 liar 1\nplain=198.51.100.1\n");
}

/* As resolvers other than the C library's ask: without a connection, and looking at who answers. */
#define RAW                                                                                                       \
	"import struct\n"                                                                                         \
	"def query(name, kind): return struct.pack('!HHHHHH', 77, 256, 1, 0, 0, 0) + b''.join(bytes([len(l)]) + " \
	"l.encode() for l in name.split('.')) + b'\\0' + struct.pack('!HH', kind, 1)\n"                           \
	"def ask(family, server, name, kind):\n"                                                                  \
	"    s = socket.socket(family, socket.SOCK_DGRAM); s.settimeout(20)\n"                                    \
	"    s.sendto(query(name, kind), (server, 53)); reply, peer = s.recvfrom(2048)\n"                         \
	"    return peer[0], peer[1], reply[3] & 15, struct.unpack('!H', reply[6:8])[0]\n"

Test(names, whichever_server_is_asked_the_supervisor_answers)
{
	FAR far = open_far();
	OUTCOME outcome =
		run_python(&far, usual,
			   RAW "print(ask(socket.AF_INET, '8.8.8.8', 'plain.example.test', 1))\n"
			       "print(ask(socket.AF_INET6, '2001:db8::1', 'plain.example.test', 1))\n"
			       "print(ask(socket.AF_INET, '127.0.0.53', 'evil.test', 1))\n"
			       "for kind in (16, 33, 64, 65, 15): print(kind, ask(socket.AF_INET, '8.8.8.8', "
			       "'plain.example.test', kind))\n"
			       "s = socket.create_connection(('9.9.9.9', 53)); q = query('plain.example.test', 1)\n"
			       "s.send(struct.pack('!H', len(q)) + q); print('tcp', s.recv(2048)[5] & 15)\n"
			       "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(20)\n"
			       "s.connect(('8.8.4.4', 53)); s.send(b'\\1\\2rubbish, and no question'); "
			       "r = s.recv(99); print('rubbish', len(r), r[3] & 15)\n");

	cr_expect_eq(outcome.code, 0, "%s", outcome.err);
	expect_said(&outcome, "('8.8.8.8', 53, 0, 1)\n('2001:db8::1', 53, 0, 1)\n('127.0.0.53', 53, 3, 0)\n");
	expect_said(&outcome, "16 ('8.8.8.8', 53, 0, 0)\n33 ('8.8.8.8', 53, 0, 0)\n64 ('8.8.8.8', 53, 0, 0)\n");
	expect_said(&outcome, "65 ('8.8.8.8', 53, 0, 0)\n15 ('8.8.8.8', 53, 0, 0)\ntcp 0\nrubbish 12 1\n");
	cr_expect_eq(asked(&far, "plain.example.test"), 1);
}

Test(names, a_wildcard_carries_so_many_names_and_no_more)
{
	FAR far = open_far();
	OUTCOME outcome = run_python(&far, usual,
				     RAW "codes = [ask(socket.AF_INET, '8.8.8.8', 'n%d.wide.test' % i, 1)[2] for i in "
					 "range(520)]\n"
					 "print('passed', codes.count(0), 'refused', codes.count(5))\n"
					 "print('again', ask(socket.AF_INET, '8.8.8.8', 'n0.wide.test', 1)[2])\n");

	cr_expect_eq(outcome.code, 0, "%s", outcome.err);
	expect_said(&outcome, "passed 512 refused 8\nagain 0\n");
	OUTCOME names = run_shell("cut -d' ' -f3 %s | sort -u | wc -l", asked_log(&far));
	cr_expect_eq(atoi(names.out), 512);
}

Test(names, questions_are_metered_before_they_leave)
{
	FAR far = open_far();
	char profile[2048];

	snprintf(profile, sizeof(profile), "%s%s", usual,
		 "breakers:\n  names: {meter: net.dns.queries, rate: 1/m, burst: 5, on_trip: deny}\n");
	OUTCOME outcome = run_python(&far, profile,
				     RAW "print([ask(socket.AF_INET, '8.8.8.8', 'n%d.wide.test' % i, 1)[2] for i in "
					 "range(8)])\n");

	expect_said(&outcome, "[0, 0, 0, 0, 0, 5, 5, 5]\n");
	cr_expect_eq(asked(&far, "n.*\\.wide\\.test"), 5);
	cr_expect_eq(trial_count(&far.trial, "trip", NULL, NULL), 1);
}

Test(names, the_systems_own_file_counts)
{
	FAR far = open_far();

	trial_write(&far.trial, "hosts",
		    "127.0.0.1 localhost\n198.51.100.2 filed.example.test\n198.51.100.4 filed.evil.test\n", 0644);
	OUTCOME mounted = run_shell("mount --bind %s/hosts /etc/hosts", far.trial.root);
	cr_assert_eq(mounted.code, 0);
	OUTCOME outcome = run_python(&far, usual,
				     RAW "print('direct', talk('198.51.100.2', 443), talk('198.51.100.4', 443))\n"
					 "print('file', talk('filed.example.test', 443))\n"
					 "print(ask(socket.AF_INET, '8.8.8.8', 'filed.example.test', 1))\n");

	umount2("/etc/hosts", MNT_DETACH);
	expect_said(&outcome, "direct 198.51.100.2:443 x 1\nfile 198.51.100.2:443 x\n('8.8.8.8', 53, 0, 1)\n");
	cr_expect_eq(asked(&far, "filed.example.test"), 0);
}

/* Programs with resolvers of their own. */
Test(names, curl_and_node_by_name)
{
	FAR far = open_far();

	trial_profile(&far.trial, usual);
	OUTCOME curl = trial_run(&far.trial, "",
				 "command -v curl >/dev/null || echo none; curl -sS -m 30 "
				 "http://plain.example.test:443/; curl -sS -m 30 http://evil.test:443/");
	if (strstr(curl.out, "none"))
		harness_skip("curl is not here");
	expect_said(&curl, "198.51.100.1:443");
	cr_expect(strstr(curl.err, "Could not resolve host: evil.test"), "%s", curl.err);
	trial_write(
		&far.trial, "ws/t.js",
		"const dns = require('dns');\n"
		"require('http').get('http://plain.example.test:443/', r => r.on('data', d => console.log('' + d)));\n"
		"dns.resolve4('alias.example.test', (e, a) => console.log('cares', e ? e.code : a.join()));\n"
		"dns.resolve4('evil.test', (e, a) => console.log('evil', e ? e.code : a.join()));\n",
		0644);
	OUTCOME node = trial_run(&far.trial, "", "command -v node >/dev/null || echo none; node t.js");
	if (strstr(node.out, "none"))
		harness_skip("node is not here");
	expect_said(&node, "198.51.100.1:443");
	expect_said(&node, "cares 198.51.100.3");
	expect_said(&node, "evil ENOTFOUND");
}
