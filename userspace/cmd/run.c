/* SPDX-License-Identifier: GPL-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/environment.h"
#include "agent/registry.h"
#include "agent/supervise.h"
#include "audit/audit.h"
#include "audit/report.h"
#include "base/cleanup.h"
#include "cmd/aftermath.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/setup.h"
#include "plan/path.h"

static const struct rein_usage usage = {
	.takes = REIN_OPTION_PROFILE | REIN_OPTION_WORKSPACE | REIN_OPTION_USER | REIN_OPTION_AUDIT |
		 REIN_OPTION_REPORT | REIN_OPTION_CI | REIN_OPTION_DEGRADE | REIN_OPTION_FAIL_ON_DENY,
	.min_arguments = 1,
	.max_arguments = -1,
	.arguments = "COMMAND [ARGUMENT...]",
	.command = true,
	.misuse = REIN_EXIT_NOT_STARTED,
};

/* Everything that one run owns, so that one function lets go of it all in the right order. */
struct run {
	struct rein_options options;
	struct rein_setup setup;
	struct rein_registration registration;
	bool registered;
	struct rein_audit *audit;
	struct rein_sink to_audit;
	struct rein_report *report;
	bool said_full;
	char audit_path[PATH_MAX];
	char **environment;
	struct rein_launch launch;
	bool prepared;
	struct rein_outcome outcome;
};

/* What a person at the terminal must hear at once; the rest is for `rein log`. */
static bool is_urgent(const struct rein_event *event)
{
	return event->kind == REIN_KIND_TRIP || event->kind == REIN_KIND_DEGRADE ||
	       (event->kind == REIN_KIND_STATE && event->verdict == REIN_VERDICT_DENY);
}

static void say_event(const struct run *run, const struct rein_event *event)
{
	if (event->kind == REIN_KIND_DEGRADE && event->rule && event->rule->file)
		rein_say("%s: started without \"%s\" (%s:%d): %s", run->registration.id, event->object,
			 event->rule->file, event->rule->line, event->why);
	else
		rein_say("%s: %s", run->registration.id, event->why);
}

/* Once: a full disk refuses every line. */
static void say_full(struct run *run, const struct rein_error *err)
{
	bool strict = run->setup.policy->audit == REIN_AUDIT_STRICT;

	if (run->said_full)
		return;
	run->said_full = true;
	rein_say("%s: %s%s", run->registration.id, err->text,
		 !strict	   ? "; what is left out is counted"
		 : run->options.ci ? "; the profile says `audit: strict`, so the agent is ended"
				   : "; the profile says `audit: strict`, so the agent is frozen until there is room");
}

static int take_event(void *context, const struct rein_event *event, struct rein_error *err)
{
	struct run *run = context;
	int r;

	if (event->kind == REIN_KIND_END)
		rein_aftermath_report(&run->setup.plan, event->note,
				      &(struct rein_sink){.emit = take_event, .context = context});
	if (is_urgent(event) && event->why)
		say_event(run, event);
	if (run->report)
		rein_report_take(run->report, event);
	r = run->to_audit.emit(run->to_audit.context, event, err);
	if (r < 0)
		say_full(run, err);
	return r;
}

static int flush_events(void *context, struct rein_error *err)
{
	struct run *run = context;

	return run->to_audit.flush(run->to_audit.context, err);
}

static int open_audit(struct run *run, struct rein_error *err)
{
	struct rein_audit_options options = {
		.path = run->options.audit,
		.state_dir = run->setup.places.state,
		.agent = run->registration.id,
		.workspace = run->options.audit ? run->setup.workspace : NULL,
	};
	int r;

	if (!options.path) {
		snprintf(run->audit_path, sizeof(run->audit_path), "%s/audit/%s.jsonl", run->setup.places.state,
			 run->registration.id);
		options.path = run->audit_path;
	}
	r = rein_audit_open(&options, &run->audit, err);
	if (r < 0)
		return rein_context(err, "nothing was started, since its record could not be kept");
	run->to_audit = rein_audit_sink(run->audit);
	return 0;
}

/* Without BPF the breakers' state is this process's own page; with it, prepare replaces it by the mapped slot. */
static int make_state(struct rein_launch *launch, struct rein_error *err)
{
	void *page = mmap(NULL, sizeof(*launch->state), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return rein_fail_errno(err, "cannot get memory for the breakers");
	launch->state = page;
	launch->state->abi = REIN_ABI;
	return 0;
}

/* Where the command starts: the workspace, or the root for a profile that does not show it. */
static const char *directory_of(const struct run *run)
{
	const struct rein_view *view = &run->setup.plan.view;
	const char *workspace = run->setup.policy->workspace;
	const struct rein_place *place = rein_view_find(view, workspace);

	for (size_t i = 0; i < view->places.count; i++)
		if (view->places.items[i].access && rein_path_within(view->places.items[i].path, workspace))
			return workspace; /* something in it is there, so it can be entered */
	return place && place->access ? workspace : "/";
}

static int prepare_launch(struct run *run, struct rein_error *err)
{
	struct rein_launch *launch = &run->launch;
	int r;

	*launch = (struct rein_launch){
		.id = run->registration.id,
		.policy = run->setup.policy,
		.plan = &run->setup.plan,
		.machine = &run->setup.machine,
		.who = run->setup.who,
		.directory = directory_of(run),
		.privileged = run->setup.machine.privileged,
		.slot = -1,
		.cgroup_fd = -1,
		.ring_fd = -1,
		.names_fd = -1,
		.host_cgroup_parent_fd = -1,
		.notify_fd = -1,
	};
	r = make_state(launch, err);
	if (!r)
		r = rein_environment_build(run->setup.policy, environ, &launch->who, &run->environment, err);
	if (!r) {
		rein_environment_trim_path(run->environment, &run->setup.plan.view);
		r = rein_mechanisms_prepare(launch, err);
	}
	run->prepared = !r;
	return r;
}

/* Before anything can be refused, so that a script never reads the report of an earlier run. */
static int load(struct run *run, struct rein_error *err)
{
	int loaded = rein_setup_load(&run->options, &run->setup, err), opened = 0;

	if (run->options.report && run->setup.workspace)
		opened = rein_report_open(run->options.report, run->setup.workspace, &run->report, loaded ? NULL : err);
	return loaded ? loaded : opened;
}

static int set_up(struct run *run, struct rein_error *err)
{
	int r = load(run, err);

	if (!r)
		r = rein_setup_plan(&run->options, false, &run->setup, err);
	if (!r && run->setup.plan.refused)
		r = rein_plan_refusal(&run->setup.plan, err);
	if (!r) {
		r = rein_registry_enter(&run->setup.places, run->setup.policy->name, &run->registration, err);
		run->registered = !r;
	}
	if (!r && run->report)
		r = rein_report_name(run->report, run->registration.id, err);
	if (!r)
		r = open_audit(run, err);
	return r ? r : prepare_launch(run, err);
}

static void write_report(struct run *run, int code, const char *why)
{
	struct rein_error err;

	if (run->report && rein_report_close(run->report, code, why, &err) < 0)
		rein_say_error(&err, 0);
	run->report = NULL;
}

static void take_down(struct run *run, int code, const char *why)
{
	if (run->prepared)
		rein_mechanisms_release(&run->launch);
	write_report(run, code, why);
	if (run->audit)
		rein_audit_close(run->audit);
	if (run->registered)
		rein_registry_leave(&run->registration);
	rein_environment_free(run->environment);
	rein_setup_free(&run->setup);
}

static void say_denials(const struct run *run)
{
	unsigned long long denials = run->outcome.denials;

	if (denials)
		rein_say("%s: %llu %s refused; `rein log %s` shows each with its reason%s", run->registration.id,
			 denials, denials == 1 ? "operation was" : "operations were",
			 run->options.audit ? run->options.audit : run->registration.id,
			 run->setup.plan.trace_denials ? "" : " (refused paths are not among them: that takes root)");
}

static void say_outcome(const struct run *run)
{
	const struct rein_outcome *outcome = &run->outcome;

	if (outcome->why[0])
		rein_say("%s", outcome->why);
	say_denials(run);
	if (outcome->unwritten)
		rein_say("%s: %llu events could not be written to the audit log", run->registration.id,
			 (unsigned long long)outcome->unwritten);
}

static int exit_code(const struct run *run)
{
	int code = rein_outcome_code(&run->outcome);

	if (code == 0 && run->options.fail_on_deny && run->outcome.denials)
		return REIN_EXIT_DENIED;
	return code;
}

/* From the first call on, what is said waits for nobody. */
static void attend(void *context, struct rein_loop *loop)
{
	(void)context;
	rein_say_attend(loop);
}

static int supervise(struct run *run, struct rein_error *err)
{
	const struct rein_run what = {
		.launch = &run->launch,
		.sink = {.emit = take_event, .flush = flush_events, .context = run},
		.attend = attend,
		.argv = run->options.arguments,
		.envp = run->environment,
		.directory = run->registration.directory,
		.starter = run->setup.starter,
		.ci = run->options.ci,
	};

	return rein_supervise(&what, &run->outcome, err);
}

int rein_cmd_run(int argc, char **argv)
{
	struct rein_error err = {0};
	struct run run = {0};
	int code, r;

	if (!rein_options_read(argc, argv, &usage, &run.options, &code))
		return code;
	r = set_up(&run, &err);
	if (!r)
		r = supervise(&run, &err);
	if (!r) {
		say_outcome(&run);
		code = exit_code(&run);
	} else {
		code = rein_say_error(&err, run.outcome.started ? REIN_EXIT_ENDED : REIN_EXIT_NOT_STARTED);
	}
	take_down(&run, code, r ? err.text : NULL);
	rein_say_finish();
	return code;
}
