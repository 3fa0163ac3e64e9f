/* SPDX-License-Identifier: GPL-2.0 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "harness/caged.h"
#include "harness/harness.h"
#include "harness/sockets.h"
#include "mech/names.h"

/* Addresses that names brought, as bpf-net judges them: a new connection by the clock, one that was made not. */

struct scene {
	struct caged caged;
	struct rein_names *names;
	int server[2]; /* TCP, UDP */
	uint16_t port[2];
	int go[2], done[2]; /* pipes to and from the cage */
};

static const struct rein_ip here = {REIN_NET_V4, {127, 0, 0, 1}};

static void allow_host(struct caged *caged, uint8_t protocol, uint16_t port)
{
	struct rein_host_rule *rule = rein_vec_add(&caged->policy.hosts);

	*rule = (struct rein_host_rule){.origin = {.file = "p.yaml", .line = 1, .text = "host"},
					.verdict = REIN_VERDICT_ALLOW,
					.name = "a.test",
					.protocol = protocol,
					.port_low = port,
					.port_high = port};
}

static void scene_open(struct scene *scene)
{
	caged_open(&scene->caged);
	scene->server[0] = open_server(SOCK_STREAM, "127.0.0.1", &scene->port[0]);
	scene->server[1] = open_server(SOCK_DGRAM, "127.0.0.1", &scene->port[1]);
	allow_host(&scene->caged, IPPROTO_TCP, scene->port[0]);
	allow_host(&scene->caged, IPPROTO_UDP, scene->port[1]);
	scene->caged.plan.names = true;
	caged_start(&scene->caged, true, false);
	scene->names = rein_names_new(&scene->caged.policy, scene->caged.launch.names_fd);
	cr_assert_not_null(scene->names);
	scene->caged.launch.state->name_port = 1; /* nobody asks here; that there is one turns names on */
	cr_assert_eq(pipe(scene->go), 0);
	cr_assert_eq(pipe(scene->done), 0);
}

static void scene_close(struct scene *scene)
{
	rein_names_free(scene->names);
	caged_stop(&scene->caged);
	rein_vec_free(&scene->caged.policy.hosts);
}

static int open_to(int type, uint16_t port)
{
	union address to = address_of("127.0.0.1", port);
	int fd = socket(AF_INET, type, 0);

	return connect(fd, &to.any, sizeof(to.v4)) ? -errno : fd;
}

/* As if the time were over. */
static void expire(const struct scene *scene, uint8_t protocol)
{
	struct rein_named_key key = {.family = REIN_NET_V4, .protocol = protocol};
	struct rein_named_entry entry;
	int map = scene->caged.launch.names_fd;

	memcpy(key.address, here.address, sizeof(key.address));
	cr_assert_eq(bpf_map_lookup_elem(map, &key, &entry), 0);
	for (size_t i = 0; i < REIN_NAMED_RANGES; i++)
		entry.ranges[i].until_ns = entry.ranges[i].until_ns ? 1 : 0;
	cr_assert_eq(bpf_map_update_elem(map, &key, &entry, BPF_EXIST), 0);
}

static bool passes(int fd)
{
	return send(fd, "x", 1, MSG_NOSIGNAL) == 1;
}

/* Returns a number that says where it failed, 0 if nowhere. */
static int connect_and_go_on(void *argument)
{
	const struct scene *scene = argument;
	union address to = address_of("127.0.0.1", scene->port[1]);
	int stream = open_to(SOCK_STREAM, scene->port[0]), loose = socket(AF_INET, SOCK_DGRAM, 0),
	    datagram = open_to(SOCK_DGRAM, scene->port[1]);
	char byte;

	if (stream < 0 || datagram < 0 || sendto(loose, "x", 1, 0, &to.any, sizeof(to.v4)) != 1)
		return 1;
	if (write(scene->done[1], "c", 1) != 1 || read(scene->go[0], &byte, 1) != 1)
		return 2;
	if (!passes(stream) || !passes(datagram) || sendto(loose, "x", 1, 0, &to.any, sizeof(to.v4)) != 1)
		return 3;
	if (open_to(SOCK_STREAM, scene->port[0]) != -EPERM)
		return 4;
	if (open_to(SOCK_DGRAM, scene->port[1]) != -EPERM)
		return 5;
	return 0;
}

Test(bpf_names, expiry_stops_new_connections_and_cuts_none)
{
	struct scene scene;
	char byte, text[8];
	pid_t child;
	int peer;

	scene_open(&scene);
	cr_assert_eq(rein_names_bring(scene.names, "a.test", &here, REIN_NAMES_FOR_EVER, caged_now_ns()), 0);
	child = caged_fork(&scene.caged);
	if (!child)
		_exit(connect_and_go_on(&scene));
	cr_assert_eq(read(scene.done[0], &byte, 1), 1);
	peer = accept(scene.server[0], NULL, NULL);
	expire(&scene, IPPROTO_TCP);
	expire(&scene, IPPROTO_UDP);
	cr_assert_eq(write(scene.go[1], "g", 1), 1);
	cr_expect_eq(read(peer, text, sizeof(text)), 1);
	cr_expect_eq(caged_wait(child), 0);
	close(peer);
	scene_close(&scene);
}

static int try_both(void *argument)
{
	const struct scene *scene = argument;

	return (open_to(SOCK_STREAM, scene->port[0]) >= 0) + 2 * (open_to(SOCK_DGRAM, scene->port[1]) >= 0);
}

Test(bpf_names, only_what_a_name_brought_is_open)
{
	struct scene scene;

	scene_open(&scene);
	cr_expect_eq(caged_run(&scene.caged, try_both, &scene), 0);
	cr_expect_eq(rein_names_bring(scene.names, "b.test", &here, REIN_NAMES_FOR_EVER, caged_now_ns()), -EACCES);
	cr_expect_eq(caged_run(&scene.caged, try_both, &scene), 0);
	cr_expect_eq(rein_names_bring(scene.names, "a.test", &here, REIN_NAMES_FOR_EVER, caged_now_ns()), 0);
	cr_expect_eq(caged_run(&scene.caged, try_both, &scene), 3);
	scene_close(&scene);
}
