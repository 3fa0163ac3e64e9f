/* SPDX-License-Identifier: GPL-2.0 */
#include "profile/path.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Control characters, those of Unicode's second block (UTF-8 C2 80 to C2 9F) too. */
static bool has_control(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	for (; *p; p++)
		if (*p < ' ' || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
			return true;
	return false;
}

int rein_path_clean(char *path, struct rein_error *err)
{
	char *from = path, *to = path;

	if (path[0] != '/')
		return rein_fail(err, EINVAL, "\"%.200s\" is not an absolute path%s", path,
				 path[0] == '~' ? "; write $HOME for the home folder"
						: "; begin it with / or a variable such as $WORKSPACE");
	if (has_control(path))
		return rein_fail(err, EINVAL, "the path holds a control character or a line break");
	while (*from) {
		size_t length;

		from += strspn(from, "/");
		length = strcspn(from, "/");
		if (length == 2 && from[0] == '.' && from[1] == '.')
			return rein_fail(err, EINVAL, "\"..\" is not allowed in a path; write where it leads");
		if (length && !(length == 1 && from[0] == '.')) {
			*to++ = '/';
			memmove(to, from, length);
			to += length;
		}
		from += length;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
	return to - path < PATH_MAX ? 0
				    : rein_fail(err, ENAMETOOLONG, "the path is longer than %d bytes", PATH_MAX - 1);
}

bool rein_path_contains(const char *outer, const char *inner)
{
	size_t length = strlen(outer);

	if (length == 1)
		return true;
	return strncmp(outer, inner, length) == 0 && (inner[length] == '\0' || inner[length] == '/');
}

char *rein_path_real(const char *path)
{
	REIN_AUTO_FREE char *head = strdup(path);
	char resolved[PATH_MAX], *slash, *real;
	const char *tail;

	if (!head)
		return NULL;
	while (!realpath(head, resolved)) {
		if (errno != ENOENT && errno != ENOTDIR)
			return NULL;
		slash = strrchr(head, '/');
		if (!slash)
			return NULL;
		slash[slash == head] = '\0';
	}
	/* What follows the part that exists; a dangling link counts as not existing, and whoever opens it finds
	 * nothing. */
	tail = strcmp(head, "/") == 0 ? path + 1 : path + strlen(head) + (path[strlen(head)] == '/');
	if (asprintf(&real, "%s%s%s", strcmp(resolved, "/") == 0 ? "" : resolved,
		     *tail || strcmp(resolved, "/") == 0 ? "/" : "", tail) < 0)
		return NULL;
	return real;
}
