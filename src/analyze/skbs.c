// SPDX-License-Identifier: GPL-2.0-only
/* The lives of socket buffers: which memory is whose, and when it is free again. */
#include <errno.h>
#include <stdlib.h>

#include "analyze/engine.h"
#include "analyze/rdma.h"

static struct head *head_of(struct engine *e, uint64_t addr, uint64_t size)
{
	struct head *h = hashmap_find(&e->heads, addr);

	if (h) {
		h->size = size > h->size ? size : h->size;
		return h;
	}
	h = calloc(1, sizeof(*h));
	if (!h || hashmap_set(&e->heads, addr, h)) {
		free(h);
		e->err = -ENOMEM;
		return NULL;
	}
	h->addr = addr;
	h->size = size;
	return h;
}

struct doom {
	uint64_t reason;
	bool dropped;
};

/* What is lost with the memory: a drop, unless the device or a receiver has it already. */
static int doom_piece(void *ctx, const struct rm_piece *p)
{
	const struct doom *d = ctx;
	const struct hop *h = p->tag;

	if (!h->msg || !d->dropped || h->holder == BY_DEVICE)
		return 0;
	h->msg->dropped_bytes += p->len;
	h->msg->drop_reason = d->reason;
	return 0;
}

static void forget_memory(struct engine *e, uint64_t addr, uint64_t len, const struct doom *d)
{
	rangemap_walk(e->map, SPACE_KERNEL, addr, len, doom_piece, (void *)d);
	engine_check(e, rangemap_clear(e->map, SPACE_KERNEL, addr, len));
}

static void free_taps(struct head *h)
{
	for (size_t i = 0; i < h->tap_count; i++)
		hop_put(h->taps[i].hop);
	free(h->taps);
	h->taps = NULL;
	h->tap_count = 0;
}

static void remove_head(struct engine *e, struct head *h)
{
	free_taps(h);
	hashmap_remove(&e->heads, h->addr);
	free(h->owners);
	free(h);
}

/* One skb less refers to the head; without any, its memory is free (net/core/skbuff.c:
 * skb_release_data). */
static void put_head(struct engine *e, const struct skb *owner, uint64_t addr,
		     const struct doom *d)
{
	struct head *h = hashmap_find(&e->heads, addr);

	for (size_t i = 0; h && i < h->owner_count; i++) {
		if (h->owners[i] != owner)
			continue;
		h->owners[i] = h->owners[--h->owner_count];
		break;
	}
	if (!h || h->owner_count)
		return;
	forget_memory(e, h->addr, h->size, d);
	remove_head(e, h);
}

static void disown(struct skb *s, uint64_t head)
{
	if (s->head == head)
		s->head = s->end = 0;
	for (size_t i = 0; i < s->extra_count; i++)
		if (s->extras[i].head == head)
			s->extras[i].head = s->extras[i].len = 0;
}

/*
 * An skb that is no clone has its head for itself: whoever had it before was freed on a way that
 * passes no tracepoint (__kfree_skb in the TCP stack).
 */
static void evict_owners(struct head *h, const struct skb *but)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->owner_count; i++) {
		if (h->owners[i] == but)
			h->owners[kept++] = h->owners[i];
		else
			disown(h->owners[i], h->addr);
	}
	h->owner_count = kept;
}

static int add_owner(struct head *h, struct skb *s)
{
	struct skb **more = realloc(h->owners, (h->owner_count + 1) * sizeof(struct skb *));

	if (!more)
		return -ENOMEM;
	h->owners = more;
	more[h->owner_count++] = s;
	return 0;
}

static struct skb *new_skb(struct engine *e, uint64_t addr)
{
	struct skb *s = calloc(1, sizeof(*s));

	if (!s || hashmap_set(&e->skbs, addr, s)) {
		free(s);
		e->err = -ENOMEM;
		return NULL;
	}
	s->addr = addr;
	return s;
}

static bool holds_message(struct engine *e, uint64_t addr, uint64_t len)
{
	return rangemap_walk(e->map, SPACE_KERNEL, addr, len, piece_has_message, NULL) == 1;
}

struct mark {
	enum caveat caveat;
	uint64_t filled_by; /* what this skb itself was filled with is let off; 0: nothing is */
};

static int mark_piece(void *ctx, const struct rm_piece *p)
{
	const struct mark *m = ctx;
	const struct hop *h = p->tag;

	if (!m->filled_by || h->kind != HOP_COPY || h->skb != m->filled_by)
		message_caveat(h->msg, m->caveat);
	return 0;
}

static void mark_memory(struct engine *e, uint64_t addr, uint64_t len, enum caveat d)
{
	struct mark m = {d, 0};

	rangemap_walk(e->map, SPACE_KERNEL, addr, len, mark_piece, &m);
}

/* What others left there is not what the skb brings: it came into its head by a copy. */
static void mark_left_behind(struct engine *e, const struct skb *s, uint64_t head, uint64_t end)
{
	struct mark m = {CAVEAT_RECYCLED, s->addr};

	rangemap_walk(e->map, SPACE_KERNEL, head, end, mark_piece, &m);
}

static void mark_skb(struct engine *e, const struct skb *s, enum caveat d)
{
	if (s->head)
		mark_memory(e, s->head, s->end, d);
	for (size_t i = 0; i < s->extra_count; i++)
		mark_memory(e, s->extras[i].addr, s->extras[i].len, d);
}

/* An skb that went its way is filled anew: its free, which went unseen, lies in between. */
static struct skb *renew_skb(struct engine *e, struct skb *s)
{
	static const struct doom moved = {0};

	mark_skb(e, s, CAVEAT_RECYCLED);
	for (size_t i = 0; i < s->extra_count; i++)
		if (s->extras[i].head)
			put_head(e, s, s->extras[i].head, &moved);
	if (s->head)
		put_head(e, s, s->head, &moved);
	s->head = s->end = s->data = s->len = s->extra_count = 0;
	s->passed = false;
	return s;
}

void skb_born(struct engine *e, uint64_t skb)
{
	struct skb *s = hashmap_find(&e->skbs, skb);

	if (!s || !s->passed)
		return;
	mark_skb(e, s, CAVEAT_RECYCLED);
	s->passed = false;
}

static void set_head(struct engine *e, struct skb *s, uint64_t head, uint64_t end, bool shared)
{
	static const struct doom moved = {0};
	struct head *h;

	if (!head)
		return;
	if (s->head == head) {
		s->end = end;
		return;
	}
	/* With a new head comes the payload (pskb_expand_head, skb_morph), or it is another skb. */
	if (s->head && s->passed && !holds_message(e, head, end))
		renew_skb(e, s);
	h = head_of(e, head, end);
	if (!h)
		return;
	if (!shared) {
		if (h->owner_count)
			mark_left_behind(e, s, head, end);
		evict_owners(h, s);
	}
	if (add_owner(h, s))
		e->err = -ENOMEM;
	if (s->head)
		put_head(e, s, s->head, &moved);
	s->head = head;
	s->end = end;
}

struct skb *skb_of(struct engine *e, const struct event *ev, bool shared)
{
	struct skb *s = hashmap_find(&e->skbs, ev->v[F_skb]);

	if (!s)
		s = new_skb(e, ev->v[F_skb]);
	if (s)
		set_head(e, s, ev->v[F_head], ev->v[F_end], shared);
	return s;
}

#define EXTRAS_MAX 1024 /* of one skb: 64 KiB in the smallest fragments */

static int add_extra(struct skb *s, struct extra x)
{
	struct extra *more;

	for (size_t i = 0; i < s->extra_count; i++)
		if (s->extras[i].addr == x.addr && s->extras[i].len == x.len &&
		    s->extras[i].head == x.head)
			return 0;
	if (s->extra_count >= EXTRAS_MAX)
		return 0; /* what is left out breaks its chain */
	more = realloc(s->extras, (s->extra_count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->extras = more;
	more[s->extra_count++] = x;
	return 0;
}

bool skb_within_head(const struct skb *s, uint64_t addr)
{
	return s->head && addr >= s->head && addr < s->head + s->end;
}

void on_skb_fill(struct engine *e, const struct event *ev)
{
	struct thread *t = thread_of(e, ev->tid);
	struct skb *s = hashmap_find(&e->skbs, ev->v[F_skb]);

	if (!t)
		return;
	t->fill_to = ev->v[F_to];
	t->fill_len = ev->v[F_len];
	t->fill_skb = ev->v[F_skb];
	if (s && s->passed)
		s = renew_skb(e, s);
	if (!s)
		s = new_skb(e, ev->v[F_skb]);
	if (s && add_extra(s, (struct extra){ev->v[F_to], ev->v[F_len], 0}))
		e->err = -ENOMEM;
}

void on_clone(struct engine *e, const struct event *ev)
{
	struct skb *s = hashmap_find(&e->skbs, ev->v[F_skb]);

	/* A clone is a new skb: one known by that pointer was freed unseen. */
	if (s)
		renew_skb(e, s);
	if (ev->v[F_skb])
		skb_of(e, ev, true);
}

/* net/core/skbuff.c: skb_morph makes one skb a clone of another, letting go of what it held. */
void on_morph(struct engine *e, const struct event *ev)
{
	struct skb *to = hashmap_find(&e->skbs, ev->v[F_to]);

	if (!to)
		to = new_skb(e, ev->v[F_to]);
	if (to)
		set_head(e, to, ev->v[F_head], ev->v[F_end], true);
}

static void take_over(struct engine *e, struct skb *to, const struct skb *from, struct extra x)
{
	struct head *h = x.head ? hashmap_find(&e->heads, x.head) : NULL;

	for (size_t i = 0; h && i < h->owner_count; i++)
		if (h->owners[i] == from)
			h->owners[i] = to;
	if (add_extra(to, x))
		e->err = -ENOMEM;
}

/* The end of an skb that left no trace of its own: nobody may point to it. */
static void forget_skb(struct engine *e, struct skb *s)
{
	static const struct doom moved = {0};

	for (size_t i = 0; i < s->extra_count; i++)
		if (s->extras[i].head)
			put_head(e, s, s->extras[i].head, &moved);
	if (s->head)
		put_head(e, s, s->head, &moved);
	free(s->extras);
	free(s);
}

/*
 * skb_try_coalesce: `to` takes over the memory of `from`, or, where it cannot, `from` is put on
 * its list of fragments (net/ipv4/inet_fragment.c: inet_frag_reasm_finish). Either way the memory
 * lives as long as `to`, and the end of `from` (kfree_skb_partial) passes no tracepoint.
 */
void on_coalesce(struct engine *e, const struct event *ev)
{
	struct skb *to = hashmap_find(&e->skbs, ev->v[F_to]), *from;

	if (ev->v[F_to] == ev->v[F_skb])
		return;
	from = hashmap_remove(&e->skbs, ev->v[F_skb]);

	if (!from)
		return;
	if (!to) {
		forget_skb(e, from);
		return;
	}
	if (from->head)
		take_over(e, to, from, (struct extra){from->head, from->end, from->head});
	for (size_t i = 0; i < from->extra_count; i++)
		if (from->extras[i].head || !skb_within_head(from, from->extras[i].addr))
			take_over(e, to, from, from->extras[i]);
	from->head = from->extra_count = 0;
	forget_skb(e, from);
}

/*
 * Is what is freed another packet than was last seen under this pointer, so that the free of that
 * one was not recorded? One that shares its head may be changed by its other owners' makers.
 */
static bool is_another(struct engine *e, const struct skb *s, const struct event *ev)
{
	const struct head *h = hashmap_find(&e->heads, s->head);

	if (s->head && s->head != ev->v[F_head])
		return !holds_message(e, ev->v[F_head], ev->v[F_end]);
	return h && h->owner_count == 1 && s->data && ev->v[F_data] &&
	       (s->data != ev->v[F_data] || s->len != ev->v[F_len]);
}

void on_skb_free(struct engine *e, const struct event *ev)
{
	struct doom d = {ev->v[F_reason], ev->kind == EV_DROP_SKB};
	struct skb *s;

	rdma_copy_settle(e, ev->tid);
	s = hashmap_remove(&e->skbs, ev->v[F_skb]);
	if (!s)
		return;
	if (is_another(e, s, ev)) {
		mark_skb(e, s, CAVEAT_RECYCLED);
		d.dropped = false;
	}
	frame_skb_freed(e, s->addr);
	for (size_t i = 0; i < s->extra_count; i++) {
		if (s->extras[i].head)
			put_head(e, s, s->extras[i].head, &d);
		else if (!skb_within_head(s, s->extras[i].addr))
			forget_memory(e, s->extras[i].addr, s->extras[i].len, &d);
	}
	if (s->head)
		put_head(e, s, s->head, &d);
	free(s->extras);
	free(s);
}

static void finish_skb(void *value, void *ctx)
{
	mark_skb(ctx, value, CAVEAT_NOT_FREED);
}

/* The recording outlives the workload: what still lies in an skb then was never freed. */
void skbs_finish(struct engine *e)
{
	hashmap_each(&e->skbs, finish_skb, e);
}

static void free_skb(void *value, void *ctx)
{
	struct skb *s = value;

	(void)ctx;
	free(s->extras);
	free(s);
}

static void free_head(void *value, void *ctx)
{
	struct head *h = value;

	(void)ctx;
	free_taps(h);
	free(h->owners);
	free(h);
}

void skbs_free(struct engine *e)
{
	hashmap_each(&e->skbs, free_skb, NULL);
	hashmap_each(&e->heads, free_head, NULL);
	hashmap_free(&e->skbs);
	hashmap_free(&e->heads);
}
