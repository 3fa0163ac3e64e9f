/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CMD_ORDER_H
#define REIN_CMD_ORDER_H

#include <stdbool.h>

/* What trip, reset, freeze, thaw and kill have in common: one order to one agent, and a word on what came of it. */
struct rein_order {
	const char *op;	  /* as agent/orders.h calls it */
	const char *done; /* what is said of the agent afterwards: "was frozen" */
	const char *aim;  /* what the arguments are: "AGENT [BREAKER]" */
	int max_arguments;
	bool lets_go;	/* the agent should go on afterwards */
	unsigned takes; /* options beside --json, enum rein_option */
};

/* The whole subcommand; returns its exit code. */
int rein_order_main(int argc, char **argv, const struct rein_order *order);

#endif
