/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/notes.h"

#include <rein/breaker.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/note.h"
#include "base/cleanup.h"

/* More than a burst: by the time one is forgotten, the rings have long been read. */
#define HISTORY 256
_Static_assert(HISTORY > REIN_NOTES_BURST, "an event is read before that many notes have followed it");

enum refusal { MALFORMED, TOO_LONG, TOO_MANY, NO_ROOM, REFUSALS };

static const struct {
	int code;
	const char *name, *why;
} refusals[REFUSALS] = {
	[MALFORMED] = {EINVAL, "malformed", "empty, or with a NUL byte"},
	[TOO_LONG] = {EMSGSIZE, "too_long", "longer than 4096 bytes"},
	[TOO_MANY] = {EAGAIN, "too_many", "more than are taken in a time"},
	[NO_ROOM] = {ENOSPC, "no_room", "no room in the audit log"},
};

struct rein_notes {
	uint64_t number;	    /* of the last one; 0: none */
	uint64_t heard_ns[HISTORY]; /* of number N at N % HISTORY */
	struct rein_bucket bucket;
	uint64_t refused[REFUSALS], told[REFUSALS]; /* in all, and as far as the record has it */
};

static const struct rein_limit pace = {
	.step_ns = 1000000000ULL / REIN_NOTES_RATE,
	.burst = REIN_NOTES_BURST,
	.tolerance_ns = REIN_NOTES_BURST * (1000000000ULL / REIN_NOTES_RATE),
};

static struct rein_notes *notes_of(struct rein_agent *agent)
{
	if (!agent->notes)
		agent->notes = calloc(1, sizeof(*agent->notes));
	return agent->notes;
}

static int refuse(struct rein_notes *notes, enum refusal refusal)
{
	notes->refused[refusal]++;
	return -refusals[refusal].code;
}

static int judge(struct rein_notes *notes, const struct rein_note *note, uint64_t now_ns)
{
	if (!note->length || memchr(note->text, '\0', note->length))
		return refuse(notes, MALFORMED);
	if (note->length > REIN_NOTE_MAX)
		return refuse(notes, TOO_LONG);
	if (!rein_bucket_advance(&pace, &notes->bucket, 1 + note->length / REIN_NOTES_UNIT, now_ns))
		return refuse(notes, TOO_MANY);
	return 0;
}

/* A number stands for a line: a note that has none must not be what later events refer to. */
static int record(struct rein_agent *agent, const struct rein_note *note, const char *text, uint64_t now_ns)
{
	struct rein_notes *notes = agent->notes;
	uint64_t unwritten = agent->unwritten;
	struct rein_event event = {
		.kind = REIN_KIND_NOTE,
		.mono_ns = now_ns,
		.note = notes->number + 1,
		.pid = note->pid,
		.ppid = note->ppid,
		.comm = note->comm,
		.op = "note",
		.object = text,
		.mechanism = REIN_MECH_BROKER,
		.why = "The agent says that it is about to do this. It is a claim: nothing checks it, and it permits "
		       "nothing.",
	};

	rein_agent_emit(agent, &event);
	if (agent->unwritten != unwritten) {
		notes->told[NO_ROOM]++; /* the log owes it itself */
		return refuse(notes, NO_ROOM);
	}
	notes->heard_ns[++notes->number % HISTORY] = now_ns;
	return (int)notes->number;
}

int rein_notes_add(struct rein_agent *agent, const struct rein_note *note, uint64_t now_ns)
{
	struct rein_notes *notes = notes_of(agent);
	REIN_AUTO_FREE char *text = NULL;
	int r;

	if (!notes)
		return -ENOMEM;
	r = judge(notes, note, now_ns);
	if (r < 0) {
		rein_agent_owe_flush(agent); /* the count is written with it */
		return r;
	}
	text = strndup(note->text, note->length);
	return text ? record(agent, note, text, now_ns) : -ENOMEM;
}

uint64_t rein_notes_at(const struct rein_notes *notes, uint64_t mono_ns)
{
	uint64_t number = notes ? notes->number : 0, oldest = number > HISTORY ? number - HISTORY : 0;

	while (mono_ns && number > oldest && notes->heard_ns[number % HISTORY] > mono_ns)
		number--;
	return number > oldest ? number : 0;
}

static void tell(struct rein_agent *agent, enum refusal refusal, uint64_t count)
{
	char why[128];
	struct rein_event event = {
		.kind = REIN_KIND_NOTE,
		.op = "note",
		.mechanism = REIN_MECH_BROKER,
		.why = why,
		.error = refusals[refusal].code,
		.lost = count,
	};

	snprintf(why, sizeof(why), "%llu note%s not recorded: %s.", (unsigned long long)count,
		 count == 1 ? " was" : "s were", refusals[refusal].why);
	rein_agent_emit(agent, &event);
}

void rein_notes_flush(struct rein_agent *agent)
{
	struct rein_notes *notes = agent->notes;

	for (int i = 0; notes && i < REFUSALS; i++) {
		uint64_t count = notes->refused[i] - notes->told[i];

		notes->told[i] = notes->refused[i];
		if (count)
			tell(agent, (enum refusal)i, count);
	}
}

json_t *rein_notes_json(const struct rein_agent *agent)
{
	const struct rein_notes *notes = agent->notes;
	json_t *refused = json_object();

	for (int i = 0; notes && i < REFUSALS; i++)
		if (notes->refused[i])
			json_object_set_new(refused, refusals[i].name, json_integer((json_int_t)notes->refused[i]));
	return json_pack("{s:I, s:o}", "recorded", (json_int_t)(notes ? notes->number : 0), "refused", refused);
}

void rein_notes_close(struct rein_agent *agent)
{
	free(agent->notes);
	agent->notes = NULL;
}
