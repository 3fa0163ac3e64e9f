/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/order.h"

int rein_cmd_reset(int argc, char **argv)
{
	static const struct rein_order order = {
		.lets_go = true,
		.op = "reset",
		.done = "was reset",
		.aim = "AGENT [BREAKER]",
		.max_arguments = 2,
		.takes = REIN_OPTION_REFILL,
	};

	return rein_order_main(argc, argv, &order);
}
