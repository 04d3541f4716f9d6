// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets of a software RDMA device on their way out: each tells which bytes of which message the
 * copies before it put there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/core/copying.h"
#include "analyze/core/skbs.h"
#include "analyze/path/rxe.h"
#include "analyze/trafficlog.h"
#include "common/vec.h"

enum class { CLASS_NONE, CLASS_SEND, CLASS_WRITE, CLASS_READ, CLASS_RESPONSE, CLASS_DATAGRAM };

static const struct {
	unsigned char class, header, first, imm;
} opcodes[256] = {
#define OPCODE(code, class, header, first, imm) [code] = {CLASS_##class, header, first, imm},
#include "analyze/path/rxe_opcodes.def"
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
	w.msg = f ? ledger_open(&e->ledger, f, ev->tid, ev->v[F_total]) : NULL;
	if (!w.msg)
		return NULL;
	w.msg->rdma = true;
	w.msg->reliable = p->reliable;
	w.msg->receipt = p->class == CLASS_SEND || p->class == CLASS_DATAGRAM;
	take_bell(p->qp, w.msg);
	return rdma_work_add(e, p->qp, &w);
}

/* Sent again although its work has completed: a retry goes on where the acknowledgement finds it. */
static bool note_late(const struct rdma_qp *qp, const struct packet *p)
{
	struct flow *f = rdma_done_with(qp, p->psn, p->first);

	if (f && p->len) {
		f->resent_packets++;
		f->resent_bytes += p->len;
	}
	return f != NULL;
}

/* A packet sent again has the number that it had; the request's own copy of it may come later
 * (rxe_req.c, since 6.6: update_wqe_psn behind rxe_xmit_packet). */
static struct work *request_of(struct engine *e, const struct packet *p)
{
	struct work *w = rdma_work_with(p->qp, p->psn);

	if (w)
		find_flow(e, p);
	if (w || note_late(p->qp, p))
		return w;
	return p->first ? begin(e, p) : NULL;
}

/* A response belongs to the READ of its receiver that its number answers. */
static struct work *answered_by(struct engine *e, const struct packet *p)
{
	struct rdma_qp *reader = rdma_qp_behind(e, p->to, p->peer);

	struct work *w = reader ? rdma_work_with(reader, p->psn) : NULL;

	if (reader && !w)
		note_late(reader, p);
	return w && w->read ? w : NULL;
}

/* Every packet of a message but the last is as long as the path's MTU allows. */
static uint64_t offset_in(const struct packet *p, const struct work *w)
{
	if (p->class == CLASS_DATAGRAM)
		return 0;
	return (uint64_t)((p->psn - w->first_psn) & PSN_MASK) * p->ev->v[F_mtu];
}

struct adopting {
	struct engine *e;
	const struct packet *p;
	struct message *msg;
	uint64_t next; /* address of the first byte that is not accounted for */
};

/* False: it is not known whose memory that was. */
static bool show_sender(struct adopting *a, const struct content *start)
{
	struct flow *f = a->msg->flow;
	struct rdma_region *r = start->umem ? region_of_umem(a->e, start->umem) : NULL;

	region_show(&f->from, r);
	f->tgid = f->from.tgid;
	return r != NULL;
}

static uint64_t offset_of(const struct adopting *a, uint64_t addr)
{
	return a->p->off + (addr - a->p->payload);
}

/* What the device copied out of a region becomes the message's. */
static void adopt_piece(struct adopting *a, const struct rm_piece *piece)
{
	struct content *own = piece->tag;
	struct content start = *own->from, new = *own, *c;

	start.late = new.late = NULL;
	start.msg = new.msg = a->msg;
	start.len = new.len = piece->len;
	start.off = new.off = new.from_off = offset_of(a, piece->addr);
	start.src = start.dst = start.dst + piece->off;
	start.via += start.via ? piece->off : 0;
	new.src += new.src ? piece->off : 0;
	new.dst += piece->off;
	new.via += new.via ? piece->off : 0;
	new.sampled &= !piece->off;
	new.skb = a->p->ev->v[F_skb];
	new.held = NULL;
	new.from = content_make(a->e, &start);
	c = new.from ? content_make(a->e, &new) : NULL;
	content_put(new.from);
	if (!c)
		return;
	check_sample(c);
	if (!show_sender(a, own->from))
		message_caveat(a->msg, CAVEAT_REGION);
	content_place(a->e, piece->addr, c, c->off, piece->len);
	content_put(c);
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
static bool is_from_ring(const struct adopting *a, const struct rdma_ring *ring, uint64_t addr,
			 uint64_t len)
{
	uint64_t wqe = a->p->ev->v[F_wqe];

	return ring->dst == addr && ring->len == len && len &&
	       a->p->class != CLASS_RESPONSE && ring->src > wqe &&
	       ring->src - wqe <= a->e->run->page_size + a->msg->len;
}

/* A node after `from` whose bytes are the message's from off on. */
static struct content *next_of(struct engine *e, struct content *from, struct content *like)
{
	struct content *c;

	like->from = from;
	like->from_off = like->off;
	c = from ? content_make(e, like) : NULL;
	content_put(from);
	return c;
}

static struct content *from_ring(struct adopting *a, const struct rdma_ring *ring, uint64_t addr,
				 uint64_t len)
{
	uint64_t off = offset_of(a, addr), va = 0, head = 0;
	bool known = user_buffer(a->e, a->msg, off, &va, &head);
	struct content start = {.kind = HOP_START, .holder = BY_SENDER, .msg = a->msg,
				.at = ring->at, .off = off, .len = len, .src = va, .dst = va,
				.src_user = true, .dst_user = true};
	struct content gap = {.kind = HOP_GAP_USER, .holder = BY_RING, .msg = a->msg,
			      .at = ring->at, .off = off, .len = len, .src = va, .src_user = true,
			      .dst = ring->src, .sample = head, .sampled = known && len >= 8,
			      .why = "the program's library put it into the work queue ring"};
	struct content copy = {.kind = HOP_EMULATED_DMA, .holder = BY_SKB, .msg = a->msg,
			       .at = ring->at, .off = off, .len = len, .src = ring->src, .dst = addr,
			       .site = ring->site, .skb = a->p->ev->v[F_skb],
			       .sample = ring->sample, .sampled = true};
	struct content *c;

	start.at.ip = gap.at.ip = 0;
	copy.at.ip = ring->site ? ring->site->addr : 0;
	c = next_of(a->e, content_make(a->e, &start), &gap);
	c = next_of(a->e, c, &copy);
	if (c) {
		check_sample(c);
		c->from->checked = c->from->sampled && c->checked;
	}
	return c;
}

/* No recorded copy put it there. */
static struct content *from_nowhere(struct adopting *a, uint64_t addr, uint64_t len)
{
	struct content start = {.kind = HOP_START, .holder = BY_SENDER, .msg = a->msg,
				.off = offset_of(a, addr), .len = len, .src_user = true,
				.dst_user = true};
	struct content gap = {.kind = HOP_GAP, .holder = BY_SKB, .msg = a->msg, .off = start.off,
			      .len = len, .why = "not recorded how the bytes got into the packet"};

	return next_of(a->e, content_make(a->e, &start), &gap);
}

/* Bytes of the packet that no copy out of a region put there. */
static void cover(struct adopting *a, uint64_t addr, uint64_t len)
{
	const struct rdma_copy *announced = hashmap_find(&rxe_of(a->e)->copies, addr);
	const struct rxe_thread *t = rxe_thread_of(a->e, a->p->ev->tid);
	struct content *c;

	if (!len || !t)
		return;
	if (announced && !announced->to_region && announced->len >= len)
		c = rxe_out(a->e, announced, a->msg, offset_of(a, addr), len);
	else if (is_from_ring(a, &t->ring, addr, len))
		c = from_ring(a, &t->ring, addr, len);
	else
		c = from_nowhere(a, addr, len);
	if (c)
		content_place(a->e, addr, c, c->off, len);
	content_put(c);
}

struct packet_pieces {
	struct rm_piece *pieces;
	size_t count, cap;
};

static int list_piece(void *ctx, const struct rm_piece *p)
{
	struct packet_pieces *l = ctx;
	const struct content *c = p->tag;

	if (c->msg || !c->late || c->late->known || c->kind != HOP_EMULATED_DMA || !c->from)
		return 0;
	if (vec_reserve(&l->pieces, &l->cap, l->count + 1))
		return 1;
	l->pieces[l->count++] = *p;
	content_get(p->tag);
	return 0;
}

/* All payload of the packet becomes the message's. */
static void adopt(struct engine *e, const struct packet *p, struct message *msg)
{
	struct adopting a = {e, p, msg, p->payload};
	struct packet_pieces l = {0};

	if (rangemap_walk(e->content, SPACE_KERNEL, p->payload, p->len, list_piece, &l) == 1)
		e->err = -ENOMEM;
	for (size_t i = 0; i < l.count; i++) {
		const struct rm_piece *piece = &l.pieces[i];

		cover(&a, a.next, piece->addr - a.next);
		adopt_piece(&a, piece);
		a.next = piece->addr + piece->len;
		content_put(piece->tag);
	}
	cover(&a, a.next, p->payload + p->len - a.next);
	free(l.pieces);
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

static int newest_fill(void *ctx, const struct rm_piece *p)
{
	uint64_t *seq = ctx;
	const struct content *c = p->tag;

	*seq = c->at.seq > *seq ? c->at.seq : *seq;
	return 0;
}

/* A packet that was handed on since it was filled, before it is sent: its events are out of order. */
static bool was_passed_on(struct engine *e, const struct event *ev)
{
	const struct holder *s = skb_find(e, ev->v[F_skb]);
	const struct custody *last = s && s->passed ? custody_last(s->custody, 0) : NULL;
	uint64_t filled = 0;

	if (!last)
		return false;
	rangemap_walk(e->content, SPACE_KERNEL, ev->v[F_head], ev->v[F_end], newest_fill, &filled);
	return filled && last->at.seq > filled;
}

void on_rdma_xmit(struct engine *e, const struct event *ev)
{
	struct rxe_thread *t = rxe_thread_of(e, ev->tid);
	struct packet p;
	struct work *w = NULL;
	bool late;

	/* What kernel code sends by itself is nobody's message. */
	if (!ev->v[F_user] || !t)
		return;
	rxe_copy_settle(e, ev->tid);
	late = was_passed_on(e, ev);
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
	if (w && late)
		message_caveat(w->msg, CAVEAT_RECYCLED);
	if (w && p.len) {
		p.off = offset_in(&p, w);
		note_sent(w->msg, &p);
		adopt(e, &p, w->msg);
	}
	t->ring.len = 0; /* used, or of another packet */
}
