/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_BASE_HURRY_H
#define REIN_BASE_HURRY_H

/*
 * Between the two, a call that waits (of one thread, on a descriptor that others share and that must therefore stay
 * blocking) is interrupted after `us` microseconds, and again until the end: it returns what it has done so far, or
 * fails with EINTR. Takes SIGALRM and the interval timer for that time. Not nested.
 */
#define REIN_HURRY_US 2000 /* for who has something to do that may take a moment */
void rein_hurry_begin(long us);
void rein_hurry_end(void);

#endif
