/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_selftest.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "mech/bpf_facts.h"
#include "mech/bpf_selftest_scene.h"
#include "mech/net_install.h"

static const struct sockaddr_in nowhere = {.sin_family = AF_INET, .sin_port = 0x0900, .sin_addr = {0x0100007f}};
static const struct sockaddr_in6 nowhere6 = {
	.sin6_family = AF_INET6, .sin6_port = 0x0900, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

#define REFUSED(call) ((call) < 0 && errno == EPERM)

/* Without IPv6 there is nothing to refuse. */
static int fire_v6(void)
{
	const struct sockaddr *to = (const struct sockaddr *)&nowhere6;
	int tcp = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), udp;

	if (tcp < 0)
		return errno == EPERM ? 10 : 0;
	udp = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!REFUSED(connect(tcp, to, sizeof(nowhere6))))
		return 11;
	if (!REFUSED(sendto(udp, "", 1, 0, to, sizeof(nowhere6))))
		return 12;
	return REFUSED(bind(udp, to, sizeof(nowhere6))) ? 0 : 13;
}

static int fire_v4(void)
{
	const struct sockaddr *to = (const struct sockaddr *)&nowhere;
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (tcp < 0 || udp < 0)
		return 1;
	if (!REFUSED(connect(tcp, to, sizeof(nowhere))))
		return 2;
	if (!REFUSED(sendto(udp, "", 1, 0, to, sizeof(nowhere))))
		return 3;
	if (!REFUSED(bind(udp, to, sizeof(nowhere))))
		return 4;
	return REFUSED(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)) ? 0 : 5;
}

/* The only address that the self-test's table allows. What is sent there counts; latched, not even that gets out. */
static int fire_packets(struct rein_scene *scene)
{
	struct rein_state *state = scene->slot.state;
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in near = {0};
	socklen_t size = sizeof(near);
	char byte;

	if (udp < 0 || connect(udp, (struct sockaddr *)&scene->far, sizeof(scene->far)) || send(udp, "", 1, 0) != 1 ||
	    !REIN_LOAD(&state->meters[REIN_METER_NET_TX_BYTES]))
		return 6;
	getsockname(udp, (struct sockaddr *)&near, &size);
	if (sendto(scene->far_fd, "", 1, 0, (struct sockaddr *)&near, sizeof(near)) != 1 ||
	    recv(udp, &byte, 1, 0) != 1 || !REIN_LOAD(&state->meters[REIN_METER_NET_RX_BYTES]))
		return 7;
	__atomic_store_n(&state->latch, 1 + REIN_ON_TRIP_FREEZE, __ATOMIC_SEQ_CST);
	return REFUSED(send(udp, "", 1, 0)) ? 0 : 8;
}

static int fire_net(struct rein_scene *scene)
{
	int failed = fire_v4();

	if (!failed)
		failed = fire_v6();
	return failed ? failed : fire_packets(scene);
}

static const char *const net_steps[] = {
	"",
	"sock_create refused a TCP socket",
	"connect4 did not refuse",
	"sendmsg4 did not refuse",
	"bind4 did not refuse",
	"sock_create did not refuse a raw socket",
	"egress did not count a packet",
	"ingress did not count a packet",
	"egress did not drop a packet",
	"",
	"sock_create refused a TCP socket over IPv6",
	"connect6 did not refuse",
	"sendmsg6 did not refuse",
	"bind6 did not refuse",
};

static int open_far(struct rein_scene *scene, struct rein_error *err)
{
	socklen_t size = sizeof(scene->far);

	scene->far = nowhere;
	scene->far.sin_port = 0;
	scene->far_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (scene->far_fd < 0 || bind(scene->far_fd, (struct sockaddr *)&scene->far, sizeof(scene->far)) ||
	    getsockname(scene->far_fd, (struct sockaddr *)&scene->far, &size))
		return rein_fail_errno(err, "cannot open a datagram socket on loopback");
	return 0;
}

static int allow_far(struct rein_scene *scene, struct rein_error *err)
{
	uint16_t port = ntohs(scene->far.sin_port);
	struct rein_net_rule rule = {
		.verdict = REIN_VERDICT_ALLOW,
		.direction = REIN_NET_CONNECT,
		.family = REIN_NET_V4,
		.address = {127, 0, 0, 1},
		.prefix_bits = 32,
		.protocol = IPPROTO_UDP,
		.port_low = port,
		.port_high = port,
	};
	struct rein_policy policy = {.net = {.items = &rule, .count = 1}};
	struct rein_net_table table = {0};
	int r = rein_net_table_make(&policy, &table, err);

	if (!r)
		r = rein_net_install(&scene->slot, &table, err);
	rein_net_table_free(&table);
	return r;
}

static const char net_works[] = "connect, sendmsg, bind, sock_create and packets, fired";

void rein_bpf_selftest_net(struct rein_machine *machine)
{
	struct rein_fact *fact = &machine->facts[REIN_MECH_BPF_NET];
	struct rein_scene scene = rein_scene_empty;
	struct rein_pins fired;
	struct rein_error err = {0};
	const char *failed = NULL;
	int step = 0;

	if (!rein_scene_possible(machine, fact))
		return;
	if (rein_facts_recall(machine, REIN_MECH_BPF_NET, &scene.slot.pins)) {
		machine->cgroup_level = (int)scene.slot.pins.config.level;
		rein_scene_judge(fact, net_works, &err, NULL);
		return;
	}
	scene.machine = machine;
	if (!open_far(&scene, &err) && !rein_scene_open(&scene, 0, &err) && !allow_far(&scene, &err)) {
		machine->cgroup_level = (int)scene.slot.pins.config.level;
		rein_slot_ready(&scene.slot, REIN_STATE_NET);
		step = rein_scene_run(&scene, fire_net);
	}
	if (step)
		failed = step > 0 && step < (int)REIN_COUNT(net_steps) ? net_steps[step] : "its child did not end";
	fired = scene.slot.pins;
	rein_scene_close(&scene);
	rein_scene_judge(fact, net_works, &err, failed);
	if (fact->works)
		rein_facts_keep(REIN_MECH_BPF_NET, &fired);
}

/* Opens and writes a regular file, forks; then calls the kernel until a latch stops that. */
static int fire_trace(struct rein_scene *scene)
{
	struct rein_state *state = scene->slot.state;
	int fd = open("/proc/self/comm", O_RDWR | O_CLOEXEC), status;
	pid_t child;

	if (fd < 0 || write(fd, "r", 1) != 1)
		return 1;
	child = fork();
	if (!child)
		_exit(0);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	if (REIN_LOAD(&state->meters[REIN_METER_WRITE_BYTES]) != 1)
		return 2;
	if (REIN_LOAD(&state->meters[REIN_METER_WRITE_FILES]) != 1)
		return 3;
	if (REIN_LOAD(&state->meters[REIN_METER_FORK_COUNT]) != 1)
		return 4;
	__atomic_store_n(&state->latch, 1 + REIN_ON_TRIP_KILL, __ATOMIC_SEQ_CST);
	getppid();
	return 5;
}

static const char *const trace_steps[] = {
	"",
	"its child could not write /proc/self/comm",
	"sys_enter did not count a write",
	"sys_exit did not count an open",
	"task_newtask did not count a fork",
	"bpf_send_signal did not kill",
};

static const char trace_works[] = "system calls, exec and fork, fired";

void rein_bpf_selftest_trace(struct rein_machine *machine)
{
	struct rein_fact *fact = &machine->facts[REIN_MECH_BPF_TRACE];
	struct rein_scene scene = rein_scene_empty;
	struct rein_pins fired;
	struct rein_error err = {0};
	const char *failed = NULL;
	int step = 0;

	if (!rein_scene_possible(machine, fact))
		return;
	if (rein_facts_recall(machine, REIN_MECH_BPF_TRACE, &scene.slot.pins)) {
		rein_scene_judge(fact, trace_works, &err, NULL);
		return;
	}
	scene.machine = machine;
	if (!rein_scene_open(&scene, REIN_STATE_TRACE, &err)) {
		rein_slot_ready(&scene.slot, REIN_STATE_TRACE);
		step = rein_scene_run(&scene, fire_trace);
		/* The last step ends it by SIGKILL. */
		if (step != -ECANCELED)
			failed = step > 0 && step < (int)REIN_COUNT(trace_steps) ? trace_steps[step]
										 : "its child did not end";
	}
	fired = scene.slot.pins;
	rein_scene_close(&scene);
	rein_scene_judge(fact, trace_works, &err, failed);
	if (fact->works)
		rein_facts_keep(REIN_MECH_BPF_TRACE, &fired);
}
