/* SPDX-License-Identifier: GPL-2.0 */
/* A person at a terminal: a confined shell and a full-screen program work as they do without rein. */
#include "harness/pty.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static const char plain[] = "rein: 1\n"
			    "name: plain\n"
			    "description: A shell at a terminal.\n"
			    "extends: [base]\n"
			    "filesystem:\n"
			    "  write: [$WORKSPACE, $TMPDIR]\n"
			    "environment: {set: {PS1: \"READY> \"}}\n";

static struct pty start(const struct trial *trial, const char *const command[])
{
	const char *argv[32] = {harness_rein(), "run",	      "-p", trial->profile, "-w", trial->workspace,
				"--audit",	trial->audit, "--"};
	size_t n = 9;

	trial_profile(trial, plain);
	for (size_t i = 0; command[i]; i++)
		argv[n++] = command[i];
	return pty_start(argv, trial->workspace, 30, 100);
}

static struct pty start_bash(const struct trial *trial)
{
	struct pty pty = start(trial, (const char *const[]){"/bin/bash", "--norc", "--noprofile", "-i", NULL});

	pty_expect(&pty, "READY> ");
	return pty;
}

Test(terminal, a_shell_talks, .timeout = 60)
{
	TRIAL trial = trial_open();
	struct pty pty = start_bash(&trial);

	pty_type(&pty, "echo $((6*7)); tty; test -t 0 && test -t 1 && echo both\r");
	pty_expect(&pty, "42\r\n");
	pty_expect(&pty, "/dev/pts/");
	pty_expect(&pty, "both\r\n");
	pty_type(&pty, "exit 5\r");
	cr_assert_eq(pty_finish(&pty), 5);
}

Test(terminal, window_size_follows, .timeout = 60)
{
	TRIAL trial = trial_open();
	struct pty pty = start_bash(&trial);

	pty_type(&pty, "stty size\r");
	pty_expect(&pty, "30 100");
	pty_type(&pty, "sh -c 'trap \"echo now; stty size; exit\" WINCH; echo u\"\"p; while :; do sleep 0.05; done'\r");
	pty_expect(&pty, "up\r\n");
	pty_resize(&pty, 17, 71);
	pty_expect(&pty, "now\r\n17 71");
	pty_type(&pty, "exit 0\r");
	cr_assert_eq(pty_finish(&pty), 0);
}

/* What is typed before bash has handed the terminal over means something else: each step waits for the job's own word.
 */
Test(terminal, job_control_works, .timeout = 60)
{
	TRIAL trial = trial_open();
	struct pty pty = start_bash(&trial);

	pty_type(&pty,
		 "sh -c 'trap \"echo go; echo on\" CONT; echo u\"\"p; while :; do read x && echo got $x; done'\r");
	pty_expect(&pty, "up\r\n");
	pty_type(&pty, "one\r");
	pty_expect(&pty, "got one\r\n");
	pty_type(&pty, "\032");
	pty_expect(&pty, "Stopped");
	pty_expect(&pty, "READY> ");
	pty_type(&pty, "jobs\r");
	pty_expect(&pty, "Stopped");
	pty_expect(&pty, "READY> ");
	pty_type(&pty, "fg\r");
	pty_expect(&pty, "go\r\non\r\n");
	pty_type(&pty, "two\r");
	pty_expect(&pty, "got two\r\n");
	pty_type(&pty, "\003");
	pty_expect(&pty, "READY> ");
	pty_type(&pty, "sleep 600 &\r");
	pty_expect(&pty, "[1]");
	pty_type(&pty, "kill %1; wait; echo over\r");
	pty_expect(&pty, "over\r\n");
	pty_type(&pty, "exit 3\r");
	cr_assert_eq(pty_finish(&pty), 3);
}

/* ^C ends the foreground program, not rein; ^D ends the shell. */
/* The command stops itself in order to have rein stopped, and leaves something behind that would go on meanwhile. */
#define TICKS                                                                                       \
	"(while :; do echo x >>ticks; sleep 0.05; done) & until [ -s ticks ]; do sleep 0.1; done; " \
	"kill -STOP $$; echo ba\"\"ck; kill $!"

Test(terminal, nothing_goes_on_while_rein_is_stopped, .timeout = 60)
{
	TRIAL trial = trial_open();
	const char *const shell[] = {"/bin/bash", "--norc", "--noprofile", "-i", NULL};
	struct pty pty = pty_start(shell, trial.workspace, 30, 100);
	char line[1024];

	trial_profile(&trial, plain);
	snprintf(line, sizeof(line), "%s run -p %s -- sh -c '%s'\r", harness_rein(), trial.profile, TICKS);
	pty_type(&pty, line);
	pty_expect(&pty, "Stopped");
	pty_type(&pty, "for i in 1 2 3 4 5 6 7 8 9; do a=$(wc -c <ticks); sleep 1; [ $a = $(wc -c <ticks) ] && "
		       "echo st\"\"ill && break; done\r");
	pty_expect(&pty, "still\r\n");
	pty_type(&pty, "fg; exit 7\r");
	pty_expect(&pty, "back\r\n");
	cr_assert_eq(pty_finish(&pty), 7);
}

Test(terminal, keys_go_to_the_agent, .timeout = 60)
{
	TRIAL trial = trial_open();
	struct pty pty = start_bash(&trial);

	pty_type(&pty, "sh -c 'echo u\"\"p; exec sleep 600'\r");
	pty_expect(&pty, "up\r\n");
	pty_type(&pty, "\003");
	pty_expect(&pty, "READY> ");
	pty_type(&pty, "echo code $?\r");
	pty_expect(&pty, "code 130");
	pty_expect(&pty, "READY> ");
	pty_type(&pty, "\004");
	cr_assert_eq(pty_finish(&pty), 0);
}

/* less takes the whole screen, in raw mode, and gives it back. */
Test(terminal, full_screen_program, .timeout = 60)
{
	TRIAL trial = trial_open();
	struct pty pty = start_bash(&trial);

	if (access("/usr/bin/less", X_OK) != 0)
		harness_skip("a full-screen program (no less)");
	pty_type(&pty, "seq 500 >n; less n\r");
	pty_expect(&pty, "\r\n29");
	pty_type(&pty, "G");
	pty_expect(&pty, "500");
	pty_type(&pty, "q");
	pty_expect(&pty, "READY> ");
	pty_type(&pty, "exit\r");
	cr_assert_eq(pty_finish(&pty), 0);
}

/* The agent's terminal is not the outer one: what it pushes into its own input never reaches the person's shell. */
Test(terminal, nothing_is_typed_outside, .timeout = 60)
{
	TRIAL trial = trial_open();
	char inner[1024];
	struct pty pty;

	trial_profile(&trial, plain);
	trial_write(&trial, "ws/push.py",
		    "import fcntl, termios\n"
		    "for key in 'touch FORGED\\n':\n"
		    "    try:\n"
		    "        fcntl.ioctl(0, termios.TIOCSTI, key)\n"
		    "    except OSError as error:\n"
		    "        print('refused', error.errno)\n"
		    "        break\n",
		    0644);
	snprintf(inner, sizeof(inner), "%s run -p %s -w %s --audit %s -- /usr/bin/python3 push.py; echo ov''er\r",
		 harness_rein(), trial.profile, trial.workspace, trial.audit);
	pty = pty_start((const char *const[]){"/bin/sh", "-i", NULL}, trial.root, 30, 200);
	pty_type(&pty, inner);
	pty_expect(&pty, "refused");
	pty_expect(&pty, "over\r\n");
	pty_type(&pty, "exit 0\r");
	cr_assert_eq(pty_finish(&pty), 0);
	snprintf(inner, sizeof(inner), "%s/FORGED", trial.root);
	cr_assert(access(inner, F_OK) != 0, "the agent typed into the outer terminal");
}

/* The terminal is as it was before, after any kind of end. */
Test(terminal, modes_are_restored, .timeout = 60)
{
	TRIAL trial = trial_open();
	struct pty pty = start(&trial, (const char *const[]){"/bin/sh", "-c", "stty raw -echo; kill -KILL $$", NULL});
	struct termios before, after;
	int slave = -1;

	cr_assert(ioctl(pty.master, TIOCGPTPEER, 0) >= 0);
	slave = ioctl(pty.master, TIOCGPTPEER, 0);
	cr_assert(tcgetattr(slave, &before) == 0);
	cr_assert(waitpid(pty.pid, NULL, 0) == pty.pid);
	cr_assert(tcgetattr(slave, &after) == 0);
	cr_assert(after.c_lflag & ICANON && after.c_lflag & ECHO, "left raw");
	close(slave);
}
