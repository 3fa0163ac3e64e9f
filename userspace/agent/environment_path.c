/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/environment.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/*
 * Whether looking for programs in `folder` can lead anywhere. A folder that is hidden from the agent would be a refusal
 * at every command it starts: noise in the record, and an end of `--fail-on-deny`.
 */
static bool can_be_searched(const struct rein_view *view, const char *folder)
{
	REIN_AUTO_FREE char *real = realpath(folder, NULL);
	const struct rein_place *place;

	if (folder[0] != '/')
		return true; /* relative to wherever the agent is by then */
	place = rein_view_find(view, real ? real : folder);
	return place && place->access;
}

void rein_environment_trim_path(char **envp, const struct rein_view *view)
{
	char *path, *to, *folder, *rest;

	while (*envp && strncmp(*envp, "PATH=", 5))
		envp++;
	if (!*envp)
		return;
	path = to = *envp + 5;
	rest = path;
	while ((folder = strsep(&rest, ":"))) {
		size_t length = strlen(folder);

		if (!can_be_searched(view, folder))
			continue;
		if (to != path)
			*to++ = ':';
		memmove(to, folder, length);
		to += length;
	}
	*to = '\0';
}
