/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AUDIT_CHECK_H
#define REIN_AUDIT_CHECK_H

#include <stdio.h>

#include "audit/audit.h"
#include "audit/head.h"

/*
 * Reads a log from its beginning, checks it against its head (NULL: none is known) and leaves the chain at its end.
 * *ret_open_line: the last line has no newline. Returns 0 if whole, -EBADMSG if not (ret_verdict says where), -EIO and
 * so on if it cannot be read.
 */
int rein_check_log(FILE *log, const struct rein_head_facts *head, struct rein_chain *ret_chain, bool *ret_open_line,
		   struct rein_audit_verdict *ret_verdict, struct rein_error *err);

#endif
