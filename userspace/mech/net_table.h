/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_MECH_NET_TABLE_H
#define REIN_MECH_NET_TABLE_H

#include <rein/net.h>

#include "profile/policy.h"

/* The network rules of a policy as rows of a longest-prefix-match table, in which the longest match alone decides:
 * what shorter prefixes allow and deny is worked into each row. `ask` is as good as `deny` until someone answers. */

struct rein_net_row {
	struct rein_net_key key;
	struct rein_net_entry entry;
};

struct rein_net_table {
	REIN_VEC(struct rein_net_row) rows; /* each key once */
	REIN_VEC(struct rein_port_bitmap) bitmaps;
};

/* Pure. -ENOMEM. The caller frees the table. */
int rein_net_table_make(const struct rein_policy *policy, struct rein_net_table *ret_table, struct rein_error *err);
void rein_net_table_free(struct rein_net_table *table);

#endif
