/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_CMD_LOGLINE_H
#define REIN_CMD_LOGLINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* One line of a log for people: "14:03:22.125  #12  deny  cat (pid 7) tried to ...". */
void rein_logline_print(FILE *out, const json_t *line);
/* Whether the line is a note, which heads the lines that carry its number. */
bool rein_logline_is_heading(const json_t *line);
/* The same line for scripts: one JSON object in one line. */
void rein_logline_print_json(FILE *out, const json_t *line);
/* Its time as people here read it, "2026-11-22 14:03:22.125"; `with_day` false leaves out the day. Needs 32 bytes. */
void rein_logline_time(const json_t *line, bool with_day, char *ret_text, size_t size);

#endif
