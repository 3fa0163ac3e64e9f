/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_INHERITED_H
#define REIN_AGENT_INHERITED_H

#include <sys/types.h>

#include "base/error.h"

/*
 * Standard input, output and error that the agent inherits. An open descriptor is beyond any view of the file system:
 * through one of a folder everything beneath is reached, and through one of a file, opened for reading only, its mode,
 * times and attributes are changed. So the former are refused, and of the latter the agent gets a pipe with the content
 * as its standard input, fed by a process outside. The pipe belongs to `uid`, so that /dev/stdin can be opened.
 * *ret_feeder is that process, or -1; it dies with the caller.
 */
int rein_inherited_prepare(uid_t uid, pid_t *ret_feeder, struct rein_error *err);
/* Ends the feeder, if there is one. */
void rein_inherited_close(pid_t feeder);

#endif
