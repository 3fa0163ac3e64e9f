/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "agent/provoke.h"
#include "agent/relay.h"
#include "agent/terminal.h"
#include "harness/agents.h"

/*
 * The relay between two terminals. The test is the terminal emulator: it holds the master of the outer one. A process
 * in between is rein, with the outer terminal as its own, and runs a command on an inner one.
 */

static struct {
	int outer;  /* what the emulator sees and types */
	pid_t rein; /* the process in between */
	struct termios before;
	char seen[1 << 16];
	size_t nr_seen;
} emulator;

/* What the process in between found out, in memory that both see. */
struct found {
	struct termios after;
	int left_to_read; /* bytes that a shell would now read */
	int status;	  /* of the command */
};
static struct found *found;

static struct rein_trial_agent trial;

static void begin(void)
{
	found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(found, MAP_FAILED);
}

static void end(void)
{
	if (emulator.rein > 0)
		kill(emulator.rein, SIGKILL);
}

TestSuite(terminal, .init = begin, .fini = end, .timeout = 20);

static int stop(struct rein_watch *watch, uint32_t events)
{
	rein_loop_stop(watch->loop);
	return 0;
}

static pid_t run_command(const char *script, int *ret_master)
{
	pid_t pid = forkpty(ret_master, NULL, NULL, NULL);

	if (pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execl("/bin/sh", "sh", "-c", script, NULL);
		_exit(127);
	}
	return pid;
}

/* As rein: all signals blocked, the loop until the command is gone, then everything given back. */
static _Noreturn void relay(const char *script, bool listen)
{
	struct rein_watch ended = {.ready = stop};
	int master, r;
	pid_t command;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	rein_trial_agent_init(&trial);
	command = run_command(script, &master);
	ended.fd = (int)syscall(SYS_pidfd_open, command, 0);
	r = rein_terminal_start(&trial.agent, master, NULL);
	if (!r && listen) /* as when the init tells that the command was stopped while it read */
		rein_terminal_listen(&trial.agent);
	if (!r)
		r = rein_loop_add(&trial.agent.loop, &ended, EPOLLIN, NULL);
	if (!r)
		r = rein_loop_run(&trial.agent.loop);
	waitpid(command, &found->status, 0);
	rein_terminal_close(&trial.agent);
	tcgetattr(0, &found->after);
	ioctl(0, FIONREAD, &found->left_to_read);
	_exit(r < 0);
}

enum how {
	FRONT,
	BACKGROUND,
	ELSEWHERE,	  /* standard output is a file, as in a pipeline */
	ELSEWHERE_LISTEN, /* and the command reads from its terminal all the same */
};

static void start(const char *script, enum how how)
{
	struct winsize size = {.ws_row = 33, .ws_col = 77};
	int slave;

	cr_assert_eq(openpty(&emulator.outer, &slave, NULL, NULL, &size), 0);
	cr_assert_eq(tcgetattr(slave, &emulator.before), 0);
	emulator.rein = fork();
	if (emulator.rein == 0) {
		close(emulator.outer);
		if (login_tty(slave))
			_exit(9);
		if (how >= ELSEWHERE)
			dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 1);
		if (how == BACKGROUND) {
			setpgid(0, 0);
			pid_t shell = fork(); /* stands for the shell in the foreground */

			if (shell == 0) {
				signal(SIGTTOU, SIG_IGN);
				setpgid(0, 0);
				tcsetpgrp(0, getpid());
				for (;;)
					pause();
			}
			while (tcgetpgrp(0) != shell)
				;
		}
		relay(script, how == ELSEWHERE_LISTEN);
	}
	close(slave);
}

static void type(const char *bytes)
{
	cr_assert_eq(write(emulator.outer, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
}

/* Reads until `text` was shown. */
static void await(const char *text)
{
	while (!memmem(emulator.seen, emulator.nr_seen, text, strlen(text))) {
		ssize_t n = read(emulator.outer, emulator.seen + emulator.nr_seen,
				 sizeof(emulator.seen) - emulator.nr_seen);

		cr_assert_gt(n, 0, "the end came before `%s`, after: %.*s", text, (int)emulator.nr_seen, emulator.seen);
		emulator.nr_seen += (size_t)n;
	}
}

static void finish(void)
{
	struct pollfd shown = {.fd = emulator.outer, .events = POLLIN};
	char rest[4096];
	int status;

	/* A terminal whose reader stops reading would keep rein waiting. */
	while (waitpid(emulator.rein, &status, WNOHANG) == 0)
		if (poll(&shown, 1, 20) > 0 && shown.revents & POLLIN && read(emulator.outer, rest, sizeof(rest)) < 0)
			break;
	emulator.rein = 0;
}

Test(terminal, bytes_flow_both_ways_and_the_modes_come_back)
{
	start("stty -echo; echo ready; read x; echo got:$x; exit 7", FRONT);
	await("ready");
	type("hello\r");
	await("got:hello");
	finish();
	cr_assert_eq(WEXITSTATUS(found->status), 7);
	cr_assert_arr_eq(&found->after, &emulator.before, sizeof(found->after));
}

Test(terminal, the_size_is_that_of_the_outer_one)
{
	start("stty size", FRONT);
	await("33 77");
	finish();
}

Test(terminal, control_keys_reach_the_inner_job)
{
	start("trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 1; done", FRONT);
	await("ready");
	type("\003");
	await("caught");
	finish();
	cr_assert_eq(WEXITSTATUS(found->status), 3);
}

Test(terminal, a_flood_arrives_whole)
{
	size_t count = 0;
	char buffer[65536];
	ssize_t n;

	start("stty -opost; head -c 5000000 /dev/zero | tr '\\0' x; printf '\\nend.'", FRONT);
	while ((n = read(emulator.outer, buffer, sizeof(buffer))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			count += buffer[i] == 'x';
		if (memchr(buffer, '.', (size_t)n))
			break;
	}
	cr_assert_eq(count, 5000000);
	finish();
}

/* More than the relay holds is still under way when the command is gone. */
Test(terminal, the_last_words_arrive)
{
	start("stty -opost; head -c 300000 /dev/zero | tr '\\0' x; printf 'end.'", FRONT);
	emulator.nr_seen = 0;
	cr_assert_eq(fcntl(emulator.outer, F_SETFL, O_NONBLOCK), 0);
	for (size_t count = 0; count < 300004;) {
		struct pollfd shown = {.fd = emulator.outer, .events = POLLIN};
		char buffer[1000];
		ssize_t n;

		cr_assert_eq(poll(&shown, 1, 5000), 1, "only %zu bytes came", count);
		n = read(emulator.outer, buffer, sizeof(buffer));
		cr_assert_gt(n, 0, "only %zu bytes came", count);
		count += (size_t)n;
	}
	cr_assert_eq(fcntl(emulator.outer, F_SETFL, 0), 0);
	finish();
}

/* The emulator answers late, when the command is gone, and its answer holds what the agent chose. */
Test(terminal, answers_that_an_agent_provoked_do_not_reach_the_shell)
{
	start("printf '\\033[21t'", FRONT);
	await("\033[21t");
	await("\033[5n");
	type("\033]lrm -rf /\r\033\\");
	type("\033[0n");
	finish();
	cr_assert_eq(found->left_to_read, 0);
	cr_assert_arr_eq(&found->after, &emulator.before, sizeof(found->after));
}

Test(terminal, a_terminal_that_does_not_answer_is_not_waited_for_long)
{
	start("printf '\\033[c'; echo done", FRONT);
	await("done");
	finish();
	cr_assert(WIFEXITED(found->status));
	cr_assert_arr_eq(&found->after, &emulator.before, sizeof(found->after));
}

Test(terminal, plain_output_asks_nothing)
{
	start("printf '\\033[1;31mred\\033[0m\\033]0;title\\007 done'", FRONT);
	await("done");
	finish();
	cr_assert_null(memmem(emulator.seen, emulator.nr_seen, "\033[5n", 4));
}

Test(terminal, a_hang_up_outside_is_one_inside)
{
	start("echo ready; sleep 1000", FRONT);
	await("ready");
	close(emulator.outer);
	cr_assert_eq(waitpid(emulator.rein, NULL, 0), emulator.rein);
	emulator.rein = 0;
	cr_assert(WIFSIGNALED(found->status) && WTERMSIG(found->status) == SIGHUP);
}

Test(terminal, in_the_background_the_keyboard_is_somebody_elses)
{
	start("echo ready; sleep 0.6; echo done", BACKGROUND);
	await("ready");
	type("for the shell\r");
	await("done");
	finish();
	cr_assert_eq(found->left_to_read, (int)strlen("for the shell\r"));
	cr_assert_arr_eq(&found->after, &emulator.before, sizeof(found->after));
}

Test(terminal, with_output_elsewhere_lines_and_their_end_arrive)
{
	start("read x; [ \"$x\" = hello ] || exit 1; cat; exit 9", ELSEWHERE_LISTEN);
	type("hello\r\004");
	finish();
	cr_assert_eq(WEXITSTATUS(found->status), 9, "%x", (unsigned)found->status);
	cr_assert_arr_eq(&found->after, &emulator.before, sizeof(found->after));
}

Test(terminal, with_output_elsewhere_the_keyboard_is_a_pagers_until_the_command_reads)
{
	start("echo to the terminal >&2; sleep 0.3", ELSEWHERE);
	await("to the terminal");
	type("q\r");
	finish();
	cr_assert_eq(found->left_to_read, 2);
	cr_assert_arr_eq(&found->after, &emulator.before, sizeof(found->after));
}

Test(terminal, from_the_background_nothing_is_asked)
{
	start("printf 'a\\033[6n\\005b'; sleep 0.1", BACKGROUND);
	await("b");
	cr_assert_null(memmem(emulator.seen, emulator.nr_seen, "\033", 1));
	cr_assert_not_null(memmem(emulator.seen, emulator.nr_seen, "a?[6n?b", 7));
	finish();
}

static const struct {
	const char *bytes;
	bool asks;
} outputs[] = {
	{"plain text\r\n\t\b\a", false},
	{"gr\xc3\xbc\xc3\x9f\xe2\x82\xac \xf0\x9f\x98\x80", false},
	{"\033[1;38;5;9mcolour\033[m", false},
	{"\033[2J\033[H\033[10;20H\033[K\033[?25l\033[?1049h\033[r", false},
	{"\033(B\033)0\0337\0338\033=\033>\033c\033M", false},
	{"\033]0;title\007\033]2;other\033\\", false},
	{"\005", true},
	{"\033[c", true},
	{"\033[>c", true},
	{"\033[0c", true},
	{"\033[5n", true},
	{"\033[6n", true},
	{"\033[?6n", true},
	{"\033[21t", true},
	{"\033[18t", true},
	{"\033[x", true},
	{"\033[>q", true},
	{"\033[?u", true},
	{"\033[?4m", true},
	{"\033[?2026$p", true},
	{"\033[?1;1;0S", true},
	{"\033Z", true},
	{"\033P$qm\033\\", true},
	{"\033P+q544e\033\\", true},
	{"\033_Gi=1,a=q;\033\\", true},
	{"\033]11;?\007", true},
	{"\033]52;c;?\033\\", true},
	{"\033]0;t\033[c", true},
	{"\033[1\033[c", true},
	{"\033\033[c", true},
	{"\x9b"
	 "c",
	 true},
	{"\xc2\x9b"
	 "c",
	 true},
	{"\033[1\nc", true},
};

Test(terminal, what_a_terminal_may_answer_is_seen_however_it_is_cut)
{
	for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
		const char *bytes = outputs[i].bytes;
		struct rein_provoke whole = {0}, cut = {0};

		rein_provoke_see(&whole, bytes, strlen(bytes));
		for (size_t k = 0; k < strlen(bytes); k++)
			rein_provoke_see(&cut, bytes + k, 1);
		cr_assert_eq(whole.asked, outputs[i].asks, "output %zu", i);
		cr_assert_eq(cut.asked, outputs[i].asks, "output %zu, cut", i);
	}
}

static const struct {
	const char *bytes, *undo, *redo;
} screens[] = {
	{"plain", "", ""},
	{"\033[1mbold", "\030\033[m", ""},
	{"\033[?1049h\033[?25l", "\030\033[m\033[?25h\033[?1049l", "\033[?25l\033[?1049h"},
	{"\033[?1049h\033[?1049l\033[?25l\033[?25h", "\030\033[m", ""},
	{"\033[?1000;1006;2004h", "\030\033[m\033[?1000l\033[?1006l\033[?2004l", "\033[?1000h\033[?1006h\033[?2004h"},
	{"\033]0;swallow", "\030\033[m", ""},
	{"\033[1;", "\030\033[m", ""},
	{"\033P", "\030\033[m", ""},
	{"\033[?1;2;3;4;5;6;7;8;9;1049h", "\030\033[m\033[?1l", "\033[?1h"},
	{"\033[?99999999999999999999;25l", "\030\033[m\033[?25h", "\033[?25l"},
	{"\033[?;25l", "\030\033[m\033[?25h", "\033[?25l"},
	{"\033[25l\033[1049h", "\030\033[m", ""},
};

Test(terminal, what_was_switched_on_is_known)
{
	for (size_t i = 0; i < sizeof(screens) / sizeof(screens[0]); i++) {
		char undo[REIN_PROVOKE_TEXT], redo[REIN_PROVOKE_TEXT];
		struct rein_provoke provoke = {0};

		rein_provoke_see(&provoke, screens[i].bytes, strlen(screens[i].bytes));
		rein_provoke_undo(&provoke, undo);
		rein_provoke_redo(&provoke, redo);
		cr_assert_str_eq(undo, screens[i].undo, "screen %zu: %s", i, undo + 1);
		cr_assert_str_eq(redo, screens[i].redo, "screen %zu: %s", i, redo + 1);
	}
}

Test(terminal, every_mode_at_once_fits)
{
	static const unsigned numbers[] = {1,	 9,    47,   1000, 1002, 1003, 1004, 1005,
					   1006, 1015, 1016, 1047, 1049, 2004, 2026};
	struct rein_provoke provoke = {0};
	char text[REIN_PROVOKE_TEXT];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int n = snprintf(text, sizeof(text), "\033[?%uh", numbers[i]);

		rein_provoke_see(&provoke, text, (size_t)n);
	}
	rein_provoke_see(&provoke, "\033[?25l\033[", 8);
	rein_provoke_undo(&provoke, text);
	cr_assert(strstr(text, "\033[?2026l"));
	cr_assert(strstr(text, "\033[?25h"));
}

Test(terminal, a_killed_full_screen_program_leaves_a_usable_screen)
{
	start("printf '\\033[?1049h\\033[?25lfull screen\\033]0;cut'; kill -9 $$", FRONT);
	await("full screen");
	await("\030\033[m\033[?25h\033[?1049l");
	finish();
}

Test(terminal, a_relay_loses_and_reorders_nothing)
{
	struct rein_relay relay;
	int in[2], out[2];
	unsigned char written = 0, expected = 0, buffer[64];
	unsigned seed = 5;

	cr_assert_eq(rein_relay_open(&relay, 37), 0);
	cr_assert_eq(pipe2(in, O_NONBLOCK | O_CLOEXEC), 0);
	cr_assert_eq(pipe2(out, O_NONBLOCK | O_CLOEXEC), 0);
	for (int i = 0; i < 20000; i++) {
		ssize_t n = rand_r(&seed) % 40;

		for (ssize_t k = 0; k < n; k++)
			buffer[k] = (unsigned char)(written + k);
		n = write(in[1], buffer, (size_t)n);
		written = (unsigned char)(written + (n > 0 ? n : 0));
		rein_relay_fill(&relay, in[0], NULL);
		rein_relay_drain(&relay, out[1], 1 + (size_t)rand_r(&seed) % 9);
		n = read(out[0], buffer, (size_t)rand_r(&seed) % sizeof(buffer));
		for (ssize_t k = 0; k < n; k++)
			cr_assert_eq(buffer[k], expected++);
	}
	rein_relay_close(&relay);
}
