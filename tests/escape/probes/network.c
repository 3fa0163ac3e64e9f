/* SPDX-License-Identifier: GPL-2.0 */
/* Talking to whom is not declared. Somebody listens at each of these addresses and notes what arrives. */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static union address v4(uint16_t port)
{
	return (union address){
		.v4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
}

static union address v6(uint16_t port)
{
	return (union address){
		.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT}};
}

/* 127.0.0.1 written as ::ffff:127.0.0.1 */
static union address mapped(uint16_t port)
{
	union address address = v6(port);

	inet_pton(AF_INET6, "::ffff:127.0.0.1", &address.v6.sin6_addr);
	return address;
}

static socklen_t size_of(const union address *to)
{
	return to->any.sa_family == AF_INET ? sizeof(to->v4) : sizeof(to->v6);
}

static int connect_to(int fd, union address to)
{
	if (fd < 0)
		return errno;
	if (connect(fd, &to.any, size_of(&to)))
		return errno;
	return probe_put(fd, PROBE_TOUCHED);
}

static int send_to(int fd, union address to, int flags)
{
	if (fd < 0)
		return errno;
	return probe_result(sendto(fd, PROBE_TOUCHED, 8, flags, &to.any, size_of(&to)));
}

static int tcp(const struct scene *scene)
{
	return connect_to(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), v4(scene->tcp));
}

static int tcp6(const struct scene *scene)
{
	return connect_to(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), v6(scene->tcp6));
}

static int tcp_mapped(const struct scene *scene)
{
	return connect_to(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), mapped(scene->tcp));
}

static int tcp_nonblocking(const struct scene *scene)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	union address to = v4(scene->tcp);
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t size = sizeof(error);

	if (connect(fd, &to.any, size_of(&to)) && errno != EINPROGRESS)
		return errno;
	poll(&poll_fd, 1, 500);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error ?: probe_put(fd, PROBE_TOUCHED);
}

static int tcp_fast_open(const struct scene *scene)
{
	return send_to(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), v4(scene->tcp), MSG_FASTOPEN);
}

static int tcp_fast_open_connect(const struct scene *scene)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on));
	return connect_to(fd, v4(scene->tcp));
}

static int multipath(const struct scene *scene)
{
	return connect_to(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP), v4(scene->tcp));
}

static int udp(const struct scene *scene)
{
	return send_to(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), v4(scene->udp), 0);
}

static int udp6(const struct scene *scene)
{
	return send_to(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), v6(scene->udp6), 0);
}

static int udp_mapped(const struct scene *scene)
{
	return send_to(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), mapped(scene->udp), 0);
}

static int udp_connected(const struct scene *scene)
{
	return connect_to(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), v4(scene->udp));
}

/* Connected to somebody harmless, then to another with sendto: a check at connect alone walks past this. */
static int udp_connected_elsewhere(const struct scene *scene)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	union address here = v4(0);

	if (fd < 0 || bind(fd, &here.any, sizeof(here.v4)))
		return errno;
	if (connect(fd, &here.any, sizeof(here.v4)) && errno != EINVAL)
		return send_to(fd, v4(scene->udp), 0);
	return send_to(fd, v4(scene->udp), 0);
}

static int udp_message(const struct scene *scene)
{
	union address to = v4(scene->udp);
	struct iovec text = {(char *)PROBE_TOUCHED, 8};
	struct msghdr message = {.msg_name = &to, .msg_namelen = sizeof(to.v4), .msg_iov = &text, .msg_iovlen = 1};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno : probe_result(sendmsg(fd, &message, 0));
}

static int udp_many_messages(const struct scene *scene)
{
	union address to = v4(scene->udp);
	struct iovec text = {(char *)PROBE_TOUCHED, 8};
	struct mmsghdr messages[2] = {
		{.msg_hdr = {.msg_name = &to, .msg_namelen = sizeof(to.v4), .msg_iov = &text, .msg_iovlen = 1}},
		{.msg_hdr = {.msg_name = &to, .msg_namelen = sizeof(to.v4), .msg_iov = &text, .msg_iovlen = 1}},
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno : probe_result(sendmmsg(fd, messages, 2, 0));
}

static int udp_lite(const struct scene *scene)
{
	return probe_result(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDPLITE));
}

/* A whole packet by hand. */
static int raw_ip(const struct scene *scene)
{
	struct {
		struct iphdr ip;
		struct udphdr udp;
		char text[8];
	} packet = {
		.ip = {.version = 4,
		       .ihl = 5,
		       .ttl = 9,
		       .protocol = IPPROTO_UDP,
		       .daddr = htonl(INADDR_LOOPBACK),
		       .saddr = htonl(INADDR_LOOPBACK),
		       .tot_len = htons(sizeof(packet))},
		.udp = {.dest = htons(scene->udp),
			.source = htons(9),
			.len = htons(sizeof(packet) - sizeof(struct iphdr))},
		.text = "touched",
	};
	union address to = v4(0);
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	return fd < 0 ? errno : probe_result(sendto(fd, &packet, sizeof(packet), 0, &to.any, sizeof(to.v4)));
}

static int raw_packet(const struct scene *scene)
{
	return probe_result(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
}

static int ping(const struct scene *scene)
{
	return probe_result(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
}

/* Families with histories of holes, which no tool of an agent needs. */
static int odd_families(const struct scene *scene)
{
	static const int families[] = {AF_VSOCK, AF_ALG, AF_KEY, AF_CAN,    AF_TIPC,	  AF_RDS,
				       AF_X25,	 AF_IB,	 AF_XDP, AF_NETROM, AF_BLUETOOTH, AF_PPPOX};
	int error = EACCES;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++)
			if (socket(families[i], type | SOCK_CLOEXEC, 0) >= 0)
				error = 0;
	return error;
}

/* A route away from the declared world. */
static int add_route(const struct scene *scene)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
		struct rtattr attribute;
		uint32_t gateway;
		struct nlmsghdr reply;
		struct nlmsgerr error;
	} message = {
		.header = {.nlmsg_len = 36,
			   .nlmsg_type = RTM_NEWROUTE,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK},
		.route = {.rtm_family = AF_INET,
			  .rtm_dst_len = 32,
			  .rtm_table = RT_TABLE_MAIN,
			  .rtm_protocol = RTPROT_STATIC,
			  .rtm_scope = RT_SCOPE_UNIVERSE,
			  .rtm_type = RTN_BLACKHOLE},
		.attribute = {.rta_len = 8, .rta_type = RTA_DST},
		.gateway = 0xfe0200c0, /* 192.0.2.254, an address of examples */
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || send(fd, &message, 36, 0) < 0 ||
	    recv(fd, &message.reply, sizeof(message.reply) + sizeof(message.error), 0) < 0)
		return errno;
	return -message.error.error;
}

const struct probe probes_of_network[] = {
	{"tcp", tcp},
	{"tcp6", tcp6},
	{"tcp-mapped", tcp_mapped},
	{"tcp-nonblocking", tcp_nonblocking},
	{"tcp-fast-open", tcp_fast_open},
	{"tcp-fast-open-connect", tcp_fast_open_connect},
	{"multipath", multipath},
	{"udp", udp},
	{"udp6", udp6},
	{"udp-mapped", udp_mapped},
	{"udp-connected", udp_connected},
	{"udp-connected-elsewhere", udp_connected_elsewhere},
	{"udp-message", udp_message},
	{"udp-many-messages", udp_many_messages},
	{"udp-lite", udp_lite},
	{"raw-ip", raw_ip},
	{"raw-packet", raw_packet},
	{"ping", ping},
	{"odd-families", odd_families},
	{"add-route", add_route},
	{NULL, NULL},
};
