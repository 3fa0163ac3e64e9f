/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_selftest.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "mech/bpf_hooks.h"
#include "mech/bpf_slot.h"
#include "mech/cgroup_tree.h"
#include "mech/net_install.h"

#define FIRE_MS 1000

/* A child in an agent's cgroup, with a slot: what hooks see of it is what they see of an agent. */
struct scene {
	const struct rein_machine *machine;
	struct rein_slot slot;
	struct rein_hooks hooks;
	char name[32];
	int cgroup;
	struct sockaddr_in far; /* a datagram socket of the prober's, outside */
	int far_fd;
};

static int open_slot(struct scene *scene, unsigned hooks, struct rein_error *err)
{
	struct rein_pins pins = REIN_PINS_NONE;
	REIN_AUTO_FD int lock = rein_pins_lock(err);
	int r = lock < 0 ? lock : rein_pins_open(scene->machine, true, &pins, NULL, err);

	if (r < 0)
		return r;
	snprintf(scene->name, sizeof(scene->name), "self-test-%d", getpid());
	scene->cgroup = rein_cgroup_make(scene->machine->cgroup_parent, scene->name, err);
	r = scene->cgroup < 0 ? scene->cgroup : 0;
	if (!r)
		r = rein_slot_claim(&pins, rein_cgroup_id(scene->cgroup), &scene->slot, err);
	if (!r && hooks)
		r = rein_hooks_hold(&scene->slot.pins, hooks, &scene->hooks, err);
	rein_pins_close(&pins);
	return r;
}

static void close_scene(struct scene *scene)
{
	if (scene->cgroup >= 0) {
		rein_cgroup_end(scene->machine->cgroup_parent, scene->name, FIRE_MS, NULL);
		close(scene->cgroup);
	}
	rein_hooks_drop(&scene->hooks);
	if (scene->slot.state)
		rein_slot_release(&scene->slot);
	if (scene->far_fd >= 0)
		close(scene->far_fd);
}

/* The child's steps say by their number which hook did not fire; 0: all did. */
typedef int steps(struct scene *scene);

static int run_child(struct scene *scene, steps *inside)
{
	REIN_AUTO_FD int pidfd = -1;
	pid_t child = rein_cgroup_fork(scene->cgroup, &pidfd);
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	int status = 0;

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(inside(scene));
	}
	if (child < 0)
		return -errno;
	ended.fd = pidfd;
	if (poll(&ended, 1, FIRE_MS) != 1)
		rein_cgroup_kill_all(scene->cgroup);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECANCELED;
}

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
static int fire_packets(struct scene *scene)
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

static int fire_net(struct scene *scene)
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

static int open_far(struct scene *scene, struct rein_error *err)
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

static int allow_far(struct scene *scene, struct rein_error *err)
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

static const struct scene empty = {
	.slot = {.pins = REIN_PINS_NONE, .lock_fd = -1, .number = -1, .ring_fd = -1},
	.hooks = REIN_HOOKS_NONE,
	.cgroup = -1,
	.far_fd = -1,
};

static void set_fact(struct rein_fact *fact, const char *works, const struct rein_error *err, const char *failed)
{
	fact->works = !err->code && !failed;
	if (fact->works)
		snprintf(fact->detail, sizeof(fact->detail), "%s", works);
	else if (err->code)
		snprintf(fact->detail, sizeof(fact->detail), "%.250s", err->text);
	else
		snprintf(fact->detail, sizeof(fact->detail), "its self-test failed: %.200s", failed);
}

/* What must hold before anything can be fired. */
static bool possible(const struct rein_machine *machine, struct rein_fact *fact)
{
	const char *missing = NULL;

	if (!machine->privileged)
		missing = "needs root (CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN)";
	else if (!machine->facts[REIN_MECH_CGROUP].works)
		missing = "needs cgroup2, by which it knows agents";
	else if (access("/sys/kernel/btf/vmlinux", R_OK))
		missing = "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF), by which the programs find its structures";
	if (missing)
		snprintf(fact->detail, sizeof(fact->detail), "%s", missing);
	return !missing;
}

void rein_bpf_selftest_net(struct rein_machine *machine)
{
	struct rein_fact *fact = &machine->facts[REIN_MECH_BPF_NET];
	struct scene scene = empty;
	struct rein_error err = {0};
	const char *failed = NULL;
	int step = 0;

	if (!possible(machine, fact))
		return;
	scene.machine = machine;
	if (!open_far(&scene, &err) && !open_slot(&scene, 0, &err) && !allow_far(&scene, &err)) {
		machine->cgroup_level = (int)scene.slot.pins.config.level;
		rein_slot_ready(&scene.slot, REIN_STATE_NET);
		step = run_child(&scene, fire_net);
	}
	if (step)
		failed = step > 0 && step < (int)REIN_COUNT(net_steps) ? net_steps[step] : "its child did not end";
	close_scene(&scene);
	set_fact(fact, "connect, sendmsg, bind, sock_create and packets, fired", &err, failed);
}

/* Opens and writes a regular file, forks; then calls the kernel until a latch stops that. */
static int fire_trace(struct scene *scene)
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

void rein_bpf_selftest_trace(struct rein_machine *machine)
{
	struct rein_fact *fact = &machine->facts[REIN_MECH_BPF_TRACE];
	struct scene scene = empty;
	struct rein_error err = {0};
	const char *failed = NULL;
	int step = 0;

	if (!possible(machine, fact))
		return;
	scene.machine = machine;
	if (!open_slot(&scene, REIN_STATE_TRACE, &err)) {
		rein_slot_ready(&scene.slot, REIN_STATE_TRACE);
		step = run_child(&scene, fire_trace);
		/* The last step ends it by SIGKILL. */
		if (step >= 0)
			failed = step < (int)REIN_COUNT(trace_steps) ? trace_steps[step] : "its child did not end";
	}
	close_scene(&scene);
	set_fact(fact, "system calls, exec and fork, fired", &err, failed);
}
