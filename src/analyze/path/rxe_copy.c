// SPDX-License-Identifier: GPL-2.0-only
/*
 * The copies of a software RDMA device. drivers/infiniband/sw/rxe/rxe_mr.c: rxe_mr_copy says which
 * region and which of its addresses; the memcpy within it, which instruction and which page. The two
 * are joined by the address in the packet.
 */
#include <errno.h>
#include <stdlib.h>

#include "analyze/core/copying.h"
#include "analyze/path/rxe.h"

static void free_announced(struct rdma_copy *c)
{
	if (c && c->by->open == c)
		c->by->open = NULL;
	free(c);
}

void on_rdma_copy(struct engine *e, const struct event *ev)
{
	struct rxe_thread *t = rxe_thread_of(e, ev->tid);
	struct rdma_copy *c;
	struct rdma_region *r;

	rxe_copy_settle(e, ev->tid);
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
				.at = engine_stamp(e)};
	r = region_of_umem(e, c->umem);
	if (r) {
		r->lkey = c->lkey;
		r->rkey = c->rkey;
	}
	free_announced(hashmap_remove(&rxe_of(e)->copies, c->addr));
	if (!c->addr || hashmap_set(&rxe_of(e)->copies, c->addr, c)) {
		free(c);
		return;
	}
	t->open = c;
}

/* What a copy turned out to be. */
struct moved {
	struct stamp at;
	int tid;
	const struct site *site; /* NULL: no probe saw it */
	uint64_t user, via;	 /* the region's side: the user's address, the direct map's */
	uint64_t packet, len;
	struct rdma_region *region;
	bool sampled;
	uint64_t sample;
};

static struct content like(const struct moved *m, bool out)
{
	struct content c = {.kind = HOP_EMULATED_DMA, .holder = out ? BY_SKB : BY_RECEIVER,
			    .at = m->at, .len = m->len, .via = m->via,
			    .src = out ? m->user : m->packet, .dst = out ? m->packet : m->user,
			    .src_user = out, .dst_user = !out, .site = m->site,
			    .sample = m->sample, .sampled = m->sampled, .unknown = !m->site};

	c.at.ip = m->site ? m->site->addr : 0;
	return c;
}

/* From the region into a packet: START in the user's buffer, then the copy; NULL: no memory. */
static struct content *leave(struct engine *e, const struct moved *m, struct message *msg,
			     struct late *late, uint64_t off)
{
	struct content start = {.kind = HOP_START, .holder = BY_SENDER, .msg = msg, .late = late,
				.at = m->at, .src = m->user, .dst = m->user, .src_user = true,
				.dst_user = true, .via = m->via, .len = m->len, .off = off,
				.umem = m->region ? m->region->umem : 0};
	struct content new = like(m, true), *c;

	start.at.ip = 0;
	new.msg = msg;
	new.late = late;
	new.off = new.from_off = off;
	new.from = content_make(e, &start);
	c = new.from ? content_make(e, &new) : NULL;
	content_put(new.from);
	return c;
}

/* Whose bytes they are, the packet will tell when it is sent. */
static void move_out(struct engine *e, const struct moved *m)
{
	struct late *late = late_new();
	struct content *c = late ? leave(e, m, NULL, late, 0) : NULL;

	if (!c)
		e->err = -ENOMEM;
	late_put(late);
	check_overwrite(e, NULL, (struct place){SPACE_KERNEL, m->packet}, m->len);
	if (c)
		content_place(e, m->packet, c, 0, m->len);
	content_put(c);
}

struct delivering {
	struct engine *e;
	const struct moved *m;
};

static struct content *arrived(const struct delivering *d, const struct payload *p)
{
	struct content new = like(d->m, false), *c;
	uint64_t shift = p->addr - d->m->packet;

	new.from_holders = HOLDER_BIT(BY_RDMA_IN);
	new.why = "not recorded how the receiving device got the packet";
	new.msg = p->msg;
	new.from = p->c;
	new.from_off = p->at;
	new.held = custody_at(d->e, p->addr);
	new.src = p->addr;
	new.dst += shift;
	new.via += new.via ? shift : 0;
	new.len = p->len;
	new.off = p->off;
	new.sampled &= !shift;
	c = content_make(d->e, &new);
	custody_put(new.held);
	if (c)
		check_sample(c);
	return c;
}

static void remember_last(struct rxe_thread *t, struct message *m)
{
	if (!m->receipt || t->last == m)
		return;
	message_put(t->last);
	t->last = message_get(m);
}

static int deliver_piece(void *ctx, const struct payload *p)
{
	struct delivering *d = ctx;
	struct engine *e = d->e;
	struct rxe_thread *t = rxe_thread_of(e, d->m->tid);
	struct content *c = t ? arrived(d, p) : NULL;
	struct delivery item = {p->msg, c, p->off, p->off, p->len};
	struct flow *f = p->msg->flow;

	if (!c)
		return 0;
	if (!d->m->region)
		message_caveat(p->msg, CAVEAT_REGION);
	region_show(&f->to, d->m->region);
	if (!p->msg->delivered_bytes)
		f->chains++;
	engine_check(e, ledger_book(&e->ledger, &item));
	engine_check(e, ledger_show(&e->ledger, p->msg->id, &item));
	if (p->msg->delivered_bytes == p->msg->len)
		engine_check(e, ledger_time(&e->ledger, &item));
	remember_last(t, p->msg);
	content_put(c);
	return 0;
}

/* Out of a packet: to its receiver, as far as the bytes are payload. */
static void move_in(struct engine *e, const struct moved *m)
{
	struct delivering d = {e, m};

	content_each(e->content, SPACE_KERNEL, m->packet, m->len, deliver_piece, &d);
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
	struct rdma_copy *c = hashmap_find(&rxe_of(e)->copies, packet);

	if (!c || c->to_region != in || m->len > c->len)
		return false;
	locate(e, c, m);
	hashmap_remove(&rxe_of(e)->copies, packet);
	c->addr += m->len;
	c->iova += m->len;
	c->len -= m->len;
	if (c->len) {
		free_announced(hashmap_remove(&rxe_of(e)->copies, c->addr));
		if (!hashmap_set(&rxe_of(e)->copies, c->addr, c))
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

static void note_ring(struct engine *e, const struct copying *c)
{
	struct rxe_thread *t = rxe_thread_of(e, c->by->tid);

	if (t)
		t->ring = (struct rdma_ring){c->src, c->dst, c->len, c->sample, c->site,
					     engine_stamp(e)};
}

bool rxe_claim(struct engine *e, const struct copying *c)
{
	struct moved m = {.at = engine_stamp(e), .tid = c->by->tid, .site = c->site, .len = c->len,
			  .sampled = true, .sample = c->sample};

	if (!c->site || !c->site->emulates)
		return false;
	if (take_announced(e, c->dst, false, &m) || take_pinned(e, c->src, &m)) {
		m.packet = c->dst;
		m.via = c->src;
		move_out(e, &m);
		return true;
	}
	if (take_announced(e, c->src, true, &m) || take_pinned(e, c->dst, &m)) {
		m.packet = c->src;
		m.via = c->dst;
		move_in(e, &m);
		return true;
	}
	note_ring(e, c);
	return false;
}

static void fill_moved(struct engine *e, const struct rdma_copy *c, struct moved *m)
{
	*m = (struct moved){.at = c->at, .tid = c->by->tid, .len = c->len, .packet = c->addr};
	locate(e, c, m);
}

struct content *rxe_out(struct engine *e, const struct rdma_copy *c, struct message *msg, uint64_t off,
			uint64_t len)
{
	struct moved m;

	fill_moved(e, c, &m);
	m.len = len;
	return leave(e, &m, msg, NULL, off);
}

void rxe_copy_settle(struct engine *e, int tid)
{
	struct rxe_thread *t = hashmap_find(&rxe_of(e)->threads, task_key(e, tid));
	struct rdma_copy *c = t ? t->open : NULL;
	struct moved m;

	if (!c || !c->to_region || !e->run->partial)
		return;
	hashmap_remove(&rxe_of(e)->copies, c->addr);
	fill_moved(e, c, &m);
	move_in(e, &m);
	free_announced(c);
}
