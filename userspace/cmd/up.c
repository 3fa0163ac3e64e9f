/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/control.h"
#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/print.h"
#include "mech/bpf_file.h"
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

/* What is up; only bpf-file may be missing, as on tier B. */
static const struct rein_mech *const parts[] = {&rein_mech_bpf_net, &rein_mech_bpf_trace, &rein_mech_bpf_file};

/* Attaching is not enforcing: what is up has been fired. */
static int fire(struct rein_machine *machine, struct rein_error *err)
{
	for (size_t i = 0; i < REIN_COUNT(parts); i++) {
		const struct rein_fact *fact = &machine->facts[parts[i]->kind];

		parts[i]->probe(machine);
		if (!fact->works && parts[i]->kind != REIN_MECH_BPF_FILE)
			return rein_fail(err, EOPNOTSUPP, "%s: %s", rein_mechanism_name(parts[i]->kind), fact->detail);
	}
	return 0;
}

static json_t *parts_json(const struct rein_machine *machine)
{
	json_t *works = json_object();

	for (size_t i = 0; i < REIN_COUNT(parts); i++)
		json_object_set_new(works, rein_mechanism_name(parts[i]->kind),
				    json_boolean(machine->facts[parts[i]->kind].works));
	return works;
}

static void print_parts(const struct rein_machine *machine)
{
	for (size_t i = 0; i < REIN_COUNT(parts); i++) {
		const struct rein_fact *fact = &machine->facts[parts[i]->kind];

		printf("  %-9s  %s", rein_mechanism_name(parts[i]->kind), fact->works ? "" : "not here: ");
		rein_print_wrapped(stdout, 13, fact->detail);
	}
}

/*
 * Each supervisor keeps what judges its agent attached, whatever becomes of the pins. One that does not answer keeps
 * the programs from before, which decide nothing any more.
 */
static void tell(const struct rein_registered *agent, const json_t *request)
{
	json_t *reply = NULL;
	struct rein_error err = {0};
	int r = rein_control_ask(agent, request, &reply, &err);

	json_decref(reply);
	if (r < 0 && r != -ESRCH && r != -EALREADY) /* it has just ended, or has nothing of what was loaded */
		rein_say("%s is judged by these programs only as long as they stay in " REIN_PINS ": %s", agent->id,
			 err.text);
}

static int tell_all(struct rein_error *err)
{
	struct rein_registered_vec agents = {0};
	json_t *request = json_pack("{s:s}", "op", "up");
	int r = request ? rein_registry_list_in(REIN_RUN_DIR, &agents, err)
			: rein_fail(err, ENOMEM, "no memory for a request");

	for (size_t i = 0; !r && i < agents.count; i++)
		tell(&agents.items[i], request);
	json_decref(request);
	rein_vec_free(&agents);
	return r;
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
	r = tell_all(err);
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
		return rein_print_json(stdout, json_pack("{s:b, s:b, s:i, s:s, s:s, s:i, s:o}", "up", 1, "loaded",
							 loaded, "abi", (int)config.abi, "pins", REIN_PINS, "cgroup",
							 machine.cgroup_parent, "level", (int)config.level, "works",
							 parts_json(&machine)));
	printf("%s in " REIN_PINS ", attached to %s, and fired\n",
	       loaded ? "loaded" : "already loaded (`rein run`, `plan` and `doctor` do it too, as root)",
	       machine.cgroup_parent);
	print_parts(&machine);
	return 0;
}
