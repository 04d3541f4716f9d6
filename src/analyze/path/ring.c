// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings of packet sockets: the kernel copies a frame into memory that a program sees, too, and there
 * is no call that hands it over (net/packet/af_packet.c: tpacket_rcv).
 */
#include "analyze/core/copying.h"
#include "analyze/core/path.h"
#include "analyze/core/skbs.h"
#include "analyze/core/task.h"
#include "analyze/paths.h"

static void mark(struct engine *e, uint64_t skb)
{
	const struct holder *s = skb_find(e, skb);

	if (s)
		skb_mark(e, s, CAVEAT_OBSERVER);
}

/* The kernel has gone on, and nothing was seen to be copied into the ring. */
static void give_up(struct engine *e, struct thread *t)
{
	if (t->ring_len)
		mark(e, t->ring_skb);
	t->ring_len = 0;
}

static void on_tap(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);

	if (!t)
		return;
	give_up(e, t);
	t->tap = ev->v[F_sk];
	t->tap_skb = ev->v[F_skb];
	t->tap_frame = ev->v[F_head] + ev->v[F_mac];
}

/* Elsewhere: what is copied from now on is nobody's ring. */
static void on_handoff(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);

	if (!t)
		return;
	give_up(e, t);
	t->tap_frame = 0;
}

static void on_free(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);

	if (t && t->ring_skb == ev->v[F_skb])
		give_up(e, t);
}

static void on_fill(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);

	if (!t)
		return;
	give_up(e, t);
	t->ring_skb = ev->v[F_skb];
	t->ring_to = ev->v[F_to];
	t->ring_len = ev->v[F_len];
	t->ring_message = 0;
	t->ring_entry = NULL;
}

struct arrival {
	struct engine *e;
	const struct copying *c;
	uint64_t bytes;
	struct flow *flow;
};

/* Whose frame it is: the entry that the socket made of it, which it does not read again. */
static struct custody *take(struct arrival *a, uint64_t addr)
{
	const struct block *b = block_at(&a->e->holders, addr);
	struct thread *t = a->c->by;
	const struct owner *o = b && t->ring_entry ? block_owner(b, t->ring_entry) : NULL;

	if (!o && b)
		o = block_queued(b, t->tap, BY_TAP);
	if (!o)
		return custody_at(a->e, addr);
	o->by->taken = true;
	t->ring_entry = o->by;
	return owner_custody(o, &a->e->err);
}

static void book(struct arrival *a, const struct delivery *d)
{
	struct engine *e = a->e;

	a->flow = d->msg->flow;
	a->flow->chains += a->c->by->ring_message != d->msg->id;
	a->c->by->ring_message = d->msg->id;
	a->flow->expected_bytes += d->len;
	engine_check(e, ledger_book(&e->ledger, d));
	engine_check(e, ledger_show(&e->ledger, e->now->file_off, d));
}

static int arrive(void *ctx, const struct payload *p)
{
	struct arrival *a = ctx;
	struct delivery d = {p->msg, NULL, p->off, p->off, p->len};
	struct content like = {.kind = HOP_COPY,
			       .holder = BY_RECEIVER,
			       .from_holders = HOLDER_BIT(BY_TAP),
			       .why = "not recorded how the ring's socket got the bytes",
			       .msg = p->msg,
			       .from = p->c,
			       .from_off = p->at,
			       .held = take(a, p->addr),
			       .off = p->off,
			       .len = p->len,
			       .src = p->addr,
			       .dst = a->c->dst + (p->addr - a->c->src),
			       .sk = a->c->by->tap,
			       .site = a->c->site,
			       .sample = a->c->sample,
			       .sampled = p->addr == a->c->src};

	like.at = engine_stamp(a->e);
	like.at.ip = a->c->ip;
	d.c = content_make(a->e, &like);
	custody_put(like.held);
	if (!d.c)
		return 1;
	p->msg->copied_bytes += p->len;
	check_sample(d.c);
	book(a, &d);
	content_put(d.c);
	a->bytes += p->len;
	return 0;
}

/* A copy into the ring. What was there is the program's no more. */
static bool claim(struct engine *e, const struct copying *c)
{
	struct thread *t = c->by;
	struct arrival a = {.e = e, .c = c};

	/* Only into a ring is a frame copied from its first byte on, as soon as a packet socket has it. */
	if (!t->ring_len && t->tap_frame && c->src == t->tap_frame)
		mark(e, t->tap_skb);
	if (!t->ring_len || c->dst < t->ring_to || c->dst - t->ring_to >= t->ring_len)
		return false;
	content_each(e->content, SPACE_KERNEL, c->src, c->len, arrive, &a);
	if (c->dst + c->len >= t->ring_to + t->ring_len)
		t->ring_len = 0;
	if (!a.bytes)
		return false;
	a.flow->header_bytes += c->len - a.bytes;
	engine_check(e, rangemap_clear(e->content, SPACE_KERNEL, c->dst, c->len));
	return true;
}

static const struct handler handlers[] = {
	{EV_TAP_RCV, on_tap},	     {EV_RING_FILL, on_fill},	  {EV_DEV_XMIT, on_handoff},
	{EV_NETIF_RECEIVE, on_handoff}, {EV_SK_QUEUE, on_handoff}, {EV_CONSUME_SKB, on_free},
	{EV_DROP_SKB, on_free},	     {0, NULL},
};

const struct path path_ring = {.name = "ring", .handlers = handlers, .claim = claim};
