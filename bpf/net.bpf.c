/* SPDX-License-Identifier: GPL-2.0 */

/*
 * bpf-net: whom an agent talks to and how much. Attached once, to the parent of all agents' cgroups, so that only
 * agents' sockets come here; one that belongs to no known agent is refused. The socket hooks refuse early, with an
 * error that a program understands; the packet hooks decide for good, whatever way a packet was made.
 */

#include "meter.bpf.h"
#include "named.bpf.h"
#include "packet.bpf.h"

#define REFUSE 0
#define PASS 1

/* Datagram peers of one agent: whom it has sent to (a new one is a connection), and who wrote to a port that it listens
 * on (and may be answered). The kernel forgets the oldest. */
struct peer {
	struct endpoint far;
	__u16 near_port; /* 0: the agent sent first */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, REIN_SLOTS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_LRU_HASH);
			__uint(max_entries, 1024);
			__uint(key_size, sizeof(struct peer));
			__uint(value_size, 1);
		});
} rein_net_peers SEC(".maps");

static __always_inline void peer_fill(struct peer *peer, const struct endpoint *far, __u16 near_port)
{
	__builtin_memset(peer, 0, sizeof(*peer));
	__builtin_memcpy(&peer->far, far, sizeof(*far));
	peer->near_port = near_port;
}

static __noinline int peer_known(struct rein_state *state, const struct endpoint *far, __u16 near_port)
{
	__u32 slot = state->slot;
	struct peer peer;
	void *peers;

	peers = bpf_map_lookup_elem(&rein_net_peers, &slot);
	if (!peers)
		return 0;
	peer_fill(&peer, far, near_port);
	return !!bpf_map_lookup_elem(peers, &peer);
}

static __noinline int peer_remember(struct rein_state *state, const struct endpoint *far, __u16 near_port)
{
	__u32 slot = state->slot;
	struct peer peer;
	__u8 one = 1;
	void *peers;

	peers = bpf_map_lookup_elem(&rein_net_peers, &slot);
	if (!peers)
		return 0;
	peer_fill(&peer, far, near_port);
	bpf_map_update_elem(peers, &peer, &one, BPF_ANY);
	return 0;
}

static __always_inline struct rein_state *current_agent(void)
{
	return agent_of(bpf_get_current_ancestor_cgroup_id(rein_level));
}

/* While latched to freeze or kill nothing goes in or out; a throttled agent keeps its connections alive. */
static __always_inline int stopped(struct rein_state *state)
{
	return REIN_LOAD(&state->latch) > REIN_ON_TRIP_DENY;
}

static __always_inline void event_endpoint(struct rein_raw_event *event, const struct endpoint *end, __u8 op)
{
	event->net_op = op;
	event->family = end->key.family;
	event->protocol = end->key.protocol;
	event->port = end->port;
	__builtin_memcpy(event->address, end->key.address, sizeof(event->address));
	event->error = -EPERM;
}

static __always_inline void event_task(struct rein_raw_event *event)
{
	event->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
}

/* Refused by the policy, in the refused process's own call. */
static __noinline int refuse_call(struct rein_state *state, const struct endpoint *end, __u8 op)
{
	struct rein_raw_event *event;

	__sync_fetch_and_add(&state->denials, 1);
	event = event_begin(state, REIN_EVENT_DENY_NET);
	if (!event)
		return REFUSE;
	event_endpoint(event, end, op);
	event_task(event);
	bpf_ringbuf_submit(event, 0);
	return REFUSE;
}

/* The same for a packet: the current task may be anybody, so nobody is named. */
static __noinline int refuse_packet(struct rein_state *state, const struct endpoint *end, __u8 op)
{
	struct rein_raw_event *event;

	__sync_fetch_and_add(&state->denials, 1);
	event = event_begin(state, REIN_EVENT_DENY_NET);
	if (!event)
		return REFUSE;
	event_endpoint(event, end, op);
	bpf_ringbuf_submit(event, 0);
	return REFUSE;
}

static __noinline int charge_call(struct rein_state *state, const struct endpoint *end, __u8 op)
{
	int charged = charge(state, REIN_METER_NET_CONNECTS, 1);
	struct rein_raw_event *event;

	if (charged == CHARGE_PASSED)
		return PASS;
	trip(state, charged);
	event = trip_event(state, charged, REIN_METER_NET_CONNECTS, 1);
	if (!event)
		return REFUSE;
	event_endpoint(event, end, op);
	event_task(event);
	bpf_ringbuf_submit(event, 0);
	return REFUSE;
}

static __noinline int charge_packet(struct rein_state *state, const struct endpoint *end, __u8 op, __u32 meter, __u64 n)
{
	int charged = charge(state, meter, n);
	struct rein_raw_event *event;

	if (charged == CHARGE_PASSED)
		return PASS;
	trip(state, charged);
	event = trip_event(state, charged, meter, n);
	if (!event)
		return REFUSE;
	event_endpoint(event, end, op);
	bpf_ringbuf_submit(event, 0);
	return REFUSE;
}

/* A new connection: what a name brought counts for its time only. */
static __noinline int may_connect(struct rein_state *state, const struct endpoint *to)
{
	return allowed(state, to, REIN_NET_CONNECT) || named(state, to, bpf_ktime_get_ns());
}

/* One that was made. */
static __noinline int may_go_on(struct rein_state *state, const struct endpoint *with)
{
	return allowed(state, with, REIN_NET_CONNECT) || named(state, with, 0) || is_name_server(state, with);
}

/* The agent that asks about a name by this; NULL: nobody does. What is stopped or unknown is refused like the rest. */
static __always_inline struct rein_state *asks_name(const struct endpoint *to)
{
	struct rein_state *state;

	if (to->port != DNS_PORT)
		return NULL;
	state = current_agent();
	return state && (state->flags & REIN_STATE_NET) && state->name_port && !stopped(state) ? state : NULL;
}

static __always_inline int decide_connect(const struct endpoint *to)
{
	struct rein_state *state = current_agent();

	if (!state)
		return REFUSE;
	if (!(state->flags & REIN_STATE_NET))
		return PASS;
	if (stopped(state) || !may_connect(state, to))
		return refuse_call(state, to, REIN_NET_OP_CONNECT);
	/* A connected datagram socket makes its peer known, so that a sendto() there is not a second connection. */
	if (to->key.protocol == IPPROTO_UDP)
		peer_remember(state, to, 0);
	return charge_call(state, to, REIN_NET_OP_CONNECT);
}

static __always_inline int decide_send(const struct endpoint *to, __u16 near_port)
{
	struct rein_state *state = current_agent();

	if (!state)
		return REFUSE;
	if (!(state->flags & REIN_STATE_NET))
		return PASS;
	if (stopped(state))
		return refuse_call(state, to, REIN_NET_OP_SEND);
	/* An answer from a port that it listens on; the packet hook looks at that port once more. */
	if (near_port && peer_known(state, to, near_port))
		return PASS;
	if (peer_known(state, to, 0) && may_go_on(state, to))
		return PASS;
	if (!may_connect(state, to))
		return refuse_call(state, to, REIN_NET_OP_SEND);
	if (charge_call(state, to, REIN_NET_OP_SEND) == REFUSE)
		return REFUSE;
	peer_remember(state, to, 0);
	return PASS;
}

/* Port 0 lets the kernel choose, as clients do: nothing from outside reaches such a port, the packet hook sees to it.
 */
static __always_inline int decide_bind(const struct endpoint *at)
{
	struct rein_state *state = current_agent();

	if (!state)
		return REFUSE;
	if (!(state->flags & REIN_STATE_NET) || !at->port)
		return PASS;
	if (!allowed(state, at, REIN_NET_LISTEN))
		return refuse_call(state, at, REIN_NET_OP_BIND);
	return PASS;
}

static __always_inline void user_v4(struct bpf_sock_addr *ctx, struct endpoint *end)
{
	endpoint_v4(end, ctx->user_ip4, bpf_ntohs(ctx->user_port), ctx->protocol);
}

static __always_inline void user_v6(struct bpf_sock_addr *ctx, struct endpoint *end)
{
	__u32 address[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};

	endpoint_v6(end, address, bpf_ntohs(ctx->user_port), ctx->protocol);
}

static __always_inline __u16 near_port(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	return sk ? sk->src_port : 0;
}

SEC("cgroup/connect4")
int rein_connect4(struct bpf_sock_addr *ctx)
{
	struct rein_state *state;
	struct endpoint to;

	user_v4(ctx, &to);
	state = asks_name(&to);
	if (state) {
		redirect_v4(ctx, state);
		return PASS;
	}
	return decide_connect(&to);
}

SEC("cgroup/connect6")
int rein_connect6(struct bpf_sock_addr *ctx)
{
	struct rein_state *state;
	struct endpoint to;

	user_v6(ctx, &to);
	state = asks_name(&to);
	if (state) {
		redirect_v6(ctx, state);
		return PASS;
	}
	return decide_connect(&to);
}

SEC("cgroup/sendmsg4")
int rein_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct rein_state *state;
	struct endpoint to;

	user_v4(ctx, &to);
	state = asks_name(&to);
	if (state) {
		redirect_v4(ctx, state);
		return PASS;
	}
	return decide_send(&to, near_port(ctx));
}

SEC("cgroup/sendmsg6")
int rein_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct rein_state *state;
	struct endpoint to;

	user_v6(ctx, &to);
	state = asks_name(&to);
	if (state) {
		redirect_v6(ctx, state);
		return PASS;
	}
	return decide_send(&to, near_port(ctx));
}

/* Whoever asked a server and checks who answers sees that server. These programs only ever pass. */
SEC("cgroup/recvmsg4")
int rein_recvmsg4(struct bpf_sock_addr *ctx)
{
	struct rein_state *state = current_agent();
	struct endpoint from;
	struct asked *asked;

	user_v4(ctx, &from);
	if (!state || !is_name_server(state, &from))
		return PASS;
	asked = asked_of(ctx);
	if (asked) {
		ctx->user_ip4 = asked->address[3];
		ctx->user_port = bpf_htons(DNS_PORT);
	}
	return PASS;
}

SEC("cgroup/recvmsg6")
int rein_recvmsg6(struct bpf_sock_addr *ctx)
{
	struct rein_state *state = current_agent();
	struct endpoint from;
	struct asked *asked;

	user_v6(ctx, &from);
	if (!state || !is_name_server(state, &from))
		return PASS;
	asked = asked_of(ctx);
	if (asked) {
		ctx->user_ip6[0] = asked->address[0];
		ctx->user_ip6[1] = asked->address[1];
		ctx->user_ip6[2] = asked->address[2];
		ctx->user_ip6[3] = asked->address[3];
		ctx->user_port = bpf_htons(DNS_PORT);
	}
	return PASS;
}

SEC("cgroup/bind4")
int rein_bind4(struct bpf_sock_addr *ctx)
{
	struct endpoint at;

	user_v4(ctx, &at);
	return decide_bind(&at);
}

SEC("cgroup/bind6")
int rein_bind6(struct bpf_sock_addr *ctx)
{
	struct endpoint at;

	user_v6(ctx, &at);
	return decide_bind(&at);
}

static __noinline int refuse_socket(struct rein_state *state, __u32 family, __u32 type, __u32 protocol)
{
	struct rein_raw_event *event;

	__sync_fetch_and_add(&state->denials, 1);
	event = event_begin(state, REIN_EVENT_DENY_NET);
	if (!event)
		return REFUSE;
	event->net_op = REIN_NET_OP_SOCKET;
	event->nr = family << 16 | (type & 0xff) << 8 | (protocol & 0xff);
	event->protocol = protocol;
	event->error = -EPERM;
	event_task(event);
	bpf_ringbuf_submit(event, 0);
	return REFUSE;
}

/* TCP and UDP can be judged by the packet; raw, ping, SCTP, MPTCP and whatever comes next cannot. */
SEC("cgroup/sock_create")
int rein_sock_create(struct bpf_sock *ctx)
{
	struct rein_state *state = current_agent();
	__u32 family = ctx->family, type = ctx->type, protocol = ctx->protocol;

	if (!state)
		return REFUSE;
	if (!(state->flags & REIN_STATE_NET))
		return PASS;
	if (family == AF_INET || family == AF_INET6) {
		if (type == SOCK_STREAM && protocol == IPPROTO_TCP)
			return PASS;
		if (type == SOCK_DGRAM && protocol == IPPROTO_UDP)
			return PASS;
	}
	return refuse_socket(state, family, type, protocol);
}

/* What leaves goes to whom the agent may connect to, or answers from a port that it may listen on. */
static __always_inline int egress_allowed(struct rein_state *state, const struct packet *packet)
{
	if (may_go_on(state, &packet->destination))
		return 1;
	if (!allowed(state, &packet->source, REIN_NET_LISTEN))
		return 0;
	return packet->protocol == IPPROTO_TCP || peer_known(state, &packet->destination, packet->source.port);
}

/* The mirror image. A datagram for a port that it listens on earns its sender an answer. */
static __always_inline int ingress_allowed(struct rein_state *state, const struct packet *packet)
{
	if (may_go_on(state, &packet->source))
		return 1;
	if (!allowed(state, &packet->destination, REIN_NET_LISTEN))
		return 0;
	if (packet->protocol == IPPROTO_UDP)
		peer_remember(state, &packet->source, packet->destination.port);
	return 1;
}

SEC("cgroup_skb/egress")
int rein_egress(struct __sk_buff *skb)
{
	struct rein_state *state = agent_of(bpf_skb_ancestor_cgroup_id(skb, rein_level));
	struct packet packet = {};

	if (!state)
		return REFUSE;
	if (!(state->flags & REIN_STATE_NET))
		return PASS;
	if (stopped(state))
		return REFUSE;
	if (!packet_read(skb, &packet) || !egress_allowed(state, &packet))
		return refuse_packet(state, &packet.destination, REIN_NET_OP_EGRESS);
	if (packet.destination.port == DNS_PORT && packet.data &&
	    charge_packet(state, &packet.destination, REIN_NET_OP_EGRESS, REIN_METER_NET_DNS_QUERIES, 1) == REFUSE)
		return REFUSE;
	return charge_packet(state, &packet.destination, REIN_NET_OP_EGRESS, REIN_METER_NET_TX_BYTES, packet.bytes);
}

SEC("cgroup_skb/ingress")
int rein_ingress(struct __sk_buff *skb)
{
	struct rein_state *state = agent_of(bpf_skb_ancestor_cgroup_id(skb, rein_level));
	struct packet packet = {};

	if (!state)
		return REFUSE;
	if (!(state->flags & REIN_STATE_NET))
		return PASS;
	if (stopped(state))
		return REFUSE;
	if (!packet_read(skb, &packet) || !ingress_allowed(state, &packet))
		return refuse_packet(state, &packet.source, REIN_NET_OP_INGRESS);
	return charge_packet(state, &packet.source, REIN_NET_OP_INGRESS, REIN_METER_NET_RX_BYTES, packet.bytes);
}

/* The helpers that read the kernel want a GPL-compatible licence. */
char rein_license[] SEC("license") = "GPL";
