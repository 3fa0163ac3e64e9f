/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/order.h"

int rein_cmd_thaw(int argc, char **argv)
{
	static const struct rein_order order = {
		.lets_go = true,
		.op = "thaw",
		.done = "was thawed",
		.aim = "AGENT",
		.max_arguments = 1,
	};

	return rein_order_main(argc, argv, &order);
}
