// SPDX-License-Identifier: GPL-2.0-only
/* The wire: frames that leave one device and arrive at another, joined by what they hold. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/engine.h"

#define ETH_HEADER 14

struct frame *frame_of_skb(struct engine *e, uint64_t skb)
{
	for (size_t i = e->frame_count; i-- > 0;)
		if (e->frames[i]->skb == skb)
			return e->frames[i];
	return NULL;
}

struct frame *frame_at(struct engine *e, uint64_t va)
{
	for (size_t i = e->frame_count; i-- > 0;) {
		struct frame *f = e->frames[i];

		if (va >= f->data && va < f->data + f->len)
			return f;
	}
	return NULL;
}

void frame_drop_pieces(struct frame *f)
{
	for (size_t i = 0; i < f->count; i++)
		hop_put(f->pieces[i].hop);
	free(f->pieces);
	f->pieces = NULL;
	f->count = 0;
}

static void free_frame(struct frame *f)
{
	frame_drop_pieces(f);
	free(f);
}

static void remove_frame(struct engine *e, size_t i)
{
	free_frame(e->frames[i]);
	e->frame_count--;
	memmove(&e->frames[i], &e->frames[i + 1], (e->frame_count - i) * sizeof(e->frames[0]));
}

struct taking {
	struct engine *e;
	struct frame *frame;
	uint64_t base; /* address of the frame's first byte, or of its image in a bounce buffer */
};

static int add_piece(void *ctx, const struct rm_piece *p)
{
	struct taking *c = ctx;
	struct hop *h = p->tag;
	struct frame_piece *more;

	if (!h->msg)
		return 0;
	more = realloc(c->frame->pieces, (c->frame->count + 1) * sizeof(*more));
	if (!more) {
		c->e->err = -ENOMEM;
		return 1;
	}
	c->frame->pieces = more;
	more[c->frame->count++] = (struct frame_piece){p->addr - c->base, p->len, p->origin,
						       p->off, hop_get(h)};
	return 0;
}

void frame_take(struct engine *e, struct frame *f, uint64_t base, uint64_t addr, uint64_t len)
{
	struct taking c = {e, f, base};

	rangemap_walk(e->map, SPACE_KERNEL, addr, len, add_piece, &c);
}

/*
 * The part of a packet that is the same on both sides of a wire: the IP header without what
 * routers and offloads change, and what follows without the checksum of UDP.
 */
static unsigned int read_ident(const struct event *ev, size_t ip_at, unsigned char *ident)
{
	uint32_t have = ev->array_len[A_hdr];
	unsigned int n, header;

	if (!ev->array[A_hdr] || have < ip_at + 20)
		return 0;
	n = have - ip_at < IDENT_MAX ? (unsigned int)(have - ip_at) : IDENT_MAX;
	memcpy(ident, ev->array[A_hdr] + ip_at, n);
	if (ident[0] >> 4 == 6) {
		ident[7] = 0; /* hop limit */
		header = 40;
	} else if (ident[0] >> 4 == 4) {
		unsigned int total = (unsigned int)ident[2] << 8 | ident[3];

		ident[8] = ident[10] = ident[11] = 0; /* time to live, header checksum */
		header = (ident[0] & 15u) * 4;
		n = total && total < n ? total : n;
		/* Only the first fragment has a UDP header behind the IP header. */
		if ((ident[6] & 0x1f) || ident[7])
			header = IDENT_MAX;
	} else {
		return 0;
	}
	if (header + 8 <= n)
		ident[header + 6] = ident[header + 7] = 0;
	return n;
}

static void mark_frame(const struct frame *f, enum caveat d)
{
	for (size_t i = 0; i < f->count; i++)
		message_caveat(f->pieces[i].hop->msg, d);
}

/* Two frames on their way that look the same may be taken for each other. */
static void mark_alike(struct engine *e, const struct frame *f)
{
	for (size_t i = 0; f->count && f->ident_len && i < e->frame_count; i++) {
		const struct frame *other = e->frames[i];

		if (other->ident_len != f->ident_len ||
		    memcmp(other->ident, f->ident, f->ident_len))
			continue;
		mark_frame(other, CAVEAT_ALIKE);
		mark_frame(f, CAVEAT_ALIKE);
	}
}

void frame_sent(struct engine *e, const struct event *ev)
{
	struct frame *f;
	uint64_t linear = ev->v[F_len] - ev->v[F_dlen];

	if (e->frame_count == FRAMES_MAX)
		remove_frame(e, 0);
	f = calloc(1, sizeof(*f));
	if (!f) {
		e->err = -ENOMEM;
		return;
	}
	f->skb = ev->v[F_skb];
	f->data = ev->v[F_data];
	f->len = linear;
	f->ident_len = read_ident(ev, ETH_HEADER, f->ident);
	if (ev->array[A_dev])
		memcpy(f->dev, ev->array[A_dev],
		       strnlen((const char *)ev->array[A_dev],
			       ev->array_len[A_dev] < 15 ? ev->array_len[A_dev] : 15));
	frame_take(e, f, f->data, f->data, f->len);
	mark_alike(e, f);
	e->frames[e->frame_count++] = f;
	if (!f->count)
		remove_frame(e, e->frame_count - 1); /* nothing of ours in it */
}

/* A software device handed the same skb on: no wire. */
void frame_local(struct engine *e, uint64_t skb)
{
	for (size_t i = e->frame_count; i-- > 0;)
		if (e->frames[i]->skb == skb)
			remove_frame(e, i);
}

struct arrival {
	struct engine *e;
	const struct event *ev;
	struct frame *frame;
	const struct frame_piece *piece;
	uint64_t start; /* address of the frame's first byte */
	struct rm_piece out[16];
	size_t count;
	uint64_t covered;
};

static void set_place(struct hop *h, uint64_t addr, uint64_t len, uint64_t off)
{
	h->src = h->dst = addr;
	h->src_len = len;
	h->off = off;
}

/* All of the frame's hops behind `prev`, oldest first. */
static struct hop *adopt(struct engine *e, struct hop *prev, const struct hop *last,
			 const struct frame_piece *p)
{
	const struct hop **own = calloc((size_t)last->depth + 1, sizeof(*own));
	struct hop *h = hop_get(prev);
	size_t n = 0;

	for (const struct hop *o = last; own && o; o = o->prev)
		own[n++] = o;
	while (own && h && n) {
		const struct hop *o = own[--n];
		struct hop *next = hop_adopt(h, o, h->msg, p->at - o->off, p->len, p->off);

		hop_put(h);
		h = next;
	}
	if (!own || !h) {
		hop_put(own ? NULL : h);
		h = NULL;
		e->err = -ENOMEM;
	}
	free(own);
	return h;
}

static struct hop *cross_wire(struct arrival *a)
{
	struct hop *h = hop_after(a->e, HOP_WIRE, BY_FRAME, a->piece->hop, 1u << BY_DEVICE,
				  "no DMA out of the sender's buffer is recorded");

	if (h) {
		h->src = h->dst = 0;
		h->src_len = a->piece->len;
		h->off = a->piece->off;
		memcpy(h->dev, a->frame->dev, sizeof(h->dev));
	}
	return h;
}

static void keep(struct arrival *a, uint64_t addr, uint64_t len, uint64_t off, struct hop *h)
{
	if (!h || a->count == sizeof(a->out) / sizeof(a->out[0])) {
		hop_put(h);
		return;
	}
	a->out[a->count++] = (struct rm_piece){SPACE_KERNEL, addr, len, a->piece->origin, off, h};
}

/* Bytes at an address that no recorded copy wrote and no device had: somebody copied them. */
static void arrive_unknown(struct arrival *a, uint64_t addr, bool owned)
{
	struct hop *wire = cross_wire(a), *h;

	if (!wire)
		return;
	if (owned)
		h = hop_after(a->e, HOP_DMA, BY_FRAME, wire, 0,
			      "the buffer was handed up while still mapped for the device");
	else
		h = hop_new(HOP_COPY_UNKNOWN, BY_FRAME, wire, wire->msg, a->e->now);
	if (h) {
		set_place(h, addr, a->piece->len, a->piece->off);
		h->ip = 0;
		h->src = owned ? addr : 0;
		if (!owned && h->msg)
			h->msg->copied_bytes += a->piece->len;
	}
	hop_put(wire);
	keep(a, addr, a->piece->len, a->piece->off, h);
}

static int arrive_piece(void *ctx, const struct rm_piece *p)
{
	struct arrival *a = ctx;
	struct hop *own = p->tag, *wire;
	struct frame_piece part = *a->piece;

	if (own->msg || !(p->origin & ORIGIN_FRAME))
		return 0;
	wire = cross_wire(a);
	if (!wire)
		return 1;
	part.len = p->len;
	part.off += p->addr - (a->start + a->piece->at);
	part.at = p->off;
	keep(a, p->addr, p->len, part.off, adopt(a->e, wire, own, &part));
	hop_put(wire);
	a->covered += p->len;
	return 0;
}

static void join(struct arrival *a)
{
	struct engine *e = a->e;

	for (size_t i = 0; i < a->frame->count; i++) {
		uint64_t addr;

		a->piece = &a->frame->pieces[i];
		a->count = a->covered = 0;
		addr = a->start + a->piece->at;
		rangemap_walk(e->map, SPACE_KERNEL, addr, a->piece->len, arrive_piece, a);
		if (!a->covered)
			arrive_unknown(a, addr, device_owns(e, addr, a->piece->len));
		for (size_t k = 0; k < a->count; k++) {
			engine_check(e, rangemap_insert(e->map, &a->out[k]));
			hop_put(a->out[k].tag);
		}
	}
}

void frame_received(struct engine *e, const struct event *ev)
{
	struct arrival a = {.e = e, .ev = ev, .start = ev->v[F_head] + ev->v[F_mac]};
	unsigned char ident[IDENT_MAX];
	unsigned int n = read_ident(ev, 0, ident);

	/* A software device hands up the very skb that was sent. */
	if (frame_of_skb(e, ev->v[F_skb])) {
		frame_local(e, ev->v[F_skb]);
		return;
	}
	for (size_t i = 0; n && i < e->frame_count; i++) {
		struct frame *f = e->frames[i];

		if (f->ident_len != n || memcmp(f->ident, ident, n))
			continue;
		a.frame = f;
		join(&a);
		/* What is left of it is only whether it gets unmapped before it is freed. */
		f->ident_len = 0;
		return;
	}
}

void frame_skb_freed(struct engine *e, uint64_t skb)
{
	struct frame *f = frame_of_skb(e, skb);

	if (!f)
		return;
	if (f->mapped && !f->unmapped)
		mark_frame(f, CAVEAT_NOT_UNMAPPED);
	f->skb = 0;
	f->data = f->len = 0;
	if (f->ident_len)
		return;
	for (size_t i = e->frame_count; i-- > 0;)
		if (e->frames[i] == f)
			remove_frame(e, i);
}

void frames_free(struct engine *e)
{
	while (e->frame_count)
		remove_frame(e, e->frame_count - 1);
}
