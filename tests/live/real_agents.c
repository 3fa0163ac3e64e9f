/* SPDX-License-Identifier: GPL-2.0 */
/* Two agents that npm carries start under coding-agent, answer, and read their configuration. */
#include "harness/harness.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char profile[] = "rein: 1\n"
			      "name: real-agent\n"
			      "description: coding-agent with the folder where the agents were installed.\n"
			      "extends: [coding-agent]\n"
			      "filesystem:\n"
			      "  read: [$BUILD/agents]\n"
			      "  execute: [$BUILD/agents]\n";

/* How each is asked, and what of its answer to look for. */
static const struct {
	const char *program, *arguments, *answer;
} questions[] = {
	{"codex", "--version", "codex"},       {"codex", "--help", "Usage: codex"},
	{"codex", "mcp list", "reinprobe"},    {"claude", "--version", "Claude Code"},
	{"claude", "--help", "Usage: claude"}, {"claude", "mcp get reinprobe", "reinprobe"},
};

static void configure(const struct trial *trial)
{
	const struct job_options options = {.other_user = trial->uid != geteuid(), .directory = trial->workspace};
	OUTCOME made = run_program((const char *const[]){"mkdir", "codex-home", "claude-home", NULL}, &options);

	cr_assert_eq(made.code, 0, "%s", made.err);
	trial_write(trial, "ws/codex-home/config.toml", "[mcp_servers.reinprobe]\ncommand = \"true\"\n", 0644);
	trial_write(trial, "ws/claude-home/.claude.json",
		    "{\"mcpServers\":{\"reinprobe\":{\"type\":\"stdio\",\"command\":\"true\",\"args\":[]}}}\n", 0644);
}

static void answers(struct trial trial, size_t i)
{
	char codex_home[256], claude_home[256], script[1024];
	const char *environment[] = {codex_home, claude_home, NULL};
	const struct job_options options = {.environment = environment};
	struct job job;
	OUTCOME outcome = {0};

	trial_profile(&trial, profile);
	configure(&trial);
	snprintf(codex_home, sizeof(codex_home), "CODEX_HOME=%s/codex-home", trial.workspace);
	snprintf(claude_home, sizeof(claude_home), "CLAUDE_CONFIG_DIR=%s/claude-home", trial.workspace);
	snprintf(script, sizeof(script), "%s/agents/node_modules/.bin/%s %s", harness_build(), questions[i].program,
		 questions[i].arguments);
	job = trial_start_command(&trial, "", (const char *const[]){"/bin/sh", "-c", script, NULL}, &options);
	outcome = job_finish(&job);
	cr_expect_eq(outcome.code, 0, "%s %s: exit code %d; %s%s", questions[i].program, questions[i].arguments,
		     outcome.code, outcome.out, outcome.err);
	cr_expect(strstr(outcome.out, questions[i].answer) != NULL, "%s %s answers: %s%s", questions[i].program,
		  questions[i].arguments, outcome.out, outcome.err);
}

static void need_agents(void)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/agents/installed", harness_build());
	if (access(path, F_OK))
		harness_skip("real agents (they could not be installed)");
}

Test(real_agents, answer_and_read_their_configuration, .timeout = 240)
{
	need_agents();
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		TRIAL trial = trial_open();

		answers(trial, i);
	}
}

Test(real_agents, as_uid_0, .timeout = 240)
{
	if (!harness_root())
		harness_skip("real agents with uid 0 (this is not root)");
	need_agents();
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		TRIAL trial = trial_open_own();

		answers(trial, i);
	}
}
