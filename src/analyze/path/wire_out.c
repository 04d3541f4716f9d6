// SPDX-License-Identifier: GPL-2.0-only
/* Frames that leave a device, until they arrive at another. */
#include "analyze/path/frame.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/core/path.h"
#include "analyze/core/skbs.h"
#include "analyze/paths.h"

#define ETH_HEADER 14
#define FRAMES_MAX 65536 /* under way, with payload, to nobody who is recorded */

struct frames {
	struct hashmap by_skb, by_ident; /* the latter: the oldest, which leads to the others */
	size_t count;
};

static struct frames *frames_of(const struct engine *e)
{
	return engine_state(e, &path_wire_out);
}

#define IP4_HEADER 20
#define IP6_HEADER 40

/* By the IP header, which both sides know whole. */
static uint64_t ident_key(const unsigned char *ident)
{
	unsigned int len = ident[0] >> 4 == 6 ? IP6_HEADER : IP4_HEADER;
	uint64_t key = len;

	for (unsigned int i = 0; i < len; i += 8) {
		uint64_t word = 0;

		memcpy(&word, ident + i, len - i < 8 ? len - i : 8);
		key = mix(key, word, i);
	}
	return key;
}

struct frame *frame_of_skb(struct engine *e, uint64_t skb)
{
	return skb ? hashmap_find(&frames_of(e)->by_skb, skb) : NULL;
}

struct frame *frame_at(struct engine *e, uint64_t va)
{
	const struct block *b = block_at(&e->holders, va);
	struct frame *newest = NULL;

	/* Parts of one skb share its memory: the driver gives the device the one it got last. */
	for (size_t i = 0; b && i < b->count; i++) {
		struct frame *f = frame_of_skb(e, b->owners[i].by->addr);

		if (f && (!newest || f->seq > newest->seq))
			newest = f;
	}
	return newest;
}

/* As far as both are known: one side may have more of a packet in its linear part. */
static bool is_alike(const struct frame *f, const unsigned char *ident, unsigned int len)
{
	return f->ident_len && !memcmp(f->ident, ident, len < f->ident_len ? len : f->ident_len);
}

unsigned int frame_ident(const struct event *ev, uint64_t ip_at, unsigned char *ident)
{
	uint64_t have = ev->array_len[A_hdr], linear = ev->v[F_len] - ev->v[F_dlen];
	unsigned int n, header, least = IP4_HEADER;

	have = have < linear ? have : linear;
	if (!ev->array[A_hdr] || ip_at > have || have - ip_at < IP4_HEADER)
		return 0;
	n = have - ip_at < IDENT_MAX ? (unsigned int)(have - ip_at) : IDENT_MAX;
	memcpy(ident, ev->array[A_hdr] + ip_at, n);
	if (ident[0] >> 4 == 6) {
		ident[7] = 0; /* hop limit */
		header = least = IP6_HEADER;
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
	else if (header + 6 < n)
		n = header + 6;
	return n < least ? 0 : n;
}

void frame_mark(const struct frame *f, enum caveat d)
{
	for (size_t i = 0; i < f->sent->count; i++)
		message_caveat(f->sent->pieces[i].msg, d);
}

/* The others that it may be taken for get a caveat. */
struct frame *frame_with(struct engine *e, const unsigned char *ident, unsigned int len)
{
	struct frame *f = hashmap_find(&frames_of(e)->by_ident, ident_key(ident));

	while (f && !is_alike(f, ident, len))
		f = f->alike;
	for (struct frame *o = f ? f->alike : NULL; o; o = o->alike)
		if (is_alike(o, ident, len)) {
			frame_mark(o, CAVEAT_ALIKE);
			frame_mark(f, CAVEAT_ALIKE);
		}
	return f;
}

static void forget_ident(struct frames *fs, struct frame *f)
{
	uint64_t key = ident_key(f->ident);
	struct frame *first = f->ident_len ? hashmap_find(&fs->by_ident, key) : NULL, **at = &first;

	while (*at && *at != f)
		at = &(*at)->alike;
	if (!*at)
		return;
	*at = f->alike;
	f->ident_len = 0;
	hashmap_remove(&fs->by_ident, key);
	/* In the place of one that was removed there is room again. */
	if (first)
		hashmap_set(&fs->by_ident, key, first);
}

static void free_frame(struct frames *fs, struct frame *f)
{
	forget_ident(fs, f);
	if (f->skb)
		hashmap_remove(&fs->by_skb, f->skb);
	fs->count--;
	late_put(f->sent);
	free(f);
}

struct taking {
	struct engine *e;
	struct frame *f;
	uint64_t at, addr;
	const struct custody *taken;
};

static struct custody *take_custody(struct engine *e, uint64_t addr, const struct custody *taken)
{
	struct custody *held = custody_at(e, addr), *c;

	if (!taken)
		return held;
	c = custody_after(held, taken);
	if (!c)
		e->err = -ENOMEM;
	custody_put(held);
	return c;
}

static int add_piece(void *ctx, const struct payload *p)
{
	struct taking *t = ctx;
	struct custody *held = take_custody(t->e, p->addr, t->taken);
	struct late_piece new = {t->at + (p->addr - t->addr), p->len, p->msg, p->off, p->c, p->at, held};

	if (late_add(t->f->sent, &new))
		t->e->err = -ENOMEM;
	custody_put(held);
	return 0;
}

void frame_take(struct engine *e, struct frame *f, uint64_t at, uint64_t addr, uint64_t len,
		const struct custody *taken)
{
	struct taking t = {e, f, at, addr, taken};

	content_each(e->content, SPACE_KERNEL, addr, len, add_piece, &t);
}

static bool is_linear(const struct frame *f, uint64_t va)
{
	return va >= f->data && va - f->data < f->linear;
}

uint64_t frame_offset(const struct frame *f, uint64_t va)
{
	return is_linear(f, va) ? va - f->data : f->given;
}

void frame_give(struct frame *f, uint64_t va, uint64_t size)
{
	if (!is_linear(f, va))
		f->given += size;
}

void frame_forget_pieces(struct engine *e, struct frame *f)
{
	late_put(f->sent);
	f->sent = late_new();
	f->given = f->linear;
	if (!f->sent)
		e->err = -ENOMEM;
}

void frame_arrived(struct engine *e, struct frame *f)
{
	forget_ident(frames_of(e), f);
	if (!f->skb)
		free_frame(frames_of(e), f);
}

void frame_local(struct engine *e, uint64_t skb)
{
	struct frame *f = frame_of_skb(e, skb);

	if (f)
		free_frame(frames_of(e), f);
}

/* Two frames under way that look the same may be taken for each other. */
static void add_ident(struct engine *e, struct frame *f)
{
	struct frames *fs = frames_of(e);
	uint64_t key = ident_key(f->ident);
	struct frame *first = f->ident_len ? hashmap_find(&fs->by_ident, key) : NULL, *last = first;

	for (struct frame *o = first; o; last = o, o = o->alike)
		if (is_alike(o, f->ident, f->ident_len)) {
			frame_mark(o, CAVEAT_ALIKE);
			frame_mark(f, CAVEAT_ALIKE);
		}
	if (last)
		last->alike = f;
	else if (f->ident_len && hashmap_set(&fs->by_ident, key, f))
		e->err = -ENOMEM;
}

static struct frame *new_frame(struct engine *e, const struct event *ev)
{
	struct frame *f = calloc(1, sizeof(*f));
	uint64_t net = ev->v[F_head] + ev->v[F_net] - ev->v[F_data];

	if (f)
		f->sent = late_new();
	if (!f || !f->sent) {
		free(f);
		e->err = -ENOMEM;
		return NULL;
	}
	f->skb = ev->v[F_skb];
	f->seq = e->seq;
	f->data = ev->v[F_data];
	f->linear = f->given = ev->v[F_len] - ev->v[F_dlen];
	f->ident_len = frame_ident(ev, ev->v[F_net] && net < 64 ? net : ETH_HEADER, f->ident);
	event_dev(ev, f->dev);
	frames_of(e)->count++;
	return f;
}

static void on_xmit(struct engine *e, const struct event *ev)
{
	struct frames *fs = frames_of(e);
	struct frame *f;

	if (!ev->v[F_skb])
		return;
	frame_local(e, ev->v[F_skb]);
	f = new_frame(e, ev);
	if (!f)
		return;
	if (hashmap_set(&fs->by_skb, f->skb, f))
		e->err = -ENOMEM;
	frame_take(e, f, 0, f->data, f->linear, NULL);
	if (fs->count > FRAMES_MAX) {
		frame_mark(f, CAVEAT_LIMIT);
		free_frame(fs, f);
	} else if (!f->sent->count && !ev->v[F_dlen]) {
		free_frame(fs, f); /* nothing in it is known */
	} else {
		add_ident(e, f);
	}
}

void frame_freed(struct engine *e, struct frame *f)
{
	struct frames *fs = frames_of(e);

	if (f->mapped)
		frame_mark(f, CAVEAT_NOT_UNMAPPED);
	hashmap_remove(&fs->by_skb, f->skb);
	f->skb = 0;
	if (!f->ident_len || !f->sent->count)
		free_frame(fs, f);
}

static void on_free(struct engine *e, const struct event *ev)
{
	struct frame *f = frame_of_skb(e, ev->v[F_skb]);

	if (f)
		frame_freed(e, f);
}

static int init(struct engine *e, void **state)
{
	(void)e;
	*state = calloc(1, sizeof(struct frames));
	return *state ? 0 : -ENOMEM;
}

struct list {
	struct frame *first;
};

static void list_alike(void *value, void *ctx)
{
	struct list *l = ctx;
	struct frame *f = value;

	while (f) {
		struct frame *next = f->alike;

		if (!f->skb) {
			f->alike = l->first;
			l->first = f;
		}
		f = next;
	}
}

static void list_skb(void *value, void *ctx)
{
	struct list *l = ctx;
	struct frame *f = value;

	f->alike = l->first;
	l->first = f;
}

/* Frames without an skb are found by their identity, all others by their skb. */
static void finish(struct engine *e)
{
	struct frames *fs = frames_of(e);
	struct list l = {NULL};

	hashmap_each(&fs->by_ident, list_alike, &l);
	hashmap_each(&fs->by_skb, list_skb, &l);
	hashmap_free(&fs->by_ident);
	hashmap_free(&fs->by_skb);
	while (l.first) {
		struct frame *f = l.first;

		l.first = f->alike;
		late_put(f->sent);
		free(f);
	}
}

static void free_state(struct engine *e)
{
	free(frames_of(e));
}

static const struct handler handlers[] = {
	{EV_DEV_XMIT, on_xmit},	    {EV_CONSUME_SKB, on_free}, {EV_DEFER_FREE, on_free},
	{EV_DROP_SKB, on_free},	    {0, NULL},
};

const struct path path_wire_out = {.name = "wire-out", .handlers = handlers, .init = init,
				   .finish = finish, .free = free_state};
