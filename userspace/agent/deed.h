/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_DEED_H
#define REIN_AGENT_DEED_H

#include <rein/event.h>

#include "profile/policy.h"

/* What a system call that takes a path wants to do with it, in words. */
struct rein_deed {
	const char *before, *after; /* around the path: "open ", " for reading" */
	enum rein_access wanted;
};

/* Of system call `name`; `amount` is that of the event, with the flags of calls that open. An unknown call wants to
 * read. */
struct rein_deed rein_deed_of(const char *name, uint64_t amount);

#endif
