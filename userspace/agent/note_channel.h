/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_AGENT_NOTE_CHANNEL_H
#define REIN_AGENT_NOTE_CHANNEL_H

#include "agent/verdict.h"

/* The supervisor's side of agent/note.h: descriptors for notes, and what is said through them. */

/* Whether this call is about a note and not one for the policy to judge. Pure. */
bool rein_note_channel_concerns(const struct rein_question *q);
/* Serves such a call; REIN_REPLY_NEVER: it is answered already. Reads only what is there. */
struct rein_verdict_on_call rein_note_channel_serve(struct rein_agent *agent, const struct rein_question *q,
						    int notify_fd);
void rein_note_channel_close(struct rein_agent *agent);

#endif
