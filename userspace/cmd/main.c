/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/commands.h"

#define EXIT_MISUSED 2

/* A descriptor 0, 1 or 2 that is closed would be given to the next file opened, and what is written for people would
 * land in it. /dev/null opened for reading keeps the place, and a write to it still fails. */
static int hold_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			return -1;
	return 0;
}

/* What was printed and could not be written is a failure of the command, as a full disk is. */
static int finish(int code)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	rein_say("cannot write to standard output: %s", strerror(errno ? errno : EIO));
	return code ? code : 1;
}

static int unknown(const char *name)
{
	const struct rein_cmd *near = rein_commands_near(name);

	if (near)
		rein_say("there is no command \"%s\"; did you mean `rein %s`?", name, near->name);
	else
		rein_say("there is no command \"%s\"; `rein help` lists them", name);
	return EXIT_MISUSED;
}

static int version(void)
{
	printf("rein %s\n", REIN_VERSION);
	return 0;
}

static int dispatch(int argc, char **argv)
{
	char *help[] = {(char *)"help", NULL};
	const struct rein_cmd *command;

	if (argc < 2) {
		rein_cmd_help(1, help);
		return EXIT_MISUSED;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return rein_cmd_help(1, help);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return version();
	command = rein_commands_find(argv[1]);
	return command ? command->main(argc - 1, argv + 1) : unknown(argv[1]);
}

int main(int argc, char **argv)
{
	if (hold_standard_descriptors())
		return REIN_EXIT_NOT_STARTED;
	return finish(dispatch(argc, argv));
}
