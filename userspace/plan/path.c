/* SPDX-License-Identifier: GPL-2.0 */
#include "plan/path.h"

#include <string.h>

/* The end sorts first, then the separator, then everything else. */
static unsigned weight(char c)
{
	if (!c)
		return 0;
	return c == '/' ? 1 : (unsigned char)c + 1U;
}

/* The root is the empty path here, so that it is a prefix of all others like any folder. */
static const char *unroot(const char *path)
{
	return path[0] == '/' && !path[1] ? "" : path;
}

int rein_path_compare(const char *a, const char *b)
{
	a = unroot(a);
	b = unroot(b);
	while (*a && *a == *b)
		a++, b++;
	return (int)weight(*a) - (int)weight(*b);
}

bool rein_path_within(const char *path, const char *above)
{
	size_t length;

	above = unroot(above);
	length = strlen(above);
	return !strncmp(path, above, length) && (!path[length] || path[length] == '/');
}

size_t rein_path_next(const char *path, size_t from)
{
	size_t end = from + 1;

	while (path[end] && path[end] != '/')
		end++;
	return end;
}
