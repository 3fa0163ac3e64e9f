/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CMD_PLAN_ROWS_H
#define REIN_CMD_PLAN_ROWS_H

#include <stdio.h>

#include "plan/plan.h"

/* Whether a line allows what is not there: it does nothing here, and is shown only to who asks for all. */
bool rein_plan_line_is_idle(const struct rein_plan_line *line);

/* Prints the lines of a plan as a table, idle ones only with `all`. Lines of one file that are kept in the same way,
 * with the same words before what they name, share a row. */
void rein_plan_rows_print(const struct rein_plan *plan, bool all, FILE *out);

#endif
