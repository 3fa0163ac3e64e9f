/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/sampler.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "agent/breakers.h"
#include "agent/sources.h"
#include "base/cleanup.h"

#define LOOK_NS 10000000L    /* 10 ms */
#define USAGE_NS 1000000000L /* 1 s, for peaks */

struct rein_sampler {
	struct rein_agent *agent;
	struct rein_watch timer;
	unsigned meters;	     /* 1 << enum rein_meter that are sampled */
	struct rein_written writers; /* at the last look */
	struct rein_monotone written, octets_in, octets_out;
	int root_fd;		/* the agent's root; -1 until there is a process that lets itself be looked at */
	uint64_t private_bytes; /* in use at the last look */
	uint64_t next_usage_ns; /* CLOCK_MONOTONIC */
	uint64_t processes, memory;
};

static unsigned sampled(const struct rein_plan *plan)
{
	unsigned meters = 0;

	for (size_t i = 0; i < plan->breakers.count; i++)
		if (plan->breakers.items[i].by == REIN_MECH_SUPERVISOR)
			meters |= 1U << plan->breakers.items[i].rule->meter;
	return meters;
}

static bool samples(const struct rein_sampler *sampler, enum rein_meter meter)
{
	return sampler->meters & 1U << meter;
}

static void charge(struct rein_sampler *sampler, enum rein_meter meter, uint64_t n)
{
	struct rein_charged charged;

	if (!n || !samples(sampler, meter))
		return;
	charged = rein_breakers_charge(sampler->agent->launch->state, meter, REIN_MECH_SUPERVISOR, n, true,
				       rein_now_ns());
	if (charged.tripped)
		rein_breakers_tripped(sampler->agent, charged.breaker, n, 0, NULL);
}

/* By how much the private file systems have grown; they are empty when the command starts. */
static uint64_t growth(struct rein_sampler *sampler)
{
	const struct rein_agent *agent = sampler->agent;
	uint64_t before = sampler->private_bytes, in_use = before;

	if (sampler->root_fd < 0)
		sampler->root_fd = rein_source_root(agent->proc_fd);
	if (sampler->root_fd < 0 || rein_source_private(sampler->root_fd, &agent->launch->plan->view, &in_use))
		return 0;
	sampler->private_bytes = in_use;
	return in_use > before ? in_use - before : 0;
}

static int look_at_writes(struct rein_sampler *sampler)
{
	struct rein_agent *agent = sampler->agent;
	int r = rein_source_written(agent->proc_fd, &sampler->writers);

	if (r)
		return r;
	charge(sampler, REIN_METER_WRITE_BYTES,
	       rein_monotone_add(&sampler->written, sampler->writers.bytes) + growth(sampler));
	if (sampler->writers.hidden_again && agent->life == REIN_LIFE_RUNNING)
		rein_breakers_blind(agent, REIN_METER_WRITE_BYTES, sampler->writers.hidden_again);
	return 0;
}

static int look_at_network(struct rein_sampler *sampler)
{
	uint64_t in = 0, out = 0;
	int r = rein_source_octets(sampler->agent->proc_fd, &in, &out);

	if (r)
		return r;
	charge(sampler, REIN_METER_NET_RX_BYTES, rein_monotone_add(&sampler->octets_in, in));
	charge(sampler, REIN_METER_NET_TX_BYTES, rein_monotone_add(&sampler->octets_out, out));
	return 0;
}

static void look_at_usage(struct rein_sampler *sampler)
{
	uint64_t now = rein_now_ns(), processes, memory;

	if (now < sampler->next_usage_ns || rein_source_usage(sampler->agent->proc_fd, &processes, &memory))
		return;
	sampler->next_usage_ns = now + USAGE_NS;
	sampler->processes = processes > sampler->processes ? processes : sampler->processes;
	sampler->memory = memory > sampler->memory ? memory : sampler->memory;
}

static int look(struct rein_sampler *sampler)
{
	int r = 0;

	if (samples(sampler, REIN_METER_WRITE_BYTES))
		r = look_at_writes(sampler);
	if (!r && (samples(sampler, REIN_METER_NET_RX_BYTES) || samples(sampler, REIN_METER_NET_TX_BYTES)))
		r = look_at_network(sampler);
	look_at_usage(sampler);
	return r;
}

/* A source that fails while the agent runs ends the agent: unmetered is not allowed. When its init is gone, nothing is
 * left to meter. */
static int on_timer(struct rein_watch *timer, uint32_t events)
{
	struct rein_sampler *sampler = timer->data;
	enum rein_life life = sampler->agent->life;
	uint64_t expirations;

	if (read(timer->fd, &expirations, sizeof(expirations)) < 0 && errno == EAGAIN)
		return 0;
	if (life == REIN_LIFE_ENDING || life == REIN_LIFE_ENDED)
		return 0;
	if (look(sampler) && faccessat(sampler->agent->proc_fd, "1/status", F_OK, 0) == 0)
		rein_agent_kill(sampler->agent, REIN_END_SUPERVISOR);
	return 0;
}

/* Where counting starts: what is in use before the command runs is not the agent's. */
static int take_base(struct rein_sampler *sampler, struct rein_error *err)
{
	unsigned meters = sampler->meters;
	const struct rein_plan *plan = sampler->agent->launch->plan;
	int r = 0;

	if (plan->host_network && meters & (1U << REIN_METER_NET_RX_BYTES | 1U << REIN_METER_NET_TX_BYTES))
		return rein_fail(err, EOPNOTSUPP, "network bytes cannot be sampled: the agent shares its network");
	sampler->meters = 0; /* charges nothing */
	if (meters & 1U << REIN_METER_WRITE_BYTES)
		r = look_at_writes(sampler);
	if (!r && meters & (1U << REIN_METER_NET_RX_BYTES | 1U << REIN_METER_NET_TX_BYTES))
		r = look_at_network(sampler);
	sampler->meters = meters;
	return r ? rein_fail(err, -r, "cannot sample the agent: %s", strerror(-r)) : 0;
}

static int start(struct rein_sampler *sampler, struct rein_error *err)
{
	long interval = sampler->meters ? LOOK_NS : USAGE_NS;
	struct itimerspec period = {.it_interval = {interval / USAGE_NS, interval % USAGE_NS}};

	sampler->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (sampler->timer.fd < 0)
		return rein_fail_errno(err, "cannot make the sampler's timer");
	period.it_value = period.it_interval;
	if (timerfd_settime(sampler->timer.fd, 0, &period, NULL))
		return rein_fail_errno(err, "cannot start the sampler's timer");
	return rein_loop_add(&sampler->agent->loop, &sampler->timer, EPOLLIN, err);
}

int rein_sampler_open(struct rein_agent *agent, struct rein_error *err)
{
	struct rein_sampler *sampler = calloc(1, sizeof(*sampler));
	int r;

	if (!sampler)
		return rein_fail(err, ENOMEM, "no memory for the sampler");
	*sampler = (struct rein_sampler){
		.agent = agent,
		.timer = {.fd = -1, .ready = on_timer, .data = sampler},
		.root_fd = -1,
		.meters = sampled(agent->launch->plan),
	};
	agent->sampler = sampler;
	r = take_base(sampler, err);
	if (!r)
		r = start(sampler, err);
	if (r)
		rein_sampler_close(agent);
	return r;
}

void rein_sampler_close(struct rein_agent *agent)
{
	struct rein_sampler *sampler = agent->sampler;

	if (!sampler)
		return;
	rein_loop_remove(&sampler->timer);
	if (sampler->timer.fd >= 0)
		close(sampler->timer.fd);
	if (sampler->root_fd >= 0)
		close(sampler->root_fd);
	free(sampler);
	agent->sampler = NULL;
}

json_t *rein_sampler_peaks(const struct rein_agent *agent)
{
	const struct rein_sampler *sampler = agent->sampler;

	if (!sampler || !sampler->next_usage_ns)
		return json_object();
	return json_pack("{s:I, s:I}", "processes", (json_int_t)sampler->processes, "memory",
			 (json_int_t)sampler->memory);
}
