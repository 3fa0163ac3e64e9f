/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/commands.h"
#include "cmd/page.h"
#include "cmd/print.h"
#include "cmd/setup.h"

static int list(FILE *out)
{
	struct rein_table table = {.headings = (const char *const[]){"COMMAND", "", NULL}, .indent = 2};

	fprintf(out, "rein confines AI agents: `rein run -- COMMAND` starts one that can do what its profile\n"
		     "declares and nothing else, and stops it when it does too much, too fast.\n\n");
	for (const struct rein_cmd *command = rein_commands; command->name; command++) {
		rein_table_add(&table, REIN_COLOUR_BOLD, command->name);
		rein_table_add(&table, REIN_COLOUR_PLAIN, command->summary);
	}
	rein_table_print(&table, out);
	fprintf(out, "\n`rein help COMMAND` opens its manual page, `rein help profile` the language of profiles.\n");
	return 0;
}

/* What help shows besides the commands' own pages. */
static const struct {
	const char *name, *page;
	int section;
} topics[] = {
	{"rein", "rein", 1},
	{"profile", "rein-profile", 5},
};

/* The page beside the installed program, or in the tree that it was built in. The caller frees it; NULL: neither. */
static char *find_page(const char *page, int section)
{
	REIN_AUTO_FREE char *folder = rein_setup_program_folder();
	char *path = NULL;

	if (folder && asprintf(&path, "%s/../share/man/man%d/%s.%d", folder, section, page, section) < 0)
		return NULL;
	if (path && access(path, R_OK) == 0)
		return path;
	free(path);
	path = NULL;
	if (folder && asprintf(&path, "%s/../doc/man/%s.%d", folder, page, section) < 0)
		return NULL;
	if (path && access(path, R_OK) == 0)
		return path;
	free(path);
	return NULL;
}

/* True if `man` has shown the page. */
static bool show_with_man(const char *path)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execlp("man", "man", path, (char *)NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int show(const char *name, int section)
{
	REIN_AUTO_FREE char *path = find_page(name, section);
	REIN_AUTO_FILE FILE *page = NULL;

	if (path && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && show_with_man(path))
		return 0;
	page = path ? fopen(path, "re") : NULL;
	if (!page) {
		rein_say("the manual page %s(%d) is not installed", name, section);
		return 1;
	}
	rein_page_print(page, stdout);
	return 0;
}

static int show_command(const char *command)
{
	char name[64];

	snprintf(name, sizeof(name), "rein-%s", command);
	return show(name, 1);
}

int rein_cmd_help(int argc, char **argv)
{
	if (argc <= 1)
		return list(stdout);
	if (argc > 2) {
		rein_say("`rein help` takes one COMMAND; \"%s\" is too much", argv[2]);
		return 2;
	}
	for (size_t i = 0; i < REIN_COUNT(topics); i++)
		if (!strcmp(argv[1], topics[i].name))
			return show(topics[i].page, topics[i].section);
	if (rein_commands_find(argv[1]))
		return show_command(argv[1]);
	rein_say("there is no command \"%s\"; `rein help` lists them", argv[1]);
	return 2;
}
