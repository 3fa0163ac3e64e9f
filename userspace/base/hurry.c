/* SPDX-License-Identifier: GPL-2.0 */
#include "base/hurry.h"

#include <signal.h>
#include <stddef.h>
#include <sys/time.h>

static struct sigaction action_before;
static sigset_t mask_before;

static void interrupt(int signal)
{
	(void)signal; /* that it came is all */
}

/* It repeats, so that one which comes just before the call does no harm. */
static void tick(suseconds_t every)
{
	const struct itimerval timer = {.it_interval = {.tv_usec = every}, .it_value = {.tv_usec = every}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

void rein_hurry_begin(long us)
{
	const struct sigaction action = {.sa_handler = interrupt};
	sigset_t alarm;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigaction(SIGALRM, &action, &action_before);
	sigprocmask(SIG_UNBLOCK, &alarm, &mask_before);
	tick(us);
}

/* The last one may be pending when the mask returns; ignoring it for a moment forgets it. */
void rein_hurry_end(void)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	tick(0);
	sigaction(SIGALRM, &ignore, NULL);
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
	sigaction(SIGALRM, &action_before, NULL);
}
