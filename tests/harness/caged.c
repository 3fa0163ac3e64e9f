/* SPDX-License-Identifier: GPL-2.0 */
#include "harness/caged.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <rein/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "agent/breakers.h"
#include "harness/harness.h"
#include "mech/bpf_file.h"
#include "mech/bpf_net.h"
#include "mech/bpf_trace.h"
#include "mech/cgroup.h"
#include "mech/cgroup_tree.h"
#include "mech/privileges.h"

#define SECOND_NS 1000000000ULL

static const struct rein_origin here = {.file = "test", .line = 1, .text = "test"};

void caged_open(struct caged *caged)
{
	static int number;

	memset(caged, 0, sizeof(*caged));
	if (!rein_privileges_full())
		cr_skip_test("needs root");
	snprintf(caged->id, sizeof(caged->id), "caged-%d-%d", getpid(), number++);
	caged->machine.privileged = true;
	rein_mech_cgroup.probe(&caged->machine);
	if (!caged->machine.facts[REIN_MECH_CGROUP].works)
		cr_skip_test("%s", caged->machine.facts[REIN_MECH_CGROUP].detail);
}

void caged_open_alone(struct caged *caged)
{
	int fd;

	caged_open(caged);
	fd = open("/run/rein-caged-alone", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert(fd >= 0 && !flock(fd, LOCK_EX), "cannot lock /run/rein-caged-alone: %m");
}

void caged_allow(struct caged *caged, enum rein_net_direction direction, int protocol, const char *address,
		 unsigned bits, unsigned low, unsigned high)
{
	struct rein_net_rule *rule = rein_vec_add(&caged->policy.net);

	*rule = (struct rein_net_rule){
		.origin = here,
		.verdict = REIN_VERDICT_ALLOW,
		.direction = direction,
		.family = strchr(address, ':') ? REIN_NET_V6 : REIN_NET_V4,
		.prefix_bits = (uint8_t)bits,
		.protocol = (uint8_t)protocol,
		.port_low = (uint16_t)low,
		.port_high = (uint16_t)high,
	};
	cr_assert_eq(inet_pton(rule->family == REIN_NET_V4 ? AF_INET : AF_INET6, address, rule->address), 1);
}

void caged_break(struct caged *caged, enum rein_mechanism by, enum rein_meter meter, uint64_t rate, uint64_t burst,
		 enum rein_on_trip on_trip)
{
	struct rein_breaker_rule *rule = rein_vec_add(&caged->policy.breakers);
	struct rein_plan_breaker *planned = rein_vec_add(&caged->plan.breakers);

	*rule = (struct rein_breaker_rule){
		.origin = here,
		.name = "test",
		.meter = meter,
		.rate_units = rate ? rate : 1,
		.rate_period_ns = rate ? SECOND_NS : 600 * SECOND_NS,
		.burst = burst,
		.probe = 1,
		.on_trip = on_trip,
	};
	planned->by = by;
}

void caged_use_file(struct caged *caged)
{
	rein_mech_bpf_file.probe(&caged->machine);
	if (!caged->machine.facts[REIN_MECH_BPF_FILE].works)
		cr_skip_test("bpf-file: %s", caged->machine.facts[REIN_MECH_BPF_FILE].detail);
	caged->plan.use[REIN_MECH_BPF_FILE] = true;
}

static void prepare(struct caged *caged, const struct rein_mech *mech)
{
	struct rein_error err = {0};

	if (caged->plan.use[mech->kind] && mech->prepare(&caged->launch, &err) < 0)
		cr_assert_fail("%s", err.text);
}

void caged_start(struct caged *caged, bool net, bool trace)
{
	struct rein_error err = {0};

	for (size_t i = 0; i < caged->plan.breakers.count; i++)
		caged->plan.breakers.items[i].rule = &caged->policy.breakers.items[i];
	caged->plan.policy = &caged->policy;
	caged->plan.machine = &caged->machine;
	caged->plan.use[REIN_MECH_CGROUP] = true;
	caged->plan.use[REIN_MECH_BPF_NET] = net;
	caged->plan.use[REIN_MECH_BPF_TRACE] = caged->plan.trace_denials = trace;
	caged->launch = (struct rein_launch){
		.id = caged->id,
		.policy = &caged->policy,
		.plan = &caged->plan,
		.machine = &caged->machine,
		.privileged = true,
		.slot = -1,
		.cgroup_fd = -1,
		.ring_fd = -1,
		.names_fd = -1,
		.host_cgroup_parent_fd = -1,
	};
	prepare(caged, &rein_mech_cgroup);
	prepare(caged, &rein_mech_bpf_net);
	prepare(caged, &rein_mech_bpf_file);
	prepare(caged, &rein_mech_bpf_trace);
	if (caged->launch.state && rein_breakers_compile(&caged->plan, false, caged->launch.state, &err) < 0)
		cr_assert_fail("%s", err.text);
}

void caged_stop(struct caged *caged)
{
	if (caged->plan.use[REIN_MECH_BPF_TRACE]) {
		rein_cgroup_kill(&caged->launch);
		rein_mech_bpf_trace.release(&caged->launch);
	}
	rein_cgroup_kill(&caged->launch);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	if (caged->plan.use[REIN_MECH_BPF_FILE])
		rein_mech_bpf_file.release(&caged->launch);
	if (caged->plan.use[REIN_MECH_BPF_NET])
		rein_mech_bpf_net.release(&caged->launch);
	rein_mech_cgroup.release(&caged->launch);
	rein_vec_free(&caged->policy.net);
	rein_vec_free(&caged->policy.breakers);
	rein_vec_free(&caged->plan.breakers);
}

pid_t caged_fork(const struct caged *caged)
{
	int pidfd = -1;
	pid_t child = rein_cgroup_fork(caged->launch.cgroup_fd, &pidfd);

	cr_assert_geq(child, 0, "cannot fork into the cage: %m");
	if (child)
		close(pidfd);
	else
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return child;
}

int caged_wait(pid_t child)
{
	int status;

	cr_assert_eq(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

int caged_run(const struct caged *caged, int (*inside)(void *), void *argument)
{
	pid_t child = caged_fork(caged);

	if (!child)
		_exit(inside(argument));
	return caged_wait(child);
}

bool caged_emptied(const struct caged *caged)
{
	return rein_cgroup_wait(caged->launch.cgroup_fd, "populated", false, HARNESS_PATIENCE_MS);
}

static int take(void *context, void *data, size_t size)
{
	cr_assert_geq(size, sizeof(struct rein_raw_event));
	memcpy(context, data, sizeof(struct rein_raw_event));
	return -EAGAIN; /* one at a time: it counts as consumed */
}

bool caged_event(const struct caged *caged, struct rein_raw_event *ret_event)
{
	struct ring_buffer *ring = ring_buffer__new(caged->launch.ring_fd, take, ret_event, NULL);
	int r;

	cr_assert_not_null(ring);
	r = ring_buffer__consume(ring);
	ring_buffer__free(ring);
	return r == -EAGAIN;
}

uint64_t caged_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}
