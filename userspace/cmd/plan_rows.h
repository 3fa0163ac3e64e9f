/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CMD_PLAN_ROWS_H
#define REIN_CMD_PLAN_ROWS_H

#include <stdio.h>

#include "plan/plan.h"

/* Prints the lines of a plan as a table. Lines of one file that are kept in the same way, with the same words before
 * what they name, share a row. */
void rein_plan_rows_print(const struct rein_plan *plan, FILE *out);

#endif
