/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REIN_BASE_CLEANUP_H
#define REIN_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Resources are initialised where they are declared and freed when their scope ends. */

static inline void rein_cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void rein_cleanup_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void rein_cleanup_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void rein_cleanup_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define REIN_AUTO_FREE __attribute__((cleanup(rein_cleanup_free)))
#define REIN_AUTO_FD __attribute__((cleanup(rein_cleanup_fd)))
#define REIN_AUTO_FILE __attribute__((cleanup(rein_cleanup_file)))
#define REIN_AUTO_DIR __attribute__((cleanup(rein_cleanup_dir)))

/* Hands a resource on: the variable no longer owns it. */
static inline int rein_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void *rein_take_pointer(void *p)
{
	void *taken = *(void **)p;

	*(void **)p = NULL;
	return taken;
}

#define REIN_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
