// SPDX-License-Identifier: GPL-2.0-only
/* Frames that arrive at a device: joined with what was sent by what they hold. */
#include <stdlib.h>
#include <string.h>

#include "analyze/core/path.h"
#include "analyze/core/skbs.h"
#include "analyze/path/dma.h"
#include "analyze/path/frame.h"
#include "analyze/paths.h"

struct arrival {
	struct engine *e;
	const struct frame *frame;
	uint64_t start, len; /* where the frame's bytes are, as far as one place has them */
	struct late *joined[64]; /* more buffers than any frame has */
	size_t count;
	struct holder *skb;
};

static bool is_joined(const struct arrival *a, const struct late *l)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->joined[i] == l)
			return true;
	return false;
}

/* The frame's pieces, whose byte at `from` has coordinate `at` in what the device wrote. */
static void join(struct arrival *a, struct late *l, uint64_t from, uint64_t at)
{
	struct stamp now = engine_stamp(a->e);

	for (size_t i = 0; i < a->frame->sent->count; i++) {
		struct late_piece p = a->frame->sent->pieces[i];

		if (p.at + p.len + at < from + 1)
			continue;
		p.at += at - from;
		if (late_add(l, &p))
			a->e->err = -ENOMEM;
	}
	l->crossed = true;
	memcpy(l->dev, a->frame->dev, sizeof(l->dev));
	engine_check(a->e, late_settle(l, &now));
	if (a->count < sizeof(a->joined) / sizeof(a->joined[0]))
		a->joined[a->count++] = l;
}

/* The buffer that the device wrote is the skb's, wherever it is, unless the device keeps it. */
static void take_buffer(struct arrival *a, const struct content *c)
{
	while (c->from)
		c = c->from;
	/* Where part of it is another's, it was freed unseen, and what is there of it is stale. */
	if (c->dst && a->skb && !block_within(&a->e->holders, c->dst, c->len) &&
	    !dma_device_owns(a->e, c->dst, c->len))
		skb_take(a->e, a->skb, c->dst, c->len);
}

static int join_piece(void *ctx, const struct rm_piece *p)
{
	struct arrival *a = ctx;
	struct content *c = p->tag;

	if (!c->late || c->late->known)
		return 0;
	join(a, c->late, p->addr - a->start, p->off);
	take_buffer(a, c);
	return 0;
}

static int find_joined(void *ctx, const struct rm_piece *p)
{
	const struct content *c = p->tag;

	return c->late && is_joined(ctx, c->late);
}

/* Bytes at an address that no recorded copy wrote and no device had: somebody copied them. */
static void arrive_unknown(struct arrival *a, const struct late_piece *p)
{
	struct engine *e = a->e;
	uint64_t addr = a->start + p->at;
	bool owned = dma_device_owns(e, addr, p->len);
	struct content new = {.kind = owned ? HOP_DMA : HOP_COPY_UNKNOWN, .holder = BY_FRAME,
			      .late = late_new(), .off = p->at, .len = p->len,
			      .src = owned ? addr : 0, .dst = addr, .at = engine_stamp(e)};
	struct content *c;

	if (!new.late) {
		e->err = -ENOMEM;
		return;
	}
	if (owned) {
		new.from_holders = HOLDER_BIT(BY_RECEIVER);
		new.why = "the buffer was handed up while still mapped for the device";
	} else {
		new.at.ip = 0;
		p->msg->copied_bytes += p->len;
	}
	join(a, new.late, 0, 0);
	c = content_make(e, &new);
	late_put(new.late);
	if (c)
		content_place(e, addr, c, p->at, p->len);
	content_put(c);
}

static bool is_elsewhere(const struct arrival *a, const struct late_piece *p)
{
	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < a->joined[i]->count; k++)
			if (a->joined[i]->pieces[k].from == p->from &&
			    a->joined[i]->pieces[k].from_at == p->from_at && p->at >= a->len)
				return true;
	return false;
}

static int find_message(void *ctx, const struct payload *p)
{
	const struct late_piece *l = ctx;

	return p->msg == l->msg && !p->c->late;
}

/* Recorded copies have brought it there: a software device's, without a wire. */
static bool is_there(const struct arrival *a, const struct late_piece *p)
{
	return content_each(a->e->content, SPACE_KERNEL, a->start + p->at, p->len, find_message,
			    (void *)p) == 1;
}

static void join_all(struct arrival *a)
{
	struct engine *e = a->e;
	size_t joined;

	rangemap_walk(e->content, SPACE_KERNEL, a->start, a->len, join_piece, a);
	joined = a->count;
	for (size_t i = 0; i < a->frame->sent->count; i++) {
		const struct late_piece *p = &a->frame->sent->pieces[i];

		if (rangemap_walk(e->content, SPACE_KERNEL, a->start + p->at, p->len, find_joined,
				  a) == 1 || is_there(a, p))
			continue;
		if (!joined || !is_elsewhere(a, p))
			arrive_unknown(a, p);
	}
}

static int find_unjoined(void *ctx, const struct rm_piece *p)
{
	const struct content *c = p->tag;

	(void)ctx;
	return c->late && !c->late->known;
}

/* Its headers are what a device wrote, and nobody has taken them for a frame yet. */
static bool is_fresh(struct engine *e, const struct event *ev)
{
	return rangemap_walk(e->content, SPACE_KERNEL, ev->v[F_data], 1, find_unjoined, NULL) == 1;
}

static void arrive(struct engine *e, const struct event *ev)
{
	struct arrival a = {.e = e, .start = ev->v[F_head] + ev->v[F_mac]};
	unsigned char ident[IDENT_MAX];
	unsigned int n = frame_ident(ev, 0, ident);
	struct frame *f = n ? frame_with(e, ident, n) : NULL;

	if (!f || !ev->v[F_head])
		return;
	a.frame = f;
	a.len = ev->v[F_data] + (ev->v[F_len] - ev->v[F_dlen]) - a.start;
	a.skb = skb_of(e, ev, false);
	join_all(&a);
	frame_arrived(e, f);
}

/* Nothing is known of a buffer that a device had before the recording began. */
void frame_found(struct engine *e, const struct event *ev, const struct arrived_at *where)
{
	struct arrival a = {.e = e, .start = where->start, .len = where->len};
	unsigned char ident[IDENT_MAX];
	unsigned int n = frame_ident(ev, where->ip_at, ident);
	struct frame *f = n ? frame_with(e, ident, n) : NULL;

	if (!f)
		return;
	if (rangemap_walk(e->content, SPACE_KERNEL, a.start, 1, find_unjoined, NULL) != 1)
		dma_written(e, a.start, a.len);
	a.frame = f;
	join_all(&a);
	frame_arrived(e, f);
}

/*
 * A software device hands up the very skb that was sent. One that a device has read is freed before
 * its pointer comes up again.
 */
static bool is_local(struct engine *e, const struct event *ev)
{
	struct frame *f = frame_of_skb(e, ev->v[F_skb]);

	if (!f)
		return false;
	if (!f->read) {
		frame_local(e, ev->v[F_skb]);
		return true;
	}
	frame_mark(f, CAVEAT_RECYCLED);
	frame_freed(e, f);
	return false;
}

static void on_gro(struct engine *e, const struct event *ev)
{
	if (!is_local(e, ev))
		arrive(e, ev);
}

/*
 * Here come what drivers without GRO hand up, software devices' packets, and all those once more
 * that came by other events before.
 */
static void on_receive(struct engine *e, const struct event *ev)
{
	if (!is_local(e, ev) && is_fresh(e, ev))
		arrive(e, ev);
}

static const struct handler handlers[] = {
	{EV_GRO_RECEIVE, on_gro},
	{EV_NETIF_RX, on_receive},
	{EV_NETIF_RECEIVE, on_receive},
	{0, NULL},
};

const struct path path_wire_in = {.name = "wire-in", .handlers = handlers};
