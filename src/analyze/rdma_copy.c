// SPDX-License-Identifier: GPL-2.0-only
/*
 * The copies of a software RDMA device. drivers/infiniband/sw/rxe/rxe_mr.c: rxe_mr_copy says which
 * region and which of its addresses; the memcpy within it, which instruction and which page. The two
 * are joined by the address in the packet.
 */
#include <errno.h>
#include <stdlib.h>

#include "analyze/cost.h"
#include "analyze/rdma.h"

static void free_announced(struct rdma_copy *c)
{
	if (c && c->by->rdma_open == c)
		c->by->rdma_open = NULL;
	free(c);
}

void on_rdma_copy(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);
	struct rdma_copy *c;
	struct rdma_region *r;

	rdma_copy_settle(e, ev->tid);
	c = calloc(1, sizeof(*c));
	if (!c || !t) {
		free(c);
		e->err = -ENOMEM;
		return;
	}
	*c = (struct rdma_copy){.addr = ev->v[F_to], .len = ev->v[F_len], .iova = ev->v[F_iova],
				.base = ev->v[F_base], .umem = ev->v[F_umem],
				.lkey = (uint32_t)ev->v[F_lkey], .rkey = (uint32_t)ev->v[F_rkey],
				.to_region = ev->v[F_dir] == e->run->copy_to_region, .by = t,
				.ev = *ev};
	r = region_of_umem(e, c->umem);
	if (r) {
		r->lkey = c->lkey;
		r->rkey = c->rkey;
	}
	free_announced(hashmap_remove(&e->rdma->copies, c->addr));
	if (!c->addr || hashmap_set(&e->rdma->copies, c->addr, c)) {
		free(c);
		return;
	}
	t->rdma_open = c;
}

/* What a copy turned out to be. */
struct moved {
	const struct event *ev;
	const struct site *site; /* NULL: no probe saw it */
	uint64_t user, via;	 /* the region's side: the user's address, the direct map's */
	uint64_t packet, len;
	struct rdma_region *region;
	bool sampled;
	uint64_t sample;
};

static void init_hop(struct hop *h, const struct moved *m, bool out)
{
	h->site = m->site;
	h->ip = m->site ? m->site->addr : 0;
	h->via = m->via;
	h->src_len = m->len;
	h->src = out ? m->user : m->packet;
	h->dst = out ? m->packet : m->user;
	h->src_user = out;
	h->dst_user = !out;
	h->sample = m->sample;
	h->sampled = m->sampled;
	if (!m->site)
		h->unknown++;
}

/* From the region into a packet: START in the user's buffer, then the copy; NULL: no memory. */
static struct hop *leave(struct engine *e, const struct moved *m, struct message *msg, uint64_t off)
{
	struct hop *start = hop_new(HOP_START, BY_SENDER, NULL, msg, m->ev);
	struct hop *h = start ? hop_new(HOP_EMULATED_DMA, BY_SKB, start, msg, m->ev) : NULL;

	if (h) {
		start->src = start->dst = m->user;
		start->src_user = start->dst_user = true;
		start->via = m->via;
		start->umem = m->region ? m->region->umem : 0;
		start->src_len = m->len;
		start->off = off;
		start->ip = 0;
		h->off = off;
		init_hop(h, m, true);
	} else {
		e->err = -ENOMEM;
	}
	hop_put(start);
	return h;
}

/* Whose bytes they are, the packet will tell when it is sent. */
static void move_out(struct engine *e, const struct moved *m)
{
	struct hop *h = leave(e, m, NULL, 0);
	struct rm_piece p = {SPACE_KERNEL, m->packet, m->len, ORIGIN_FRAME | ++e->next_frame, 0, h};

	if (!h)
		return;
	check_overwrite(e, NULL, m->packet, m->len);
	engine_check(e, rangemap_insert(e->map, &p));
	hop_put(h);
}

struct delivering {
	struct engine *e;
	const struct moved *m;
};

static int deliver_piece(void *ctx, const struct rm_piece *p)
{
	struct delivering *d = ctx;
	struct engine *e = d->e;
	struct hop *from = p->tag, *h;
	struct thread *t = thread_of(e, d->m->ev->tid);
	struct delivery item;

	if (!from->msg || !t)
		return 0;
	h = hop_after(e, HOP_EMULATED_DMA, BY_RECEIVER, from, 1u << BY_RDMA_IN,
		      "not recorded how the receiving device got the packet");
	if (!h)
		return 0;
	init_hop(h, d->m, false);
	h->src = p->addr;
	h->dst += p->addr - d->m->packet;
	h->via += h->via ? p->addr - d->m->packet : 0;
	h->src_len = p->len;
	h->off = p->off;
	h->sampled = h->sampled && p->addr == d->m->packet;
	check_sample(h);
	if (!d->m->region)
		message_caveat(h->msg, CAVEAT_REGION);
	region_show(&h->msg->flow->to, d->m->region);
	if (!h->msg->delivered_bytes)
		h->msg->flow->chains++;
	item = (struct delivery){h->msg, h, p->len};
	count_piece(e, &item);
	take_view(e, h->msg->id, &item);
	if (h->msg->delivered_bytes == h->msg->len && cost_add(h->msg->flow, h))
		e->err = -ENOMEM;
	if (h->msg->receipt && t->rdma_last != h->msg) {
		message_put(t->rdma_last);
		t->rdma_last = message_get(h->msg);
	}
	hop_put(h);
	return 0;
}

/* Out of a packet: to its receiver, as far as the bytes are payload. */
static void move_in(struct engine *e, const struct moved *m)
{
	struct delivering d = {e, m};

	rangemap_walk(e->map, SPACE_KERNEL, m->packet, m->len, deliver_piece, &d);
}

/* The user's address behind the device's: a region may have been registered under another. */
static void locate(struct engine *e, const struct rdma_copy *c, struct moved *m)
{
	m->region = region_of_umem(e, c->umem);
	m->user = m->region ? m->region->va + (c->iova - c->base) : c->iova;
}

/* The announced call that a copy at this address of the packet is part of; consumes its bytes. */
static bool take_announced(struct engine *e, uint64_t packet, bool in, struct moved *m)
{
	struct rdma_copy *c = hashmap_find(&e->rdma->copies, packet);

	if (!c || c->to_region != in || m->len > c->len)
		return false;
	locate(e, c, m);
	hashmap_remove(&e->rdma->copies, packet);
	c->addr += m->len;
	c->iova += m->len;
	c->len -= m->len;
	if (c->len) {
		free_announced(hashmap_remove(&e->rdma->copies, c->addr));
		if (!hashmap_set(&e->rdma->copies, c->addr, c))
			return true;
	}
	free_announced(c);
	return true;
}

/* Without that call's probe, the page tells, if it is pinned for one region only. */
static bool take_pinned(struct engine *e, uint64_t kva, struct moved *m)
{
	uint64_t off;

	m->region = region_at(e, kva, &off);
	if (m->region)
		m->user = m->region->va + off;
	return m->region != NULL;
}

static void note_ring(struct engine *e, const struct event *ev, const struct site *site)
{
	struct thread *t = thread_of(e, ev->tid);

	if (t && !t->ring)
		t->ring = calloc(1, sizeof(*t->ring));
	if (!t || !t->ring) {
		e->err = -ENOMEM;
		return;
	}
	*t->ring = (struct rdma_ring){ev->v[F_src], ev->v[F_dst], ev->v[F_len], site, *ev};
}

bool rdma_moved(struct engine *e, const struct event *ev, const struct site *site)
{
	uint64_t src = ev->v[F_src], dst = ev->v[F_dst];
	struct moved m = {.ev = ev, .site = site, .len = ev->v[F_len], .sampled = true,
			  .sample = ev->v[F_s]};

	if (!is_kernel_address(src) || !is_kernel_address(dst))
		return false;
	if (take_announced(e, dst, false, &m) || take_pinned(e, src, &m)) {
		m.packet = dst;
		m.via = src;
		move_out(e, &m);
		return true;
	}
	if (take_announced(e, src, true, &m) || take_pinned(e, dst, &m)) {
		m.packet = src;
		m.via = dst;
		move_in(e, &m);
		return true;
	}
	note_ring(e, ev, site);
	return false;
}

static void fill_moved(struct engine *e, const struct rdma_copy *c, struct moved *m)
{
	*m = (struct moved){.ev = &c->ev, .len = c->len, .packet = c->addr};
	locate(e, c, m);
}

struct hop *rdma_out(struct engine *e, const struct rdma_copy *c, struct message *msg,
		     uint64_t off, uint64_t len)
{
	struct moved m;

	fill_moved(e, c, &m);
	m.len = len;
	return leave(e, &m, msg, off);
}

void rdma_copy_settle(struct engine *e, int tid)
{
	struct thread *t = thread_of(e, tid);
	struct rdma_copy *c = t ? t->rdma_open : NULL;
	struct moved m;

	if (!c || !c->to_region || !e->run->partial)
		return;
	hashmap_remove(&e->rdma->copies, c->addr);
	fill_moved(e, c, &m);
	move_in(e, &m);
	free_announced(c);
}
