/* SPDX-License-Identifier: GPL-2.0 */
#include "mech/bpf_links.h"

#include <linux/bpf.h>

#include "base/cleanup.h"
#include "mech/bpf_facts.h"
#include "mech/bpf_load_file.h"
#include "mech/bpf_object.h"

static const char *const of_cgroups[] = {
	"rein_connect4", "rein_connect6", "rein_sendmsg4",    "rein_sendmsg6", "rein_bind4",   "rein_bind6",
	"rein_recvmsg4", "rein_recvmsg6", "rein_sock_create", "rein_egress",   "rein_ingress",
};

void rein_links_close(struct rein_links *links)
{
	for (size_t i = 0; i < links->count; i++)
		close(links->items[i]);
	rein_vec_free(links);
}

static int keep(struct rein_links *links, int fd)
{
	REIN_AUTO_FD int owned = fd;
	int *item = owned < 0 ? NULL : rein_vec_add(links);

	if (!item)
		return owned < 0 ? -ENOENT : -ENOMEM;
	*item = rein_take_fd(&owned);
	return 0;
}

static int open_of_cgroups(uint64_t parent_id, struct rein_links *links)
{
	int r = 0;

	for (size_t i = 0; !r && i < REIN_COUNT(of_cgroups); i++)
		r = keep(links, rein_object_open_link(NULL, of_cgroups[i], BPF_LINK_TYPE_CGROUP, parent_id));
	return r;
}

/* Beside them may stand what is no link, such as an iterator. */
static int open_of_files(uint64_t build, struct rein_links *links)
{
	REIN_AUTO_DIR DIR *dir = NULL;
	char folder[64], path[128];
	struct dirent *entry;
	int r = 0;

	rein_bpf_file_folder(build, folder, sizeof(folder));
	snprintf(path, sizeof(path), REIN_PINS "/%s", folder);
	dir = opendir(path);
	if (!dir)
		return -ENOENT;
	while (!r && (entry = readdir(dir))) {
		int fd = entry->d_name[0] == '.'
				 ? -1
				 : rein_object_open_link(folder, entry->d_name, BPF_LINK_TYPE_TRACING, 0);

		if (fd >= 0)
			r = keep(links, fd);
	}
	return r;
}

static int open_all(const struct rein_pins *pins, struct rein_links *links)
{
	int r = open_of_cgroups(pins->config.parent_id, links);

	if (r || pins->facts.flavour == REIN_FILE_NONE)
		return r;
	r = open_of_files(pins->config.build, links);
	return !r && links->count != REIN_COUNT(of_cgroups) + pins->facts.file_links ? -ENOENT : r;
}

int rein_links_open(const struct rein_pins *pins, struct rein_links *ret_links, struct rein_error *err)
{
	struct rein_links links = {0};
	int r = open_all(pins, &links);

	if (r < 0) {
		rein_links_close(&links);
		return rein_fail(err, -r, "not every link of rein's programs is in " REIN_PINS ", and attached");
	}
	*ret_links = links;
	return 0;
}

int rein_links_follow(const struct rein_pins *pins, struct rein_links *links, struct rein_error *err)
{
	struct rein_pins now = {.config = pins->config};
	struct rein_links fresh = {0};
	int r = rein_facts_read(&now.facts);

	if (r < 0)
		return rein_fail(err, -r, "cannot read what is pinned in " REIN_PINS);
	now.config.build = rein_bpf_file_turn();
	r = rein_links_open(&now, &fresh, err);
	if (r < 0)
		return r;
	rein_links_close(links);
	*links = fresh;
	return 0;
}
