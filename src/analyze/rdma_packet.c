// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets of a software RDMA device on their way out: each tells which bytes of which message the
 * copies before it put there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/rdma.h"
#include "analyze/trafficlog.h"

enum class { CLASS_NONE, CLASS_SEND, CLASS_WRITE, CLASS_READ, CLASS_RESPONSE, CLASS_DATAGRAM };

static const struct {
	unsigned char class, header, first, imm;
} opcodes[256] = {
#define OPCODE(code, class, header, first, imm) [code] = {CLASS_##class, header, first, imm},
#include "analyze/rdma_opcodes.def"
#undef OPCODE
};

/* include/uapi/rdma/ib_user_verbs.h: enum ib_uverbs_wc_opcode */
static const unsigned char class_wc_ops[] = {0, 0, 1, 2, 2, 0};
static const char *const class_ops[] = {NULL, "send", "write", "read", "read", "send"};

#define ICRC 4
#define SIGNAL_ALL 0 /* include/rdma/ib_verbs.h: enum ib_sig_type */
#define SIGNALED 2   /* include/uapi/rdma/ib_user_verbs.h: enum ib_uverbs_send_flags */

struct packet {
	const struct event *ev;
	enum class class;
	bool first; /* of its message */
	bool imm;   /* carries immediate data */
	bool reliable;
	struct rdma_qp *qp;
	uint64_t from, to;	/* digests of the IP addresses */
	uint32_t peer, psn;	/* queue pair it goes to */
	uint64_t payload, len;	/* where the payload lies */
	uint64_t off;		/* of it in the message */
};

static uint64_t digest(const unsigned char *at, size_t len)
{
	uint64_t d = 0;

	for (size_t i = 0; i + 4 <= len; i += 4) {
		uint32_t word;

		memcpy(&word, at + i, 4);
		d = d * 31 + word;
	}
	return d;
}

static void read_addresses(const unsigned char *ip, struct packet *p)
{
	bool v6 = ip[0] >> 4 == 6;

	p->from = v6 ? digest(ip + 8, 16) : digest(ip + 12, 4);
	p->to = v6 ? digest(ip + 24, 16) : digest(ip + 16, 4);
}

/* IP header at data, base transport header (12 bytes) at bth; false: not all was recorded. */
static bool read_packet(const struct event *ev, struct packet *p)
{
	const unsigned char *hdr = ev->array[A_hdr];
	uint64_t at = ev->v[F_bth] - ev->v[F_data];
	unsigned int code = ev->v[F_opcode] & 0xff, header = opcodes[code].header, pad;

	*p = (struct packet){.ev = ev, .class = (enum class)opcodes[code].class,
			     .first = opcodes[code].first, .imm = opcodes[code].imm,
			     .reliable = code >> 5 == 0,
			     .psn = (uint32_t)ev->v[F_psn] & PSN_MASK};
	if (!hdr || ev->array_len[A_hdr] < 40 || at > ev->array_len[A_hdr] - 12)
		return false;
	read_addresses(hdr, p);
	p->peer = (uint32_t)hdr[at + 5] << 16 | (uint32_t)hdr[at + 6] << 8 | hdr[at + 7];
	pad = hdr[at + 1] >> 4 & 3u;
	p->payload = ev->v[F_bth] + header;
	if (p->class != CLASS_READ && p->class != CLASS_NONE &&
	    ev->v[F_plen] > header + pad + ICRC)
		p->len = ev->v[F_plen] - header - pad - ICRC;
	return true;
}

static uint64_t flow_key(const struct packet *p)
{
	return mix(p->qp->ptr, (uint64_t)p->peer << 32 | p->qp->qpn, p->to << 3 | p->class);
}

/* The payload of a READ goes the other way: to who posted it. */
static struct flow *find_flow(struct engine *e, const struct packet *p)
{
	uint64_t key = flow_key(p);
	struct flow *f = hashmap_find(&e->flow_by_key, key);
	bool read = p->class == CLASS_READ;
	struct rdma_view *near;

	if (f && f->op && !strcmp(f->op, class_ops[p->class]))
		near = read ? &f->to : &f->from;
	else
		near = NULL;
	if (near && near->qp == p->qp->ptr && near->qpn == p->qp->qpn) {
		p->qp->last_flow = f;
		return f;
	}
	f = flow_new(e, key, "rdma");
	if (!f)
		return NULL;
	f->op = class_ops[p->class];
	rdma_qp_show(read ? &f->to : &f->from, p->qp);
	(read ? &f->from : &f->to)->qpn = p->peer;
	f->tgid = f->from.tgid;
	p->qp->last_flow = f;
	return f;
}

/* A packet that answers names the other end of what it answers. */
static void name_peer(struct engine *e, const struct packet *p)
{
	const struct rdma_qp *asker = rdma_qp_behind(e, p->to, p->peer);
	struct flow *f = asker ? asker->last_flow : NULL;
	struct rdma_view *far = !f ? NULL : strcmp(f->op, "read") ? &f->to : &f->from;

	if (far && !far->qp && far->qpn == p->qp->qpn)
		rdma_qp_show(far, p->qp);
}

static uint32_t packets_of(uint64_t bytes, uint64_t mtu)
{
	return bytes && mtu ? (uint32_t)((bytes - 1) / mtu) + 1 : 1;
}

/* The doorbell before it told of the message, and of those that follow without another. */
static void take_bell(struct rdma_qp *qp, struct message *m)
{
	m->posted = qp->bells > 0;
	m->post_ts = qp->bell_ts;
	m->post_off = qp->bell_off;
	m->post_cpu = qp->bell_cpu;
	m->post_tid = qp->bell_tid;
	m->flow->calls += qp->bells;
	qp->bells = 0;
}

/* The way of a message begins with its post, if that is recorded. */
static void start_at_post(struct hop *start)
{
	const struct message *m = start->msg;

	if (!m->posted || m->post_ts > start->ts)
		return;
	start->event = EV_RDMA_POST;
	start->ts = m->post_ts;
	start->file_off = m->post_off;
	start->cpu = m->post_cpu;
	start->tid = m->post_tid;
}

/* The first packet of a work request: a message is born. */
static struct work *begin(struct engine *e, const struct packet *p)
{
	const struct event *ev = p->ev;
	struct flow *f = find_flow(e, p);
	struct work w = {.wr_id = ev->v[F_wr_id], .first_psn = p->psn,
			 .read = p->class == CLASS_READ,
			 .signaled = ev->v[F_sig] == SIGNAL_ALL || ev->v[F_wr_flags] & SIGNALED,
			 .wc_op = class_wc_ops[p->class]};

	w.last_psn = p->psn;
	/* A datagram is one packet, whatever MTU its queue pair never was given. */
	if (p->class != CLASS_DATAGRAM)
		w.last_psn = (p->psn + packets_of(ev->v[F_total], ev->v[F_mtu]) - 1) & PSN_MASK;
	w.msg = f ? message_new(e, ev->tid, f, ev->v[F_total]) : NULL;
	if (!w.msg)
		return NULL;
	w.msg->rdma = true;
	w.msg->reliable = p->reliable;
	w.msg->receipt = p->class == CLASS_SEND || p->class == CLASS_DATAGRAM;
	take_bell(p->qp, w.msg);
	return rdma_work_add(e, p->qp, &w);
}

/* A packet sent again has the number that it had; the request's own copy of it may come later
 * (rxe_req.c, since 6.6: update_wqe_psn behind rxe_xmit_packet). */
static struct work *request_of(struct engine *e, const struct packet *p)
{
	struct work *w = rdma_work_with(p->qp, p->psn);

	if (w)
		find_flow(e, p);
	return w || !p->first ? w : begin(e, p);
}

/* A response belongs to the READ of its receiver that its number answers. */
static struct work *answered_by(struct engine *e, const struct packet *p)
{
	struct rdma_qp *reader = rdma_qp_behind(e, p->to, p->peer);

	struct work *w = reader ? rdma_work_with(reader, p->psn) : NULL;

	return w && w->read ? w : NULL;
}

/* Every packet of a message but the last is as long as the path's MTU allows. */
static uint64_t offset_in(const struct packet *p, const struct work *w)
{
	if (p->class == CLASS_DATAGRAM)
		return 0;
	return (uint64_t)((p->psn - w->first_psn) & PSN_MASK) * p->ev->v[F_mtu];
}

#define PIECES 64 /* of one packet: as many scatter-gather elements as a request can have */

struct adopting {
	struct engine *e;
	const struct packet *p;
	struct message *msg;
	struct rm_piece out[PIECES];
	size_t count;
};

static void keep(struct adopting *a, uint64_t addr, uint64_t len, struct hop *h)
{
	if (h)
		a->out[a->count++] = (struct rm_piece){SPACE_KERNEL, addr, len, a->msg->id, h->off,
						       h};
}

/* False: it is not known whose memory that was. */
static bool show_sender(struct adopting *a, const struct hop *start)
{
	struct flow *f = a->msg->flow;
	struct rdma_region *r = start->umem ? region_of_umem(a->e, start->umem) : NULL;

	region_show(&f->from, r);
	f->tgid = f->from.tgid;
	return r != NULL;
}

/* What the device copied out of a region, now known to be the message's. */
static int adopt_piece(void *ctx, const struct rm_piece *piece)
{
	struct adopting *a = ctx;
	const struct hop *own = piece->tag;
	uint64_t off = a->p->off + (piece->addr - a->p->payload);
	struct hop *start, *h;

	if (own->msg || !(piece->origin & ORIGIN_FRAME) || !own->prev || own->prev->prev ||
	    own->kind != HOP_EMULATED_DMA || a->count == PIECES)
		return 0;
	start = hop_adopt(NULL, own->prev, a->msg, piece->off, piece->len, off);
	h = start ? hop_adopt(start, own, a->msg, piece->off, piece->len, off) : NULL;
	if (!h) {
		hop_put(start);
		a->e->err = -ENOMEM;
		return 1;
	}
	start_at_post(start);
	h->skb = a->p->ev->v[F_skb];
	check_sample(h);
	if (!show_sender(a, own->prev))
		message_caveat(a->msg, CAVEAT_REGION);
	hop_put(start);
	keep(a, piece->addr, piece->len, h);
	return 0;
}

/* Where the log says that the payload was before the library put it into the ring. */
static bool user_buffer(const struct engine *e, const struct message *msg, uint64_t off,
			uint64_t *va, uint64_t *head)
{
	struct logged *l = e->log ? trafficlog_find_rdma(e->log, msg->flow) : NULL;
	const struct logged_head *h = l ? logged_head_of(l, msg->seq) : NULL;

	if (!h || off)
		return false;
	*va = h->va;
	*head = h->head;
	return true;
}

/*
 * Inline payload: the program's library copied it into the work queue ring, which no kernel event
 * shows; what the device copied out of the ring, behind the work request itself, does.
 */
static struct hop *from_ring(struct adopting *a, uint64_t addr, uint64_t len)
{
	struct thread *t = thread_of(a->e, a->p->ev->tid);
	const struct rdma_ring *ring = t ? t->ring : NULL;
	uint64_t off = a->p->off + (addr - a->p->payload), wqe = a->p->ev->v[F_wqe], va = 0, head = 0;
	struct hop *start, *gap, *h;

	if (!ring || a->p->class == CLASS_RESPONSE || ring->dst != addr || ring->len != len ||
	    ring->src <= wqe || ring->src - wqe > a->e->run->page_size + a->msg->len)
		return NULL;
	start = hop_new(HOP_START, BY_SENDER, NULL, a->msg, &ring->ev);
	gap = start ? hop_new(HOP_GAP_USER, BY_RING, start, a->msg, &ring->ev) : NULL;
	h = gap ? hop_new(HOP_EMULATED_DMA, BY_SKB, gap, a->msg, &ring->ev) : NULL;
	if (h) {
		bool known = user_buffer(a->e, a->msg, off, &va, &head);

		start->src_user = start->dst_user = true;
		start->src = start->dst = gap->src = va;
		gap->src_user = true;
		gap->dst = h->src = ring->src;
		gap->why = "the program's library put it into the work queue ring";
		h->dst = addr;
		h->site = ring->site;
		h->ip = ring->site->addr;
		h->skb = a->p->ev->v[F_skb];
		start->ip = gap->ip = 0;
		start_at_post(start);
		start->off = gap->off = h->off = off;
		start->src_len = gap->src_len = h->src_len = len;
		gap->sample = head;
		gap->sampled = known && len >= 8;
		h->sample = ring->ev.v[F_s];
		h->sampled = true;
		check_sample(h);
		gap->checked = gap->sampled && h->checked;
	} else {
		a->e->err = -ENOMEM;
	}
	hop_put(gap);
	hop_put(start);
	return h;
}

/* No recorded copy put it there. */
static struct hop *from_nowhere(struct adopting *a, uint64_t addr, uint64_t len)
{
	struct hop *start = hop_new(HOP_START, BY_SENDER, NULL, a->msg, a->p->ev);
	struct hop *gap = start ? hop_new(HOP_GAP, BY_SKB, start, a->msg, a->p->ev) : NULL;

	if (gap) {
		start->src_user = start->dst_user = true;
		start->off = gap->off = a->p->off + (addr - a->p->payload);
		start_at_post(start);
		start->src_len = gap->src_len = len;
		gap->why = "not recorded how the bytes got into the packet";
	} else {
		a->e->err = -ENOMEM;
	}
	hop_put(start);
	return gap;
}

static void cover(struct adopting *a, uint64_t addr, uint64_t len)
{
	const struct rdma_copy *c = hashmap_find(&a->e->rdma->copies, addr);
	struct hop *h = NULL;

	if (!len || a->count == PIECES)
		return;
	if (c && !c->to_region && c->len >= len)
		h = rdma_out(a->e, c, a->msg, a->p->off + (addr - a->p->payload), len);
	if (!h)
		h = from_ring(a, addr, len);
	if (!h)
		h = from_nowhere(a, addr, len);
	keep(a, addr, len, h);
}

/* All payload of the packet becomes the message's. */
static void adopt(struct engine *e, const struct packet *p, struct message *msg)
{
	struct adopting a = {.e = e, .p = p, .msg = msg};
	uint64_t at = p->payload, end = p->payload + p->len;
	size_t found;

	rangemap_walk(e->map, SPACE_KERNEL, p->payload, p->len, adopt_piece, &a);
	found = a.count;
	for (size_t i = 0; i < found; i++) {
		cover(&a, at, a.out[i].addr - at);
		at = a.out[i].addr + a.out[i].len;
	}
	cover(&a, at, end - at);
	for (size_t i = 0; i < a.count; i++) {
		engine_check(e, rangemap_insert(e->map, &a.out[i]));
		hop_put(a.out[i].tag);
	}
}

/* The same bytes again: the packet before, or its acknowledgement, was lost or late. */
static void note_sent(struct message *m, const struct packet *p)
{
	if (p->off < m->sent_to) {
		m->flow->resent_packets++;
		m->flow->resent_bytes += p->len;
	}
	if (p->off + p->len > m->sent_to)
		m->sent_to = p->off + p->len;
}

void on_rdma_xmit(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);
	struct packet p;
	struct work *w = NULL;

	/* What kernel code sends by itself is nobody's message. */
	if (!ev->v[F_user]) {
		on_handoff(e, ev);
		return;
	}
	rdma_copy_settle(e, ev->tid);
	skb_born(e, ev->v[F_skb]);
	if (read_packet(ev, &p) && (p.qp = rdma_qp_of(e, ev->v[F_qp], (uint32_t)ev->v[F_qpn]))) {
		p.qp->packets++;
		rdma_qp_lives_at(e, p.qp, p.from);
		name_peer(e, &p);
		if (p.class == CLASS_RESPONSE)
			w = answered_by(e, &p);
		else if (p.class != CLASS_NONE)
			w = request_of(e, &p);
	}
	if (w && p.imm)
		w->msg->receipt = true;
	if (w && p.len) {
		p.off = offset_in(&p, w);
		note_sent(w->msg, &p);
		adopt(e, &p, w->msg);
	}
	if (t && t->ring)
		t->ring->len = 0; /* used, or of another packet */
	on_handoff(e, ev);
}
