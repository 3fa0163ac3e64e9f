/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/hosts_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

static bool parse_ip(const char *text, struct rein_ip *ret_ip)
{
	bool v6 = strchr(text, ':');

	*ret_ip = (struct rein_ip){.family = v6 ? REIN_NET_V6 : REIN_NET_V4};
	return inet_pton(v6 ? AF_INET6 : AF_INET, text, ret_ip->address) == 1;
}

static int take_line(char *line, struct rein_hosts *hosts)
{
	char *rest, *word;
	struct rein_ip ip;
	bool wildcard;

	line[strcspn(line, "#\n")] = '\0';
	word = strtok_r(line, " \t\r", &rest);
	if (!word || !parse_ip(word, &ip))
		return 0;
	while ((word = strtok_r(NULL, " \t\r", &rest))) {
		struct rein_hosts_entry entry = {.ip = ip}, *slot;

		if (rein_hostname_parse(word, entry.name, &wildcard, NULL) < 0 || wildcard)
			continue;
		slot = rein_vec_add(hosts);
		if (!slot)
			return -ENOMEM;
		*slot = entry;
	}
	return 0;
}

int rein_hosts_read(const char *path, struct rein_hosts *ret_hosts)
{
	REIN_AUTO_FILE FILE *file = fopen(path, "re");
	REIN_AUTO_FREE char *line = NULL;
	struct rein_hosts hosts = {0};
	size_t room = 0;
	int r = 0;

	while (file && !r && getline(&line, &room, file) >= 0)
		r = take_line(line, &hosts);
	if (r < 0) {
		rein_vec_free(&hosts);
		return r;
	}
	*ret_hosts = hosts;
	return 0;
}
