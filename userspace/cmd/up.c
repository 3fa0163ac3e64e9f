/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/print.h"
#include "mech/bpf_net.h"
#include "mech/bpf_pins.h"
#include "mech/bpf_selftest.h"
#include "mech/bpf_trace.h"
#include "mech/cgroup.h"
#include "mech/privileges.h"

static const struct rein_usage usage = {.takes = REIN_OPTION_JSON, .misuse = 2};

static int load(struct rein_machine *machine, bool *ret_loaded, struct rein_pins_config *ret_config,
		struct rein_error *err)
{
	struct rein_pins pins = REIN_PINS_NONE;
	REIN_AUTO_FD int lock = rein_pins_lock(err);
	int r = lock < 0 ? lock : rein_pins_renew(machine, &pins, ret_loaded, err);

	if (r < 0)
		return r;
	*ret_config = pins.config;
	rein_pins_close(&pins);
	return 0;
}

/* Attaching is not enforcing: what is up has been fired. */
static int fire(struct rein_machine *machine, struct rein_error *err)
{
	static const struct rein_mech *const fired[] = {&rein_mech_bpf_net, &rein_mech_bpf_trace};

	for (size_t i = 0; i < REIN_COUNT(fired); i++) {
		const struct rein_fact *fact = &machine->facts[fired[i]->kind];

		fired[i]->probe(machine);
		if (!fact->works)
			return rein_fail(err, EOPNOTSUPP, "%s: %s", rein_mechanism_name(fired[i]->kind), fact->detail);
	}
	return 0;
}

static int up(struct rein_machine *machine, bool *ret_loaded, struct rein_pins_config *ret_config,
	      struct rein_error *err)
{
	int r;

	machine->privileged = rein_privileges_full();
	if (!machine->privileged)
		return rein_fail(err, EPERM, "only root can load what the kernel keeps for all agents");
	rein_mech_cgroup.probe(machine);
	if (!machine->facts[REIN_MECH_CGROUP].works)
		return rein_fail(err, EOPNOTSUPP, "%s", machine->facts[REIN_MECH_CGROUP].detail);
	r = load(machine, ret_loaded, ret_config, err);
	if (r < 0)
		return r;
	rein_bpf_selftest_forget();
	return fire(machine, err);
}

int rein_cmd_up(int argc, char **argv)
{
	struct rein_machine machine = {0};
	struct rein_pins_config config = {0};
	struct rein_options options;
	struct rein_error err = {0};
	bool loaded = false;
	int code;

	if (!rein_options_read(argc, argv, &usage, &options, &code))
		return code;
	if (up(&machine, &loaded, &config, &err) < 0)
		return rein_say_error(&err, 1);
	if (options.json)
		return rein_print_json(stdout, json_pack("{s:b, s:b, s:i, s:s, s:s, s:i}", "up", 1, "loaded", loaded,
							 "abi", (int)config.abi, "pins", REIN_PINS, "cgroup",
							 machine.cgroup_parent, "level", (int)config.level));
	printf("%s in " REIN_PINS ", attached to %s, and fired\n", loaded ? "loaded" : "already loaded",
	       machine.cgroup_parent);
	return 0;
}
