/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CMD_COMMANDS_H
#define REIN_CMD_COMMANDS_H

#include "cmd/cmd.h"

/* All subcommands, ended by one without a name; in the order in which help lists them. */
extern const struct rein_cmd rein_commands[];

/* NULL: there is none of that name. */
const struct rein_cmd *rein_commands_find(const char *name);
/* The subcommand whose name is at most two slips away from `name`; NULL if none is. */
const struct rein_cmd *rein_commands_near(const char *name);

#endif
