// SPDX-License-Identifier: GPL-2.0-only
#include "traffic/packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/msg.h"
#include "traffic/end.h"
#include "traffic/udp.h"

#define FRAME_PORT 4877 /* that frames of our own making come from */
#define BLOCK (1 << 17) /* bytes: more than any frame */
#define BLOCKS 8
#define TAP_ROOM (16 << 20)
#define RETIRE_MS 10 /* after which a block is handed over that is not full */

static const struct tf_testbed_end *testbed_end(const struct tf_end *e)
{
	bool src = e->observer ? e->flow->spec->udp.observe_src : e->sender;

	return src ? &e->flow->testbed->src : &e->flow->testbed->dst;
}

static int open_on(struct tf_end *e, uint16_t protocol)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(protocol),
				 .sll_ifindex = (int)if_nametoindex(testbed_end(e)->dev)};
	struct timeval tick = {.tv_usec = TF_TICK_MS * 1000};

	e->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (e->fd < 0)
		return msg_errno(-errno, "packet socket");
	if (bind(e->fd, (struct sockaddr *)&at, sizeof(at)))
		return msg_errno(-errno, "packet socket on %s", testbed_end(e)->dev);
	if (setsockopt(e->fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick)))
		return msg_errno(-errno, "SO_RCVTIMEO");
	return 0;
}

static uint16_t ip_checksum(const struct iphdr *ip)
{
	const unsigned char *at = (const unsigned char *)ip;
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(*ip); i += 2)
		sum += at[i] << 8 | at[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return htons(~(sum + (sum >> 16)));
}

void tf_packet_headers(unsigned char *to, const unsigned char dst_mac[6],
		       const unsigned char src_mac[6], const union tf_addr *src,
		       const union tf_addr *dst, size_t len)
{
	struct udphdr udp = {.source = src->in.sin_port,
			     .dest = dst->in.sin_port,
			     .len = htons(sizeof(udp) + len)}; /* check 0: there is none */
	struct iphdr ip = {.version = 4,
			   .ihl = sizeof(ip) / 4,
			   .tot_len = htons(sizeof(ip) + sizeof(udp) + len),
			   .frag_off = htons(IP_DF),
			   .ttl = IPDEFTTL,
			   .protocol = IPPROTO_UDP,
			   .saddr = src->in.sin_addr.s_addr,
			   .daddr = dst->in.sin_addr.s_addr};
	struct ether_header eth = {.ether_type = htons(ETHERTYPE_IP)};

	ip.check = ip_checksum(&ip);
	memcpy(eth.ether_dhost, dst_mac, 6);
	memcpy(eth.ether_shost, src_mac, 6);
	memcpy(to, &eth, sizeof(eth));
	memcpy(to + sizeof(eth), &ip, sizeof(ip));
	memcpy(to + sizeof(eth) + sizeof(ip), &udp, sizeof(udp));
}

static int write_headers(const struct tf_end *e, unsigned char *to)
{
	const struct tf_spec *spec = e->flow->spec;
	unsigned char src[6], dst[6];
	uint16_t type = htons(TF_ETHERTYPE);
	int err = tf_testbed_mac(&e->flow->testbed->src, src);

	if (!err)
		err = tf_testbed_mac(&e->flow->testbed->dst, dst);
	if (err)
		return msg_errno(err, "hardware address");
	if (tf_socket_of(spec)->inet) {
		tf_packet_headers(to, dst, src, &e->me->addr, &e->me->peer, spec->size);
		return 0;
	}
	memcpy(to, dst, 6);
	memcpy(to + 6, src, 6);
	memcpy(to + 12, &type, 2);
	return 0;
}

int tf_packet_open_send(struct tf_end *e)
{
	const struct tf_udp_end *u = e->private;

	/* Protocol 0: it receives nothing. */
	int err = open_on(e, 0);

	if (err)
		return err;
	if (tf_socket_of(e->flow->spec)->inet) {
		if (tf_addr_read(&e->me->addr, e->flow->testbed->src.addr, FRAME_PORT))
			return msg_errno(-EINVAL, "address '%s'", e->flow->testbed->src.addr);
		e->me->peer = e->share->recv.addr;
	}
	for (unsigned int i = 0; i < u->vector.layout.messages && !err; i++)
		err = write_headers(e, tf_vector_whole(&u->vector, i));
	return err;
}

/* Where both ends are on one device, the socket hears what it sends, too. */
static int incoming_only(const struct tf_end *e)
{
	int one = 1;

	return setsockopt(e->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ?
		       msg_errno(-errno, "PACKET_IGNORE_OUTGOING") :
		       0;
}

int tf_packet_open_recv(struct tf_end *e)
{
	int err = open_on(e, TF_ETHERTYPE);

	return err ? err : incoming_only(e);
}

/* A ring takes the place of the buffer. */
static int map_ring(struct tf_end *e)
{
	struct tpacket_req3 req = {.tp_block_size = BLOCK,
				   .tp_block_nr = BLOCKS,
				   .tp_frame_size = BLOCK / 8,
				   .tp_frame_nr = 8 * BLOCKS,
				   .tp_retire_blk_tov = RETIRE_MS};
	int version = TPACKET_V3;
	void *at;

	if (setsockopt(e->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(e->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)))
		return msg_errno(-errno, "PACKET_RX_RING");
	at = mmap(NULL, (size_t)BLOCK * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		  e->fd, 0);
	if (at == MAP_FAILED)
		return msg_errno(-errno, "ring");
	return tf_end_rebuffer(e, at, (size_t)BLOCK * BLOCKS);
}

static bool has_ring(const struct tf_end *e)
{
	const struct tf_spec *spec = e->flow->spec;

	return !strcmp(e->observer ? spec->udp.observe : spec->udp.socket, "ring");
}

int tf_packet_open_tap(struct tf_end *e)
{
	int err = open_on(e, e->observer ? ETH_P_ALL : TF_ETHERTYPE), room = TAP_ROOM;

	e->records.call = tf_udp_call_name;
	/* What it may be: who listens may be slow, and drops what does not fit. */
	if (!err && setsockopt(e->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(e->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (!err && !e->observer)
		err = incoming_only(e);
	if (err)
		return err;
	return has_ring(e) ? map_ring(e) : tf_end_rebuffer(e, NULL, BLOCK);
}

static int ip_payload(const unsigned char *frame, size_t len, uint16_t port)
{
	struct iphdr ip;
	struct udphdr udp;
	size_t at;

	memcpy(&ip, frame + sizeof(struct ether_header), sizeof(ip));
	at = sizeof(struct ether_header) + ip.ihl * 4;
	if (at + sizeof(udp) > len || ip.frag_off & htons(IP_MF | IP_OFFMASK))
		return -1;
	if (ip.protocol == TF_RAW_PROTOCOL)
		return (int)at;
	memcpy(&udp, frame + at, sizeof(udp));
	if (ip.protocol != IPPROTO_UDP || udp.dest != htons(port))
		return -1;
	return (int)(at + sizeof(udp));
}

static int ip6_payload(const unsigned char *frame, size_t len, uint16_t port)
{
	size_t at = sizeof(struct ether_header) + sizeof(struct ip6_hdr);
	struct ip6_hdr ip;
	struct udphdr udp;

	if (at + sizeof(udp) > len)
		return -1;
	memcpy(&ip, frame + sizeof(struct ether_header), sizeof(ip));
	memcpy(&udp, frame + at, sizeof(udp));
	if (ip.ip6_nxt != IPPROTO_UDP || udp.dest != htons(port))
		return -1;
	return (int)(at + sizeof(udp));
}

int tf_packet_payload(const void *frame, size_t len, uint16_t port)
{
	const struct ether_header *eth = frame;

	if (len < sizeof(*eth) + sizeof(struct iphdr))
		return -1;
	switch (ntohs(eth->ether_type)) {
	case TF_ETHERTYPE:
		return sizeof(*eth);
	case ETHERTYPE_IP:
		return ip_payload(frame, len, port);
	case ETHERTYPE_IPV6:
		return ip6_payload(frame, len, port);
	default:
		return -1;
	}
}

/* A frame that was read, or lies in a ring. */
struct frame {
	const unsigned char *data;
	size_t len, size; /* there, and in truth */
	bool outgoing;
};

/* Where a reader is in its ring. */
struct place {
	unsigned int block, left;
	const struct tpacket3_hdr *next;
};

static struct tpacket_block_desc *block_at(const struct tf_end *e, unsigned int i)
{
	return (void *)((char *)e->buf.va + (size_t)BLOCK * i);
}

/* The kernel's own words about the block; it is handed back when all frames in it were seen. */
static bool enter_block(const struct tf_end *e, struct place *p)
{
	struct tpacket_block_desc *b = block_at(e, p->block);

	if (!(__atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
		return false;
	p->left = b->hdr.bh1.num_pkts;
	p->next = (void *)((char *)b + b->hdr.bh1.offset_to_first_pkt);
	return true;
}

static void leave_block(const struct tf_end *e, struct place *p)
{
	__atomic_store_n(&block_at(e, p->block)->hdr.bh1.block_status, TP_STATUS_KERNEL,
			 __ATOMIC_RELEASE);
	p->block = (p->block + 1) % BLOCKS;
	p->next = NULL;
}

static int next_in_ring(const struct tf_end *e, struct place *p, struct frame *f)
{
	struct pollfd wait = {e->fd, POLLIN, 0};
	const struct tpacket3_hdr *h;
	const struct sockaddr_ll *from;

	if (p->next && !p->left)
		leave_block(e, p);
	if (!p->next && !enter_block(e, p) &&
	    (poll(&wait, 1, TF_TICK_MS) <= 0 || !enter_block(e, p)))
		return -EAGAIN;
	if (!p->left)
		return -EAGAIN;
	h = p->next;
	from = (const void *)((const char *)h + TPACKET_ALIGN(sizeof(*h)));
	*f = (struct frame){(const unsigned char *)h + h->tp_mac, h->tp_snaplen, h->tp_len,
			    from->sll_pkttype == PACKET_OUTGOING};
	p->left--;
	p->next = (const void *)((const char *)h + h->tp_next_offset);
	return 0;
}

static int next_by_call(const struct tf_end *e, struct frame *f)
{
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(e->fd, e->buf.va, e->buf.len, MSG_TRUNC, (struct sockaddr *)&from,
			     &len);

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	*f = (struct frame){e->buf.va, (size_t)n < e->buf.len ? (size_t)n : e->buf.len, n,
			    from.sll_pkttype == PACKET_OUTGOING};
	return 0;
}

static int note(struct tf_end *e, const struct frame *f)
{
	bool ring = has_ring(e);
	struct tf_record r = {.kind = RECORD_RECV,
			      .va = f->data,
			      .len = ring ? f->len : e->buf.len,
			      .fd = e->fd,
			      .flags = ring ? 0 : MSG_TRUNC,
			      .call = tf_call_index(tf_call_find(false, ring ? "ring" : "recvfrom")),
			      .result = f->size,
			      .outgoing = f->outgoing,
			      .time = tf_now(),
			      .verified = -1};
	int at = tf_packet_payload(f->data, f->len, tf_addr_port(&e->share->recv.addr));

	if (at < 0)
		return 0;
	r.skip = at;
	tf_udp_note(e, &r, f->data + at, f->len - at, f->size - at, e->flow->spec->udp.gso);
	tf_wake(&e->share->received);
	return tf_records_add(&e->records, &r);
}

/* An observer is through when the others are and nothing more comes. */
static bool is_over(const struct tf_end *e, unsigned int quiet_ms)
{
	if (!e->observer)
		return tf_udp_is_through(e) || tf_udp_is_over(e, quiet_ms);
	return atomic_load(&e->share->stop) ||
	       (quiet_ms && atomic_load(&e->share->send.progress) >= END_DONE);
}

int tf_packet_loop_tap(struct tf_end *e)
{
	struct place place = {0};
	unsigned int quiet = 0;
	int err = 0;

	while (!err && !is_over(e, quiet)) {
		struct frame f = {0};

		err = has_ring(e) ? next_in_ring(e, &place, &f) : next_by_call(e, &f);
		quiet = err == -EAGAIN ? quiet + TF_TICK_MS : 0;
		if (!err)
			err = note(e, &f);
		else if (err == -EAGAIN)
			err = 0;
	}
	return err ? msg_errno(err, "packet socket") : 0;
}
