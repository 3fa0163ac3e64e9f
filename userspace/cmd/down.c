/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/print.h"
#include "mech/bpf_pins.h"
#include "mech/cgroup.h"
#include "mech/privileges.h"

static const struct rein_usage usage = {.takes = REIN_OPTION_JSON, .misuse = 2};

static int down(bool *ret_removed, struct rein_error *err)
{
	struct rein_machine machine = {.privileged = rein_privileges_full()};
	REIN_AUTO_FD int lock = -1;

	if (!machine.privileged)
		return rein_fail(err, EPERM, "only root can unload what the kernel keeps for all agents");
	lock = rein_pins_lock(err);
	if (lock < 0)
		return lock;
	rein_mech_cgroup.probe(&machine);
	return rein_pins_remove(&machine, ret_removed, err);
}

int rein_cmd_down(int argc, char **argv)
{
	struct rein_options options;
	struct rein_error err = {0};
	bool removed = false;
	int code;

	if (!rein_options_read(argc, argv, &usage, &options, &code))
		return code;
	if (down(&removed, &err) < 0)
		return rein_say_error(&err, 1);
	if (options.json)
		return rein_print_json(stdout, json_pack("{s:b, s:b}", "up", 0, "removed", removed));
	printf("%s\n", removed ? "unloaded; the next launch as root loads it again" : "nothing was loaded");
	return 0;
}
