/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers, bounds and counts of notes; which note an event stands under. */
#include "agent/notes.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/note.h"
#include "base/cleanup.h"
#include "harness/agents.h"

#define SECOND 1000000000ULL

static struct rein_trial_agent trial;
static uint64_t now;

static void begin(void)
{
	rein_trial_agent_init(&trial);
	rein_trial_agent_start(&trial, false);
	now = 1000 * SECOND;
}

static void finish(void)
{
	rein_notes_close(&trial.agent);
	rein_trial_agent_free(&trial);
}

TestSuite(notes, .init = begin, .fini = finish);

static int add(const char *text, size_t length)
{
	struct rein_note note = {.text = text, .length = length, .pid = 7, .ppid = 6, .comm = "rein"};

	return rein_notes_add(&trial.agent, &note, now);
}

static int say(const char *text)
{
	return add(text, strlen(text));
}

static void happen(uint64_t mono_ns)
{
	rein_agent_emit(&trial.agent, &(struct rein_event){.kind = REIN_KIND_DENY, .op = "x", .mono_ns = mono_ns});
}

static uint64_t last_note(void)
{
	return trial.told[trial.nr_told - 1].note;
}

static json_int_t refused(const char *reason)
{
	json_t *all = rein_notes_json(&trial.agent);
	json_int_t count = json_integer_value(json_object_get(json_object_get(all, "refused"), reason));

	json_decref(all);
	return count;
}

Test(notes, are_numbered_and_recorded)
{
	cr_assert_eq(say("first"), 1);
	cr_assert_eq(say("second"), 2);
	cr_assert_eq(trial.nr_told, 2);
	cr_assert_eq(trial.told[1].kind, REIN_KIND_NOTE);
	cr_assert_str_eq(trial.told[1].object, "second");
	cr_assert_eq(trial.told[1].note, 2);
}

Test(notes, events_carry_the_number_of_the_last_one)
{
	happen(0);
	cr_assert_eq(last_note(), 0);
	say("first");
	happen(0);
	cr_assert_eq(last_note(), 1);
	say("second");
	happen(0);
	cr_assert_eq(last_note(), 2);
}

Test(notes, an_event_that_is_read_late_stands_under_the_note_it_happened_under)
{
	uint64_t first = now, second = now + 10;

	say("first");
	now = second;
	say("second");
	happen(first - 1);
	cr_assert_eq(last_note(), 0);
	happen(first);
	cr_assert_eq(last_note(), 1);
	happen(second - 1);
	cr_assert_eq(last_note(), 1);
	happen(second);
	cr_assert_eq(last_note(), 2);
}

Test(notes, of_what_is_too_long_ago_nothing_is_said)
{
	uint64_t first = now;

	for (int i = 1; i <= 300; i++, now += SECOND) {
		trial.nr_told = 0;
		cr_assert_eq(say("again"), i);
	}
	trial.nr_told = 0;
	happen(first);
	cr_assert_eq(last_note(), 0);
	happen(now - SECOND - 1);
	cr_assert_eq(last_note(), 299);
}

Test(notes, bounds)
{
	static char text[REIN_NOTE_MAX + 1];

	memset(text, 'x', sizeof(text));
	cr_expect_eq(add("", 0), -EINVAL);
	cr_expect_eq(add("a\0b", 3), -EINVAL);
	cr_expect_eq(add(text, sizeof(text)), -EMSGSIZE);
	cr_expect_eq(add(text, sizeof(text) - 1), 1);
	cr_expect_eq(refused("malformed"), 2);
	cr_expect_eq(refused("too_long"), 1);
}

/* In every interval at most a burst and what the rate gives. */
Test(notes, a_flood_is_bounded_and_counted)
{
	int taken = 0, r = 0;

	for (int i = 0; i < 1000; i++)
		taken += (r = say("again")) > 0;
	cr_expect_eq(taken, REIN_NOTES_BURST);
	cr_expect_eq(r, -EAGAIN);
	cr_expect_eq(refused("too_many"), 1000 - REIN_NOTES_BURST);
	now += SECOND;
	for (int i = 0; i < 1000; i++)
		taken += say("again") > 0;
	cr_expect_eq(taken, REIN_NOTES_BURST + REIN_NOTES_RATE);
}

Test(notes, long_ones_count_for_more)
{
	static char text[REIN_NOTE_MAX];
	int taken = 0;

	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 1000; i++)
		taken += add(text, sizeof(text)) > 0;
	cr_assert_eq(taken, REIN_NOTES_BURST / (1 + REIN_NOTE_MAX / REIN_NOTES_UNIT));
}

Test(notes, refused_ones_are_told_once_in_one_line_for_each_reason)
{
	rein_notes_flush(&trial.agent);
	cr_assert_eq(trial.nr_told, 0);
	say("one");
	for (int i = 0; i < 3; i++)
		add("", 0);
	rein_notes_flush(&trial.agent);
	cr_assert_eq(trial.nr_told, 2);
	cr_assert_str_eq(trial.told[1].why, "3 notes were not recorded: empty, or with a NUL byte.");
	cr_assert_eq(trial.told[1].error, EINVAL);
	cr_assert_eq(trial.told[1].note, 1);
	rein_notes_flush(&trial.agent);
	cr_assert_eq(trial.nr_told, 2);
}

static int no_room(void *context, const struct rein_event *event, struct rein_error *err)
{
	return rein_fail(err, ENOSPC, "full");
}

Test(notes, a_note_without_a_line_gets_no_number)
{
	struct rein_sink sink = trial.agent.sink;

	cr_assert_eq(say("one"), 1);
	trial.agent.sink.emit = no_room;
	cr_assert_eq(say("lost"), -ENOSPC);
	trial.agent.sink = sink;
	happen(0);
	cr_assert_eq(last_note(), 1);
	cr_assert_eq(say("two"), 2);
	cr_assert_eq(refused("no_room"), 1);
	trial.nr_told = 0;
	rein_notes_flush(&trial.agent);
	cr_assert_eq(trial.nr_told, 0, "the log owes that count itself");
}
