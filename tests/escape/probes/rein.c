/* SPDX-License-Identifier: GPL-2.0 */
/* Reaching rein itself: its log, profile, program, control sockets and keys. */
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LOG probe_path(scene->outside, "../audit.jsonl")
#define PROFILE probe_path(scene->outside, "../profile.yaml")

static int read_log(const struct scene *scene)
{
	return probe_show(open(LOG, O_RDONLY | O_CLOEXEC));
}

static int write_log(const struct scene *scene)
{
	return probe_put(open(LOG, O_WRONLY | O_APPEND | O_CLOEXEC), "{\"kind\":\"forged\"}\n");
}

static int remove_log(const struct scene *scene)
{
	return probe_result(unlink(LOG));
}

static int rewrite_profile(const struct scene *scene)
{
	return probe_put(open(PROFILE, O_WRONLY | O_TRUNC | O_CLOEXEC), PROBE_TOUCHED);
}

static int replace_profile(const struct scene *scene)
{
	const char *own = probe_path(scene->workspace, "own");

	return probe_put(open(own, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), PROBE_TOUCHED)
		       ?: probe_result(rename(own, PROFILE));
}

/* Where rein keeps agents and keys, with root and without. */
static void places(char paths[5][512])
{
	const char *home = getenv("HOME") ?: "/root";

	snprintf(paths[0], 512, "/run/rein");
	snprintf(paths[1], 512, "/var/log/rein");
	snprintf(paths[2], 512, "/run/user/%d/rein", getuid());
	snprintf(paths[3], 512, "/tmp/rein-%d", getuid());
	snprintf(paths[4], 512, "%s/.local/state/rein", home);
}

static int list_state(const struct scene *scene)
{
	char paths[5][512];
	int error = ENOENT;

	places(paths);
	for (int i = 0; i < 5; i++) {
		DIR *folder = opendir(paths[i]);

		while (folder && readdir(folder))
			if (telldir(folder) > 2)
				error = 0;
	}
	return error;
}

static int plant_profile(const struct scene *scene)
{
	const char *home = getenv("HOME") ?: "/root";

	return probe_put(
		open(probe_path(home, ".config/rein/profiles/coding-agent.yaml"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644),
		PROBE_TOUCHED);
}

static int plant_ceiling(const struct scene *scene)
{
	return probe_put(open("/etc/rein/ceiling.yaml", O_WRONLY | O_CREAT | O_CLOEXEC, 0644), PROBE_TOUCHED);
}

static int ask_supervisor(const char *agents)
{
	DIR *folder = opendir(agents);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		struct sockaddr_un to = {.sun_family = AF_UNIX};
		int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

		if (snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s/control", agents, entry->d_name) < 108 &&
		    fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
			return 0;
	}
	return ENOENT;
}

static int control_socket(const struct scene *scene)
{
	char paths[5][512];
	int error = ENOENT;

	places(paths);
	for (int i = 0; error && i < 5; i++)
		error = ask_supervisor(probe_path(paths[i], "agents"));
	return error;
}

const struct probe probes_of_rein[] = {
	{"read-log", read_log},
	{"write-log", write_log},
	{"remove-log", remove_log},
	{"rewrite-profile", rewrite_profile},
	{"replace-profile", replace_profile},
	{"list-state", list_state},
	{"plant-profile", plant_profile},
	{"plant-ceiling", plant_ceiling},
	{"control-socket", control_socket},
	{NULL, NULL},
};
