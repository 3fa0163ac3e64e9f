/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CMD_UTTER_H
#define REIN_CMD_UTTER_H

#include <stddef.h>

/* Writes to stderr: waits until it takes all, or, after rein_say_attend, for nobody. */
void rein_utter(const char *bytes, size_t count);

#endif
