/* SPDX-License-Identifier: GPL-2.0 */
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/order.h"

int rein_cmd_trip(int argc, char **argv)
{
	static const struct rein_order order = {
		.op = "trip",
		.done = "was tripped",
		.aim = "AGENT [BREAKER]",
		.max_arguments = 2,
	};

	return rein_order_main(argc, argv, &order);
}
