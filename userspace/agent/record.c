/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/supervisor.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/breakers.h"
#include "agent/notes.h"
#include "agent/sampler.h"

/* Strings of the outside world need not be UTF-8; what is not becomes readable rather than lost. */
static json_t *text(const char *bytes)
{
	json_t *string = json_string(bytes);

	return string ? string : json_sprintf("(%zu bytes that are not UTF-8)", strlen(bytes));
}

static json_t *command_json(char *const *argv)
{
	json_t *array = json_array();

	for (; *argv; argv++)
		json_array_append_new(array, text(*argv));
	return array;
}

static json_t *start_detail(const struct rein_supervisor *supervisor)
{
	const struct rein_launch *launch = supervisor->run->launch;

	return json_pack("{s:o, s:s, s:s, s:s, s:o, s:i, s:s, s:o}", "command", command_json(supervisor->run->argv),
			 "profile", launch->policy->name, "tier", rein_tier_name(launch->machine->tier), "kernel",
			 launch->machine->kernel, "workspace", text(launch->policy->workspace), "uid",
			 (int)launch->who.uid, "user", launch->who.name ? launch->who.name : "", "plan",
			 rein_plan_json(launch->plan));
}

static void record_degraded(struct rein_supervisor *supervisor)
{
	const struct rein_plan *plan = supervisor->run->launch->plan;

	for (size_t i = 0; i < plan->lines.count; i++) {
		const struct rein_plan_line *line = &plan->lines.items[i];
		struct rein_event event = {
			.kind = REIN_KIND_DEGRADE,
			.op = "start",
			.object = line->what,
			.rule = line->origin,
			.why = line->note,
		};

		if (line->keeping == REIN_DEGRADED)
			rein_agent_emit(&supervisor->agent, &event);
	}
}

int rein_record_start(struct rein_supervisor *supervisor, struct rein_error *err)
{
	json_t *detail = start_detail(supervisor);
	struct rein_event event = {
		.kind = REIN_KIND_START,
		.verdict = REIN_VERDICT_ALLOW,
		.op = "start",
		.object = supervisor->run->argv[0],
		.pid = supervisor->agent.init_pid,
		.why = "A person started this agent under this profile.",
		.detail = detail,
	};
	int r;

	rein_agent_emit(&supervisor->agent, &event);
	json_decref(detail);
	record_degraded(supervisor);
	r = supervisor->agent.sink.flush ? supervisor->agent.sink.flush(supervisor->agent.sink.context, err) : 0;
	if (!r && supervisor->agent.unwritten)
		r = rein_fail(err, EIO, "the audit log cannot be written");
	return r < 0 ? rein_context(err, "the start cannot be recorded, so nothing was started") : 0;
}

static const char *const words_of_cause[] = {
	[REIN_END_ITSELF] = "The agent ended by itself.",	  [REIN_END_BREAKER] = "A breaker ended the agent.",
	[REIN_END_WALL_TIME] = "The agent's wall_time was over.", [REIN_END_PERSON] = "A person ended the agent.",
	[REIN_END_AUDIT] = "The audit could not be written.",	  [REIN_END_SUPERVISOR] = "rein ended the agent.",
};

static json_t *counts_json(const struct rein_agent *agent)
{
	json_t *counts = json_object();

	for (int i = 0; i < REIN_KIND_COUNT; i++)
		if (agent->counts[i])
			json_object_set_new(counts, rein_kind_name((enum rein_kind)i),
					    json_integer((json_int_t)agent->counts[i]));
	return counts;
}

/* What was decided, whether there was room to tell of each or not. */
static json_t *verdicts_json(const struct rein_agent *agent)
{
	const uint64_t *counts = agent->counts;

	return json_pack("{s:I, s:I, s:I, s:I}", "allow",
			 (json_int_t)(counts[REIN_KIND_ALLOW] + counts[REIN_KIND_EXEC]), "ask",
			 (json_int_t)counts[REIN_KIND_ASK], "deny", (json_int_t)agent->denials, "trip",
			 (json_int_t)counts[REIN_KIND_TRIP]);
}

static json_t *end_detail(const struct rein_supervisor *supervisor)
{
	const struct rein_agent *agent = &supervisor->agent;
	const struct rein_outcome *outcome = supervisor->outcome;
	const struct rein_state *state = agent->launch->state;
	json_t *detail = json_pack("{s:i, s:i, s:o, s:o, s:o, s:o, s:I}", "code", rein_outcome_code(outcome), "signal",
				   outcome->status >= 0 && WIFSIGNALED(outcome->status) ? WTERMSIG(outcome->status) : 0,
				   "verdicts", verdicts_json(agent), "counts", counts_json(agent), "meters",
				   rein_meters_json(agent), "breakers", rein_breakers_json(agent), "unwritten",
				   (json_int_t)agent->unwritten);

	json_object_set_new(detail, "notes", rein_notes_json(agent));
	if (agent->sampler)
		json_object_set_new(detail, "peaks", rein_sampler_peaks(agent));
	if (state && state->lost)
		json_object_set_new(detail, "lost_in_kernel", json_integer((json_int_t)state->lost));
	return detail;
}

void rein_record_lost(struct rein_supervisor *supervisor)
{
	uint64_t lost = REIN_LOAD(&supervisor->run->launch->state->lost_denials);
	struct rein_event event = {
		.kind = REIN_KIND_LOST,
		.verdict = REIN_VERDICT_DENY,
		.lost = lost - supervisor->told_lost,
		.why = "Events came faster than they could be taken out of the kernel; this many refusals are only "
		       "counted.",
	};

	if (lost == supervisor->told_lost)
		return;
	supervisor->told_lost = lost;
	rein_agent_emit(&supervisor->agent, &event);
}

void rein_record_end(struct rein_supervisor *supervisor)
{
	struct rein_agent *agent = &supervisor->agent;
	json_t *detail;
	struct rein_event event = {
		.kind = REIN_KIND_END,
		.op = "end",
		.object = supervisor->run->argv[0],
		.pid = agent->init_pid,
		.why = supervisor->outcome->why[0] ? supervisor->outcome->why : words_of_cause[agent->end_cause],
	};

	rein_record_lost(supervisor);
	rein_notes_flush(agent);
	detail = end_detail(supervisor);
	event.detail = detail;
	rein_agent_emit(agent, &event);
	json_decref(detail);
	if (agent->sink.flush)
		agent->sink.flush(agent->sink.context, NULL);
}
