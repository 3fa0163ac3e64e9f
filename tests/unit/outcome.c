/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>

#include "agent/supervise.h"
#include "base/cleanup.h"

/* Wait statuses as the kernel writes them. */
#define EXITED(code) ((code) << 8)
#define SIGNALLED(signal) (signal)

static const struct {
	struct rein_outcome outcome;
	int code;
} table[] = {
	{{.started = true, .status = EXITED(0)}, 0},
	{{.started = true, .status = EXITED(3)}, 3},
	{{.started = true, .status = SIGNALLED(9)}, 137},
	{{.started = true, .status = SIGNALLED(15)}, 143},
	{{.started = false, .code = 127, .status = EXITED(127)}, 127},
	{{.started = false, .code = 126, .status = -1}, 126},
	{{.started = false, .status = -1}, 125},
	{{.started = false, .status = -1, .cause = REIN_END_SUPERVISOR}, 125},
	{{.started = true, .status = -1, .cause = REIN_END_BREAKER}, 122},
	{{.started = true, .status = SIGNALLED(9), .cause = REIN_END_BREAKER}, 122},
	{{.started = true, .status = -1, .cause = REIN_END_WALL_TIME}, 124},
	{{.started = true, .status = -1, .cause = REIN_END_PERSON}, 124},
	{{.started = true, .status = -1, .cause = REIN_END_AUDIT}, 124},
	{{.started = true, .status = -1, .cause = REIN_END_SUPERVISOR}, 124},
	{{.started = true, .status = -1}, 124},
};

Test(outcome, maps_every_end_to_the_promised_exit_code)
{
	for (size_t i = 0; i < REIN_COUNT(table); i++)
		cr_expect_eq(rein_outcome_code(&table[i].outcome), table[i].code, "row %zu", i);
}
