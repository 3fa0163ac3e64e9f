/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CMD_AFTERMATH_H
#define REIN_CMD_AFTERMATH_H

#include "agent/event.h"

/*
 * After the agent's end: looks for what the profile wanted kept out, could not hold because it was not there
 * (`if_missing: skip`), and is there now. Says each to the sink, under the number of
 * the agent's last note; returns how many there are. A person reviews them
 * before their own tools run what is in them.
 */
size_t rein_aftermath_report(const struct rein_plan *plan, uint64_t note, const struct rein_sink *sink);

#endif
