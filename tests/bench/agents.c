/* SPDX-License-Identifier: GPL-2.0 */
/*
 * agents COUNT COMMAND...: runs COMMAND while COUNT agents are registered in the kernel, each with a cgroup, a slot and
 * a ring of its own, and a breaker on what it writes. No process is in them: what counts is that hooks must tell the
 * right one from so many.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "mech/bpf_load.h"
#include "mech/bpf_slot.h"
#include "mech/cgroup.h"
#include "mech/cgroup_tree.h"

struct registered {
	struct rein_slot slot;
	int cgroup;
	char name[32];
};

/* Agents share the maps; each has descriptors of its own for them, which only this one process would pay for. */
static int claim(const struct rein_machine *machine, struct registered *agent, struct rein_error *err)
{
	struct rein_pins pins = REIN_PINS_NONE;
	REIN_AUTO_FD int lock = rein_pins_lock(err);
	int r = lock < 0 ? lock : rein_pins_open(machine, true, &pins, NULL, err);

	if (r < 0)
		return r;
	r = rein_slot_claim(&pins, rein_cgroup_id(agent->cgroup), &agent->slot, err);
	rein_pins_close(&pins);
	return r;
}

static int start(const struct rein_machine *machine, struct registered *agent, int number, struct rein_error *err)
{
	int r;

	snprintf(agent->name, sizeof(agent->name), "registered-%d-%d", getpid(), number);
	agent->cgroup = rein_cgroup_make(machine->cgroup_parent, agent->name, err);
	if (agent->cgroup < 0)
		return agent->cgroup;
	r = claim(machine, agent, err);
	if (!r)
		r = rein_slot_set(&agent->slot, REIN_MAP_RINGS, rein_bpf_make_ring(), err);
	if (!r)
		rein_slot_ready(&agent->slot, REIN_STATE_NET | REIN_STATE_FILE);
	return r;
}

static void stop(const struct rein_machine *machine, struct registered *agent)
{
	if (agent->slot.state)
		rein_slot_release(&agent->slot);
	rein_cgroup_end(machine->cgroup_parent, agent->name, 1000, NULL);
	close(agent->cgroup);
}

static int run(char **command)
{
	pid_t child = fork();
	int status;

	if (!child) {
		execvp(command[0], command);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Each agent takes a dozen descriptors. */
static void allow_descriptors(void)
{
	struct rlimit files = {.rlim_cur = 65536, .rlim_max = 65536};

	setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
	struct rein_machine machine = {.privileged = true};
	int count = argc > 2 ? atoi(argv[1]) : 0, started = 0, code = 1;
	struct registered *agents = calloc((size_t)count + 1, sizeof(*agents));
	struct rein_error err = {0};

	if (count < 1 || !agents)
		return 2;
	allow_descriptors();
	rein_mech_cgroup.probe(&machine);
	while (started < count && !start(&machine, &agents[started], started, &err))
		started++;
	if (started == count)
		code = run(argv + 2);
	else
		fprintf(stderr, "agents: %s\n", err.text);
	while (started-- > 0)
		stop(&machine, &agents[started]);
	free(agents);
	return code;
}
